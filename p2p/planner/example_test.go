package planner_test

import (
	"context"
	"fmt"
	"time"

	"github.com/allegro-p2p/allegro/fastpay"
	"github.com/allegro-p2p/allegro/p2p/netfile"
	"github.com/allegro-p2p/allegro/p2p/planner"
	"github.com/allegro-p2p/allegro/p2p/replica"
	"github.com/allegro-p2p/allegro/tempo"
	"github.com/allegro-p2p/allegro/tempo/devchain"
	"github.com/ethereum/go-ethereum/common"
	"github.com/holiman/uint256"
)

// An account's next payment is planned at a finalized block, for its wallet to sign.
func ExampleTurn_Plan() {
	network, err := netfile.Load("../netfile/testdata/network.toml")
	if err != nil {
		fmt.Println(err)
		return
	}
	rules, err := network.Rules()
	if err != nil {
		fmt.Println(err)
		return
	}
	genesis := time.Unix(1_700_000_000, 0)
	clock := func() time.Time { return genesis }
	cfg := devchain.DefaultConfig()
	cfg.GenesisTime = genesis
	node, err := devchain.New(cfg)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer node.Close()
	chain := tempo.New(node.Client(), tempo.Options{})
	defer chain.Close()
	evidence, err := replica.New(replica.Config{Rules: rules, Limits: fastpay.DefaultBoardLimits(), Now: clock})
	if err != nil {
		fmt.Println(err)
		return
	}

	ctx := context.Background()
	block, err := chain.Header(ctx, tempo.Finalized)
	if err != nil {
		fmt.Println(err)
		return
	}
	p := planner.New(planner.Config{Rules: rules, Replica: evidence, Chain: chain, Now: clock})
	p.Pin(fastpay.Block{Number: block.Number, Hash: block.Hash, Time: block.Time}, nil, false, clock())
	turn, err := p.Take(ctx)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer turn.Release()
	envelope, funds, err := turn.Plan(ctx, devchain.DevAccounts()[0], planner.Order{
		To: common.HexToAddress("0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC"), Asset: tempo.PathUSD,
		Amount: *uint256.NewInt(10_000_000), Parents: planner.Parents{Auto: true}, Note: "INV-7",
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("slot", envelope.Seq, "of its lane, void at chain time", envelope.ValidBefore)
	fmt.Println("parents:", len(envelope.Parents), "spendable:", funds.Spendable)
	// Output:
	// slot 0 of its lane, void at chain time 1700003600
	// parents: 0 spendable: 18446744073709551615
}
