package devchain

import (
	"fmt"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/holiman/uint256"

	"github.com/allegro-p2p/allegro/tempo"
)

// revertError is a call that reverted. As an answer of eth_call it carries the
// revert data the way clients of Ethereum expect it.
type revertError struct {
	reason string
	data   []byte
}

// Error returns the text of the JSON-RPC error.
func (e *revertError) Error() string { return "execution reverted: " + e.reason }

// ErrorCode returns the code that marks a revert.
func (e *revertError) ErrorCode() int { return 3 }

// ErrorData returns the revert data as 0x and hex digits.
func (e *revertError) ErrorData() any { return hexutil.Encode(e.data) }

// Selectors of errors that only a mistaken call ends in.
var (
	selectorUninitialized           = tempo.Selector(common.FromHex("0x1c72fad4")) // Uninitialized()
	selectorUnknownFunctionSelector = tempo.Selector(common.FromHex("0xaa4bc69a")) // UnknownFunctionSelector(bytes4)
)

// errUnknownFunction reverts with the selector that calldata begins with, or
// without data if it has none.
func errUnknownFunction(contract common.Address, input []byte) error {
	revert := &revertError{reason: fmt.Sprintf("%s has no such function on this development chain", contract)}
	if len(input) >= 4 {
		revert.data = words(selectorUnknownFunctionSelector, common.Hash(common.RightPadBytes(input[:4], 32)))
	}
	return revert
}

// errUninitialized reverts a call of a token that was never created.
func errUninitialized(token common.Address) error {
	return &revertError{reason: fmt.Sprintf("Uninitialized(): token %s does not exist", token), data: selectorUninitialized[:]}
}

// errBadArguments reverts calldata that does not fit its function.
func errBadArguments(err error) error {
	return &revertError{reason: err.Error()}
}

func errInvalidRecipient() error {
	return &revertError{reason: "InvalidRecipient()", data: tempo.SelectorInvalidRecipient[:]}
}

func errProtocolNonce() error {
	return &revertError{reason: "ProtocolNonceNotSupported()", data: tempo.SelectorProtocolNonceNotSupported[:]}
}

func errInsufficientBalance(available, required *uint256.Int, token common.Address) error {
	return &revertError{
		reason: fmt.Sprintf("InsufficientBalance(%s, %s, %s)", available, required, token),
		data:   words(tempo.SelectorInsufficientBalance, available.Bytes32(), required.Bytes32(), common.BytesToHash(token[:])),
	}
}

// words joins a selector and its arguments.
func words(s tempo.Selector, args ...common.Hash) []byte {
	data := append([]byte(nil), s[:]...)
	for _, arg := range args {
		data = append(data, arg[:]...)
	}
	return data
}
