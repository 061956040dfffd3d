package p2p

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"github.com/libp2p/go-libp2p/core/peer"
	ma "github.com/multiformats/go-multiaddr"
	manet "github.com/multiformats/go-multiaddr/net"
)

// PeerAddr is a peer and where to dial it.
type PeerAddr struct {
	ID   PeerID
	Addr string // multiaddr without /p2p/
}

// String returns the multiaddr with /p2p/.
func (a PeerAddr) String() string { return a.Addr + "/p2p/" + a.ID.String() }

// Loopback reports whether only this machine can dial the address.
func (a PeerAddr) Loopback() bool {
	parts := strings.Split(a.Addr, "/")
	if len(parts) < 3 {
		return false
	}
	ip, err := netip.ParseAddr(parts[2])
	return parts[2] == "localhost" || err == nil && ip.IsLoopback()
}

// ParseListen checks an address to listen on: /ip4/ADDR/tcp/PORT or
// /ip4/ADDR/udp/PORT/quic-v1, or the same with ip6. Port 0 lets the system
// choose. The error names the part that is wrong and what was probably meant.
func ParseListen(s string) (string, error) {
	a, err := parseAddr(s, addrForm{})
	return a.Addr, err
}

// ParsePeer checks the address of a peer to dial: what [ParseListen] takes, or a
// dns4, dns6 or dns name, then /p2p/ and the peer's id. The error names the part
// that is wrong and what was probably meant.
func ParsePeer(s string) (PeerAddr, error) {
	return parseAddr(s, addrForm{peer: true, dial: true})
}

// ParseAnnounce checks an address that others are told to dial: what [ParsePeer]
// takes without the peer's id. The error names the part that is wrong and what was
// probably meant.
func ParseAnnounce(s string) (string, error) {
	a, err := parseAddr(s, addrForm{dial: true})
	return a.Addr, err
}

// Endpoint returns the network, "tcp" or "udp", and the HOST:PORT of an address that
// this package's parsers take.
func Endpoint(addr string) (network, hostport string, err error) {
	m, err := ma.NewMultiaddr(addr)
	if err != nil {
		return "", "", fmt.Errorf("address %q: %w", addr, err)
	}
	network, hostport, err = manet.DialArgs(m)
	if err != nil {
		return "", "", fmt.Errorf("address %q: %w", addr, err)
	}
	return strings.TrimRight(network, "46"), hostport, nil
}

// addrForm says which addresses are wanted.
type addrForm struct {
	peer bool // ends in /p2p/ID
	dial bool // is dialed: names are possible, port 0 and wildcards are not
}

// example is an address of the form.
func (f addrForm) example() string {
	if f.peer {
		return "/ip4/127.0.0.1/tcp/4001/p2p/12D3KooW…"
	}
	return "/ip4/127.0.0.1/tcp/4001"
}

// addrParser walks the parts of a multiaddr between slashes.
type addrParser struct {
	text  string
	form  addrForm
	parts []string
	at    int
}

func parseAddr(s string, form addrForm) (PeerAddr, error) {
	p := &addrParser{text: s, form: form}
	a, err := p.parse()
	if err != nil {
		return PeerAddr{}, fmt.Errorf("address %q: %w", s, err)
	}
	return a, nil
}

func (p *addrParser) parse() (PeerAddr, error) {
	if err := p.split(); err != nil {
		return PeerAddr{}, err
	}
	if err := p.host(); err != nil {
		return PeerAddr{}, err
	}
	if err := p.transport(); err != nil {
		return PeerAddr{}, err
	}
	addr := "/" + strings.Join(p.parts[:p.at], "/")
	id, err := p.peer()
	if err != nil {
		return PeerAddr{}, err
	}
	if rest := p.rest(); rest != "" {
		return PeerAddr{}, fmt.Errorf("%s at its end does not belong there: remove it", rest)
	}
	if _, err := ma.NewMultiaddr(addr); err != nil {
		return PeerAddr{}, fmt.Errorf("%w: want one like %s", err, p.form.example())
	}
	return PeerAddr{ID: id, Addr: addr}, nil
}

