package devchain_test

import (
	"context"
	"fmt"
	"net/http/httptest"

	"github.com/allegro-p2p/allegro/tempo"
	"github.com/allegro-p2p/allegro/tempo/devchain"
	"github.com/ethereum/go-ethereum"
	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/ethclient"
	"github.com/holiman/uint256"
)

// A chain with money for Alice: the tools of any Ethereum chain reach it over HTTP, and
// blocks come when the program wants them.
func ExampleNew() {
	alice := common.HexToAddress("0xa11ce")
	cfg := devchain.DefaultConfig()
	cfg.Manual = true // Run, and blocks at their times, otherwise
	cfg.Alloc = map[common.Address]map[common.Address]*uint256.Int{tempo.PathUSD: {alice: uint256.NewInt(15_000_000)}}
	chain, err := devchain.New(cfg)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer chain.Close()
	server := httptest.NewServer(chain.Handler())
	defer server.Close()
	client, err := ethclient.Dial(server.URL)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer client.Close()

	if _, err := chain.Mine(); err != nil {
		fmt.Println(err)
		return
	}
	ctx := context.Background()
	height, err := client.BlockNumber(ctx)
	if err != nil {
		fmt.Println(err)
		return
	}
	answer, err := client.CallContract(ctx, ethereum.CallMsg{To: &tempo.PathUSD, Data: tempo.EncodeBalanceOf(alice)}, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	balance, err := tempo.DecodeUint256(answer)
	fmt.Println("height", height, "balance", balance.Dec(), err)
	// Output:
	// height 1 balance 15000000 <nil>
}
