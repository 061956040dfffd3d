package doctor

import (
	"context"
	"fmt"
	"net"
	"net/url"
	"time"

	"github.com/allegro-p2p/allegro/p2p"
)

// dialTimeout bounds one attempt to reach an address.
const dialTimeout = 2 * time.Second

// AddressState is an address that a peer listens on, or is to.
type AddressState struct {
	Text    string // as the config or the peer has it
	Setting string // key of the config
	Tried   bool   // false if this cannot be found out from here
	Err     error  // why it cannot be listened on or, of a running peer, reached
}

// AddressesState are a peer's addresses.
type AddressesState struct {
	Running   bool
	Validator bool
	Announced bool // its addresses are those of p2p.announce
	All       []AddressState
}

// measureAddresses tries to listen where a stopped peer will, and to reach where a
// running one does.
func (e *examination) measureAddresses() AddressesState {
	cfg := e.home.Config()
	s := AddressesState{Running: e.Running != nil, Validator: cfg.Node.Role == p2p.RoleValidator, Announced: len(cfg.P2P.Announce) > 0}
	try := e.listen
	listen, metrics, page := cfg.P2P.Listen, cfg.Metrics.Listen, ""
	if cfg.Node.Role == p2p.RoleAggregator {
		page = cfg.Aggregator.Listen
	}
	if s.Running {
		self := &e.Running.Self
		try, listen, metrics, page = e.reach, self.Addresses, hostOf(self.Running.Metrics), hostOf(self.Running.HTTP)
	}
	for _, a := range listen {
		network, hostport, err := p2p.Endpoint(a)
		state := AddressState{Text: a, Setting: "p2p.listen", Tried: true, Err: err}
		if err == nil {
			state.Tried, state.Err = try(network, hostport)
		}
		s.All = append(s.All, state)
	}
	for _, a := range []AddressState{{Text: metrics, Setting: "metrics.listen"}, {Text: page, Setting: "aggregator.listen"}} {
		if a.Text != "" {
			a.Tried, a.Err = try("tcp", a.Text)
			s.All = append(s.All, a)
		}
	}
	return s
}

// hostOf is the HOST:PORT of a URL that may not be there.
func hostOf(u *string) string {
	if u == nil {
		return ""
	}
	parsed, err := url.Parse(*u)
	if err != nil {
		return ""
	}
	return parsed.Host
}

// listen tries to listen for a moment.
func (e *examination) listen(network, hostport string) (tried bool, err error) {
	if network == "udp" {
		c, err := new(net.ListenConfig).ListenPacket(e.ctx, network, hostport)
		if err != nil {
			return true, err
		}
		return true, c.Close()
	}
	l, err := new(net.ListenConfig).Listen(e.ctx, network, hostport)
	if err != nil {
		return true, err
	}
	return true, l.Close()
}

// reach tries to connect. Over UDP only the peer's own protocol tells.
func (e *examination) reach(network, hostport string) (tried bool, err error) {
	if network == "udp" {
		return false, nil
	}
	return true, connect(e.ctx, hostport)
}

// connect opens a TCP connection for a moment.
func connect(ctx context.Context, hostport string) error {
	ctx, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	c, err := new(net.Dialer).DialContext(ctx, "tcp", hostport)
	if err != nil {
		return err
	}
	return c.Close()
}

// Addresses judges a peer's addresses.
func Addresses(s AddressesState) []Finding {
	const check = "listen"
	var out []Finding
	tried, p2pAddresses := 0, 0
	for _, a := range s.All {
		if a.Setting == "p2p.listen" {
			p2pAddresses++
		}
		if a.Tried {
			tried++
		}
		switch {
		case a.Err == nil:
		case s.Running && s.Announced && a.Setting == "p2p.listen":
			out = append(out, bad(Yellow, check, "try it from another machine: many routers do not lead back inside; else correct p2p.announce", "%s, which p2p.announce names, cannot be reached from this machine: %v", a.Text, a.Err))
		case s.Running:
			out = append(out, bad(Red, check, "look whether a firewall is in the way", "%s cannot be reached from this machine: %v", a.Text, a.Err))
		default:
			out = append(out, bad(Red, check, "end what uses it, or choose another with "+a.Setting, "%s cannot be listened on: %v", a.Text, a.Err))
		}
	}
	if s.Validator && p2pAddresses == 0 {
		out = append(out, bad(Yellow, check, "set p2p.listen", "this validator listens nowhere: others have to be dialed by it"))
	}
	if len(out) > 0 {
		return out
	}
	measured := fmt.Sprintf("%d addresses can be listened on", tried)
	if s.Running {
		measured = fmt.Sprintf("%d of %d addresses were tried from this machine and answer, the others are UDP", tried, len(s.All))
	}
	return []Finding{green(check, "%s", measured)}
}