// split cuts the text into parts.
func (p *addrParser) split() error {
	switch {
	case p.text == "":
		return fmt.Errorf("is empty: want one like %s", p.form.example())
	case !strings.HasPrefix(p.text, "/"):
		if ap, err := netip.ParseAddrPort(p.text); err == nil {
			return fmt.Errorf("is no multiaddr: did you mean /%s/%s/tcp/%d?", family(ap.Addr()), ap.Addr(), ap.Port())
		}
		return fmt.Errorf("does not start with a slash: want one like %s", p.form.example())
	case strings.HasSuffix(p.text, "/"):
		return fmt.Errorf("ends in a slash: did you mean %s?", strings.TrimRight(p.text, "/"))
	}
	p.parts = strings.Split(p.text[1:], "/")
	return nil
}

// next returns the part at the cursor and moves on; "" at the end.
func (p *addrParser) next() string {
	if p.at == len(p.parts) {
		return ""
	}
	p.at++
	return p.parts[p.at-1]
}

// peek returns the part at the cursor; "" at the end.
func (p *addrParser) peek() string {
	if p.at == len(p.parts) {
		return ""
	}
	return p.parts[p.at]
}

// rest is what has not been read.
func (p *addrParser) rest() string {
	if p.at == len(p.parts) {
		return ""
	}
	return "/" + strings.Join(p.parts[p.at:], "/")
}

// with is the whole text with insert put in front of the last `back` parts read.
func (p *addrParser) with(back int, insert ...string) string {
	parts := append([]string(nil), p.parts[:p.at-back]...)
	parts = append(append(parts, insert...), p.parts[p.at-back:]...)
	return "/" + strings.Join(parts, "/")
}

// replaced is the whole text with the last part read replaced.
func (p *addrParser) replaced(back int, part string) string {
	parts := append([]string(nil), p.parts...)
	parts[p.at-back] = part
	return "/" + strings.Join(parts, "/")
}

// host reads /ip4/ADDR, /ip6/ADDR or, in an address to dial, /dns…/NAME.
func (p *addrParser) host() error {
	switch proto := p.next(); proto {
	case "ip4", "ip6":
		return p.ip(proto)
	case "dns", "dns4", "dns6":
		name := p.next()
		switch {
		case !p.form.dial:
			return fmt.Errorf("a name cannot be listened on: use /ip4/0.0.0.0 or one of this host's addresses")
		case name == "":
			return fmt.Errorf("%s has no host name behind it: want /%s/example.org/tcp/4001", proto, proto)
		}
		return nil
	case "dnsaddr":
		return fmt.Errorf("dnsaddr is not supported: use dns4 or dns6 with a port")
	default:
		if a, err := netip.ParseAddr(proto); err == nil {
			return fmt.Errorf("%s is not a protocol: did you mean %s?", proto, p.with(1, family(a)))
		}
		return fmt.Errorf("%q is not a protocol it can start with: want one like %s", proto, p.form.example())
	}
}

// ip reads the address behind ip4 or ip6.
func (p *addrParser) ip(proto string) error {
	text := p.next()
	a, err := netip.ParseAddr(text)
	switch {
	case text == "":
		return fmt.Errorf("%s has no address behind it: want one like %s", proto, p.form.example())
	case err != nil && p.form.dial && looksLikeName(text):
		return fmt.Errorf("%s is not an %s address: did you mean %s?", text, proto, p.replaced(2, "dns4"))
	case err != nil || a.Zone() != "":
		return fmt.Errorf("%s is not an %s address", text, proto)
	case family(a) != proto:
		return fmt.Errorf("%s is an %s address: did you mean %s?", text, family(a), p.replaced(2, family(a)))
	case p.form.dial && a.IsUnspecified():
		return fmt.Errorf("%s stands for every address and cannot be dialed: name one of the peer's addresses", text)
	}
	return nil
}

