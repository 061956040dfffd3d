package httpapi_test

import (
	"context"
	"crypto/ecdsa"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
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

func ptr[T any](v T) *T { return &v }
