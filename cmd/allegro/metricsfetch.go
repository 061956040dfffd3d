package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
)

// maxMetricsPage bounds what is read of a peer's answer, in bytes. A peer with
// libp2p's metrics serves less than 1 MiB.
const maxMetricsPage = 16 << 20

// metricsPage is what a peer answered.
type metricsPage struct {
	source string // a URL, or the home of a peer
	body   []byte
	format expfmt.Format
}

// metricsURL completes the address of a peer's metrics.
func metricsURL(address string) (string, error) {
	text := address
	if !strings.Contains(text, "://") {
		host, port, err := net.SplitHostPort(strings.TrimSuffix(strings.TrimSuffix(text, "/"), "/metrics"))
		if err != nil || port == "" {
			return "", fmt.Errorf("%q is no folder, no host:port and no URL: name the home of a peer, or an address like 127.0.0.1:9460", address)
		}
		if host == "" {
			host = "127.0.0.1"
		}
		text = "http://" + net.JoinHostPort(host, port)
	}
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return "", fmt.Errorf("address %q is not a URL of http or https: write it like http://127.0.0.1:9460/metrics", address)
	}
	if u.Path == "" || u.Path == "/" {
		u.Path = "/metrics"
	}
	return u.String(), nil
}

// fetchMetrics asks a peer for its metrics. Its error ends the program with
// exitUnreachable unless ctx was cancelled.
func fetchMetrics(ctx context.Context, address string, timeout time.Duration) (*metricsPage, error) {
	within, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	request, err := http.NewRequestWithContext(within, http.MethodGet, address, nil)
	if err != nil {
		return nil, fail(exitUsage, "address %q: %w", address, err)
	}
	request.Header.Set("Accept", string(expfmt.NewFormat(expfmt.TypeTextPlain)))
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, unanswered(ctx, address, timeout, err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return nil, noMetrics(address, "the answer is %s", printable(response.Status))
	}
	body, err := io.ReadAll(io.LimitReader(response.Body, maxMetricsPage+1))
	if err != nil {
		return nil, unanswered(ctx, address, timeout, err)
	}
	if len(body) > maxMetricsPage {
		return nil, noMetrics(address, "the answer has more than %d bytes", maxMetricsPage)
	}
	return &metricsPage{address, body, expfmt.ResponseFormat(response.Header)}, nil
}

// unanswered is the error about a request that got no whole answer.
func unanswered(ctx context.Context, address string, timeout time.Duration, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	var failed *url.Error
	if errors.As(err, &failed) {
		err = failed.Err // the URL is in the sentence already
	}
	if errors.Is(err, context.DeadlineExceeded) {
		err = fmt.Errorf("nothing came within %s", timeout)
	}
	return withHint(fail(exitUnreachable, "no answer from %s: %w", address, err),
		"is the peer running, and is this the address under [metrics] in its config.toml?")
}

// noMetrics is the error about something that answers but is no peer.
func noMetrics(address, format string, args ...any) error {
	return withHint(fail(exitUnreachable, "no metrics at %s: %s", address, fmt.Sprintf(format, args...)),
		"something else listens there: the address stands under [metrics] in the peer's config.toml")
}

// families decodes the page.
func (p *metricsPage) families() ([]*dto.MetricFamily, error) {
	told, err := decodeFamilies(expfmt.NewDecoder(bytes.NewReader(p.body), p.format))
	if err != nil {
		return nil, noMetrics(p.source, "the answer is not in Prometheus' text format: %v", err)
	}
	return told, nil
}
