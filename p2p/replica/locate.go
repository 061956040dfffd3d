package replica

import (
	"context"

	"github.com/allegro-p2p/allegro/fastpay"
	"github.com/allegro-p2p/allegro/p2p"
	"golang.org/x/sync/errgroup"
)

// maxLocated bounds the peers that are asked for a payment that a person looks for.
const maxLocated = 64

// Asked is what a peer answered to the question for a payment.
type Asked struct {
	Peer p2p.PeerInfo
	Held bool  // it has the payment, and this peer has it now
	Err  error // why there is no answer
}

// Locate asks the connected peers for a payment, validators first, each of them
// although another one may have it, and takes what they bring. It returns who was
// asked, in that order.
func (r *Replica) Locate(ctx context.Context, network Network, id fastpay.ID) []Asked {
	peers := Greeted(network)
	peers = peers[:min(len(peers), maxLocated)]
	asked := make([]Asked, len(peers))
	var g errgroup.Group
	g.SetLimit(maxAsked)
	for i, peer := range peers {
		g.Go(func() error {
			ctx, cancel := context.WithTimeout(ctx, askTimeout)
			defer cancel()
			resp, err := r.fetch(ctx, network, peer, kindIDs, p2p.SyncRequest{Kind: p2p.SyncIDs, IDs: []fastpay.ID{id}})
			asked[i] = Asked{Peer: peer, Held: len(resp.Items) > 0, Err: err}
			return nil
		})
	}
	_ = g.Wait() // the errors are in asked
	return asked
}
