package tempo_test

import (
	"context"
	"fmt"

	"github.com/holiman/uint256"

	"github.com/allegro-p2p/allegro/tempo"
	"github.com/allegro-p2p/allegro/tempo/devchain"
)

// A lane is read at one block, here of a chain in the same process.
func ExampleChain_Account() {
	node, err := devchain.New(devchain.DefaultConfig())
	if err != nil {
		fmt.Println(err)
		return
	}
	defer node.Close()
	chain := tempo.New(node.Client(), tempo.Options{})
	defer chain.Close()

	ctx := context.Background()
	block, err := chain.Header(ctx, tempo.Finalized)
	if err != nil {
		fmt.Println(err)
		return
	}
	owner := devchain.DevAccounts()[0]
	account, err := chain.Account(ctx, block, tempo.PathUSD, owner, *uint256.NewInt(0x41))
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("balance", &account.Balance, "next position", account.Nonce)
	// Output: balance 18446744073709551615 next position 0
}
