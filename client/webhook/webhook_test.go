package webhook

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/allegro-p2p/allegro/client/orders"
	"github.com/allegro-p2p/allegro/fastpay"
	"github.com/stretchr/testify/require"
)

// newWebhook is a webhook to a URL with the secret "shop".
func newWebhook(t *testing.T, url string, transport http.RoundTripper) *Webhook {
	t.Helper()
	w, err := New(Config{URL: url, Secret: secretOf("shop"), Transport: transport, Now: clock})
	require.NoError(t, err)
	return w
}

// answering is a receiver that answers all alike.
func answering(t *testing.T, f http.HandlerFunc) *httptest.Server {
	t.Helper()
	s := httptest.NewServer(f)
	t.Cleanup(s.Close)
	return s
}

var told = orders.Message{Kind: orders.KindAccepted, Body: []byte(`{"a":1}`), At: now}

func TestMessageIsPostedAsTheStandardSays(t *testing.T) {
	type request struct {
		method, path string
		header       http.Header
		body         []byte
	}
	got := make(chan request, 1)
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		got <- request{r.Method, r.URL.String(), r.Header, body}
		w.WriteHeader(http.StatusNoContent)
	}))
	t.Cleanup(server.Close)
	id := fastpay.ID{0xab}
	require.NoError(t, newWebhook(t, server.URL+"/orders?shop=7", server.Client().Transport).Deliver(t.Context(), id, told))
	r := <-got
	require.Equal(t, http.MethodPost, r.method)
	require.Equal(t, "/orders?shop=7", r.path)
	require.Equal(t, told.Body, r.body)
	require.Equal(t, "application/json", r.header.Get("Content-Type"))
	require.Equal(t, id.Hex()+"-accepted", r.header.Get("webhook-id"))
	require.Equal(t, "1700000000", r.header.Get("webhook-timestamp"))
	require.Equal(t, []string{sign(secretOf("shop"), id.Hex()+"-accepted", "1700000000", told.Body)}, r.header.Values("webhook-signature"))
}

func TestOnlyA2xxAcknowledges(t *testing.T) {
	for _, c := range []struct {
		status       int
		answer, says string
	}{
		{200, "thanks", ""},
		{201, "", ""},
		{204, "", ""},
		{299, "odd", ""},
		{304, "", "304 Not Modified: a signed message follows no redirect"},
		{400, "amount is not what was asked", `the receiver answered 400 Bad Request: "amount is not what was asked"`},
		{401, "", "the receiver answered 401 Unauthorized"},
		{410, "", "the receiver answered 410 Gone"},
		{500, "bad\x1b[31m\nnews", `the receiver answered 500 Internal Server Error: "bad\x1b[31m\nnews"`},
		{503, strings.Repeat("x", 10_000), `503 Service Unavailable: "` + strings.Repeat("x", maxQuote) + `"`},
	} {
		server := answering(t, func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(c.status)
			_, _ = io.WriteString(w, c.answer) // a 204 has none
		})
		err := newWebhook(t, server.URL, nil).Deliver(t.Context(), fastpay.ID{1}, told)
		if c.says == "" {
			require.NoError(t, err, c.status)
			continue
		}
		require.ErrorContains(t, err, c.says)
		require.Less(t, len(err.Error()), 2*maxQuote)
	}
}

// What is signed for one receiver is shown to no other, and the answer names what to do. It
// repeats no part of a URL, which can hold a token.
func TestRedirectIsNotFollowed(t *testing.T) {
	elsewhere := answering(t, func(http.ResponseWriter, *http.Request) { t.Error("the message has wandered") })
	for _, status := range []int{301, 302, 303, 307, 308} {
		server := answering(t, func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, elsewhere.URL+"/?token=hunter2", status)
		})
		err := newWebhook(t, server.URL, nil).Deliver(t.Context(), fastpay.ID{1}, told)
		require.ErrorContains(t, err, "follows no redirect, name the right URL")
		require.NotContains(t, err.Error(), "hunter2")
	}
}

