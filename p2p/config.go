package p2p

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"math/rand/v2"

	"github.com/allegro-p2p/allegro/fastpay"
	"github.com/ethereum/go-ethereum/common"
	"github.com/libp2p/go-libp2p"
	"github.com/prometheus/client_golang/prometheus"
)

// Member is what the network file says about a validator beside the committee:
// names and addresses are outside the committee's id.
type Member struct {
	Key   ed25519.PublicKey // vote key; the same in every committee the validator is in
	Name  string            // for people
	Addrs []string          // where to dial it, with /p2p/ (see [ParsePeer]); may be empty
}

// Config says how a [Node] takes part in a network. Start from [DefaultConfig]:
// the zero Limits do not validate.
type Config struct {
	Identity Identity // transport key
	Role     Role
	Version  string // of the program, told in hello and identify: printable ASCII, 1 to 64 bytes

	Rules         *fastpay.Rules // verifies what comes in; knows all committees
	NetworkDigest common.Hash    // of the network file: a peer with another one is disconnected
	Committee     common.Hash    // joined from the start; its size decides the gossip mesh
	Members       []Member       // validators to keep connected while a committee of theirs is joined

	// ValidatorKey is this peer's vote key and SignHello signs with it; both are
	// set on validators only. SignHello is called concurrently with what
	// [fastpay.HelloDigest] hashes, and may ask another process.
	ValidatorKey ed25519.PublicKey
	SignHello    func(ctx context.Context, committee common.Hash, requester, responder []byte, nonce [32]byte) ([]byte, error)

	Listen   []string // see [ParseListen]; empty: this peer only dials
	Announce []string // addresses to tell others instead of the ones listened on, without /p2p/
	// Browser lets browsers connect: this peer also listens, and says so, for
	// WebSocket on the ports of its TCP addresses and for WebRTC on those of its QUIC
	// addresses. A browser is a client without addresses of its own.
	Browser bool
	Peers   []string // further peers to keep connected, see [ParsePeer]
	// Public says that strangers can reach this peer: it then penalises many peers
	// behind one address and, when overloaded, drops messages of those that are
	// mostly useless. Off, for networks whose peers share a host or a NAT.
	Public bool

	Sink      Sink
	Responder Responder

	// Registerer gets this node's metrics and libp2p's; nil keeps none. Nodes of
	// one process need different registries or wrapped ones.
	Registerer prometheus.Registerer
	Limits     Limits
	// Jitter returns a number in [0,1) that spreads redials; it is called
	// concurrently.
	Jitter func() float64
	// Transport replaces TCP and QUIC over sockets: package p2ptest sets it to
	// simulate a network.
	Transport []libp2p.Option
}

// DefaultConfig returns a Config with the limits of a role. The caller sets
// Identity, Version, Rules, NetworkDigest, Committee, Sink and Responder.
func DefaultConfig(role Role) Config {
	return Config{Role: role, Limits: DefaultLimits(role), Jitter: rand.Float64}
}

// Validate reports the first thing in c that a node cannot run with.
func (c *Config) Validate() error {
	if c.Identity.key == nil {
		return errors.New("p2p: config has no identity: load keys/p2p.key or create one")
	}
	if err := c.Role.check(); err != nil {
		return fmt.Errorf("p2p: %w", err)
	}
	if err := checkVersion(c.Version); err != nil {
		return fmt.Errorf("p2p: %w", err)
	}
	if c.Rules == nil {
		return errors.New("p2p: config has no rules: load the network file")
	}
	if _, ok := c.Rules.Committee(c.Committee); !ok {
		return fmt.Errorf("p2p: committee %s is not in the network file", c.Committee)
	}
	if c.Sink == nil || c.Responder == nil {
		return errors.New("p2p: config needs a sink and a responder")
	}
	if c.Jitter == nil {
		return errors.New("p2p: config has no jitter: start from DefaultConfig")
	}
	if err := c.validateKey(); err != nil {
		return err
	}
	if err := c.validateAddrs(); err != nil {
		return err
	}
	return c.Limits.validate()
}

func (c *Config) validateKey() error {
	isValidator := c.Role == RoleValidator
	switch {
	case isValidator != (c.SignHello != nil), isValidator != (len(c.ValidatorKey) != 0):
		return fmt.Errorf("p2p: a validator, and nobody else, has a validator key and signs hellos: role is %s", c.Role)
	case isValidator && len(c.ValidatorKey) != ed25519.PublicKeySize:
		return fmt.Errorf("p2p: validator key has %d bytes, want %d", len(c.ValidatorKey), ed25519.PublicKeySize)
	}
	return nil
}

func (c *Config) validateAddrs() error {
	for _, s := range c.Listen {
		if _, err := ParseListen(s); err != nil {
			return fmt.Errorf("p2p: listen %w", err)
		}
	}
	if c.Browser && c.Transport != nil {
		return errors.New("p2p: browsers cannot reach a simulated network: Browser and Transport exclude each other")
	}
	for _, s := range c.Announce {
		if _, err := ParseAnnounce(s); err != nil {
			return fmt.Errorf("p2p: announce %w", err)
		}
	}
	for _, s := range c.Peers {
		if _, err := ParsePeer(s); err != nil {
			return fmt.Errorf("p2p: peer %w", err)
		}
	}
	for _, m := range c.Members {
		if len(m.Key) != ed25519.PublicKeySize {
			return fmt.Errorf("p2p: member %q: key has %d bytes, want %d", m.Name, len(m.Key), ed25519.PublicKeySize)
		}
		for _, s := range m.Addrs {
			if _, err := ParsePeer(s); err != nil {
				return fmt.Errorf("p2p: member %q: %w", m.Name, err)
			}
		}
	}
	return nil
}
