package client

import (
	"github.com/allegro-p2p/allegro/client/request"
	"github.com/allegro-p2p/allegro/fastpay"
	"github.com/ethereum/go-ethereum/common"
	"github.com/holiman/uint256"
)

// NewRequest returns a request to pay this account, which [Requests.Add] keeps. It names
// this peer, whose addresses no network file has, and then validators. expires is in chain
// seconds, 0 for never.
func (c *Client) NewRequest(asset common.Address, amount uint256.Int, note string, expires uint64) request.Request {
	addrs := c.node.Addrs()
	for _, m := range c.cfg.Node.Members {
		addrs = append(addrs, m.Addrs...)
	}
	return request.Request{
		Network: c.cfg.Node.NetworkDigest, Payee: c.address, Asset: asset, Amount: amount, Note: note, Expires: expires,
		Peers: request.ChoosePeers(addrs),
	}
}

// OrderOf returns the payment that a request asks this account for. The error says why it
// must not be paid: see [request.Payer].
func (c *Client) OrderOf(r *request.Request) (Order, error) {
	payer := request.Payer{Network: c.cfg.Node.NetworkDigest, Account: c.address, Clock: uint64(max(c.cfg.Now().Unix(), 0))}
	for _, a := range c.cfg.Rules.Assets() {
		payer.Assets = append(payer.Assets, a.Address)
	}
	c.replica.Read(func(b *fastpay.Board) { payer.ChainTime = b.Finalized().Time })
	if err := payer.Check(r); err != nil {
		return Order{}, err
	}
	return Order{To: r.Payee, Asset: r.Asset, Amount: r.Amount, Note: r.Note, Parents: Parents{Auto: true}}, nil
}
