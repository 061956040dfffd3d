// Package httpapitest connects to a server of [httpapi] without sockets, for tests in
// virtual time and with a thousand connections.
package httpapitest

import (
	"context"
	"net"
	"net/http"
	"sync"
)

// Listener takes connections from within the process: see [Listener.Dial]. Safe for
// concurrent use.
type Listener struct {
	conns  chan net.Conn
	closed chan struct{}
	close  func()
}

// NewListener returns an open listener.
func NewListener() *Listener {
	closed := make(chan struct{})
	return &Listener{conns: make(chan net.Conn), closed: closed, close: sync.OnceFunc(func() { close(closed) })}
}

// Accept waits for a connection. The error is [net.ErrClosed].
func (l *Listener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

// Close ends the listening. Connections that were taken stay.
func (l *Listener) Close() error {
	l.close()
	return nil
}

// Addr is an address of no meaning.
func (l *Listener) Addr() net.Addr { return address("127.0.0.1:1") }

// Dial connects from an address, of the form host:port, and returns once the listener has
// taken the connection. Nothing is buffered between the two ends: who does not read stops
// who writes. The error is [net.ErrClosed] or that of ctx.
func (l *Listener) Dial(ctx context.Context, from string) (net.Conn, error) {
	ours, theirs := net.Pipe()
	select {
	case l.conns <- conn{theirs, address(from)}:
		return ours, nil
	case <-l.closed:
		return nil, net.ErrClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// Client returns an HTTP client at an address, which reaches the listener whatever host a
// URL names.
func (l *Listener) Client(from string) *http.Client {
	return &http.Client{Transport: &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) { return l.Dial(ctx, from) },
	}}
}

// conn is an end of a connection that says where the other one is.
type conn struct {
	net.Conn
	from address
}

// RemoteAddr is the address that was dialled from.
func (c conn) RemoteAddr() net.Addr { return c.from }

// address is a TCP address as text.
type address string

// Network implements [net.Addr].
func (address) Network() string { return "tcp" }

func (a address) String() string { return string(a) }
