package request

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/allegro-p2p/allegro/p2p"
)

const (
	// maxPeer bounds a multiaddr in a request, in bytes, so that MaxPeers of them fit.
	maxPeer = 256
	// peerIDPrefix starts the 38 bytes of the id of an Ed25519 key, the only kind that peers
	// have: an identity multihash of the key in libp2p's protobuf form.
	peerIDPrefix = "\x00\x24\x08\x01\x12\x20"
	peerIDLength = 38
)

// parsePeer refuses a multiaddr that cannot be dialed, or that could be spelled otherwise.
func parsePeer(text string) (p2p.PeerAddr, error) {
	if len(text) > maxPeer {
		return p2p.PeerAddr{}, fmt.Errorf("peer has %d bytes: at most %d are possible", len(text), maxPeer)
	}
	peer, err := p2p.ParsePeer(text)
	if err != nil {
		return peer, fmt.Errorf("peer: %w", err)
	}
	if id := string(peer.ID); peer.String() != text || len(id) != peerIDLength || !strings.HasPrefix(id, peerIDPrefix) {
		return peer, fmt.Errorf("peer %s: want a peer id like 12D3KooW…", text)
	}
	parts := strings.Split(peer.Addr, "/")
	if err := checkHost(parts[1], parts[2]); err != nil {
		return peer, fmt.Errorf("peer %s: %w", text, err)
	}
	if !canonicalDigits(parts[4]) {
		return peer, fmt.Errorf("peer %s: port %s has zeros in front", text, parts[4])
	}
	return peer, nil
}

// checkHost refuses a host that has another spelling.
func checkHost(protocol, host string) error {
	if strings.HasPrefix(protocol, "dns") {
		if strings.Trim(host, "abcdefghijklmnopqrstuvwxyz0123456789-.") != "" {
			return errors.New("want a host name of lower-case letters, digits, hyphens and dots")
		}
		return nil
	}
	addr, err := netip.ParseAddr(host)
	switch {
	case err != nil:
		return err
	case addr.Is4In6():
		return fmt.Errorf("want /ip4/%s", addr.Unmap())
	case addr.String() != host:
		return fmt.Errorf("want /%s/%s", protocol, addr)
	}
	return nil
}

// ChoosePeers returns those of some multiaddrs with /p2p/ that a request names: one of
// each peer, the first that is not loopback, of the first MaxPeers that have such; or
// loopback ones if there are no others. What a request cannot name is left out.
func ChoosePeers(addrs []string) []string {
	var far, near []p2p.PeerAddr
	for _, text := range addrs {
		peer, err := parsePeer(text)
		if err != nil {
			continue
		}
		list := &far
		if peer.Loopback() {
			list = &near
		}
		if !slices.ContainsFunc(*list, func(other p2p.PeerAddr) bool { return other.ID == peer.ID }) {
			*list = append(*list, peer)
		}
	}
	if len(far) == 0 {
		far = near
	}
	var chosen []string
	for _, peer := range far[:min(len(far), MaxPeers)] {
		chosen = append(chosen, peer.String())
	}
	return chosen
}
