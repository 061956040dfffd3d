package tempo

import (
	"bytes"
	"fmt"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/holiman/uint256"

	"github.com/allegro-p2p/allegro/tempo/tx76"
)

// Contracts that are part of the chain itself.
var (
	// NoncePrecompile counts the 2D nonces and logs their use.
	NoncePrecompile = common.HexToAddress("0x4e4f4e4345000000000000000000000000000000")
	// FeeManager receives the fees and keeps each account's preferred fee token.
	FeeManager = common.HexToAddress("0xfeec000000000000000000000000000000000000")
	// PolicyRegistry keeps who may pay and be paid (TIP-403), and logs each change.
	PolicyRegistry = common.HexToAddress("0x403c000000000000000000000000000000000000")
)

// TIP-20 tokens that every Tempo development chain has. Their amounts count
// millionths of a US dollar.
var (
	PathUSD  = common.HexToAddress("0x20c0000000000000000000000000000000000000")
	AlphaUSD = common.HexToAddress("0x20c0000000000000000000000000000000000001")
	BetaUSD  = common.HexToAddress("0x20c0000000000000000000000000000000000002")
	ThetaUSD = common.HexToAddress("0x20c0000000000000000000000000000000000003")
)

// Decimals is the number of decimals of every TIP-20 token.
const Decimals = 6

// tip20Prefix is what the address of every TIP-20 token begins with; the
// remaining eight bytes number the token.
var tip20Prefix = common.FromHex("0x20c000000000000000000000")

// IsTIP20 tells whether an address belongs to the TIP-20 tokens. Such an
// address cannot receive transfers.
func IsTIP20(a common.Address) bool { return bytes.HasPrefix(a[:], tip20Prefix) }

// Selector is the first four bytes of calldata or of revert data.
type Selector [4]byte

// selectorOf returns the selector of a function or error signature.
func selectorOf(signature string) Selector {
	return Selector(crypto.Keccak256([]byte(signature))[:4])
}

// Selectors of the functions Allegro calls.
var (
	SelectorTransfer         = selectorOf("transfer(address,uint256)")
	SelectorTransferWithMemo = selectorOf("transferWithMemo(address,uint256,bytes32)")
	SelectorBalanceOf        = selectorOf("balanceOf(address)")
	SelectorDecimals         = selectorOf("decimals()")
	SelectorTotalSupply      = selectorOf("totalSupply()")
	SelectorName             = selectorOf("name()")
	SelectorSymbol           = selectorOf("symbol()")
	SelectorGetNonce         = selectorOf("getNonce(address,uint256)")
)

// Selectors of the errors that the tokens and the nonce precompile revert with.
var (
	// SelectorInsufficientBalance: (uint256 available, uint256 required, address token).
	SelectorInsufficientBalance = selectorOf("InsufficientBalance(uint256,uint256,address)")
	// SelectorInvalidRecipient: the zero address or a TIP-20 token as recipient.
	SelectorInvalidRecipient = selectorOf("InvalidRecipient()")
	// SelectorPolicyForbids: the issuer's transfer policy forbids one of the parties.
	SelectorPolicyForbids = selectorOf("PolicyForbids()")
	// SelectorContractPaused: the issuer stopped the token.
	SelectorContractPaused = selectorOf("ContractPaused()")
	// SelectorProtocolNonceNotSupported: getNonce of key 0, which is the
	// account's transaction count.
	SelectorProtocolNonceNotSupported = selectorOf("ProtocolNonceNotSupported()")
)

// First topics of the events Allegro reads.
var (
	// TopicTransfer: Transfer(address indexed from, address indexed to, uint256).
	TopicTransfer = crypto.Keccak256Hash([]byte("Transfer(address,address,uint256)"))
	// TopicTransferWithMemo: TransferWithMemo(address indexed from, address
	// indexed to, uint256, bytes32 indexed memo), emitted beside Transfer.
	TopicTransferWithMemo = crypto.Keccak256Hash([]byte("TransferWithMemo(address,address,uint256,bytes32)"))
	// TopicNonceIncremented: NonceIncremented(address indexed account, uint256
	// indexed nonceKey, uint64 newNonce), emitted also when the transaction
	// reverts.
	TopicNonceIncremented = crypto.Keccak256Hash([]byte("NonceIncremented(address,uint256,uint64)"))
	// TopicTransferPolicyUpdate: TransferPolicyUpdate(address indexed updater,
	// uint64 indexed newPolicyId), emitted when a token gets another policy of
	// PolicyRegistry.
	TopicTransferPolicyUpdate = crypto.Keccak256Hash([]byte("TransferPolicyUpdate(address,uint64)"))
	// TopicPauseStateUpdate: PauseStateUpdate(address indexed updater, bool), emitted
	// when a token is stopped or goes on.
	TopicPauseStateUpdate = crypto.Keccak256Hash([]byte("PauseStateUpdate(address,bool)"))
)

