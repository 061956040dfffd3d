package p2p_test

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/allegro-p2p/allegro/p2p"
)

// An address to dial ends in the peer's id. An error says what was probably meant.
func ExampleParsePeer() {
	addr, err := p2p.ParsePeer("/dns4/dave.example/udp/7101/quic-v1/p2p/12D3KooWJffCHfWKZJVSutW2VdijqWM3UqQzHBhwQwa6HT6NiApL")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(addr.ID, "at", addr.Addr)
	for _, slip := range []string{"192.0.2.1:7101", "/ip4/dave.example/tcp/7101", "/ip4/192.0.2.1/7101"} {
		_, err := p2p.ParsePeer(slip)
		fmt.Println(err)
	}
	// Output:
	// 12D3KooWJffCHfWKZJVSutW2VdijqWM3UqQzHBhwQwa6HT6NiApL at /dns4/dave.example/udp/7101/quic-v1
	// address "192.0.2.1:7101": is no multiaddr: did you mean /ip4/192.0.2.1/tcp/7101?
	// address "/ip4/dave.example/tcp/7101": dave.example is not an ip4 address: did you mean /dns4/dave.example/tcp/7101?
	// address "/ip4/192.0.2.1/7101": 7101 is not a protocol: did you mean /ip4/192.0.2.1/tcp/7101?
}

// A peer keeps its transport key in a file of its own and is known by the id of it.
func ExampleIdentity_Save() {
	dir, err := os.MkdirTemp("", "example-")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "p2p.key")
	identity, err := p2p.NewIdentity()
	if err != nil {
		fmt.Println(err)
		return
	}
	if err := identity.Save(path); err != nil {
		fmt.Println(err)
		return
	}
	loaded, err := p2p.LoadIdentity(path)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("the same peer:", loaded.PeerID() == identity.PeerID())
	fmt.Println("overwritten:", identity.Save(path) == nil)
	// Output:
	// the same peer: true
	// overwritten: false
}
