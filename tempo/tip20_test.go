package tempo

import (
	"fmt"
	"strings"
	"testing"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/holiman/uint256"

	"github.com/allegro-p2p/allegro/tempo/tx76"
)

// The constants as the chain has them, not as we compute them.
func TestSelectorsAndTopics(t *testing.T) {
	for got, want := range map[string]string{
		fmt.Sprintf("%x", SelectorTransfer):                  "a9059cbb",
		fmt.Sprintf("%x", SelectorTransferWithMemo):          "95777d59",
		fmt.Sprintf("%x", SelectorBalanceOf):                 "70a08231",
		fmt.Sprintf("%x", SelectorDecimals):                  "313ce567",
		fmt.Sprintf("%x", SelectorTotalSupply):               "18160ddd",
		fmt.Sprintf("%x", SelectorName):                      "06fdde03",
		fmt.Sprintf("%x", SelectorSymbol):                    "95d89b41",
		fmt.Sprintf("%x", SelectorGetNonce):                  "89535803",
		fmt.Sprintf("%x", SelectorInsufficientBalance):       "832f98b5",
		fmt.Sprintf("%x", SelectorInvalidRecipient):          "9c8d2cd2",
		fmt.Sprintf("%x", SelectorPolicyForbids):             "54cfe659",
		fmt.Sprintf("%x", SelectorContractPaused):            "ab35696f",
		fmt.Sprintf("%x", SelectorProtocolNonceNotSupported): "1bc81ca9",
		TopicTransfer.Hex():                                  "0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef",
		TopicTransferWithMemo.Hex():                          "0x57bc7354aa85aed339e000bccffabbc529466af35f0772c8f8ee1145927de7f0",
		TopicNonceIncremented.Hex():                          "0x42d98041765078b1557c6a9fe7e4a27230ca413fc141df57d89acd6cc68ffb45",
		string(NoncePrecompile[:5]):                          "NONCE",
	} {
		if got != want {
			t.Errorf("have %s, the chain has %s", got, want)
		}
	}
}

func TestIsTIP20(t *testing.T) {
	for address, want := range map[common.Address]bool{
		PathUSD:         true,
		ThetaUSD:        true,
		FeeManager:      false,
		NoncePrecompile: false,
		{}:              false,
		common.HexToAddress("0x20c000000000000000000000ffffffffffffffff"): true,
		common.HexToAddress("0x20c000000000000000000001ffffffffffffffff"): false,
	} {
		if got := IsTIP20(address); got != want {
			t.Errorf("IsTIP20(%s) = %t", address, got)
		}
	}
}

var (
	alice  = common.HexToAddress("0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266")
	bob    = common.HexToAddress("0x70997970c51812dc3a010c7d01b50e0d17dc79c8")
	amount = uint256.NewInt(10_000_000)
	memo   = common.HexToHash("0xfeed")
)

func TestCallsRoundTrip(t *testing.T) {
	to, got, err := DecodeTransfer(EncodeTransfer(bob, amount))
	if err != nil || to != bob || !got.Eq(amount) {
		t.Errorf("transfer: %s %s %v", to, &got, err)
	}
	to, got, m, err := DecodeTransferWithMemo(EncodeTransferWithMemo(bob, amount, memo))
	if err != nil || to != bob || !got.Eq(amount) || m != memo {
		t.Errorf("transferWithMemo: %s %s %s %v", to, &got, m, err)
	}
	account, err := DecodeBalanceOf(EncodeBalanceOf(alice))
	if err != nil || account != alice {
		t.Errorf("balanceOf: %s %v", account, err)
	}
	account, key, err := DecodeGetNonce(EncodeGetNonce(alice, amount))
	if err != nil || account != alice || !key.Eq(amount) {
		t.Errorf("getNonce: %s %s %v", account, &key, err)
	}
}

func TestCallsRefused(t *testing.T) {
	transfer := EncodeTransfer(bob, amount)
	dirty := append([]byte(nil), transfer...)
	dirty[4] = 1
	for name, c := range map[string]struct {
		input []byte
		want  string
	}{
		"empty":            {nil, "calldata of 0 bytes"},
		"short":            {transfer[:len(transfer)-1], "calldata of 67 bytes"},
		"trailing":         {append(append([]byte(nil), transfer...), 0), "calldata of 69 bytes"},
		"other function":   {append(append([]byte(nil), SelectorTransferWithMemo[:]...), transfer[4:]...), "is not that of transfer"},
		"dirty address":    {dirty, "is not an address"},
		"another function": {EncodeGetNonce(bob, amount), "is not that of transfer"},
	} {
		if _, _, err := DecodeTransfer(c.input); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error is %v, want %q", name, err, c.want)
		}
	}
}

func TestResults(t *testing.T) {
	word := uint256.NewInt(7).Bytes32()
	if x, err := DecodeUint64(word[:]); err != nil || x != 7 {
		t.Errorf("DecodeUint64 = %d, %v", x, err)
	}
	word[0] = 1
	if _, err := DecodeUint64(word[:]); err == nil {
		t.Error("DecodeUint64 took more than 64 bits")
	}
	if _, err := DecodeUint256(word[:31]); err == nil {
		t.Error("DecodeUint256 took 31 bytes")
	}
}

func TestLogs(t *testing.T) {
	transfer := Transfer{Token: PathUSD, From: alice, To: bob, Amount: *amount}
	memoed := tx76.MemoTransfer{Token: PathUSD, From: alice, To: bob, Amount: *amount, Memo: memo}
	nonce := NonceIncremented{Account: alice, NonceKey: *amount, NewNonce: 3}

	if got, ok := ParseTransfer(transfer.Log()); !ok || got != transfer {
		t.Errorf("Transfer: %+v %t", got, ok)
	}
	if got, ok := ParseTransferWithMemo(TransferWithMemoLog(memoed)); !ok || got != memoed {
		t.Errorf("TransferWithMemo: %+v %t", got, ok)
	}
	if got, ok := ParseNonceIncremented(nonce.Log()); !ok || got != nonce {
		t.Errorf("NonceIncremented: %+v %t", got, ok)
	}

	// Each reader refuses the others' logs and logs of a wrong shape.
	foreign := nonce.Log()
	foreign.Address = PathUSD
	short := nonce.Log()
	short.Data = short.Data[:31]
	for name, log := range map[string]*types.Log{
		"foreign":  foreign,
		"short":    short,
		"memo":     TransferWithMemoLog(memoed),
		"no topic": {Address: NoncePrecompile, Data: make([]byte, 32)},
	} {
		if _, ok := ParseNonceIncremented(log); ok {
			t.Errorf("%s: taken for NonceIncremented", name)
		}
		if _, ok := ParseTransfer(log); ok {
			t.Errorf("%s: taken for Transfer", name)
		}
	}
	if _, ok := ParseTransferWithMemo(transfer.Log()); ok {
		t.Error("Transfer taken for TransferWithMemo")
	}
}
