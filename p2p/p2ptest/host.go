package p2ptest

import (
	"fmt"
	"net"
	"sync/atomic"

	"github.com/allegro-p2p/allegro/p2p"
	"github.com/libp2p/go-libp2p"
	quic "github.com/libp2p/go-libp2p/p2p/transport/quic"
	"github.com/libp2p/go-libp2p/p2p/transport/quicreuse"
	"github.com/marcopolo/simnet"
	quicgo "github.com/quic-go/quic-go"
	"go.uber.org/fx"
)

// Host is a machine of a [Net]. It has one identity, and one address until it moves,
// whatever nodes run on it, one after the other.
type Host struct {
	net      *Net
	name     string
	identity p2p.Identity

	ip     net.IP  // guarded by net.mu
	socket *socket // of the node configured last; guarded by net.mu
}

// Name is the host's name.
func (h *Host) Name() string { return h.name }

// PeerID is the id of the nodes on the host.
func (h *Host) PeerID() p2p.PeerID { return h.identity.PeerID() }

// Listen is the address that nodes on the host listen on.
func (h *Host) Listen() string { return fmt.Sprintf("/ip4/%s/udp/%d/quic-v1", h.address(), port) }

func (h *Host) address() net.IP {
	h.net.mu.Lock()
	defer h.net.mu.Unlock()
	return h.ip
}

// Addr is the address at which others dial it, with /p2p/.
func (h *Host) Addr() string { return p2p.PeerAddr{ID: h.PeerID(), Addr: h.Listen()}.String() }

// Configure puts a node that is about to be made on the host: it sets Identity,
// Listen and Transport. After [Host.Kill] it gives the host power again.
func (h *Host) Configure(cfg *p2p.Config) {
	cfg.Identity = h.identity
	cfg.Listen = []string{h.Listen()}
	cfg.Transport = []libp2p.Option{libp2p.Transport(quic.NewTransport), h.reuse()}
}

// Kill cuts the host's power: nothing it sends leaves it and nothing reaches it any
// more, and nobody is told. The node must still be stopped, which disturbs nobody
// then.
func (h *Host) Kill() {
	h.net.mu.Lock()
	defer h.net.mu.Unlock()
	if h.socket != nil {
		h.socket.powered.Store(false)
	}
}

// Move takes the host to another network, where it has another address. A node on it
// is cut off as by [Host.Kill]; the next one starts at the new address.
func (h *Host) Move() {
	h.Kill()
	h.net.mu.Lock()
	defer h.net.mu.Unlock()
	delete(h.net.byIP, h.ip.String())
	h.net.settleLocked(h)
}

// reuse makes QUIC use the host's simulated socket instead of the system's.
func (h *Host) reuse() libp2p.Option {
	return libp2p.QUICReuse(
		func(l fx.Lifecycle, reset quicgo.StatelessResetKey, token quicgo.TokenGeneratorKey, opts ...quicreuse.Option) (*quicreuse.ConnManager, error) {
			m, err := quicreuse.NewConnManager(reset, token, opts...)
			if err != nil {
				return nil, err
			}
			l.Append(fx.StopHook(m.Close)) // libp2p closes only the manager that it made itself
			return m, nil
		},
		quicreuse.OverrideSourceIPSelector(func() (quicreuse.SourceIPSelector, error) {
			return sourceIP(h.address()), nil
		}),
		quicreuse.OverrideListenUDP(func(_ string, addr *net.UDPAddr) (net.PacketConn, error) { return h.open(addr), nil }),
	)
}

// open plugs a new socket into the network in place of an older one.
func (h *Host) open(addr *net.UDPAddr) net.PacketConn {
	h.net.mu.Lock()
	defer h.net.mu.Unlock()
	link := simnet.LinkSettings{BitsPerSecond: bandwidth}
	s := &socket{SimConn: h.net.sim.NewEndpoint(addr, simnet.NodeBiDiLinkSettings{Downlink: link, Uplink: link}), host: h}
	s.powered.Store(true)
	h.socket = s
	return s
}

// sourceIP is the address that a host sends from.
type sourceIP net.IP

// PreferredSourceIPForDestination returns the host's one address.
func (s sourceIP) PreferredSourceIPForDestination(*net.UDPAddr) (net.IP, error) {
	return net.IP(s), nil
}

// socket is a host's UDP socket with a power switch.
type socket struct {
	*simnet.SimConn
	host    *Host
	powered atomic.Bool
}

// WriteTo sends a packet, which is lost where there is no way.
func (s *socket) WriteTo(p []byte, addr net.Addr) (int, error) {
	if !s.powered.Load() || !s.host.net.connects(s.host, addr) {
		return len(p), nil
	}
	return s.SimConn.WriteTo(p, addr)
}

// ReadFrom receives a packet. What arrives without power is lost.
func (s *socket) ReadFrom(p []byte) (int, net.Addr, error) {
	for {
		n, from, err := s.SimConn.ReadFrom(p)
		if err != nil || s.powered.Load() {
			return n, from, err
		}
	}
}