// EncodeTransfer returns the calldata of transfer(to, amount).
func EncodeTransfer(to common.Address, amount *uint256.Int) []byte {
	return encodeCall(SelectorTransfer, addressWord(to), amount.Bytes32())
}

// DecodeTransfer reads calldata of transfer. It accepts the exact form only.
func DecodeTransfer(input []byte) (to common.Address, amount uint256.Int, err error) {
	w, err := decodeCall("transfer", SelectorTransfer, 2, input)
	if err != nil {
		return to, amount, err
	}
	if to, err = wordAddress("transfer recipient", w[0]); err != nil {
		return to, amount, err
	}
	amount.SetBytes32(w[1][:])
	return to, amount, nil
}

// EncodeTransferWithMemo returns the calldata of transferWithMemo(to, amount,
// memo).
func EncodeTransferWithMemo(to common.Address, amount *uint256.Int, memo common.Hash) []byte {
	return encodeCall(SelectorTransferWithMemo, addressWord(to), amount.Bytes32(), memo)
}

// DecodeTransferWithMemo reads calldata of transferWithMemo. It accepts the
// exact form only.
func DecodeTransferWithMemo(input []byte) (to common.Address, amount uint256.Int, memo common.Hash, err error) {
	w, err := decodeCall("transferWithMemo", SelectorTransferWithMemo, 3, input)
	if err != nil {
		return to, amount, memo, err
	}
	if to, err = wordAddress("transferWithMemo recipient", w[0]); err != nil {
		return to, amount, memo, err
	}
	amount.SetBytes32(w[1][:])
	return to, amount, w[2], nil
}

// EncodeBalanceOf returns the calldata of balanceOf(account). Its result is
// read with DecodeUint256.
func EncodeBalanceOf(account common.Address) []byte {
	return encodeCall(SelectorBalanceOf, addressWord(account))
}

// DecodeBalanceOf reads calldata of balanceOf. It accepts the exact form only.
func DecodeBalanceOf(input []byte) (account common.Address, err error) {
	w, err := decodeCall("balanceOf", SelectorBalanceOf, 1, input)
	if err != nil {
		return account, err
	}
	return wordAddress("balanceOf account", w[0])
}

// EncodeGetNonce returns the calldata of the nonce precompile's
// getNonce(account, nonceKey). Its result is read with DecodeUint64. Key 0
// makes the call revert: ask for the account's transaction count instead.
func EncodeGetNonce(account common.Address, nonceKey *uint256.Int) []byte {
	return encodeCall(SelectorGetNonce, addressWord(account), nonceKey.Bytes32())
}

// DecodeGetNonce reads calldata of getNonce. It accepts the exact form only.
func DecodeGetNonce(input []byte) (account common.Address, nonceKey uint256.Int, err error) {
	w, err := decodeCall("getNonce", SelectorGetNonce, 2, input)
	if err != nil {
		return account, nonceKey, err
	}
	if account, err = wordAddress("getNonce account", w[0]); err != nil {
		return account, nonceKey, err
	}
	nonceKey.SetBytes32(w[1][:])
	return account, nonceKey, nil
}

// DecodeUint256 reads the result of a call that returns one uint256.
func DecodeUint256(result []byte) (x uint256.Int, err error) {
	if len(result) != 32 {
		return x, fmt.Errorf("call result of %d bytes, want one 32-byte word", len(result))
	}
	x.SetBytes32(result)
	return x, nil
}

// DecodeUint64 reads the result of a call that returns one uint64.
func DecodeUint64(result []byte) (uint64, error) {
	x, err := DecodeUint256(result)
	if err != nil {
		return 0, err
	}
	if !x.IsUint64() {
		return 0, fmt.Errorf("call result %s does not fit 64 bits", &x)
	}
	return x.Uint64(), nil
}

// Transfer is one Transfer log of a TIP-20 token together with the token that
// emitted it.
type Transfer struct {
	Token, From, To common.Address
	Amount          uint256.Int
}

