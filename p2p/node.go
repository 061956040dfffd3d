package p2p

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/network"
	"go.uber.org/zap"
)

// Node is one peer of the network. Make it with [New] and run it with [Node.Run].
// Its methods are safe for concurrent use.
type Node struct {
	cfg     Config
	log     *zap.SugaredLogger
	host    host.Host
	metrics *metrics
	roster  *roster
	gossip  *gossip
	dialer  *dialer
	server  *server
	changes signal // whatever readiness depends on

	tasks     crew            // goroutines, handlers of streams aside
	life      context.Context // ends when the node has drained
	end       context.CancelFunc
	active    context.Context // ends when the node begins to stop
	quiesce   context.CancelFunc
	listening chan struct{} // closed when the node listens

	mu      sync.Mutex
	running bool              // guarded by mu
	tell    []func(PeerEvent) // guarded by mu until running

	closing sync.Once
	closed  error
}

// linger is how long the connections of a stopping node stay open behind its last
// answers: closing one discards what is still under way.
const linger = 250 * time.Millisecond

// ErrRunning says that a node was run twice, or used after it stopped.
var ErrRunning = errors.New("node runs already or has stopped")

// New builds a node that neither listens nor dials yet. It has joined the topics of
// Config.Committee, so that no peer meets it without them. The caller runs it, or
// closes it.
func New(cfg Config) (_ *Node, err error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	targets, err := newTargets(&cfg)
	if err != nil {
		return nil, fmt.Errorf("p2p: %w", err)
	}
	m, err := newMetrics(cfg.Registerer, cfg.Role, cfg.Version)
	if err != nil {
		return nil, err
	}
	h, err := newHost(&cfg)
	if err != nil {
		m.unregister()
		return nil, err
	}
	n := &Node{
		cfg: cfg, host: h, metrics: m, listening: make(chan struct{}),
		log:    log.With("self", shortID(h.ID())),
		server: &server{host: h, metrics: m},
	}
	n.life, n.end = context.WithCancel(context.Background())
	n.active, n.quiesce = context.WithCancel(n.life)
	defer func() {
		if err != nil {
			err = errors.Join(err, n.Close())
		}
	}()
	names := make(map[PeerID]string)
	for _, t := range targets {
		names[t.id] = t.name
	}
	n.roster = newRoster(m, names, n.changes.broadcast)
	n.dialer = &dialer{
		host: h, roster: n.roster, metrics: m, limits: &n.cfg.Limits, jitter: cfg.Jitter,
		changed: n.changes.broadcast, known: targets, active: make(map[PeerID]keeping),
	}
	if n.gossip, err = newGossip(n.life, h, &n.cfg, m, n.roster.standing, n.changes.broadcast); err != nil {
		return nil, err
	}
	n.gossip.tracer.drops.watch(n.active, n.log, n.tasks.start)
	n.server.serve(n.life, n.helloService())
	n.server.serve(n.life, n.submitService())
	n.server.serve(n.active, n.syncService()) // a waiting sync ends at once
	h.Network().Notify(&network.NotifyBundle{
		ConnectedF: func(_ network.Network, c network.Conn) {
			n.roster.connected(c)
			n.tasks.start(func() { n.greet(n.active, c) })
		},
		DisconnectedF: func(_ network.Network, c network.Conn) {
			n.roster.disconnected(c)
			n.dialer.poke(c.RemotePeer())
			if n.roster.isGreeted(c.RemotePeer()) {
				n.tasks.start(func() { n.heal(n.active, c.RemotePeer()) })
			}
		},
	})
	if err := n.gossip.join(n.active, cfg.Committee, n.tasks.start); err != nil {
		return nil, err
	}
	return n, nil
}

// shortID is the end of a peer id, which tells peers apart in a log.
func shortID(id PeerID) string {
	s := id.String()
	return s[max(len(s)-6, 0):]
}

