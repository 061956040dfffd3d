package devchain

import (
	"bytes"

	"github.com/ethereum/go-ethereum/common"
	"github.com/holiman/uint256"

	"github.com/allegro-p2p/allegro/tempo"
	"github.com/allegro-p2p/allegro/tempo/tx76"
)

// frame runs calls of one account on one state. A call that fails may leave
// changes behind: the caller of the frame takes a snapshot first.
type frame struct {
	world
	caller common.Address
	gas    *gasMeter
}

// call runs one call and returns its result. The error is a *revertError or
// errOutOfGas. An address without code takes every call and does nothing.
func (f frame) call(to common.Address, input []byte) ([]byte, error) {
	if err := f.gas.charge(gasCall); err != nil {
		return nil, err
	}
	switch {
	case tempo.IsTIP20(to):
		return f.callToken(to, input)
	case to == tempo.NoncePrecompile:
		return f.callNonces(input)
	case to == tempo.FeeManager:
		return nil, errUnknownFunction(to, input)
	default:
		return nil, nil
	}
}

// batch runs calls in order. Admission refused contract creation.
func (f frame) batch(calls []tx76.Call) error {
	for _, c := range calls {
		if _, err := f.call(*c.To, c.Input); err != nil {
			return err
		}
	}
	return nil
}

// selectorOf returns the selector of calldata, the zero selector if it is too
// short to have one. No function used here has selector zero.
func selectorOf(input []byte) (s tempo.Selector) {
	if len(input) >= len(s) {
		copy(s[:], input)
	}
	return s
}

// exact returns calldata whose first argument is an address in the form that package
// tempo decodes, which is the only one for its arguments: Tempo ignores what follows
// them, and what stands above an address.
func exact(input []byte, arguments int) []byte {
	const selector, word = 4, 32
	length := selector + arguments*word
	if len(input) < length {
		return input // which does not decode
	}
	input = bytes.Clone(input[:length])
	clear(input[selector : selector+word-common.AddressLength])
	return input
}

// callToken runs a call of a TIP-20 token.
func (f frame) callToken(token common.Address, input []byte) ([]byte, error) {
	name, ok := nameOf(token)
	if !ok {
		return nil, errUninitialized(token)
	}
	switch selectorOf(input) {
	case tempo.SelectorTransfer:
		to, amount, err := tempo.DecodeTransfer(exact(input, 2))
		if err != nil {
			return nil, errBadArguments(err)
		}
		return encodeBool(true), f.transfer(token, to, &amount)
	case tempo.SelectorTransferWithMemo:
		to, amount, memo, err := tempo.DecodeTransferWithMemo(exact(input, 3))
		if err != nil {
			return nil, errBadArguments(err)
		}
		return nil, f.transferWithMemo(token, to, &amount, memo)
	case tempo.SelectorBalanceOf:
		account, err := tempo.DecodeBalanceOf(exact(input, 1))
		if err != nil {
			return nil, errBadArguments(err)
		}
		return encodeInteger(f.balance(token, account)), nil
	case tempo.SelectorTotalSupply:
		return encodeInteger(f.supply(token)), nil
	case tempo.SelectorDecimals:
		return encodeInteger(uint256.NewInt(tempo.Decimals)), nil
	case tempo.SelectorName, tempo.SelectorSymbol:
		return encodeString(name), nil
	default:
		return nil, errUnknownFunction(token, input)
	}
}

// transfer moves tokens of the caller and logs it.
func (f frame) transfer(token, to common.Address, amount *uint256.Int) error {
	if to == (common.Address{}) || tempo.IsTIP20(to) {
		return errInvalidRecipient()
	}
	if f.balance(token, to).IsZero() && !amount.IsZero() {
		if err := f.gas.charge(gasNewBalance); err != nil {
			return err
		}
	}
	if !f.move(token, f.caller, to, amount) {
		return errInsufficientBalance(f.balance(token, f.caller), amount, token)
	}
	f.log(tempo.Transfer{Token: token, From: f.caller, To: to, Amount: *amount}.Log())
	return nil
}

// transferWithMemo is transfer with a second log that names the memo.
func (f frame) transferWithMemo(token, to common.Address, amount *uint256.Int, memo common.Hash) error {
	if err := f.gas.charge(gasMemo); err != nil {
		return err
	}
	if err := f.transfer(token, to, amount); err != nil {
		return err
	}
	f.log(tempo.TransferWithMemoLog(tx76.MemoTransfer{Token: token, From: f.caller, To: to, Amount: *amount, Memo: memo}))
	return nil
}

// callNonces runs a call of the nonce precompile.
func (f frame) callNonces(input []byte) ([]byte, error) {
	if selectorOf(input) != tempo.SelectorGetNonce {
		return nil, errUnknownFunction(tempo.NoncePrecompile, nil) // which says nothing more
	}
	account, key, err := tempo.DecodeGetNonce(exact(input, 2))
	if err != nil {
		return nil, errBadArguments(err)
	}
	if key.IsZero() {
		return nil, errProtocolNonce()
	}
	return encodeInteger(uint256.NewInt(f.nonce(account, &key))), nil
}

// encodeInteger, encodeBool and encodeString return ABI-encoded results.
func encodeInteger(x *uint256.Int) []byte {
	word := x.Bytes32()
	return word[:]
}

func encodeBool(b bool) []byte {
	var x uint256.Int
	if b {
		x.SetOne()
	}
	return encodeInteger(&x)
}

// encodeString takes strings of at most 32 bytes: those of token names.
func encodeString(s string) []byte {
	result := append(encodeInteger(uint256.NewInt(32)), encodeInteger(uint256.NewInt(uint64(len(s))))...)
	return append(result, common.RightPadBytes([]byte(s), 32)...)
}