// ParseTransfer reads a Transfer log. It reports false for any other log.
func ParseTransfer(log *types.Log) (Transfer, bool) {
	t := Transfer{Token: log.Address}
	if !isEvent(log, TopicTransfer, 3) {
		return t, false
	}
	t.From, t.To = topicAddress(log, 1), topicAddress(log, 2)
	t.Amount.SetBytes32(log.Data)
	return t, true
}

// Log returns the log that ParseTransfer reads t from.
func (t Transfer) Log() *types.Log {
	return eventLog(t.Token, &t.Amount, TopicTransfer, addressWord(t.From), addressWord(t.To))
}

// ParseTransferWithMemo reads a TransferWithMemo log. It reports false for any
// other log.
func ParseTransferWithMemo(log *types.Log) (tx76.MemoTransfer, bool) {
	m := tx76.MemoTransfer{Token: log.Address}
	if !isEvent(log, TopicTransferWithMemo, 4) {
		return m, false
	}
	m.From, m.To, m.Memo = topicAddress(log, 1), topicAddress(log, 2), log.Topics[3]
	m.Amount.SetBytes32(log.Data)
	return m, true
}

// TransferWithMemoLog returns the log that ParseTransferWithMemo reads m from.
func TransferWithMemoLog(m tx76.MemoTransfer) *types.Log {
	return eventLog(m.Token, &m.Amount, TopicTransferWithMemo, addressWord(m.From), addressWord(m.To), m.Memo)
}

// NonceIncremented tells that Account used position NewNonce-1 of NonceKey.
type NonceIncremented struct {
	Account  common.Address
	NonceKey uint256.Int
	NewNonce uint64
}

// ParseNonceIncremented reads a NonceIncremented log of the nonce precompile.
// It reports false for any other log, also for one of the same form that
// another contract emitted.
func ParseNonceIncremented(log *types.Log) (NonceIncremented, bool) {
	var n NonceIncremented
	if log.Address != NoncePrecompile || !isEvent(log, TopicNonceIncremented, 3) {
		return n, false
	}
	newNonce, err := DecodeUint64(log.Data)
	if err != nil {
		return n, false
	}
	n.Account, n.NewNonce = topicAddress(log, 1), newNonce
	n.NonceKey.SetBytes32(log.Topics[2][:])
	return n, true
}

// Log returns the log that ParseNonceIncremented reads n from.
func (n NonceIncremented) Log() *types.Log {
	return eventLog(NoncePrecompile, uint256.NewInt(n.NewNonce),
		TopicNonceIncremented, addressWord(n.Account), n.NonceKey.Bytes32())
}

// isEvent tells whether a log is the event with that first topic: the number of
// topics, first included, must fit, and its data must be one word.
func isEvent(log *types.Log, topic common.Hash, topics int) bool {
	return len(log.Topics) == topics && log.Topics[0] == topic && len(log.Data) == 32
}

// topicAddress returns an indexed address.
func topicAddress(log *types.Log, i int) common.Address {
	return common.BytesToAddress(log.Topics[i][12:])
}

// eventLog returns a log whose data is one word.
func eventLog(from common.Address, data *uint256.Int, topics ...common.Hash) *types.Log {
	word := data.Bytes32()
	return &types.Log{Address: from, Topics: topics, Data: word[:]}
}

// encodeCall joins a selector and argument words.
func encodeCall(s Selector, words ...common.Hash) []byte {
	input := append(make([]byte, 0, len(s)+32*len(words)), s[:]...)
	for _, w := range words {
		input = append(input, w[:]...)
	}
	return input
}

// decodeCall splits calldata of a function into its argument words.
func decodeCall(name string, s Selector, words int, input []byte) ([]common.Hash, error) {
	if want := len(s) + 32*words; len(input) != want {
		return nil, fmt.Errorf("calldata of %d bytes, %s has %d", len(input), name, want)
	}
	if Selector(input[:4]) != s {
		return nil, fmt.Errorf("selector 0x%x is not that of %s, 0x%x", input[:4], name, s)
	}
	args := make([]common.Hash, words)
	for i := range args {
		args[i] = common.Hash(input[4+32*i : 36+32*i])
	}
	return args, nil
}

// addressWord left-pads an address to a word.
func addressWord(a common.Address) common.Hash { return common.BytesToHash(a[:]) }

// wordAddress is the inverse of addressWord.
func wordAddress(what string, w common.Hash) (common.Address, error) {
	a := common.BytesToAddress(w[12:])
	if addressWord(a) != w {
		return common.Address{}, fmt.Errorf("%s %s is not an address: its first 12 bytes are not zero", what, w)
	}
	return a, nil
}