// A receiver that talks without end is not listened to for long.
func TestAnswerWithoutEndIsLeft(t *testing.T) {
	for status, says := range map[int]string{http.StatusOK: "", http.StatusTeapot: "the receiver answered 418"} {
		stopped := make(chan struct{})
		server := answering(t, func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(status)
			for {
				if _, err := w.Write(bytes.Repeat([]byte("x"), 32<<10)); err != nil {
					close(stopped)
					return
				}
			}
		})
		err := newWebhook(t, server.URL, nil).Deliver(t.Context(), fastpay.ID{1}, told)
		<-stopped
		if says == "" {
			require.NoError(t, err)
			continue
		}
		require.ErrorContains(t, err, says)
		require.Less(t, len(err.Error()), 2*maxQuote)
	}
}

// transportFunc is a network of one function.
type transportFunc func(*http.Request) (*http.Response, error)

func (f transportFunc) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// stalled is a body that never comes.
type stalled struct{ ctx context.Context }

func (s stalled) Read([]byte) (int, error) {
	<-s.ctx.Done()
	return 0, s.ctx.Err()
}

func (stalled) Close() error { return nil }

func TestSlowReceiverIsLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		silent := newWebhook(t, "https://shop.example", transportFunc(func(r *http.Request) (*http.Response, error) {
			<-r.Context().Done()
			return nil, r.Context().Err()
		}))
		began := time.Now()
		err := silent.Deliver(t.Context(), fastpay.ID{1}, told)
		require.EqualError(t, err, "webhook: the receiver did not answer within 10s")
		require.Equal(t, Timeout, time.Since(began)) // in the bubble's time

		// The book's end is no fault of the receiver's.
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		require.ErrorIs(t, silent.Deliver(ctx, fastpay.ID{1}, told), context.Canceled)

		// A status is the answer, also if its text never comes.
		for status, says := range map[int]string{200: "", 500: "answered 500"} {
			mumbling := newWebhook(t, "https://shop.example", transportFunc(func(r *http.Request) (*http.Response, error) {
				return &http.Response{StatusCode: status, Body: stalled{r.Context()}, Request: r}, nil
			}))
			err := mumbling.Deliver(t.Context(), fastpay.ID{1}, told)
			if says == "" {
				require.NoError(t, err)
				continue
			}
			require.ErrorContains(t, err, says)
		}
	})
}

func TestUnreachableReceiverIsNamedWithoutItsURL(t *testing.T) {
	broken := errors.New("no route to host")
	w := newWebhook(t, "https://shop.example/orders?token=hush", transportFunc(func(*http.Request) (*http.Response, error) { return nil, broken }))
	err := w.Deliver(t.Context(), fastpay.ID{1}, told)
	require.EqualError(t, err, "webhook: the receiver was not reached: no route to host")
	require.ErrorIs(t, err, broken)
}

func TestURLsThatMessagesAreNotSentTo(t *testing.T) {
	for url, says := range map[string]string{
		"https://shop.example/orders?token=hush":     "",
		"https://[2001:db8::1]:8443":                 "",
		"http://127.0.0.1:8080/orders":               "",
		"http://127.8.8.8":                           "",
		"http://[::1]:8080":                          "",
		"http://localhost:8080":                      "",
		"http://shop.example/orders?token=hush":      "webhook: http to shop.example shows every order to the network between",
		"http://192.0.2.1":                           "webhook: http to 192.0.2.1 shows",
		"http://localhost.example":                   "webhook: http to localhost.example shows",
		"http://0.0.0.0":                             "webhook: http to 0.0.0.0 shows",
		"ftp://shop.example?token=hush":              `webhook: the URL at shop.example has scheme "ftp": want https`,
		"https://user:hush@shop.example":             "webhook: the URL at shop.example has a user",
		"https://shop.example/orders?token=hush#top": "webhook: the URL at shop.example has a part behind #",
		"shop.example?token=hush":                    "webhook: the URL cannot be read",
		"https://":                                   "webhook: the URL cannot be read",
		"https://shop.example:hush":                  "webhook: the URL cannot be read",
		"":                                           "webhook: the URL cannot be read",
	} {
		_, err := New(Config{URL: url, Secret: secretOf("shop"), Now: clock})
		if says == "" {
			require.NoError(t, err, url)
			continue
		}
		require.ErrorContains(t, err, says, url)
		require.NotContains(t, err.Error(), "hush")
	}
	for _, cfg := range []Config{{URL: "https://shop.example", Now: clock}, {URL: "https://shop.example", Secret: secretOf("shop")}} {
		_, err := New(cfg)
		require.ErrorContains(t, err, "no secret or no clock")
	}
}
