package devchain_test

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/ethclient"

	"github.com/allegro-p2p/allegro/tempo/devchain"
)

// The whole chain in virtual time: blocks come at exact multiples of the block
// time, a subscriber sees each, a payment is in the next block, and nothing is
// left running at the end.
func TestRunInVirtualTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		cfg := devchain.DefaultConfig()
		c, err := devchain.New(cfg)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		var running sync.WaitGroup
		running.Go(func() {
			if err := c.Run(ctx); err != nil {
				t.Error(err)
			}
		})
		client := ethclient.NewClient(c.Client())
		heads := make(chan *types.Header, 100)
		sub, err := client.SubscribeNewHead(ctx, heads)
		if err != nil {
			t.Fatal(err)
		}
		if next := c.NextBlock(); !next.Equal(began.Add(5 * time.Second)) {
			t.Errorf("next block at %s", next)
		}

		time.Sleep(7 * time.Second) // between blocks 1 and 2
		someone := &chain{t: t}
		tx := someone.sign(draft(0, pay(newAccount(t, 9), usd(1))), devAccount(t))
		var hash common.Hash
		if err := client.Client().CallContext(ctx, &hash, "eth_sendRawTransaction", hexutil.Bytes(tx.Encode())); err != nil {
			t.Fatal(err)
		}
		time.Sleep(3 * time.Second)
		synctest.Wait()
		if r, err := client.TransactionReceipt(ctx, hash); err != nil || r.BlockNumber.Uint64() != 2 || r.Status != 1 {
			t.Errorf("receipt %+v, %v", r, err)
		}

		time.Sleep(20 * time.Second)
		synctest.Wait()
		if len(heads) != 6 {
			t.Errorf("%d heads in 30 s", len(heads))
		}
		for i := range len(heads) {
			h := <-heads
			if want := uint64(began.Add(time.Duration(i+1) * 5 * time.Second).Unix()); h.Time != want {
				t.Errorf("block %d at %d, want %d", i+1, h.Time, want)
			}
		}

		cancel()
		running.Wait()
		sub.Unsubscribe()
		client.Close()
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
}

// Blocks that are faster than timestamps can count share one, as on Tempo: a chain's
// time is that of its clock, and never falls.
func TestTimestampsDoNotOutrunTheClock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := devchain.DefaultConfig()
		cfg.BlockTime = 200 * time.Millisecond
		cfg.GenesisTime = time.Now().Add(-time.Hour)
		c, err := devchain.New(cfg)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second+time.Millisecond)
		defer cancel()
		client := ethclient.NewClient(c.Client())
		heads := make(chan *types.Header, 100)
		if _, err := client.SubscribeNewHead(ctx, heads); err != nil {
			t.Fatal(err)
		}
		if err := c.Run(ctx); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if len(heads) != 10 {
			t.Errorf("%d blocks in 2 s", len(heads))
		}
		start := uint64(cfg.GenesisTime.Add(time.Hour).Unix())
		for i := range uint64(10) {
			// The first block comes 200 ms after the chain was started.
			if h := <-heads; h.Time != start+(i+1)/5 {
				t.Errorf("timestamp %d of block %d, %d when the chain was started", h.Time, i+1, start)
			}
		}
		client.Close()
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
}

// With Manual, Run only waits.
func TestRunManual(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := devchain.DefaultConfig()
		cfg.Manual = true
		c, err := devchain.New(cfg)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		if err := c.Run(ctx); err != nil {
			t.Error(err)
		}
		if !c.NextBlock().IsZero() {
			t.Error("a manual chain names its next block")
		}
		client := ethclient.NewClient(c.Client())
		if n, err := client.BlockNumber(t.Context()); err != nil || n != 0 {
			t.Errorf("block %d, %v", n, err)
		}
		client.Close()
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
}
