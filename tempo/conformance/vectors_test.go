package conformance_test

import (
	"encoding/json"
	"os"
	"testing"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/holiman/uint256"
	"github.com/stretchr/testify/require"

	"github.com/allegro-p2p/allegro/tempo"
	"github.com/allegro-p2p/allegro/tempo/tx76"
)

// vector is one golden transaction of the codec, made by an independent
// implementation.
type vector struct {
	Name     string         `json:"name"`
	Kind     string         `json:"kind"`
	Sender   common.Address `json:"sender"`
	FeePayer *struct {
		Address common.Address `json:"address"`
	} `json:"feePayer"`
	Signed hexutil.Bytes `json:"signed"`
	TxHash common.Hash   `json:"txHash"`
}

func vectors(t *testing.T) []vector {
	t.Helper()
	raw, err := os.ReadFile("../tx76/testdata/tempo-0x76.json")
	require.NoError(t, err)
	var file struct {
		Vectors []vector `json:"vectors"`
	}
	require.NoError(t, json.Unmarshal(raw, &file))
	require.NotEmpty(t, file.Vectors)
	return file.Vectors
}

// differs are the vectors that the chains treat differently on purpose: see the
// package's documentation.
var differs = map[string]string{
	"subblock-key-tail-0":    "a key of the sub-block lane",
	"subblock-key-zero-fee":  "a key of the sub-block lane",
	"fee-payer-subblock-key": "a key of the sub-block lane",
	"expiring-nonce":         "an expiring nonce",
}

// Others' transactions mean to a chain what the codec says: hash, sender, sponsor,
// position, and whether they can be executed at all. All kinds of signatures are
// among them, and sponsors for each.
func TestVectors(t *testing.T) {
	everywhere(t, func(t *testing.T, c *chain) {
		kinds := make(map[string]bool)
		for _, v := range vectors(t) {
			if _, ok := differs[v.Name]; ok {
				continue
			}
			tx, err := tx76.Decode(v.Signed)
			require.NoError(t, err)
			c.give(tempo.PathUSD, v.Sender, dollars(100))
			if !tx.NonceKey.IsZero() {
				c.set(tempo.NoncePrecompile, nonceSlot(v.Sender, &tx.NonceKey), uint256.NewInt(tx.Nonce))
			}
			c.mine()
			hash, err := c.node.Send(t.Context(), v.Signed)
			succeeds := true
			switch v.Name {
			case "call-with-value", "fee-payer-placeholder":
				require.ErrorIs(t, err, tempo.ErrRefused, v.Name)
				continue
			case "zero-gas-price":
				if c.fees {
					require.ErrorIs(t, err, tempo.ErrRefused, v.Name)
					continue
				}
				succeeds = c.fork == "T0" // later its 300,000 gas are too little
			case "one-byte-calldata-7f":
				succeeds = false
			}
			require.NoError(t, err, v.Name)
			require.Equal(t, v.TxHash, hash, v.Name)
			c.mine()

			r := c.result(hash)
			require.Equal(t, succeeds, r.Status == types.ReceiptStatusSuccessful, v.Name)
			if tx.NonceKey.IsZero() {
				require.Nil(t, r.use, v.Name)
			} else {
				require.Equal(t, tempo.NonceIncremented{Account: v.Sender, NonceKey: tx.NonceKey, NewNonce: tx.Nonce + 1}, *r.use, v.Name)
			}
			payer := v.Sender
			if v.FeePayer != nil {
				payer = v.FeePayer.Address
			}
			if r.fee != nil {
				require.Equal(t, payer, r.fee.From, v.Name)
			}
			var shown struct {
				From      common.Address
				Signature struct{ Type string }
			}
			c.do(&shown, "eth_getTransactionByHash", hash)
			require.Equal(t, v.Sender, shown.From, v.Name)
			kinds[shown.Signature.Type] = true
		}
		require.Equal(t, map[string]bool{"secp256k1": true, "p256": true, "webAuthn": true}, kinds)
	})
}
