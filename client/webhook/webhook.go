package webhook

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/allegro-p2p/allegro/client/orders"
	"github.com/allegro-p2p/allegro/fastpay"
)

const (
	// Timeout bounds one attempt to tell a message. A receiver notes the message and
	// answers: what it does about the order may take longer.
	Timeout = 10 * time.Second
	// maxAnswer bounds what is read of an answer, in bytes, and maxQuote what an error
	// quotes of it.
	maxAnswer = 4 << 10
	maxQuote  = 256
	// maxAnswerHeader bounds the header of an answer, in bytes.
	maxAnswerHeader = 64 << 10
	// maxIdle is how many connections wait for the next message: as many as a Book tells
	// at once, so that each payer's does not begin with a handshake.
	maxIdle = 16
	// idleTime is how long they wait.
	idleTime = 90 * time.Second
)

// Config is what a Webhook needs.
type Config struct {
	// URL is the receiver's: https, or http to this machine. A message says who pays whom
	// how much, and only a signature is no reason to show that to a network.
	URL    string
	Secret Secret
	// Transport makes the connections. nil: the usual ones, by way of the proxy that the
	// environment names.
	Transport http.RoundTripper
	// Now is the clock. The receiver compares it with its own.
	Now func() time.Time
}

// Webhook tells messages by HTTP POST. Make it with [New]. Safe for concurrent use.
type Webhook struct {
	url    string
	secret Secret
	client *http.Client
	now    func() time.Time
}

var _ orders.Deliverer = (*Webhook)(nil)

// New returns a webhook. No connection is made yet.
func New(cfg Config) (*Webhook, error) {
	if err := checkURL(cfg.URL); err != nil {
		return nil, err
	}
	if cfg.Secret.key == nil || cfg.Now == nil {
		return nil, errors.New("webhook: config has no secret or no clock")
	}
	transport := cfg.Transport
	if transport == nil {
		transport = &http.Transport{
			Proxy:               http.ProxyFromEnvironment,
			DialContext:         (&net.Dialer{Timeout: Timeout}).DialContext,
			TLSHandshakeTimeout: Timeout, ForceAttemptHTTP2: true,
			MaxIdleConnsPerHost: maxIdle, IdleConnTimeout: idleTime, MaxResponseHeaderBytes: maxAnswerHeader,
		}
	}
	return &Webhook{url: cfg.URL, secret: cfg.Secret, now: cfg.Now, client: &http.Client{
		Transport: transport,
		// What is signed for one receiver does not wander to another.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}, nil
}

// checkURL refuses what messages are not sent to. It quotes the host alone: a query can
// hold a secret.
func checkURL(text string) error {
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Hostname() == "":
		return errors.New("webhook: the URL cannot be read: want one like https://shop.example/orders")
	case u.User != nil:
		return fmt.Errorf("webhook: the URL at %s has a user: leave it out, messages are signed", u.Host)
	case u.Fragment != "":
		return fmt.Errorf("webhook: the URL at %s has a part behind #, which is never sent: leave it out", u.Host)
	case u.Scheme == "https" || u.Scheme == "http" && isLoopback(u.Hostname()):
		return nil
	case u.Scheme == "http":
		return fmt.Errorf("webhook: http to %s shows every order to the network between: want https, or http to 127.0.0.1, [::1] or localhost", u.Host)
	}
	return fmt.Errorf("webhook: the URL at %s has scheme %q: want https", u.Host, u.Scheme)
}

// isLoopback reports whether a host is this machine.
func isLoopback(host string) bool {
	return host == "localhost" || net.ParseIP(host).IsLoopback()
}

// errSlow is why an attempt ends by itself.
var errSlow = fmt.Errorf("the receiver did not answer within %s", Timeout)

// Deliver implements [orders.Deliverer]. Whatever 2xx is the answer acknowledges the
// message; the error says what was answered instead.
func (w *Webhook) Deliver(ctx context.Context, id fastpay.ID, m orders.Message) error {
	ctx, cancel := context.WithTimeoutCause(ctx, Timeout, errSlow)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, w.url, bytes.NewReader(m.Body))
	if err != nil {
		return fmt.Errorf("webhook: %w", err)
	}
	name, timestamp := orders.MessageID(id, m.Kind), strconv.FormatInt(w.now().Unix(), 10)
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("User-Agent", "allegro")
	request.Header.Set(HeaderID, name)
	request.Header.Set(HeaderTimestamp, timestamp)
	request.Header.Set(HeaderSignature, sign(w.secret, name, timestamp, m.Body))
	response, err := w.client.Do(request)
	if err != nil {
		if cause := context.Cause(ctx); cause != nil {
			return fmt.Errorf("webhook: %w", cause)
		}
		var whole *url.Error
		if errors.As(err, &whole) {
			err = whole.Err // without the URL, whose query can hold a secret
		}
		return fmt.Errorf("webhook: the receiver was not reached: %w", err)
	}
	defer response.Body.Close()
	// It is read also if nobody looks at it, so that the connection serves again. An
	// answer that breaks off is an answer.
	answer, _ := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	return judge(response, answer)
}

// judge returns nil for an answer that acknowledges.
func judge(response *http.Response, answer []byte) error {
	status := fmt.Sprintf("%d %s", response.StatusCode, http.StatusText(response.StatusCode))
	switch class := response.StatusCode / 100; {
	case class == 2:
		return nil
	case class == 3:
		// Where it leads is not told: it may repeat a token in the URL's query.
		return fmt.Errorf("webhook: the receiver answered %s: a signed message follows no redirect, name the right URL", status)
	case len(answer) == 0:
		return fmt.Errorf("webhook: the receiver answered %s", status)
	}
	return fmt.Errorf("webhook: the receiver answered %s: %q", status, quoted(answer))
}

// quoted is the beginning of what a receiver says.
func quoted(text []byte) []byte { return text[:min(len(text), maxQuote)] }
