package devchain_test

import (
	"strings"
	"testing"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/holiman/uint256"

	"github.com/allegro-p2p/allegro/tempo"
	"github.com/allegro-p2p/allegro/tempo/tx76"
)

// Every signature kind is shown with its parts.
func TestSignaturesInJSON(t *testing.T) {
	for name, fields := range map[string][]string{
		"user-key-1-nonce-0": {"type", "r", "s", "yParity", "v"},
		"p256-fee-payer":     {"type", "r", "s", "pubKeyX", "pubKeyY", "preHash"},
		"webauthn-fee-payer": {"type", "r", "s", "pubKeyX", "pubKeyY", "webauthnData"},
	} {
		t.Run(name, func(t *testing.T) {
			c := start(t)
			tx, err := tx76.Decode(vector(t, name))
			if err != nil {
				t.Fatal(err)
			}
			hash := c.send(tx)
			var shown struct {
				Signature         map[string]any
				FeePayerSignature map[string]any
			}
			if err := c.rpc.Call(&shown, "eth_getTransactionByHash", hash); err != nil {
				t.Fatal(err)
			}
			if len(shown.Signature) != len(fields) {
				t.Errorf("signature is %v", shown.Signature)
			}
			for _, field := range fields {
				if shown.Signature[field] == nil {
					t.Errorf("no %s in %v", field, shown.Signature)
				}
			}
			if tx.Sponsored {
				v := hexutil.EncodeUint64(uint64(tx.SponsorSignature[64] - 27))
				if got := shown.FeePayerSignature; got["v"] != v || got["yParity"] != v || got["type"] != nil {
					t.Errorf("fee payer's signature %v, want v %s", got, v)
				}
			}
		})
	}
}

// A revert on the protocol nonce that costs nothing has no logs, as a list.
func TestReceiptWithoutLogs(t *testing.T) {
	c := start(t)
	tx := draft(0, pay(c.bob, usd(1000)))
	tx.NonceKey.Clear()
	hash := c.send(c.sign(tx, c.alice))
	c.mine()
	var shown map[string]any
	if err := c.rpc.Call(&shown, "eth_getTransactionReceipt", hash); err != nil {
		t.Fatal(err)
	}
	if logs, ok := shown["logs"].([]any); !ok || len(logs) != 0 || shown["status"] != "0x0" {
		t.Errorf("receipt %v", shown)
	}
}

func TestArguments(t *testing.T) {
	c := start(t)
	c.send(c.sign(draft(0, pay(c.bob, usd(1))), c.alice))
	c.mine()
	for number, want := range map[string]any{"0x1": "0x1", "0x0": "0x0", "0x9": nil} {
		var count any
		if err := c.rpc.Call(&count, "eth_getBlockTransactionCountByNumber", number); err != nil || count != want {
			t.Errorf("block %s has %v transactions, %v", number, count, err)
		}
	}
	var supply common.Hash
	for _, slot := range []string{"0x8", "0x08", "0x" + strings.Repeat("0", 63) + "8"} {
		if err := c.rpc.Call(&supply, "eth_getStorageAt", tempo.BetaUSD, slot, "latest"); err != nil {
			t.Errorf("slot %s: %v", slot, err)
		}
		if want := new(uint256.Int).Mul(uint256.NewInt(10), uint256.NewInt(1<<64-1)); supply != want.Bytes32() {
			t.Errorf("slot %s holds %s", slot, supply)
		}
	}
	call := func(fields map[string]any) []any { return []any{fields, "latest"} }
	for name, tc := range map[string]struct {
		method string
		args   []any
		want   string
	}{
		"no slot":      {"eth_getStorageAt", []any{tempo.BetaUSD, "8", "latest"}, "is not 0x and 1 to 64 hex digits"},
		"bad slot":     {"eth_getStorageAt", []any{tempo.BetaUSD, "0xzz", "latest"}, "0xzz"},
		"creation":     {"eth_call", call(map[string]any{"input": "0x60"}), "does not support contract creation"},
		"native value": {"eth_call", call(map[string]any{"to": tempo.PathUSD, "value": "0x1"}), "native value transfer not allowed"},
		"no block":     {"eth_getCode", []any{tempo.BetaUSD, "0x9"}, "block 0x9 not found"},
		"bad filter":   {"eth_getLogs", []any{map[string]any{"fromBlock": "0x9", "toBlock": "latest"}}, "is empty"},
	} {
		var out any
		if err := c.rpc.Call(&out, tc.method, tc.args...); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: error is %v, want %q", name, err, tc.want)
		}
	}
}
