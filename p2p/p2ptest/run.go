package p2ptest

import (
	"context"

	"github.com/allegro-p2p/allegro/p2p"
)

// Loopback lets a node that is about to be made listen on 127.0.0.1, on ports that
// the system chooses: TCP and QUIC. It sets Identity, from the name, and Listen.
func Loopback(cfg *p2p.Config, name string) {
	cfg.Identity = p2p.IdentityFromSeed("p2ptest/" + name)
	cfg.Listen = []string{"/ip4/127.0.0.1/tcp/0", "/ip4/127.0.0.1/udp/0/quic-v1"}
}

// Run runs a node until stop is called, which returns what the node's Run did. It
// returns when the node listens, or has failed to: stop then tells why.
func Run(n *p2p.Node) (stop func() error) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- n.Run(ctx) }()
	stop = func() error {
		cancel()
		err := <-done
		done <- err
		return err
	}
	select {
	case <-n.Listening():
	case err := <-done:
		done <- err
	}
	return stop
}
