package httpapi_test

import (
	"context"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/allegro-p2p/allegro/aggregator/httpapi"
	"github.com/allegro-p2p/allegro/fastpay"
	"github.com/allegro-p2p/allegro/p2p/document"
	"github.com/ethereum/go-ethereum/common"
	"github.com/stretchr/testify/require"
)

// TestAWalletPaysOverHTTP: plan, sign, submit, and spend what was certified before any
// block has it; everything about it is told, with the bytes that prove it.
func TestAWalletPaysOverHTTP(t *testing.T) {
	inNetwork(t, func(t *testing.T, ctx context.Context, w *world) {
		events := w.stream("/api/v1/events?types=payment&address="+w.address("carol").Hex(), nil)
		events.begin()
		height := into[httpapi.ChainHead](t, w.get("/api/v1/chain/head")).BlockHeight

		_, first := w.prepared(w.post("/api/v1/payments/prepare", w.order("alice", "bob", 10)))
		require.Empty(t, first.Parents)
		paid := into[httpapi.Submitted](t, w.submit("alice", first))
		require.Equal(t, httpapi.Submitted{
			TxHash: first.ID().Hex(), TxID: first.ID().Hex(), Stage: "CERTIFIED", CertCount: 2, QCFormed: true, Weight: 2, Threshold: 2, Rejects: []httpapi.Reject{},
		}, paid)

		doc, second := w.prepared(w.post("/api/v1/payments/prepare", w.order("bob", "carol", 10)))
		require.Equal(t, []fastpay.ID{first.ID()}, second.Parents, "bob has $5 on the chain")
		require.Contains(t, doc.Explain, "relies on the fewest certified incoming payments that do, 1")
		require.Equal(t, []string{first.ID().Hex()}, doc.Fields.Parents)
		bob := into[httpapi.Account](t, w.get("/api/v1/accounts/"+w.address("bob").Hex())).Balances[0]
		require.Equal(t, []string{"5000000", "10000000", "0", "15000000", "0"}, []string{bob.Confirmed, bob.CertifiedIn, bob.CertifiedOut, bob.Spendable, bob.Nonce})

		// Without its envelope, which this aggregator would plan the same way.
		a := w.post("/api/v1/submit-raw-tx?wait=certified", map[string]any{
			"signed_tx": w.sign("bob", second), "parent_qc_hash": first.ID().Hex(), "expiry": second.ValidBefore, "client_request_id": "mine",
		})
		again := into[httpapi.Submitted](t, a)
		require.Equal(t, second.ID().Hex(), again.TxID)
		require.True(t, again.QCFormed)
		require.Equal(t, "mine", *again.ClientRequestID)
		require.Equal(t, height, into[httpapi.ChainHead](t, w.get("/api/v1/chain/head")).BlockHeight, "no block came in between")

		_, data := events.event("payment")
		require.Equal(t, second.ID().Hex(), data["tx_id"])
		events.close()

		qc := w.get("/api/v1/payments/" + second.ID().Hex() + "/qc")
		verified, err := w.rules.ParseQCFile(qc.body)
		require.NoError(t, err)
		raw := w.do(http.MethodGet, "/api/v1/payments/"+second.ID().Hex()+"/qc", "", header("Accept", "application/octet-stream"))
		require.Equal(t, "application/octet-stream", raw.Header.Get("Content-Type"))
		require.Equal(t, verified.Encode(), raw.body)
		both := into[httpapi.QCs](t, w.get("/api/v1/payments/"+second.ID().Hex()+"/qc?depth=3"))
		require.Equal(t, []string{second.ID().Hex(), first.ID().Hex()}, []string{both.QCs[0].TxID, both.QCs[1].TxID})
		require.Empty(t, both.Missing)
		votes := into[httpapi.Certificates](t, w.get("/api/v1/payments/"+second.ID().Hex()+"/certificates"))
		require.Len(t, votes.Certificates, 2)
		for _, c := range votes.Certificates {
			cert, err := w.rules.ParseCertificate(second.CommitteeID, second.ID(), common.FromHex(c.Certificate))
			require.NoError(t, err)
			require.Equal(t, c.Index, cert.Signer())
		}

		w.waitStage(ctx, second.ID(), fastpay.StageIncluded)
		payment := into[document.Payment](t, w.get("/api/v1/payments/"+second.ID().Hex()))
		require.NotNil(t, payment.LeadMicros)
		require.Equal(t, fmt.Sprint(height), *payment.HeightAtQC)
		require.Equal(t, payment, into[document.Payment](t, w.get("/api/v1/payments/"+*payment.ChainTxHash)), "the chain's hash names it too")
		status := into[httpapi.Status](t, w.get("/api/v1/tx/"+*payment.ChainTxHash+"/status"))
		require.Equal(t, *payment.Stage, status.Stage)
		require.Equal(t, second.ID().Hex(), *status.QCHash)
		require.Equal(t, *payment.ChainTxHash, *status.TempoTxHash)

		list := into[httpapi.Payments](t, w.get("/api/v1/payments?limit=1"))
		require.Equal(t, second.ID().Hex(), list.Payments[0].TxID)
		list = into[httpapi.Payments](t, w.get("/api/v1/payments?limit=1&cursor="+*list.NextCursor))
		require.Equal(t, first.ID().Hex(), list.Payments[0].TxID)
		list = into[httpapi.Payments](t, w.get("/api/v1/payments?address="+w.address("alice").Hex()))
		require.Len(t, list.Payments, 1)
		require.Nil(t, list.NextCursor)
		require.Empty(t, into[httpapi.Payments](t, w.get("/api/v1/payments?stage=rejected")).Payments)
	})
}

// TestAPaymentWithoutAQuorumHasNoQC: with one of two validators away the payment is
// ACCEPTED after the time to wait, the same bytes may be sent again, and it certifies
// when the other one is back.
func TestAPaymentWithoutAQuorumHasNoQC(t *testing.T) {
	inNetwork(t, func(t *testing.T, ctx context.Context, w *world) {
		edgar := w.network.Peer("edgar")
		_, env := w.prepared(w.post("/api/v1/payments/prepare", w.order("alice", "bob", 1)))
		peers := w.stream("/api/v1/events?types=peer", nil)
		peers.begin()
		require.NoError(t, edgar.Stop())
		_, gone := peers.event("peer")
		require.Equal(t, []any{"edgar", "absent"}, []any{gone["name"], gone["state"]})
		peers.close()
		begun := time.Now()
		doc := into[httpapi.Submitted](t, w.submit("alice", env))
		require.GreaterOrEqual(t, time.Since(begun), 5*time.Second)
		require.Equal(t, "ACCEPTED", doc.Stage)
		require.Equal(t, 1, doc.CertCount)
		require.False(t, doc.QCFormed)
		id := env.ID().Hex()
		requireError(t, w.get("/api/v1/payments/"+id+"/qc"), http.StatusConflict, httpapi.NoQC)
		require.Len(t, into[httpapi.Certificates](t, w.get("/api/v1/payments/"+id+"/certificates")).Certificates, 1)
		status := into[httpapi.Status](t, w.get("/api/v1/tx/"+id+"/status"))
		require.Nil(t, status.QCHash)
		require.Nil(t, status.TempoTxHash)
		ready := w.get("/readyz")
		require.Equal(t, http.StatusServiceUnavailable, ready.StatusCode)
		require.Contains(t, string(ready.body), "edgar")
	})
}
