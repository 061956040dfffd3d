package testnet

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/allegro-p2p/allegro/client"
	"github.com/allegro-p2p/allegro/fastpay"
	"github.com/allegro-p2p/allegro/p2p/netfile"
	"github.com/holiman/uint256"
)

// ErrPlaying means that the scene is being played at the moment.
var ErrPlaying = errors.New("the scene is being played: wait until it has ended")

// ErrMoneyShort means that the clients together no longer have what the scene needs.
var ErrMoneyShort = errors.New("money is short")

// refillBlocks is how many blocks the payments that bring the money back get to become
// final.
const refillBlocks = 8

// Replay runs the scene of [Network.Play] once more, with the money that the clients
// have now: if the first one lacks it, others pay it back first. Others may pay
// meanwhile, so it does not judge balances. It can be called while the network runs; one
// scene is played at a time.
//
// The error is of what kept the scene from beginning, or of the machinery.
func (n *Network) Replay(ctx context.Context, report func(Event)) (*Result, error) {
	select {
	case n.stage <- struct{}{}:
	default:
		return nil, ErrPlaying
	}
	defer func() { <-n.stage }()
	if err := n.refill(ctx); err != nil {
		return nil, err
	}
	return n.play(ctx, nil, report)
}

// refill lets clients pay the first one, if it lacks the money for the scene, until it
// has what it had at the beginning, the richest first, and waits until the chain has it.
func (n *Network) refill(ctx context.Context) error {
	clients := n.Clients()
	first, needs := clients[0], uint256.NewInt(HopAmount)
	have, err := n.spendable(ctx, first)
	if err != nil || !have.Lt(needs) {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, refillBlocks*n.cfg.BlockTime)
	defer cancel()
	want := uint256.NewInt(max(n.cfg.Clients[0].Balance, HopAmount))
	paid := make(map[*Peer]bool)
	for have.Lt(want) {
		var richest *Peer
		most := new(uint256.Int)
		var holdings []string
		for _, p := range clients[1:] {
			funds, err := n.spendable(ctx, p)
			if err != nil {
				return err
			}
			holdings = append(holdings, fmt.Sprintf("%s %s", p.Name, netfile.FormatAmount(funds, 6)))
			if !paid[p] && funds.Gt(most) {
				richest, most = p, &funds
			}
		}
		if richest == nil {
			if !have.Lt(needs) {
				return nil // enough for the scene
			}
			return fmt.Errorf("%w: %s can spend %s of the %s that it pays, and the others can spend %s",
				ErrMoneyShort, first.Name, netfile.FormatAmount(have, 6), netfile.FormatAmount(*needs, 6), strings.Join(holdings, ", "))
		}
		paid[richest] = true
		if lacks := new(uint256.Int).Sub(want, &have); most.Gt(lacks) {
			most = lacks
		}
		if err := n.payBack(ctx, richest, first, *most); err != nil {
			return err
		}
		have.Add(&have, most)
	}
	return nil
}

// payBack pays the first client, and returns when that is final.
func (n *Network) payBack(ctx context.Context, from, to *Peer, amount uint256.Int) error {
	id, err := from.Client.Pay(ctx, client.Order{
		To: to.Client.Address(), Asset: Asset, Amount: amount, Parents: client.Parents{Auto: true}, Note: "back",
	})
	if err != nil {
		return fmt.Errorf("%s cannot pay %s back: %w", from.Name, to.Name, err)
	}
	for _, p := range []*Peer{from, to} {
		stage, err := p.Client.Wait(ctx, id, fastpay.StageFinalized)
		if err != nil {
			return fmt.Errorf("what %s pays %s back is %s: %w", from.Name, to.Name, stage, err)
		}
		if stage != fastpay.StageFinalized {
			return fmt.Errorf("what %s pays %s back ended as %s", from.Name, to.Name, stage)
		}
	}
	return nil
}

// spendable is what a client may spend now.
func (n *Network) spendable(ctx context.Context, p *Peer) (uint256.Int, error) {
	funds, _, err := p.Client.Funds(ctx, p.Client.Address(), Asset)
	if err != nil {
		return uint256.Int{}, fmt.Errorf("funds of %s: %w", p.Name, err)
	}
	if funds.Spendable.Sign() < 0 { // it has promised more than it has
		return uint256.Int{}, nil
	}
	spendable, _ := uint256.FromBig(funds.Spendable) // less than there is of the token
	return *spendable, nil
}
