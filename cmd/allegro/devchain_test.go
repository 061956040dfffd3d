package main

import (
	"bufio"
	"context"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/allegro-p2p/allegro/tempo/devchain"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/ethclient"
)

// The command serves what its flags say, produces blocks and ends cleanly,
// with a subscriber connected.
func TestDevchain(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	banner, stderr := io.Pipe()
	ended := make(chan result, 1)
	go func() {
		ended <- runOne(ctx, devchainCommand(), stderr, nil,
			"--listen", "127.0.0.1:0", "--block-time", "50ms", "--chain-id", "4242", "--finality-lag", "3", "--base-fee", "9", "--dev-rpc")
	}()

	var printed strings.Builder
	address := ""
	for lines := bufio.NewScanner(banner); address == "" && lines.Scan(); {
		printed.WriteString(lines.Text() + "\n")
		if rest, ok := strings.CutPrefix(lines.Text(), "listening on http://"); ok {
			address, _, _ = strings.Cut(rest, " ")
		}
	}
	for _, says := range []string{"no real money", "4242", "50ms", "3 blocks behind", "print tokens", devchain.DevAccounts()[9].Hex(), devchain.Tokens()[3].Hex()} {
		if !strings.Contains(printed.String(), says) {
			t.Errorf("the banner does not say %q:\n%s", says, &printed)
		}
	}

	client, err := ethclient.Dial("ws://" + address)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	if id, err := client.ChainID(ctx); err != nil || id.Uint64() != 4242 {
		t.Errorf("chain id %s, %v", id, err)
	}
	if price, err := client.SuggestGasPrice(ctx); err != nil || price.Uint64() != 9 {
		t.Errorf("gas price %s, %v", price, err)
	}
	var zero string
	if err := client.Client().Call(&zero, "evm_mine"); err != nil {
		t.Errorf("evm_mine: %v", err)
	}
	heads := make(chan *types.Header, 100)
	if _, err := client.SubscribeNewHead(ctx, heads); err != nil {
		t.Fatal(err)
	}
	for range 4 {
		select {
		case <-heads:
		case <-time.After(10 * time.Second):
			t.Fatal("no block")
		}
	}
	var latest, final types.Header
	for tag, h := range map[string]*types.Header{"latest": &latest, "finalized": &final} {
		if err := client.Client().Call(h, "eth_getBlockByNumber", tag, false); err != nil {
			t.Fatal(err)
		}
	}
	if lag := latest.Number.Uint64() - final.Number.Uint64(); lag < 2 || lag > 4 { // a block may come between
		t.Errorf("finalized is %d behind", lag)
	}

	cancel()
	select {
	case r := <-ended:
		r.expect(t, exitOK)
	case <-time.After(20 * time.Second):
		t.Fatal("devchain does not end")
	}
}

func TestDevchainRefuses(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	for want, args := range map[string][]string{
		"takes no arguments":       {"now"},
		"block time is 0s":         {"--block-time", "0s"},
		"chain id is 0":            {"--chain-id", "0"},
		"raise RetainBlocks":       {"--finality-lag", "100000"},
		"choose another address":   {"--listen", taken.Addr().String()},
		"invalid value \"x\"":      {"--base-fee", "x"},
		"flag provided but not de": {"--accounts", "1"},
	} {
		runOne(t.Context(), devchainCommand(), io.Discard, nil, args...).expect(t, exitUsage, want)
	}
}

// Every flag has its environment variable.
func TestDevchainEnvironment(t *testing.T) {
	t.Setenv("ALLEGRO_DEVCHAIN_CHAIN_ID", "0")
	runOne(t.Context(), devchainCommand(), io.Discard, nil).expect(t, exitUsage, "chain id is 0")
}
