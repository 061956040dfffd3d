// Package p2ptest is a network of [p2p.Node] values in one process, for the tests of
// every package and for the simulator. Hosts speak real QUIC over simulated links,
// so that a whole network runs in the virtual time of testing/synctest.
//
// What virtual time needs:
//   - Everything is made inside the bubble: the Net, contexts, nodes.
//   - Everything that was started is stopped inside it: nodes first, the Net last,
//     then [Settle]. Anything left makes the bubble panic.
//   - Sockets and sleeping with a mutex held stop time.
//
// Time stamps differ by fractions of a millisecond between runs, since QUIC ids,
// gossip and the scheduler are random. Tests assert invariants and sets, not traces.
package p2ptest

import (
	"fmt"
	"io"
	"log/slog"
	"net"
	"sync"
	"time"

	"github.com/allegro-p2p/allegro/p2p"
	"github.com/marcopolo/simnet"
)

// bandwidth of each host's link and direction, in bits per second: a small server's.
const bandwidth = 100_000_000

// port that every host listens on.
const port = 4001

// Net is a simulated network of named hosts. Safe for concurrent use.
type Net struct {
	sim *simnet.Simnet

	latency time.Duration // one way

	mu        sync.Mutex // guards what follows, and the hosts
	cut       map[pair]bool
	hosts     map[string]*Host
	byIP      map[string]*Host
	addresses int // given out so far
}

// pair names two hosts, in the order of their names.
type pair struct{ a, b string }

func pairOf(a, b string) pair {
	if a > b {
		a, b = b, a
	}
	return pair{a, b}
}

// NewNet returns a running network whose hosts are roundTrip apart. It panics if
// that is not positive: a network without latency hides every race.
func NewNet(roundTrip time.Duration) *Net {
	n := &Net{
		cut:   make(map[pair]bool),
		hosts: make(map[string]*Host),
		byIP:  make(map[string]*Host),
	}
	n.latency = oneWay(roundTrip)
	n.sim = &simnet.Simnet{
		LatencyFunc: n.packetLatency,
		Logger:      slog.New(slog.NewTextHandler(io.Discard, nil)), // packets to stopped hosts
	}
	n.sim.Start()
	return n
}

func oneWay(roundTrip time.Duration) time.Duration {
	if roundTrip < 2 {
		panic(fmt.Sprintf("p2ptest: round trip of %s: it must be positive", roundTrip))
	}
	return roundTrip / 2
}

// Host returns the host of a name, a new one at the first call.
func (n *Net) Host(name string) *Host {
	n.mu.Lock()
	defer n.mu.Unlock()
	if h, ok := n.hosts[name]; ok {
		return h
	}
	h := &Host{net: n, name: name, identity: p2p.IdentityFromSeed("p2ptest/" + name)}
	n.hosts[name] = h
	n.settleLocked(h)
	return h
}

// settleLocked gives a host an address that no other ever had.
func (n *Net) settleLocked(h *Host) {
	h.ip = simnet.IntToPublicIPv4(n.addresses)
	n.addresses++
	n.byIP[h.ip.String()] = h
}

// Partition cuts every connection between hosts of different groups: packets vanish,
// nobody is told. Hosts that are in no group keep all theirs.
func (n *Net) Partition(groups ...[]string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for i, group := range groups {
		for _, other := range groups[i+1:] {
			for _, a := range group {
				for _, b := range other {
					n.cut[pairOf(a, b)] = true
				}
			}
		}
	}
}

// Heal ends all partitions. Killed hosts stay dead.
func (n *Net) Heal() {
	n.mu.Lock()
	defer n.mu.Unlock()
	clear(n.cut)
}

// Close stops the network. Nodes on it have been stopped before.
func (n *Net) Close() { n.sim.Close() }

// Settle waits until the timers of what was stopped have run out. It is the last
// thing in a bubble, and takes no real time there.
func Settle() { time.Sleep(30 * time.Second) }

// packetLatency is how long a packet travels.
func (n *Net) packetLatency(*simnet.Packet) time.Duration { return n.latency }

// hostLocked returns the host that an address belongs to; nil for none.
func (n *Net) hostLocked(a net.Addr) *Host {
	udp, ok := a.(*net.UDPAddr)
	if !ok {
		return nil
	}
	return n.byIP[udp.IP.String()]
}

// connects reports whether a packet from a running host gets to an address.
func (n *Net) connects(from *Host, to net.Addr) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	host := n.hostLocked(to)
	return host != nil && host.socket != nil && host.socket.powered.Load() && !n.cut[pairOf(from.name, host.name)]
}
