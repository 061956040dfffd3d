package p2p

import (
	"strings"
	"testing"

	ma "github.com/multiformats/go-multiaddr"
)

// somePeer is a well-formed peer id.
var somePeer = IdentityFromSeed("multiaddr").PeerID().String()

func TestParseListen(t *testing.T) {
	for _, s := range []string{
		"/ip4/0.0.0.0/tcp/0", "/ip4/127.0.0.1/tcp/4001", "/ip4/127.0.0.1/udp/4001/quic-v1",
		"/ip6/::/tcp/4001", "/ip6/::1/udp/0/quic-v1", "/ip4/10.0.0.1/tcp/65535",
	} {
		if got, err := ParseListen(s); err != nil || got != s {
			t.Errorf("%s: %q, %v", s, got, err)
		}
	}
	for _, c := range []struct{ addr, want string }{
		{"", "is empty: want one like /ip4/127.0.0.1/tcp/4001"},
		{"/", "ends in a slash"},
		{"/ip4/127.0.0.1/tcp/4001/", "did you mean /ip4/127.0.0.1/tcp/4001?"},
		{"127.0.0.1:4001", "did you mean /ip4/127.0.0.1/tcp/4001?"},
		{"[::1]:4001", "did you mean /ip6/::1/tcp/4001?"},
		{"ip4/127.0.0.1/tcp/4001", "does not start with a slash"},
		{":4001", "does not start with a slash"},
		{"/ip4/127.0.0.1/4001", "4001 is not a protocol: did you mean /ip4/127.0.0.1/tcp/4001?"},
		{"/ip4/127.0.0.1", "has no transport: did you mean /ip4/127.0.0.1/tcp/4001?"},
		{"/ip4", "ip4 has no address behind it"},
		{"/127.0.0.1/tcp/4001", "127.0.0.1 is not a protocol: did you mean /ip4/127.0.0.1/tcp/4001?"},
		{"/::1/tcp/4001", "did you mean /ip6/::1/tcp/4001?"},
		{"/tcp/4001", `"tcp" is not a protocol it can start with`},
		{"/ip4/::1/tcp/4001", "::1 is an ip6 address: did you mean /ip6/::1/tcp/4001?"},
		{"/ip6/127.0.0.1/tcp/4001", "127.0.0.1 is an ip4 address: did you mean /ip4/127.0.0.1/tcp/4001?"},
		{"/ip4/127.0.0.256/tcp/4001", "127.0.0.256 is not an ip4 address"},
		{"/ip6/fe80::1%eth0/tcp/4001", "is not an ip6 address"},
		{"/ip4/127.0.0.1/tcp", "tcp has no port behind it: did you mean /ip4/127.0.0.1/tcp/4001?"},
		{"/ip4/127.0.0.1/tcp/http", "http is not a port: want a number from 1 to 65535"},
		{"/ip4/127.0.0.1/tcp/-1", "-1 is not a port"},
		{"/ip4/127.0.0.1/tcp/65536", "port 65536 is above 65535"},
		{"/ip4/127.0.0.1/tcp/99999999999999999999", "is not a port"},
		{"/ip4/127.0.0.1/udp/4001", "udp alone carries no connection: did you mean /ip4/127.0.0.1/udp/4001/quic-v1?"},
		{"/ip4/127.0.0.1/udp/4001/quic", "did you mean /ip4/127.0.0.1/udp/4001/quic-v1?"},
		{"/ip4/127.0.0.1/udp/4001/webrtc-direct", "transport webrtc-direct is for browsers"},
		{"/ip4/127.0.0.1/udp/4001/quic-v1/webtransport", "transport webtransport is not supported"},
		{"/ip4/127.0.0.1/tcp/4001/ws", "transport ws is for browsers"},
		{"/ip4/127.0.0.1/sctp/4001", `transport "sctp" is not supported`},
		{"/dns4/example.org/tcp/4001", "a name cannot be listened on"},
		{"/ip4/127.0.0.1/tcp/4001/p2p/" + somePeer, "the peer id follows from the key file"},
		{"/unix/run/api.sock", "is not a protocol it can start with"},
	} {
		checkAddrError(t, c.addr, c.want, func(s string) error { _, err := ParseListen(s); return err })
	}
}

