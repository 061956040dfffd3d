package testnet

import (
	"context"
	"errors"
	"fmt"
	"net"
	"syscall"

	"github.com/allegro-p2p/allegro/aggregator"
	"github.com/allegro-p2p/allegro/p2p"
	"golang.org/x/sync/errgroup"
)

// maxPorts is how many ports are tried from the one that is asked for.
const maxPorts = 100

// ServePages serves the page and the API of every aggregator on loopback until stop is
// called, each on a port that is free, from the one that is asked for on. The scene can
// be played again from there. It returns the URLs by peer name.
func (n *Network) ServePages(ctx context.Context, port int) (urls map[string]string, stop func() error, err error) {
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	g, ctx := errgroup.WithContext(ctx)
	stop = func() error {
		cancel()
		return g.Wait()
	}
	urls = make(map[string]string)
	for _, p := range n.Peers {
		if p.Role != p2p.RoleAggregator {
			continue
		}
		server, err := p.Aggregator.HTTP(aggregator.HTTPConfig{File: n.file, Version: n.cfg.Version, Demo: &demo{n}, Gatherer: p.Registry})
		if err != nil {
			return nil, nil, errors.Join(err, stop())
		}
		listener, err := listenFrom(ctx, port)
		if err != nil {
			return nil, nil, errors.Join(fmt.Errorf("serving the page of %s: %w", p.Name, err), stop())
		}
		urls[p.Name] = aggregator.URL(listener.Addr())
		g.Go(func() error { return server.Serve(ctx, listener) })
	}
	return urls, stop, nil
}

// listenFrom listens on the first loopback port from one on that is free.
func listenFrom(ctx context.Context, port int) (listener net.Listener, err error) {
	for i := range maxPorts {
		listener, err = new(net.ListenConfig).Listen(ctx, "tcp", fmt.Sprintf("127.0.0.1:%d", port+i))
		if !errors.Is(err, syscall.EADDRINUSE) {
			return listener, err
		}
	}
	return nil, fmt.Errorf("none of %d ports is free: %w", maxPorts, err)
}
