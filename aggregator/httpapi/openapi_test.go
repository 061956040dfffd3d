package httpapi_test

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/allegro-p2p/allegro/aggregator/httpapi"
	"github.com/allegro-p2p/allegro/fastpay"
	"github.com/allegro-p2p/allegro/p2p"
	"github.com/allegro-p2p/allegro/testnet"
	"github.com/ethereum/go-ethereum/common"
	"github.com/pb33f/libopenapi"
	validator "github.com/pb33f/libopenapi-validator"
	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"
)

// exchange is a request with its answer, to be checked outside of virtual time.
type exchange struct {
	req  *http.Request
	body string
	answer
}

// TestEveryRouteAnswersAsDocumented drives every operation of openapi.yaml against a real
// network and validates what was asked and what was answered, errors too.
func TestEveryRouteAnswersAsDocumented(t *testing.T) {
	var exchanges []exchange
	var events []told
	inNetwork(t, func(t *testing.T, ctx context.Context, w *world) {
		w.told = func(req *http.Request, body string, a answer) { exchanges = append(exchanges, exchange{req, body, a}) }
		const base = "/api/v1"
		stream := w.stream(base+"/events", nil)
		stream.begin()
		var g errgroup.Group
		g.Go(func() error {
			events = append(events, stream.rest()...)
			return nil
		})
		requireError(t, w.get(base+"/payments/"+common.Hash{1}.Hex()), http.StatusNotFound, httpapi.NotFound)
		_, first := w.prepared(w.post(base+"/payments/prepare", w.order("alice", "bob", 10)))
		w.get(base + "/payments")
		into[httpapi.Submitted](t, w.submit("alice", first))
		_, second := w.prepared(w.post(base+"/payments/prepare", w.order("bob", "carol", 10)))
		too := second
		too.Amount.AddUint64(&second.Amount, 6*testnet.Dollar)
		requireError(t, w.submit("bob", too), http.StatusPaymentRequired, string(fastpay.InsufficientFunds))
		into[httpapi.Submitted](t, w.submit("bob", second))
		id := second.ID().Hex()
		for range 2 { // certified, then final
			for _, path := range []string{
				"/payments", "/payments?limit=1", "/payments/" + id, "/payments/" + id + "/certificates", "/payments/" + id + "/qc",
				"/payments/" + id + "/qc?depth=1", "/tx/" + id + "/status", "/accounts/" + w.address("bob").Hex(), "/chain/head", "/committee",
				"/network", "/p2p/self", "/p2p/peers", "/p2p/topics", "/demo/accounts", "/healthz", "/readyz", "/version", "/metrics", "/openapi.yaml",
			} {
				require.Equal(t, http.StatusOK, w.get(base+path).StatusCode, path)
			}
			for _, path := range []string{"/healthz", "/readyz", "/version", "/metrics", "/openapi.yaml"} {
				require.Equal(t, http.StatusOK, w.get(path).StatusCode, path)
			}
			w.do(http.MethodGet, base+"/payments/"+id+"/qc", "", header("Accept", "application/octet-stream"))
			w.waitStage(ctx, second.ID(), fastpay.StageFinalized)
		}
		requireError(t, w.get(base+"/events?types=none"), http.StatusBadRequest, httpapi.BadRequest)
		w.demo.play = playEverything
		played := w.do(http.MethodPost, base+"/demo/chained-flow", "", nil)
		require.Equal(t, http.StatusOK, played.StatusCode)
		played.Response.Body = io.NopCloser(bytes.NewReader(played.body))
		peers := w.stream(base+"/events?types=peer", nil)
		peers.begin()
		require.NoError(t, w.network.Peer("edgar").Stop())
		_, err := w.network.Peer("olivia").Node.Await(ctx, w.network.Committee().ID(), func(r p2p.Readiness) bool { return !r.QuorumReachable() })
		require.NoError(t, err)
		require.Equal(t, http.StatusServiceUnavailable, w.get("/readyz").StatusCode)
		peers.event("peer")
		peers.close()
		synctest.Wait() // until the other reader has it too
		stream.close()
		require.NoError(t, g.Wait())
		exchanges = append(exchanges, exchange{stream.resp.Request, "", answer{stream.resp, nil}})
		events = append(events, newReader(t, played.Response).rest()...)
	})

	document, err := libopenapi.NewDocument(httpapi.OpenAPI)
	require.NoError(t, err)
	require.Equal(t, "3.1.0", document.GetVersion())
	v, errs := validator.NewValidator(document)
	require.Empty(t, errs)
	valid, faults := v.ValidateDocument()
	require.True(t, valid, "%v", faults)
	model, err := document.BuildV3Model()
	require.NoError(t, err)
	left := make(map[string]bool) // operations not driven
	for path, item := range model.Model.Paths.PathItems.FromOldest() {
		for method := range item.GetOperations().FromOldest() {
			left[strings.ToUpper(method)+" "+path] = true
		}
	}
	require.Greater(t, len(left), 20)
	for _, e := range exchanges {
		name := e.req.Method + " " + e.req.URL.String()
		e.req.Body = io.NopCloser(strings.NewReader(e.body))
		e.Body = io.NopCloser(bytes.NewReader(e.answer.body))
		if e.StatusCode == http.StatusOK {
			valid, faults := v.ValidateHttpRequestResponse(e.req, e.Response)
			require.True(t, valid, "%s answered %s: %v", name, e.answer.body, faults)
			delete(left, e.req.Method+" "+template(e.req.URL.Path))
			continue
		}
		valid, faults := v.ValidateHttpResponse(e.req, e.Response)
		require.True(t, valid, "%s answered %s: %v", name, e.answer.body, faults)
	}
	require.Empty(t, left, "no test drives these operations")
	requireStrict(t, v, exchanges)
	requireEvents(t, &model.Model, events)
}

// template is the path of openapi.yaml that a path is one of.
func template(path string) string {
	parts := strings.Split(path, "/")
	for name, at := range map[string]string{"payments": "{id}", "tx": "{hash}", "accounts": "{address}"} {
		if i := slices.Index(parts, name); i > 0 && i+1 < len(parts) && strings.HasPrefix(parts[i+1], "0x") {
			parts[i+1] = at
		}
	}
	return strings.Join(parts, "/")
}

// requireStrict requires that the validation means something: an answer with a member more
// or less, or an amount that is a number, is no answer of the document.
func requireStrict(t *testing.T, v validator.Validator, exchanges []exchange) {
	t.Helper()
	at := slices.IndexFunc(exchanges, func(e exchange) bool {
		return strings.Contains(e.req.URL.Path, "/accounts/") && e.StatusCode == http.StatusOK
	})
	good := string(exchanges[at].answer.body)
	for _, bad := range []string{
		strings.Replace(good, `"nonce":`, `"number":`, 1), strings.Replace(good, `"schema":`, `"more":1,"schema":`, 1),
		strings.Replace(good, `"decimals":6`, `"decimals":"6"`, 1), strings.Replace(good, `"confirmed":"`, `"confirmed":"0x`, 1),
	} {
		require.NotEqual(t, good, bad)
		resp := *exchanges[at].Response
		resp.Body = io.NopCloser(strings.NewReader(bad))
		valid, _ := v.ValidateHttpResponse(exchanges[at].req, &resp)
		require.False(t, valid, "%s", bad)
	}
}
