package p2p

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/p2p/net/swarm"
	"github.com/libp2p/go-libp2p/p2p/protocol/ping"
	ma "github.com/multiformats/go-multiaddr"
)

// target is a peer that this node keeps connected.
type target struct {
	id    PeerID
	name  string              // for people; empty for a configured peer that is no member
	keys  []ed25519.PublicKey // vote keys of the members it is said to be; none for others
	own   bool                // named in Config.Peers: kept whatever committee is joined
	texts []string            // addresses
	addrs []ma.Multiaddr
	wake  chan struct{} // of size 1: what is known of the peer has changed

	mu     sync.Mutex
	failed error // why the last attempt failed; nil before one has, and from a success on
}

// tell records how an attempt to connect and greet ended.
func (t *target) tell(err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.failed = err
}

// speaksFor reports whether the network file has the peer as the holder of a vote key.
func (t *target) speaksFor(key ed25519.PublicKey) bool {
	return slices.ContainsFunc(t.keys, func(k ed25519.PublicKey) bool { return k.Equal(key) })
}

// problem is why the last attempt failed; empty if it did not, or none has ended
// since the last connection.
func (t *target) problem() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.failed == nil {
		return ""
	}
	return t.failed.Error()
}

// dialer keeps the configured peers and the members of joined committees connected.
// Each of them has a goroutine, which redials with a backoff that grows from
// RedialMin to RedialMax until a hello succeeds.
type dialer struct {
	host    host.Host
	roster  *roster
	metrics *metrics
	limits  *Limits
	jitter  func() float64
	changed func()    // called after a dial ended; must not block
	known   []*target // that may be kept

	mu     sync.Mutex
	active map[PeerID]keeping // guarded by mu
}

// newTargets returns the peers that a config names, each once: members first.
func newTargets(cfg *Config) ([]*target, error) {
	byID := make(map[PeerID]*target)
	var targets []*target
	add := func(text, name string, key ed25519.PublicKey, own bool) error {
		a, err := ParsePeer(text)
		if err != nil {
			return err
		}
		addr, err := ma.NewMultiaddr(a.Addr)
		if err != nil {
			return err
		}
		if a.ID == cfg.Identity.PeerID() {
			return nil
		}
		t := byID[a.ID]
		if t == nil {
			t = &target{id: a.ID, name: name, wake: make(chan struct{}, 1)}
			byID[a.ID] = t
			targets = append(targets, t)
		}
		// One that lost its vote key keeps its address and has a new key in the next
		// committee.
		if key != nil && !t.speaksFor(key) {
			t.keys = append(t.keys, key)
		}
		t.own = t.own || own
		if !slices.Contains(t.texts, a.Addr) {
			t.texts = append(t.texts, a.Addr)
			t.addrs = append(t.addrs, addr)
		}
		return nil
	}
	for _, m := range cfg.Members {
		for _, text := range m.Addrs {
			if err := add(text, m.Name, m.Key, false); err != nil {
				return nil, err
			}
		}
	}
	for _, text := range cfg.Peers {
		if err := add(text, "", nil, true); err != nil {
			return nil, err
		}
	}
	return targets, nil
}

// keeping is a target that is kept connected.
type keeping struct {
	*target
	stop context.CancelFunc
}

// keepOnly makes the dialer keep exactly the known targets that wanted selects; run
// starts the goroutine of each. A target that is no longer kept is not disconnected.
func (d *dialer) keepOnly(ctx context.Context, run func(func()), wanted func(*target) bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, t := range d.known {
		k, kept := d.active[t.id]
		switch want := wanted(t); {
		case want && !kept:
			ctx, stop := context.WithCancel(ctx)
			d.active[t.id] = keeping{t, stop}
			d.host.ConnManager().Protect(t.id, protectTag)
			run(func() {
				defer stop()
				d.keep(ctx, t)
			})
		case !want && kept:
			delete(d.active, t.id)
			d.host.ConnManager().Unprotect(t.id, protectTag)
			k.stop()
		}
	}
}

// list returns the targets that are kept connected, in the order of the config.
func (d *dialer) list() []*target {
	d.mu.Lock()
	defer d.mu.Unlock()
	list := make([]*target, 0, len(d.active))
	for _, t := range d.known {
		if _, kept := d.active[t.id]; kept {
			list = append(list, t)
		}
	}
	return list
}

// poke makes a target look again at what is known of its peer.
func (d *dialer) poke(id PeerID) {
	d.mu.Lock()
	k, kept := d.active[id]
	d.mu.Unlock()
	if !kept {
		return
	}
	select {
	case k.wake <- struct{}{}:
	default:
	}
}

