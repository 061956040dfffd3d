package p2p

import (
	"errors"
	"fmt"
	"net/netip"
	"sync"
	"time"

	logging "github.com/ipfs/go-log/v2"
	"github.com/libp2p/go-libp2p"
	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/protocol"
	"github.com/libp2p/go-libp2p/gologshim"
	rcmgr "github.com/libp2p/go-libp2p/p2p/host/resource-manager"
	"github.com/libp2p/go-libp2p/p2p/muxer/yamux"
	"github.com/libp2p/go-libp2p/p2p/net/connmgr"
	"github.com/libp2p/go-libp2p/p2p/net/swarm"
	"github.com/libp2p/go-libp2p/p2p/security/noise"
	quic "github.com/libp2p/go-libp2p/p2p/transport/quic"
	"github.com/libp2p/go-libp2p/p2p/transport/tcp"
	connrate "github.com/libp2p/go-libp2p/x/rate"
	ma "github.com/multiformats/go-multiaddr"
)

var log = logging.Logger("allegro/p2p")

// shareLog makes libp2p and pubsub log through go-log, so that one set of levels
// holds for all.
var shareLog = sync.OnceFunc(func() { gologshim.SetDefaultHandler(logging.SlogHandler()) })

// newHost returns a host that does not listen yet: whoever connects before pubsub
// and the stream handlers exist learns of them by identify push only, which is
// rate limited. Addresses are configured, never guessed: there is no relay, no NAT
// traversal and no discovery.
func newHost(cfg *Config) (host.Host, error) {
	shareLog()
	opts := []libp2p.Option{
		libp2p.Identity(cfg.Identity.key),
		libp2p.UserAgent(fmt.Sprintf("allegro/%s/%s", cfg.Version, cfg.Role)),
		libp2p.NoListenAddrs,
		libp2p.Security(noise.ID, noise.New),
		libp2p.Muxer(yamux.ID, yamux.DefaultTransport),
		libp2p.SwarmOpts(swarm.WithDialRanker(rankDials)),
		libp2p.Ping(true),
		libp2p.DisableRelay(),
		libp2p.ForceReachabilityPublic(), // no probing by AutoNAT
		libp2p.DisableIdentifyAddressDiscovery(),
		// A dead committee member is dialed for as long as it is dead: that says
		// nothing about UDP or IPv6.
		libp2p.UDPBlackHoleSuccessCounter(nil),
		libp2p.IPv6BlackHoleSuccessCounter(nil),
	}
	if len(cfg.Announce) > 0 {
		announced, err := multiaddrs(cfg.Announce)
		if err != nil {
			return nil, fmt.Errorf("p2p: announce %w", err)
		}
		if cfg.Browser {
			announced = withBrowser(announced)
		}
		opts = append(opts, libp2p.AddrsFactory(func([]ma.Multiaddr) []ma.Multiaddr { return announced }))
	}
	if cfg.Registerer != nil {
		opts = append(opts, libp2p.PrometheusRegisterer(cfg.Registerer))
	} else {
		opts = append(opts, libp2p.DisableMetrics())
	}
	switch {
	case cfg.Transport != nil:
		opts = append(opts, cfg.Transport...)
	case cfg.Browser:
		opts = append(append(opts, browserTransports()...), libp2p.Transport(quic.NewTransport))
	default:
		// With SO_REUSEPORT, two nodes would share a port and each get half of the
		// connections.
		opts = append(opts, libp2p.Transport(tcp.NewTCPTransport, tcp.DisableReuseport()), libp2p.Transport(quic.NewTransport))
	}
	manager, err := connmgr.NewConnManager(cfg.Limits.ConnLow, cfg.Limits.ConnHigh, connmgr.WithGracePeriod(cfg.Limits.ConnGrace))
	if err != nil {
		return nil, fmt.Errorf("p2p: connection manager: %w", err)
	}
	resources, err := newResourceManager(&cfg.Limits, cfg.Registerer == nil)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("p2p: resource manager: %w", err), manager.Close())
	}
	h, err := libp2p.New(append(opts, libp2p.ConnectionManager(manager), libp2p.ResourceManager(resources))...)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("p2p: building host: %w", err), manager.Close(), resources.Close())
	}
	return h, nil
}

// quicAfter is the head start of TCP where a peer offers both: QUIC costs twice
// the CPU per message, and a refused TCP dial is known at once.
const quicAfter = 250 * time.Millisecond

// rankDials dials TCP at once and QUIC a little later.
func rankDials(addrs []ma.Multiaddr) []network.AddrDelay {
	hasTCP := false
	for _, a := range addrs {
		if _, err := a.ValueForProtocol(ma.P_TCP); err == nil {
			hasTCP = true
		}
	}
	ranked := make([]network.AddrDelay, len(addrs))
	for i, a := range addrs {
		ranked[i].Addr = a
		if _, err := a.ValueForProtocol(ma.P_TCP); err != nil && hasTCP {
			ranked[i].Delay = quicAfter
		}
	}
	return ranked
}