// transport reads /tcp/PORT or /udp/PORT/quic-v1.
func (p *addrParser) transport() error {
	proto := p.next()
	switch proto {
	case "tcp", "udp":
	case "":
		return fmt.Errorf("has no transport: did you mean %s/tcp/4001?", p.text)
	default:
		if _, err := strconv.Atoi(proto); err == nil {
			return fmt.Errorf("%s is not a protocol: did you mean %s?", proto, p.with(1, "tcp"))
		}
		return fmt.Errorf("transport %q is not supported: use tcp/PORT or udp/PORT/quic-v1", proto)
	}
	if err := p.port(proto); err != nil {
		return err
	}
	if proto == "udp" {
		switch next := p.peek(); next {
		case "quic-v1":
			p.next()
		case "quic":
			p.next()
			return fmt.Errorf("quic is a draft that nobody speaks any more: did you mean %s?", p.replaced(1, "quic-v1"))
		case "webrtc-direct":
			return errForBrowsers(next)
		default:
			return fmt.Errorf("udp alone carries no connection: did you mean %s?", p.with(0, "quic-v1"))
		}
	}
	switch next := p.peek(); next {
	case "ws":
		return errForBrowsers(next)
	case "wss", "tls", "webtransport", "p2p-circuit":
		return fmt.Errorf("transport %s is not supported: use tcp/PORT or udp/PORT/quic-v1", next)
	}
	return nil
}

// errForBrowsers is about a transport that only browsers dial.
func errForBrowsers(transport string) error {
	return fmt.Errorf("transport %s is for browsers and needs no address of its own: with p2p.browser = true a peer listens for them on its tcp and quic-v1 ports", transport)
}

// port reads the number behind tcp or udp.
func (p *addrParser) port(proto string) error {
	text := p.next()
	n, err := strconv.ParseUint(text, 10, 64)
	switch {
	case text == "":
		return fmt.Errorf("%s has no port behind it: did you mean %s/4001?", proto, p.text)
	case err != nil:
		return fmt.Errorf("%s is not a port: want a number from 1 to 65535", text)
	case n > 65535:
		return fmt.Errorf("port %s is above 65535", text)
	case n == 0 && p.form.dial:
		return fmt.Errorf("port 0 cannot be dialed: name the port the peer listens on")
	}
	return nil
}

// peer reads /p2p/ID if the form has one.
func (p *addrParser) peer() (PeerID, error) {
	proto := p.peek()
	switch {
	case proto == "ipfs":
		p.next()
		return "", fmt.Errorf("ipfs is the old name of p2p: did you mean %s?", p.replaced(1, "p2p"))
	case p.form.peer && proto != "p2p":
		if proto != "" {
			return "", fmt.Errorf("%s stands where the peer id should: want /p2p/12D3KooW… behind the transport", p.rest())
		}
		return "", fmt.Errorf("has no peer id: append /p2p/ and the id that `allegro id` prints there")
	case !p.form.peer && proto == "p2p":
		return "", fmt.Errorf("%s does not belong there: the peer id follows from the key file", p.rest())
	case !p.form.peer:
		return "", nil
	}
	p.next()
	text := p.next()
	if text == "" {
		return "", fmt.Errorf("p2p has no peer id behind it: append the id that `allegro id` prints there")
	}
	id, err := peer.Decode(text)
	if err != nil {
		return "", fmt.Errorf("%s is not a peer id: want one like 12D3KooW…, as `allegro id` prints it", text)
	}
	if p.peek() == "p2p-circuit" {
		return "", fmt.Errorf("relays are not supported: dial the peer itself")
	}
	return id, nil
}

// family is the multiaddr protocol of an address.
func family(a netip.Addr) string {
	if a.Is4() {
		return "ip4"
	}
	return "ip6"
}

// looksLikeName reports whether s has a letter, as a host name has and an IPv4
// address with a slip does not.
func looksLikeName(s string) bool {
	return strings.ContainsFunc(s, func(r rune) bool { return r >= 'g' && r <= 'z' || r >= 'G' && r <= 'Z' }) && !strings.Contains(s, ":")
}
