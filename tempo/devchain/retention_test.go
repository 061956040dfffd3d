package devchain_test

import (
	"math/big"
	"strings"
	"testing"

	"github.com/ethereum/go-ethereum"
	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/holiman/uint256"

	"github.com/allegro-p2p/allegro/tempo"
	"github.com/allegro-p2p/allegro/tempo/devchain"
)

// Old blocks are forgotten with their state and say so; what is retained keeps
// working.
func TestRetainBlocks(t *testing.T) {
	c := start(t, func(cfg *devchain.Config) { cfg.RetainBlocks = 4 })
	ctx := t.Context()
	first := c.send(c.sign(draft(0, pay(c.bob, usd(1))), c.alice))
	old := c.mine()
	for i := range uint64(6) {
		c.send(c.sign(draft(i+1, pay(c.bob, usd(1))), c.alice))
		c.mine()
	}
	c.missing(first)
	if _, err := c.client.HeaderByNumber(ctx, common.Big1); err == nil || !strings.Contains(err.Error(), "block 1 was pruned: this chain retains blocks from 4 on") {
		t.Errorf("header of a forgotten block: %v", err)
	}
	msg := ethereum.CallMsg{To: &tempo.PathUSD, Data: tempo.EncodeBalanceOf(c.bob.address)}
	if _, err := c.client.CallContractAtHash(ctx, msg, old); err == nil || !strings.Contains(err.Error(), "no longer retains it") {
		t.Errorf("state of a forgotten block: %v", err)
	}
	if _, err := c.client.FilterLogs(ctx, ethereum.FilterQuery{FromBlock: common.Big0}); err == nil || !strings.Contains(err.Error(), "pruned") {
		t.Errorf("logs of forgotten blocks: %v", err)
	}
	if logs := must[[]types.Log](t)(c.client.FilterLogs(ctx, ethereum.FilterQuery{FromBlock: big.NewInt(4)})); len(logs) != 8 {
		t.Errorf("%d logs in the retained blocks, want 8", len(logs))
	}
	for number := int64(4); number <= 7; number++ {
		out, err := c.client.CallContract(ctx, msg, big.NewInt(number))
		if got, _ := tempo.DecodeUint256(out); err != nil || !got.Eq(usd(5+uint64(number))) {
			t.Errorf("balance at block %d: %s, %v", number, &got, err)
		}
	}
}

// Many transactions shorten the history, but never below the finalized block.
func TestRetainTransactions(t *testing.T) {
	c := start(t, func(cfg *devchain.Config) { cfg.RetainTransactions = 3; cfg.FinalityLag = 1 })
	var nonce uint64
	for range 5 {
		for range 2 {
			c.send(c.sign(draft(nonce, pay(c.bob, uint256.NewInt(1))), c.alice))
			nonce++
		}
		c.mine()
	}
	if n := c.finalized(); n != 4 {
		t.Errorf("finalized block %d", n)
	}
	if _, err := c.client.HeaderByNumber(t.Context(), big.NewInt(3)); err == nil {
		t.Error("a block too many is retained")
	}
}
