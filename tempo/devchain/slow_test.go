package devchain_test

import (
	"net"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/ethclient"
)

// stallingConn is a server's connection to a client that stops reading: writes
// block until the server closes it.
type stallingConn struct {
	net.Conn
	stalled *atomic.Bool
	once    sync.Once
	closed  chan struct{}
}

func (c *stallingConn) Write(b []byte) (int, error) {
	if c.stalled.Load() {
		<-c.closed
		return 0, net.ErrClosed
	}
	return c.Conn.Write(b)
}

func (c *stallingConn) Close() error {
	c.once.Do(func() { close(c.closed) })
	return c.Conn.Close()
}

// stallingListener makes every connection one that can be stalled.
type stallingListener struct {
	net.Listener
	stalled atomic.Bool
}

func (l *stallingListener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &stallingConn{Conn: conn, stalled: &l.stalled, closed: make(chan struct{})}, nil
}

// A subscriber who takes nothing is disconnected, so that it notices, and
// neither the chain nor the other subscribers wait for it.
func TestSlowSubscriberIsDropped(t *testing.T) {
	c := start(t)
	server := httptest.NewUnstartedServer(c.Handler())
	listener := &stallingListener{Listener: server.Listener}
	server.Listener = listener
	server.Start()
	t.Cleanup(server.Close)

	slow := must[*ethclient.Client](t)(ethclient.Dial("ws" + strings.TrimPrefix(server.URL, "http")))
	defer slow.Close()
	slowHeads := make(chan *types.Header, 200)
	slowSub := must[ethereum.Subscription](t)(slow.SubscribeNewHead(t.Context(), slowHeads))
	heads := make(chan *types.Header, 200)
	sub := must[ethereum.Subscription](t)(c.client.SubscribeNewHead(t.Context(), heads))
	defer sub.Unsubscribe()
	arrives := func(who string, heads <-chan *types.Header) {
		t.Helper()
		select {
		case <-heads:
		case <-time.After(10 * time.Second):
			t.Fatalf("%s subscriber got no block", who)
		}
	}

	// Until the first head is sent the RPC server keeps all of them, without limit.
	c.mine()
	arrives("the slow", slowHeads)
	arrives("the good", heads)
	listener.stalled.Store(true)
	const blocks = 100
	for range blocks {
		c.mine()
		arrives("the good", heads)
	}
	select {
	case err := <-slowSub.Err():
		if err == nil {
			t.Error("the slow subscriber was unsubscribed, not disconnected")
		}
	case <-time.After(5 * time.Second): // well before any write deadline
		t.Fatal("the slow subscriber is still connected")
	}
}
