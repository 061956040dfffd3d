package httpapi_test

import (
	"context"
	"crypto/ecdsa"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/allegro-p2p/allegro/aggregator"
	"github.com/allegro-p2p/allegro/aggregator/httpapi"
	"github.com/allegro-p2p/allegro/client"
	"github.com/allegro-p2p/allegro/fastpay"
	"github.com/allegro-p2p/allegro/p2p"
	"github.com/allegro-p2p/allegro/p2p/document"
	"github.com/allegro-p2p/allegro/p2p/p2ptest"
	"github.com/allegro-p2p/allegro/tempo/tx76"
	"github.com/allegro-p2p/allegro/testnet"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/holiman/uint256"
	"github.com/stretchr/testify/require"
)

// world is a whole network in virtual time, with its aggregator's HTTP API. Tests pay for
// its clients over HTTP.
type world struct {
	*served
	network *testnet.Network
	rules   *fastpay.Rules
	keys    map[string]*ecdsa.PrivateKey
	demo    *scene
}

// inNetwork runs a test in a network with the accounts of the demo.
func inNetwork(t *testing.T, run func(t *testing.T, ctx context.Context, w *world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
		defer cancel()
		links := p2ptest.NewNet(10 * time.Millisecond)
		w := &world{keys: make(map[string]*ecdsa.PrivateKey), demo: &scene{}}
		cfg := testnet.DefaultConfig()
		cfg.Dir = "/net"
		cfg.FS = func(string) vfs.FS { return vfs.NewMem() }
		cfg.Place = func(name string, cfg *p2p.Config) { links.Host(name).Configure(cfg) }
		cfg.Addresses = func(name string) []string { return []string{links.Host(name).Addr()} }
		cfg.EditClient = func(name string, c *client.Config) { w.keys[name] = c.Key }
		var err error
		w.network, err = testnet.Start(ctx, cfg)
		require.NoError(t, err)
		defer func() {
			require.NoError(t, w.network.Close())
			links.Close()
			p2ptest.Settle()
			synctest.Wait()
		}()
		require.NoError(t, w.network.WaitReady(ctx))
		w.rules, err = w.network.File().Rules()
		require.NoError(t, err)
		olivia := w.network.Peer("olivia")
		server, err := olivia.Aggregator.HTTP(aggregator.HTTPConfig{File: w.network.File(), Version: "test", Demo: w.demo, Gatherer: olivia.Registry})
		require.NoError(t, err)
		w.served = serve(t, server)
		defer func() { require.NoError(t, w.stop()) }()
		run(t, ctx, w)
	})
}

// scene is a demo that plays what a test wants.
type scene struct {
	play func(report func(httpapi.DemoEvent)) error
}

func (s *scene) Accounts() []httpapi.DemoAccount {
	return []httpapi.DemoAccount{{Name: "alice", Address: alice.Hex(), PrivateKey: common.Hash{1}.Hex()}}
}

func (s *scene) Play(_ context.Context, report func(httpapi.DemoEvent)) error { return s.play(report) }

// address is the account of a client.
func (w *world) address(name string) common.Address {
	return crypto.PubkeyToAddress(w.keys[name].PublicKey)
}

// into decodes an answer of 200.
func into[T any](t *testing.T, a answer) T {
	t.Helper()
	require.Equal(t, http.StatusOK, a.StatusCode, "%s", a.body)
	var doc T
	require.NoError(t, json.Unmarshal(a.body, &doc))
	return doc
}

func (w *world) post(path string, body any) answer {
	w.t.Helper()
	text, err := json.Marshal(body)
	require.NoError(w.t, err)
	return w.do(http.MethodPost, path, string(text), nil)
}

// order is a request to prepare a payment of dollars.
func (w *world) order(from, to string, dollars uint64) map[string]any {
	return map[string]any{"from": w.address(from).Hex(), "to": w.address(to).Hex(), "amount": fmt.Sprint(dollars * testnet.Dollar), "asset": "pathUSD"}
}

// prepared is the envelope of a plan, checked as a wallet checks it before it signs.
func (w *world) prepared(a answer) (httpapi.Prepared, fastpay.Envelope) {
	w.t.Helper()
	doc := into[httpapi.Prepared](w.t, a)
	env, err := fastpay.ParseEnvelope(common.FromHex(doc.Envelope))
	require.NoError(w.t, err)
	require.Equal(w.t, env.ID().Hex(), doc.TxID)
	tx := env.Transaction(w.network.Committee())
	require.Equal(w.t, tx.SignHash().Hex(), doc.SigningHash)
	require.Equal(w.t, doc.SigningHash, crypto.Keccak256Hash(common.FromHex(doc.Transaction)).Hex())
	return doc, env
}

