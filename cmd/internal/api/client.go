package api

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
)

// Client talks to the peer behind a socket. Safe for concurrent use.
type Client struct{ http http.Client }

// maxAnswer bounds what is read of an answer, in bytes: the longest list of payments.
const maxAnswer = 64 << 20

// Failures of an exchange with a peer.
var (
	// ErrUnreachable means that nobody answers at the socket.
	ErrUnreachable = errors.New("the peer does not answer")
	// ErrNotSent means that, moreover, the peer has not seen the request.
	ErrNotSent = fmt.Errorf("%w: nobody listens", ErrUnreachable)
)

// Dial returns a client of the socket at path. It does not connect yet.
func Dial(path string) *Client {
	return &Client{http.Client{Transport: &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", path)
		},
	}}}
}

// Close lets go of idle connections.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// path fills an id into a route.
func path(route, id string) string { return strings.Replace(route, "{id}", id, 1) }

// Get asks for a document. id is for routes that name one. The error is an [*Error]
// of the peer, or wraps [ErrUnreachable].
func (c *Client) Get(ctx context.Context, route, id string, query url.Values, into any) error {
	return c.exchange(ctx, http.MethodGet, path(route, id), query, nil, into)
}

// Post sends a document, which may be nil, and reads the answer.
func (c *Client) Post(ctx context.Context, route, id string, body, into any) error {
	return c.exchange(ctx, http.MethodPost, path(route, id), nil, body, into)
}

// Delete removes what a route names, and reads what that was.
func (c *Client) Delete(ctx context.Context, route, id string, into any) error {
	return c.exchange(ctx, http.MethodDelete, path(route, id), nil, nil, into)
}

func (c *Client) exchange(ctx context.Context, method, path string, query url.Values, body, into any) error {
	resp, err := c.do(ctx, method, path, query, body)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if err := json.NewDecoder(io.LimitReader(resp.Body, maxAnswer)).Decode(into); err != nil {
		return fmt.Errorf("%w: reading its answer: %w", ErrUnreachable, err)
	}
	return nil
}

// do makes a request and turns a refusal into an [*Error].
func (c *Client) do(ctx context.Context, method, path string, query url.Values, body any) (*http.Response, error) {
	var data []byte
	if body != nil {
		var err error
		if data, err = json.Marshal(body); err != nil {
			return nil, fmt.Errorf("encoding the request: %w", err)
		}
	}
	target := url.URL{Scheme: "http", Host: "peer", Path: path, RawQuery: query.Encode()}
	req, err := http.NewRequestWithContext(ctx, method, target.String(), bytes.NewReader(data))
	if err != nil {
		return nil, fmt.Errorf("making the request: %w", err)
	}
	resp, err := c.http.Do(req)
	if ctx.Err() != nil {
		if err == nil {
			resp.Body.Close()
		}
		return nil, ctx.Err()
	}
	if op := new(net.OpError); errors.As(err, &op) && op.Op == "dial" {
		return nil, fmt.Errorf("%w: %w", ErrNotSent, err)
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnreachable, err)
	}
	if resp.StatusCode == http.StatusOK {
		return resp, nil
	}
	defer resp.Body.Close()
	var refusal struct {
		Error *Error `json:"error"`
	}
	if err := json.NewDecoder(io.LimitReader(resp.Body, maxAnswer)).Decode(&refusal); err != nil || refusal.Error == nil {
		return nil, fmt.Errorf("%w: it answered %s", ErrUnreachable, resp.Status)
	}
	refusal.Error.Status = resp.StatusCode
	return nil, refusal.Error
}

// Lines calls each with every line of a stream until it ends, ctx ends, or each
// fails.
func (c *Client) Lines(ctx context.Context, route string, query url.Values, each func(line []byte) error) error {
	resp, err := c.do(ctx, http.MethodGet, route, query, nil)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	scanner := bufio.NewScanner(resp.Body)
	scanner.Buffer(nil, maxAnswer)
	for scanner.Scan() {
		if err := each(scanner.Bytes()); err != nil {
			return err
		}
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err := scanner.Err(); err != nil {
		return fmt.Errorf("%w: %w", ErrUnreachable, err)
	}
	return nil
}

// Raw returns an answer as it is, for /metrics and profiles.
func (c *Client) Raw(ctx context.Context, route, id string, query url.Values) ([]byte, error) {
	resp, err := c.do(ctx, http.MethodGet, path(route, id), query, nil)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnreachable, err)
	}
	return data, nil
}
