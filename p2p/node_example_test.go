package p2p_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"time"

	"github.com/allegro-p2p/allegro/fastpay"
	"github.com/allegro-p2p/allegro/p2p"
	"github.com/allegro-p2p/allegro/p2p/netfile"
	"github.com/allegro-p2p/allegro/p2p/replica"
	"golang.org/x/sync/errgroup"
)

// peer is a node with what it knows.
type peer struct {
	*p2p.Node
	known *replica.Replica
}

// newPeer returns a peer on loopback that keeps connected to some others.
func newPeer(network *netfile.File, rules *fastpay.Rules, others ...string) (p peer, err error) {
	p.known, err = replica.New(replica.Config{Rules: rules, Limits: fastpay.DefaultBoardLimits(), Now: time.Now, Jitter: rand.Float64})
	if err != nil {
		return p, err
	}
	cfg := p2p.DefaultConfig(p2p.RoleClient)
	if cfg.Identity, err = p2p.NewIdentity(); err != nil {
		return p, err
	}
	cfg.Version, cfg.Jitter, cfg.Listen, cfg.Peers = "example", rand.Float64, []string{"/ip4/127.0.0.1/tcp/0"}, others
	cfg.Rules, cfg.NetworkDigest, cfg.Committee = rules, network.Digest(), rules.Committees()[0].ID()
	cfg.Sink, cfg.Responder = p.known, p.known
	if p.Node, err = p2p.New(cfg); err != nil {
		return p, err
	}
	p.OnPeer(p.known.PeerEvent)
	return p, nil
}

// run takes part in the network until ctx ends.
func (p peer) run(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return p.Node.Run(ctx) })
	g.Go(func() error { return p.known.Run(ctx, p.Node) })
	return g.Wait()
}

// paid returns a network and the QC of a payment in it, from the two files that a payee has
// of them.
func paid() (*netfile.File, *fastpay.Rules, *fastpay.QC, error) {
	network, err := netfile.Load("netfile/testdata/network.toml")
	if err != nil {
		return nil, nil, nil, err
	}
	rules, err := network.Rules()
	if err != nil {
		return nil, nil, nil, err
	}
	file, err := os.ReadFile("netfile/testdata/qc.json")
	if err != nil {
		return nil, nil, nil, err
	}
	qc, err := rules.ParseQCFile(file)
	return network, rules, qc, err
}

// Two peers connect, and make sure that they are of one network. Who comes late is brought
// what the other one holds, and verifies it.
func ExampleNode_Run() {
	network, rules, qc, err := paid()
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	g, ctx := errgroup.WithContext(ctx)
	first, err := newPeer(network, rules)
	if err != nil {
		fmt.Println(err)
		return
	}
	g.Go(func() error { return first.run(ctx) })
	var refused error
	err = first.known.Update(func(b *fastpay.Board) { refused = b.AddQC(qc) })
	if err := errors.Join(err, refused); err != nil {
		fmt.Println(err)
		return
	}
	<-first.Listening()
	late, err := newPeer(network, rules, first.Addrs()...) // as peers in config.toml names them
	if err != nil {
		fmt.Println(err)
		return
	}
	g.Go(func() error { return late.run(ctx) })
	certified := func(b *fastpay.Board) bool { return b.Stage(qc.Tx().ID()).Rank() >= fastpay.StageCertified.Rank() }
	fmt.Println("the late peer waits for the QC:", late.known.Wait(ctx, certified))
	cancel()
	fmt.Println("both end:", errors.Is(g.Wait(), context.Canceled))
	// Output:
	// the late peer waits for the QC: <nil>
	// both end: true
}