// sign is the signed transaction of an envelope.
func (w *world) sign(name string, env fastpay.Envelope) string {
	w.t.Helper()
	tx := env.Transaction(w.network.Committee())
	var err error
	tx.Signature, err = tx76.SignSecp256k1(tx.SignHash(), w.keys[name])
	require.NoError(w.t, err)
	return hexText(tx.Encode())
}

func hexText(b []byte) string { return "0x" + hex.EncodeToString(b) }

// submit hands a signed payment over and waits for its quorum.
func (w *world) submit(name string, env fastpay.Envelope) answer {
	w.t.Helper()
	return w.post("/api/v1/submit-raw-tx?wait=certified", map[string]any{"signed_tx": w.sign(name, env), "envelope": hexText(env.Encode())})
}

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

// waitStage waits until the API shows a payment in a stage or beyond.
func (w *world) waitStage(ctx context.Context, id fastpay.ID, want fastpay.Stage) {
	w.t.Helper()
	for ctx.Err() == nil {
		doc := into[document.Payment](w.t, w.get("/api/v1/payments/"+id.Hex()))
		if doc.Stage != nil && fastpay.Stage(*doc.Stage).Rank() >= want.Rank() {
			return
		}
		time.Sleep(time.Second) // of virtual time
	}
	require.NoError(w.t, ctx.Err())
}

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

func ptr[T any](v T) *T { return &v }

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

// TestTheSceneIsPlayedAgain: its steps are streamed in the original system's words, one
// scene at a time, and what kept it from being played is told.
func TestTheSceneIsPlayedAgain(t *testing.T) {
	inNetwork(t, func(t *testing.T, ctx context.Context, w *world) {
		goOn := make(chan struct{})
		w.demo.play = func(report func(httpapi.DemoEvent)) error {
			report(httpapi.DemoEvent{Step: &httpapi.DemoStep{Step: httpapi.StepAliceQC, TxHash: ptr("0x01"), CertCount: ptr(2), TimestampMS: 5}})
			<-goOn
			report(httpapi.DemoEvent{Head: &httpapi.ChainHead{BlockHeight: 3}})
			report(httpapi.DemoEvent{Done: &httpapi.DemoDone{Success: true, TotalMS: 5_000, Verdict: httpapi.DemoVerdict{QC1MarginMS: ptr(int64(4)), Proved: true}}})
			return nil
		}
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://localhost/api/v1/demo/chained-flow", nil)
		require.NoError(t, err)
		resp, err := w.client.Do(req)
		require.NoError(t, err)
		r := newReader(t, resp)
		require.Equal(t, []string{": the scene begins at the edge of a block, once the money for it is there"}, r.block())
		require.Equal(t, []string{"event: step", `data: {"step":"alice_qc_formed","label":"","description":"","tx_hash":"0x01","cert_count":2,"timestamp_ms":5}`}, r.block())
		requireError(t, w.do(http.MethodPost, "/api/v1/demo/chained-flow", "", nil), http.StatusConflict, httpapi.DemoRunning)
		close(goOn)
		require.Equal(t, "event: chain_head", r.block()[0])
		require.Equal(t, []string{"event: done", `data: {"success":true,"total_ms":5000,"start_block_height":0,"verdict":{"qc1_margin_ms":4,"qc2_margin_ms":null,"height_at_qc":0,"proved":true}}`}, r.block())
		require.Nil(t, r.block())
		r.close()

		w.demo.play = func(func(httpapi.DemoEvent)) error { return errors.New("money is short") }
		a := w.do(http.MethodPost, "/api/v1/demo/chained-flow", "", nil)
		require.Contains(t, string(a.body), "event: error\ndata: {\"message\":\"money is short\"}\n")
	})
}

// TestElsewhereThereIsNoDemo: its routes say so.
func TestElsewhereThereIsNoDemo(t *testing.T) {
	v := serveFakes(t, newFakes(t))
	requireError(t, v.get("/api/v1/demo/accounts"), http.StatusNotFound, httpapi.NoDemo)
	requireError(t, v.do(http.MethodPost, "/api/v1/demo/chained-flow", "", nil), http.StatusNotFound, httpapi.NoDemo)
	require.False(t, into[httpapi.Network](t, v.get("/api/v1/network")).Demo)
}
