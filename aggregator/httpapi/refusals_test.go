package httpapi_test

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"github.com/allegro-p2p/allegro/aggregator/httpapi"
	"github.com/allegro-p2p/allegro/fastpay"
	"github.com/allegro-p2p/allegro/tempo/tx76"
	"github.com/allegro-p2p/allegro/testnet"
	"github.com/ethereum/go-ethereum/common"
	"github.com/holiman/uint256"
	"github.com/stretchr/testify/require"
)

// TestRefusalsReachTheCaller: with the code, the text, and the status that the one table
// has for the code, whoever refuses.
func TestRefusalsReachTheCaller(t *testing.T) {
	inNetwork(t, func(t *testing.T, ctx context.Context, w *world) {
		_, good := w.prepared(w.post("/api/v1/payments/prepare", w.order("alice", "bob", 1)))
		with := func(change func(*fastpay.Envelope)) fastpay.Envelope {
			env := good
			change(&env)
			return env
		}
		const submit, prepare = "/api/v1/submit-raw-tx", "/api/v1/payments/prepare"
		order := func(key string, value any) map[string]any {
			o := w.order("alice", "bob", 1)
			o[key] = value
			return o
		}
		raw := func(text string) map[string]any { return map[string]any{"signed_tx": text} }
		beside := func(key string, value any) map[string]any {
			return map[string]any{"signed_tx": w.sign("alice", good), "envelope": hexText(good.Encode()), key: value}
		}
		eip1559 := "0x02" + strings.Repeat("c0", 40)
		otherCall := good.Transaction(w.network.Committee())
		otherCall.Calls[0].Input = otherCall.Calls[0].Input[:68]
		otherCall.Signature = make([]byte, 65)
		signedOther, err := tx76.SignSecp256k1(otherCall.SignHash(), w.keys["alice"])
		require.NoError(t, err)
		otherCall.Signature = signedOther
		wrongGas := good.Transaction(w.network.Committee())
		wrongGas.Gas++
		wrongGas.Signature, err = tx76.SignSecp256k1(wrongGas.SignHash(), w.keys["alice"])
		require.NoError(t, err)

		for _, tc := range []struct {
			name, path string
			body       any
			code       fastpay.Code // empty: BAD_REQUEST
			text       string
		}{
			{"no hex", submit, raw("0xzz"), fastpay.InvalidFormat, "signed_tx is no hex"},
			{"half a byte", submit, raw("0x766"), fastpay.InvalidFormat, "signed_tx is no hex"},
			{"nothing", submit, raw("0x"), fastpay.InvalidFormat, "signed_tx is no hex"},
			{"no transaction", submit, raw("0x76c0"), fastpay.InvalidFormat, "signed_tx"},
			{"another type", submit, raw(eip1559), fastpay.NotPaymentTx, "type 0x02"},
			{"another call", submit, raw(hexText(otherCall.Encode())), fastpay.NotPaymentTx, "transferWithMemo"},
			{"another transaction", submit, map[string]any{"signed_tx": hexText(wrongGas.Encode()), "envelope": hexText(good.Encode())}, fastpay.NotPaymentTx, "not the one that the envelope stands for"},
			{"another's memo", submit, raw(w.sign("alice", with(func(e *fastpay.Envelope) { e.Note = common.Hash{1} }))), fastpay.NotPaymentTx, "send the envelope beside signed_tx"},
			{"another's envelope", submit, map[string]any{"signed_tx": w.sign("alice", good), "envelope": hexText(ptr(with(func(e *fastpay.Envelope) { e.Note = common.Hash{1} })).Encode())}, fastpay.NotPaymentTx, "send the envelope that was signed"},
			{"an envelope that is none", submit, beside("envelope", "0xc0"), fastpay.InvalidFormat, "envelope is not canonical"},
			{"an envelope of no hex", submit, beside("envelope", "0x1"), fastpay.InvalidFormat, "envelope is no hex"},
			{"another signer", submit, map[string]any{"signed_tx": w.sign("bob", good), "envelope": hexText(good.Encode())}, fastpay.InvalidFormat, "signature is of"},
			{"another parent", submit, beside("parent_qc_hash", common.Hash{1}.Hex()), fastpay.InvalidParentQC, "does not cite"},
			{"a parent that is none", submit, beside("parent_qc_hash", "0x01"), "", "parent_qc_hash"},
			{"another expiry", submit, beside("expiry", good.ValidBefore+1), "", "expiry"},
			{"a long request id", submit, beside("client_request_id", strings.Repeat("x", 129)), "", "client_request_id"},
			{"another wait", submit + "?wait=included", raw("0x76"), "", "wait"},
			{"too long a wait", submit + "?wait=certified&timeout_ms=30001", raw("0x76"), "", "timeout_ms"},
			{"no payer", prepare, order("from", "alice"), "", "from"},
			{"a payee with a typing error", prepare, order("to", strings.Replace(w.address("bob").Hex(), "a", "b", 1)), "", "to"},
			{"an unknown asset", prepare, order("asset", "DOGE"), "", "it has pathUSD"},
			{"an amount with a point", prepare, order("amount", "1.5"), "", "amount"},
			{"amount 0", prepare, order("amount", "0"), fastpay.InvalidFormat, "amount is 0"},
			{"to oneself", prepare, order("to", w.address("alice").Hex()), fastpay.InvalidFormat, "is the sender"},
			{"too much", prepare, order("amount", "15000001"), fastpay.InsufficientFunds, "15000000 units are spendable"},
			{"parents that are none", prepare, order("parents", "none"), "", "parents"},
			{"a parent that is no hash", prepare, order("parents", []string{"0x1"}), "", "parents"},
			{"a long note", prepare, order("note", strings.Repeat("x", 1025)), "", "note"},
		} {
			a := w.post(tc.path, tc.body)
			status, code := fastpay.Classify(tc.code).HTTP, string(tc.code)
			if tc.code == "" {
				status, code = http.StatusBadRequest, httpapi.BadRequest
			}
			doc := requireError(t, a, status, code)
			require.Contains(t, doc["error"], tc.text, tc.name)
		}

		// What only the validators know of, each in its own words.
		for _, tc := range []struct {
			name string
			env  fastpay.Envelope
			code fastpay.Code
		}{
			{"expired", with(func(e *fastpay.Envelope) { e.ValidBefore = 1 }), fastpay.Expired},
			{"a gap below", with(func(e *fastpay.Envelope) { e.Seq = 7 }), fastpay.NonceSeqTooHigh},
			{"too much", with(func(e *fastpay.Envelope) { e.Amount = *uint256.NewInt(16 * testnet.Dollar) }), fastpay.InsufficientFunds},
			{"an unknown parent", with(func(e *fastpay.Envelope) { e.Parents = []fastpay.ID{{1}} }), fastpay.MissingParentQC},
			{"not on the lane's genesis", with(func(e *fastpay.Envelope) { e.Prev = common.Hash{1} }), fastpay.Equivocation},
		} {
			a := w.post(submit, map[string]any{"signed_tx": w.sign("alice", tc.env), "envelope": hexText(tc.env.Encode())})
			doc := requireError(t, a, fastpay.Classify(tc.code).HTTP, string(tc.code))
			details := doc["details"].(map[string]any)
			require.Equal(t, tc.env.ID().Hex(), details["tx_id"], tc.name)
			require.Len(t, details["rejects"], 2, tc.name)
			status := into[httpapi.Status](t, w.get("/api/v1/tx/"+tc.env.ID().Hex()+"/status"))
			require.Zero(t, status.CertCount)
			require.Equal(t, string(tc.code), status.Rejects[0].Code)
		}

		// Whoever signed for a slot is not planned a second payment for it.
		doc := requireError(t, w.post(prepare, w.order("alice", "bob", 1)), http.StatusServiceUnavailable, string(fastpay.TemporaryUnavailable))
		require.Contains(t, doc["error"], "waits for its quorum")

		for path, status := range map[string]int{
			"/api/v1/payments/" + common.Hash{1}.Hex():                  http.StatusNotFound,
			"/api/v1/payments/" + common.Hash{1}.Hex() + "/qc":          http.StatusNotFound,
			"/api/v1/tx/" + common.Hash{1}.Hex() + "/status":            http.StatusNotFound,
			"/api/v1/payments/0x12":                                     http.StatusBadRequest,
			"/api/v1/payments/" + strings.Repeat("z", 66):               http.StatusBadRequest,
			"/api/v1/payments?limit=0":                                  http.StatusBadRequest,
			"/api/v1/payments?limit=201":                                http.StatusBadRequest,
			"/api/v1/payments?cursor=x":                                 http.StatusBadRequest,
			"/api/v1/payments?stage=done":                               http.StatusBadRequest,
			"/api/v1/payments?address=0x12":                             http.StatusBadRequest,
			"/api/v1/accounts/0x12":                                     http.StatusBadRequest,
			"/api/v1/payments/" + common.Hash{1}.Hex() + "/qc?depth=33": http.StatusBadRequest,
		} {
			require.Equal(t, status, w.get(path).StatusCode, path)
		}
	})
}
