package p2p

import (
	"slices"

	"github.com/libp2p/go-libp2p"
	"github.com/libp2p/go-libp2p/core/connmgr"
	"github.com/libp2p/go-libp2p/core/crypto"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/transport"
	"github.com/libp2p/go-libp2p/p2p/transport/tcp"
	"github.com/libp2p/go-libp2p/p2p/transport/tcpreuse"
	webrtc "github.com/libp2p/go-libp2p/p2p/transport/webrtc"
	"github.com/libp2p/go-libp2p/p2p/transport/websocket"
	ma "github.com/multiformats/go-multiaddr"
)

// A browser can open neither TCP nor QUIC connections of its own. It can dial
// WebSocket, and WebRTC without a signalling server (webrtc-direct), whose
// self-signed certificate its address names by hash. libp2p derives that from the
// transport key, so that such an address stays valid over restarts.

// Names of the transports, as multiaddrs have them.
const (
	transportTCP    = "tcp"
	transportQUIC   = "quic-v1"
	transportWS     = "ws"
	transportWebRTC = "webrtc-direct"
)

// transportOf names the transport of an address.
func transportOf(a ma.Multiaddr) string {
	for _, name := range []struct {
		code int
		name string
	}{{ma.P_WEBRTC_DIRECT, transportWebRTC}, {ma.P_QUIC_V1, transportQUIC}, {ma.P_WS, transportWS}} {
		if _, err := a.ValueForProtocol(name.code); err == nil {
			return name.name
		}
	}
	return transportTCP
}

// forBrowser returns the address on the same port at which a browser reaches a node
// that other peers reach at a: WebSocket beside TCP, WebRTC beside QUIC.
func forBrowser(a ma.Multiaddr) ma.Multiaddr {
	if transportOf(a) == transportTCP {
		return a.Encapsulate(ma.StringCast("/" + transportWS))
	}
	udp, _ := ma.SplitFunc(a, func(c ma.Component) bool { return c.Protocol().Code == ma.P_QUIC_V1 })
	return udp.Encapsulate(ma.StringCast("/" + transportWebRTC))
}

// isForBrowser reports whether an address is one of [forBrowser], with the hashes of
// certificates behind it or not.
func isForBrowser(a ma.Multiaddr) bool {
	t := transportOf(a)
	return t == transportWS || t == transportWebRTC
}

// ForPeers returns the addresses without those that only browsers dial, which follow
// from the others and stand in no network file.
func ForPeers(addrs []string) []string {
	return slices.DeleteFunc(slices.Clone(addrs), func(s string) bool {
		a, err := ma.NewMultiaddr(s)
		return err == nil && isForBrowser(a)
	})
}

// plainOf returns the address that [forBrowser] made into a, or a itself if that is not
// for browsers. It returns false if a goes on behind what forBrowser and libp2p put there.
func plainOf(a ma.Multiaddr) (ma.Multiaddr, bool) {
	port, rest := ma.SplitFunc(a, func(c ma.Component) bool {
		return c.Protocol().Code == ma.P_WS || c.Protocol().Code == ma.P_WEBRTC_DIRECT
	})
	if len(rest) == 0 {
		return a, true
	}
	if rest[0].Protocol().Code == ma.P_WS {
		return port, len(rest) == 1
	}
	for _, c := range rest[1:] {
		if c.Protocol().Code != ma.P_CERTHASH {
			return nil, false
		}
	}
	return port.Encapsulate(ma.StringCast("/" + transportQUIC)), true
}

// withBrowser returns addresses, and with each the one for browsers.
func withBrowser(addrs []ma.Multiaddr) []ma.Multiaddr {
	out := make([]ma.Multiaddr, 0, 2*len(addrs))
	for _, a := range addrs {
		out = append(out, a, forBrowser(a))
	}
	return out
}

// browserTransports are TCP, with whose ports WebSocket shares, and WebRTC, which
// shares those of QUIC. With SO_REUSEPORT, two nodes would share a port too.
func browserTransports() []libp2p.Option {
	var shared *tcpreuse.ConnMgr // one for both; libp2p calls the constructors one after the other
	sharedTCP := func(u transport.Upgrader) *tcpreuse.ConnMgr {
		if shared == nil {
			shared = tcpreuse.NewConnMgr(false, u)
		}
		return shared
	}
	return []libp2p.Option{
		libp2p.Transport(func(u transport.Upgrader, r network.ResourceManager) (*tcp.TcpTransport, error) {
			return tcp.NewTCPTransport(u, r, sharedTCP(u), tcp.DisableReuseport())
		}),
		libp2p.Transport(func(u transport.Upgrader, r network.ResourceManager) (*listenWS, error) {
			t, err := websocket.New(u, r, sharedTCP(u))
			return &listenWS{t}, err
		}),
		libp2p.Transport(func(k crypto.PrivKey, g connmgr.ConnectionGater, r network.ResourceManager, udp webrtc.ListenUDPFn) (*listenWebRTC, error) {
			t, err := webrtc.New(k, nil, g, r, udp)
			return &listenWebRTC{t}, err
		}),
	}
}

// listenWS is WebSocket for those who dial this node, which itself dials TCP.
type listenWS struct{ *websocket.WebsocketTransport }

// CanDial implements [transport.Transport].
func (*listenWS) CanDial(ma.Multiaddr) bool { return false }

// listenWebRTC is WebRTC for those who dial this node, which itself dials QUIC.
type listenWebRTC struct{ *webrtc.WebRTCTransport }

// CanDial implements [transport.Transport].
func (*listenWebRTC) CanDial(ma.Multiaddr) bool { return false }