// fail records that a connection was made but its hello failed.
func (d *dialer) fail(id PeerID, err error) {
	d.mu.Lock()
	k, kept := d.active[id]
	d.mu.Unlock()
	if kept {
		k.tell(err)
	}
}

// keep dials a target whenever it is not connected, and watches its connection while
// it is, until ctx ends.
func (d *dialer) keep(ctx context.Context, t *target) {
	var (
		next  time.Time     // not dialed before
		delay time.Duration // the last one
	)
	for ctx.Err() == nil {
		if d.roster.isGreeted(t.id) {
			t.tell(nil)
			d.watch(ctx, t)
			delay = d.limits.RedialMin
			next = time.Now().Add(d.spread(delay))
			continue
		}
		wait := time.Until(next)
		if _, left, refused := d.roster.refusal(t.id); refused {
			wait = max(wait, left)
		}
		if d.roster.isConnected(t.id) {
			wait = d.limits.RedialMax // its hello succeeds or the connection ends: both wake
		}
		if wait > 0 {
			pause(ctx, t.wake, wait)
			continue
		}
		if err := d.dial(ctx, t); err != nil {
			t.tell(err)
		}
		d.changed()
		delay = min(max(2*delay, d.limits.RedialMin), d.limits.RedialMax)
		next = time.Now().Add(d.spread(delay))
	}
}

// How a connection is watched: libp2p itself takes a minute to give up one whose
// other end lost power.
const (
	pingEvery   = 5 * time.Second
	pingTimeout = 5 * time.Second
	// pingMisses is how many unanswered pings in a row end a connection: one may be a
	// peer that is overloaded.
	pingMisses = 2
)

// watch returns when a target has no greeted connection any more, or ctx ended. It
// disconnects a target that does not answer pings.
func (d *dialer) watch(ctx context.Context, t *target) {
	misses := 0
	next := time.Now().Add(pingEvery)
	for ctx.Err() == nil && d.roster.isGreeted(t.id) {
		if wait := time.Until(next); wait > 0 {
			pause(ctx, t.wake, wait)
			continue
		}
		misses++
		if d.ping(ctx, t.id) {
			misses = 0
		}
		if misses == pingMisses {
			log.Infow("disconnecting peer: it does not answer pings", "peer", t.id)
			_ = d.host.Network().ClosePeer(t.id)
		}
		next = time.Now().Add(pingEvery)
	}
}

// ping reports whether a peer answers.
func (d *dialer) ping(ctx context.Context, id PeerID) bool {
	ctx, cancel := context.WithTimeout(network.WithNoDial(ctx, "ping"), pingTimeout)
	defer cancel()
	select {
	case r := <-ping.Ping(ctx, d.host, id):
		return r.Error == nil
	case <-ctx.Done():
		return false
	}
}

// pause waits for d, for wake or for the end of ctx, whichever is first.
func pause(ctx context.Context, wake <-chan struct{}, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-wake:
	case <-timer.C:
	}
}

// spread shortens a delay by up to a half, so that peers do not redial in step.
func (d *dialer) spread(delay time.Duration) time.Duration {
	return delay/2 + time.Duration(d.jitter()*float64(delay/2))
}

// dial connects to a target once.
func (d *dialer) dial(ctx context.Context, t *target) error {
	ctx, cancel := context.WithTimeout(ctx, d.limits.DialTimeout)
	defer cancel()
	// Forced, because libp2p's own backoff grows to minutes.
	err := d.host.Connect(network.WithForceDirectDial(ctx, "redial"), peer.AddrInfo{ID: t.id, Addrs: t.addrs})
	if err != nil {
		d.metrics.dials.WithLabelValues(resultError).Inc()
		if errors.Is(err, context.DeadlineExceeded) {
			return fmt.Errorf("no answer from %s within %s", strings.Join(t.texts, " or "), d.limits.DialTimeout)
		}
		return dialProblem(err)
	}
	d.metrics.dials.WithLabelValues(resultOK).Inc()
	return nil
}

// dialProblem puts libp2p's account of a dial into one line. Addresses that are for
// browsers alone are left out, unless there are no others.
func dialProblem(err error) error {
	var all *swarm.DialError
	if !errors.As(err, &all) || len(all.DialErrors) == 0 {
		return err
	}
	var parts, browsers []string
	for _, e := range all.DialErrors {
		text := fmt.Sprintf("%s: %v", e.Address, e.Cause)
		if errors.Is(e.Cause, swarm.ErrNoTransport) {
			browsers = append(browsers, text)
		} else {
			parts = append(parts, text)
		}
	}
	if len(parts) == 0 {
		parts = browsers
	}
	return errors.New(strings.Join(parts, "; "))
}
