package tempo

import (
	"context"
	"errors"

	"github.com/ethereum/go-ethereum/rpc"
)

// errClosed is what a link answers after close.
var errClosed = errors.New("the chain client is closed")

// link is one connection to the node, dialled when it is first needed: a node
// that is down when its peer starts is an outage like any other. Once dialled,
// the rpc client renews a lost connection by itself. Safe for concurrent use.
type link struct {
	dial func(context.Context) (*rpc.Client, error)

	// turn holds one token; its holder owns the fields below. A channel rather
	// than a mutex, because dialling may take as long as the caller's context.
	turn   chan struct{}
	client *rpc.Client
	closed bool
}

// newLink returns a link that dials with dial, which is not needed where client
// is set.
func newLink(dial func(context.Context) (*rpc.Client, error)) *link {
	l := &link{dial: dial, turn: make(chan struct{}, 1)}
	l.turn <- struct{}{}
	return l
}

// get returns the client, dialling if there is none yet.
func (l *link) get(ctx context.Context) (*rpc.Client, error) {
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-l.turn:
	}
	defer func() { l.turn <- struct{}{} }()
	if l.closed {
		return nil, errClosed
	}
	if l.client == nil {
		client, err := l.dial(ctx)
		if err != nil {
			return nil, err
		}
		l.client = client
	}
	return l.client, nil
}

// close ends the connection and every request on it. It waits for a dialling
// in progress.
func (l *link) close() {
	<-l.turn
	defer func() { l.turn <- struct{}{} }()
	l.closed = true
	if l.client != nil {
		l.client.Close()
		l.client = nil
	}
}