func TestParsePeer(t *testing.T) {
	for _, s := range []string{
		"/ip4/127.0.0.1/tcp/4001", "/ip6/::1/udp/4001/quic-v1", "/dns4/example.org/tcp/4001",
		"/dns6/example.org/udp/4001/quic-v1", "/dns/example.org/tcp/1",
	} {
		got, err := ParsePeer(s + "/p2p/" + somePeer)
		if err != nil || got.Addr != s || got.ID.String() != somePeer || got.String() != s+"/p2p/"+somePeer {
			t.Errorf("%s: %v, %v", s, got, err)
		}
	}
	for _, c := range []struct{ addr, want string }{
		{"/ip4/127.0.0.1/tcp/4001", "has no peer id: append /p2p/"},
		{"/ip4/127.0.0.1/4001/p2p/" + somePeer, "did you mean /ip4/127.0.0.1/tcp/4001/p2p/" + somePeer + "?"},
		{"/ip4/127.0.0.1/udp/4001/p2p/" + somePeer, "did you mean /ip4/127.0.0.1/udp/4001/quic-v1/p2p/" + somePeer + "?"},
		{"/ip4/127.0.0.1/tcp/4001/p2p", "p2p has no peer id behind it"},
		{"/ip4/127.0.0.1/tcp/4001/p2p/alice", "alice is not a peer id: want one like 12D3KooW…"},
		{"/ip4/127.0.0.1/tcp/4001/ipfs/" + somePeer, "did you mean /ip4/127.0.0.1/tcp/4001/p2p/" + somePeer + "?"},
		{"/ip4/127.0.0.1/tcp/4001/" + somePeer, "stands where the peer id should"},
		{"/ip4/127.0.0.1/tcp/0/p2p/" + somePeer, "port 0 cannot be dialed"},
		{"/ip4/0.0.0.0/tcp/4001/p2p/" + somePeer, "0.0.0.0 stands for every address"},
		{"/ip4/localhost/tcp/4001/p2p/" + somePeer, "did you mean /dns4/localhost/tcp/4001/p2p/" + somePeer + "?"},
		{"/dns4//tcp/4001/p2p/" + somePeer, "dns4 has no host name behind it"},
		{"/dnsaddr/example.org/p2p/" + somePeer, "dnsaddr is not supported"},
		{"/ip4/127.0.0.1/tcp/4001/p2p/" + somePeer + "/p2p-circuit/p2p/" + somePeer, "relays are not supported"},
		{"/ip4/127.0.0.1/tcp/4001/p2p/" + somePeer + "/tcp/1", "/tcp/1 at its end does not belong there"},
	} {
		checkAddrError(t, c.addr, c.want, func(s string) error { _, err := ParsePeer(s); return err })
	}
}

func checkAddrError(t *testing.T, addr, want string, parse func(string) error) {
	t.Helper()
	err := parse(addr)
	if err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("%q: error %v, want one with %q", addr, err, want)
	}
}

// FuzzParsePeer: whatever parses is a multiaddr that prints as it was written.
func FuzzParsePeer(f *testing.F) {
	f.Add("/ip4/127.0.0.1/tcp/4001/p2p/" + somePeer)
	f.Add("/ip6/::1/udp/4001/quic-v1/p2p/" + somePeer)
	f.Add("/dns4/a/tcp/4001/p2p/" + somePeer)
	f.Add("/ip4/127.0.0.1/4001")
	f.Fuzz(func(t *testing.T, s string) {
		a, err := ParsePeer(s)
		if err != nil {
			return
		}
		if _, err := ma.NewMultiaddr(a.String()); err != nil {
			t.Errorf("%q parses but is no multiaddr: %v", s, err)
		}
		if b, err := ParsePeer(a.String()); err != nil || b != a {
			t.Errorf("%q parses as %v, which parses as %v, %v", s, a, b, err)
		}
	})
}

func TestEndpoint(t *testing.T) {
	id := IdentityFromSeed("a").PeerID().String()
	for addr, want := range map[string][2]string{
		"/ip4/127.0.0.1/tcp/4001":                    {"tcp", "127.0.0.1:4001"},
		"/ip6/::1/udp/4001/quic-v1":                  {"udp", "[::1]:4001"},
		"/ip4/192.0.2.1/tcp/4001/p2p/" + id:          {"tcp", "192.0.2.1:4001"},
		"/dns4/dave.example/udp/1/quic-v1/p2p/" + id: {"udp", "dave.example:1"},
		"/ip4/127.0.0.1/tcp/4001/ws":                 {"tcp", "127.0.0.1:4001"},
	} {
		network, hostport, err := Endpoint(addr)
		if err != nil || network != want[0] || hostport != want[1] {
			t.Errorf("%s: %s %s, %v, want %v", addr, network, hostport, err, want)
		}
	}
	for _, addr := range []string{"127.0.0.1:4001", "/p2p/" + id} {
		if _, _, err := Endpoint(addr); err == nil {
			t.Errorf("%s has an endpoint", addr)
		}
	}
}
