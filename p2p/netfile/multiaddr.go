package netfile

import (
	"fmt"

	ma "github.com/multiformats/go-multiaddr"
)

// exampleAddress is what an error about an address shows.
const exampleAddress = "/ip4/192.0.2.1/tcp/4001/p2p/12D3KooW…"

// peerOf checks the form of a member's multiaddr and returns the peer id that it
// ends in. Which transports are dialed is for the network layer to say.
func peerOf(addr string) (string, error) {
	parsed, err := ma.NewMultiaddr(addr)
	if err != nil {
		return "", fmt.Errorf("address %q is not a multiaddr: %w: want one like %s", addr, err, exampleAddress)
	}
	route, last := ma.SplitLast(parsed)
	if last.Code() != ma.P_P2P {
		return "", fmt.Errorf("address %q does not end in a peer id: append /p2p/ and the id that `allegro id` prints there", addr)
	}
	if len(route) == 0 {
		return "", fmt.Errorf("address %q does not say where to dial: want one like %s", addr, exampleAddress)
	}
	if _, err := route.ValueForProtocol(ma.P_P2P); err == nil {
		return "", fmt.Errorf("address %q names two peers: dial the member itself, not a relay", addr)
	}
	return last.Value(), nil
}