// Limits of the resource manager beside libp2p's, which scale with the machine's
// memory.
const (
	// connsPerIP is for wallets behind one NAT, or a load generator; libp2p's 8 are
	// less than one office.
	connsPerIP = 64
	// connsPerSecondPerIP lets that many reconnect within a minute.
	connsPerSecondPerIP = 1
	// submitStreams, syncStreams and helloStreams are streams that others have open
	// to this node; the second number is for one peer. A sync may wait for 30 s, and
	// a replica keeps one waiting while it asks for other things.
	submitStreams, submitStreamsPerPeer = 1024, 128
	syncStreams, syncStreamsPerPeer     = 1024, 32
	helloStreams, helloStreamsPerPeer   = 256, 8
	// submitMemory, syncMemory and helloMemory bound the frames that a service's open
	// streams hold, those of one peer to a quarter, of hellos to all of it. A frame is
	// let in while less than three fifths are taken: 245 submits or 150 syncs with
	// request and response of the largest size. What a frame is decoded into takes
	// several times as much and is not counted.
	submitMemory = 128 << 20
	syncMemory   = 256 << 20
	helloMemory  = 4 << 20
)

// Names of the services in the resource manager.
const (
	helloService  = "allegro.hello"
	submitService = "allegro.submit"
	syncService   = "allegro.sync"
)

// newResourceManager returns libp2p's automatically scaled limits with room for
// twice the connections that the connection manager keeps, and our own limits for
// our services.
func newResourceManager(l *Limits, quiet bool) (network.ResourceManager, error) {
	scaling := rcmgr.DefaultLimits
	libp2p.SetDefaultServiceLimits(&scaling)
	service := func(streams int, memory int64) rcmgr.ResourceLimits {
		return rcmgr.ResourceLimits{
			Streams: rcmgr.LimitVal(streams), StreamsInbound: rcmgr.LimitVal(streams), StreamsOutbound: rcmgr.LimitVal(streams),
			Memory: rcmgr.LimitVal64(memory),
		}
	}
	hello, helloPeer := service(helloStreams, helloMemory), service(helloStreamsPerPeer, helloMemory)
	submit, submitPeer := service(submitStreams, submitMemory), service(submitStreamsPerPeer, submitMemory/4)
	syncs, syncPeer := service(syncStreams, syncMemory), service(syncStreamsPerPeer, syncMemory/4)
	conns := rcmgr.LimitVal(max(2*l.ConnHigh, 128))
	limits := rcmgr.PartialLimitConfig{
		System:      rcmgr.ResourceLimits{ConnsInbound: conns, ConnsOutbound: conns, Conns: 2 * conns},
		Service:     map[string]rcmgr.ResourceLimits{helloService: hello, submitService: submit, syncService: syncs},
		ServicePeer: map[string]rcmgr.ResourceLimits{helloService: helloPeer, submitService: submitPeer, syncService: syncPeer},
		// The scopes of the protocols, which libp2p counts apart, get the same.
		Protocol:     map[protocol.ID]rcmgr.ResourceLimits{helloProtocol: hello, submitProtocol: submit, syncProtocol: syncs},
		ProtocolPeer: map[protocol.ID]rcmgr.ResourceLimits{helloProtocol: helloPeer, submitProtocol: submitPeer, syncProtocol: syncPeer},
	}.Build(scaling.AutoScale())
	opts := []rcmgr.Option{
		rcmgr.WithLimitPerSubnet(
			[]rcmgr.ConnLimitPerSubnet{{PrefixLength: 32, ConnCount: connsPerIP}},
			[]rcmgr.ConnLimitPerSubnet{{PrefixLength: 56, ConnCount: connsPerIP}}),
		rcmgr.WithConnRateLimiters(connRateLimiter()),
	}
	if quiet {
		opts = append(opts, rcmgr.WithMetricsDisabled())
	}
	return rcmgr.NewResourceManager(rcmgr.NewFixedLimiter(limits), opts...)
}

// connRateLimiter bounds how fast one address may connect; loopback is free.
func connRateLimiter() *connrate.Limiter {
	limit := connrate.Limit{RPS: connsPerSecondPerIP, Burst: connsPerIP}
	return &connrate.Limiter{
		NetworkPrefixLimits: []connrate.PrefixLimit{
			{Prefix: netip.MustParsePrefix("127.0.0.0/8")},
			{Prefix: netip.MustParsePrefix("::1/128")},
		},
		SubnetRateLimiter: connrate.SubnetLimiter{
			IPv4SubnetLimits: []connrate.SubnetLimit{{PrefixLength: 32, Limit: limit}},
			IPv6SubnetLimits: []connrate.SubnetLimit{{PrefixLength: 56, Limit: limit}},
			GracePeriod:      time.Minute,
		},
	}
}

// multiaddrs parses addresses that have been checked.
func multiaddrs(texts []string) ([]ma.Multiaddr, error) {
	addrs := make([]ma.Multiaddr, len(texts))
	for i, s := range texts {
		a, err := ma.NewMultiaddr(s)
		if err != nil {
			return nil, fmt.Errorf("address %q: %w", s, err)
		}
		addrs[i] = a
	}
	return addrs, nil
}

// protectTag marks connections that the connection manager never closes.
const protectTag = "allegro"