// Run listens, keeps the configured peers connected and serves until ctx ends. It
// then stops accepting requests, lets open submits finish within DrainTimeout, and
// returns nil when everything it started has ended. It returns early with an error if
// an address cannot be listened on.
func (n *Node) Run(ctx context.Context) error {
	n.mu.Lock()
	again := n.running || n.active.Err() != nil
	n.running = true
	tell := n.tell
	n.mu.Unlock()
	if again {
		return ErrRunning
	}
	if err := n.listen(); err != nil {
		return errors.Join(err, n.Close())
	}
	n.tasks.start(func() {
		n.roster.announce(n.active, func(e PeerEvent) {
			e.Peer = n.measured(e.Peer)
			for _, f := range tell {
				f(e)
			}
		})
	})
	n.tasks.start(func() { n.report(n.active) })
	n.redial()
	select {
	case <-ctx.Done():
	case <-n.active.Done():
	}
	return n.Close()
}

// listen opens the configured addresses, all of them, and those for browsers, which
// share ports that the system may have chosen.
func (n *Node) listen() error {
	addrs, err := multiaddrs(n.cfg.Listen)
	if err != nil {
		return fmt.Errorf("p2p: listen %w", err)
	}
	for _, a := range addrs {
		if err := n.host.Network().Listen(a); err != nil {
			return fmt.Errorf("p2p: listening on %s: %w: stop what uses it or choose another port", a, err)
		}
	}
	if n.cfg.Browser {
		for _, a := range n.host.Network().ListenAddresses() {
			if err := n.host.Network().Listen(forBrowser(a)); err != nil {
				return fmt.Errorf("p2p: listening for browsers on %s: %w: choose another port, or set Browser to false", forBrowser(a), err)
			}
		}
	}
	close(n.listening)
	n.changes.broadcast()
	return nil
}

// redial makes the dialer keep Config.Peers and the members of joined committees.
func (n *Node) redial() {
	rooms := n.gossip.joined()
	n.dialer.keepOnly(n.active, n.tasks.start, func(t *target) bool {
		if t.own {
			return true
		}
		for _, r := range rooms {
			for _, key := range t.keys {
				if _, member := r.committee.Index(key); member {
					return true
				}
			}
		}
		return false
	})
}

// Close stops a node and returns when everything it started has ended, but for
// libp2p's own goroutines, which end with their timers within a second. It may be
// called more than once; Run calls it.
func (n *Node) Close() error {
	n.closing.Do(func() {
		n.quiesce()
		n.tasks.close()
		if n.server.handlers.close() {
			n.server.handlers.waitFor(n.cfg.Limits.DrainTimeout)
			time.Sleep(linger)
		}
		if n.gossip != nil {
			n.gossip.close()
		}
		n.end()
		n.closed = n.host.Close()
		n.server.handlers.wait()
		n.tasks.wait()
		n.metrics.unregister()
	})
	return n.closed
}

// OnPeer registers a function that is told who comes and goes. It must be called
// before Run. Functions are called one after the other from one goroutine and must
// not block.
func (n *Node) OnPeer(f func(PeerEvent)) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.running {
		panic("p2p: OnPeer after Run")
	}
	n.tell = append(n.tell, f)
}

// Join joins a committee's topics and connects to its members, beside those joined
// before. Joining twice is no error. The error wraps [fastpay.WrongCommittee] if the
// network file does not have the committee.
func (n *Node) Join(committeeID common.Hash) error {
	if err := n.gossip.join(n.active, committeeID, n.tasks.start); err != nil {
		return err
	}
	n.redialIfRunning()
	n.changes.broadcast()
	return nil
}

// Leave leaves a committee's topics and stops dialing those members that are in no
// joined committee. Leaving what was not joined is no error. Do not rejoin within
// 10 s: others count that as a fault.
func (n *Node) Leave(committeeID common.Hash) error {
	if err := n.gossip.leave(committeeID); err != nil {
		return err
	}
	n.redialIfRunning()
	n.changes.broadcast()
	return nil
}

func (n *Node) redialIfRunning() {
	select {
	case <-n.listening:
		n.redial()
	default:
	}
}

// ID is the node's peer id.
func (n *Node) ID() PeerID { return n.host.ID() }

// Listening is closed once the node listens.
func (n *Node) Listening() <-chan struct{} { return n.listening }

// Addrs returns the addresses that others can dial, with /p2p/. They are complete
// once Listening is closed.
func (n *Node) Addrs() []string {
	addrs := n.host.Addrs()
	out := make([]string, len(addrs))
	for i, a := range addrs {
		out[i] = PeerAddr{n.host.ID(), a.String()}.String()
	}
	return out
}
