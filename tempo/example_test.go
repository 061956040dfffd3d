package tempo_test

import (
	"context"
	"fmt"

	"github.com/ethereum/go-ethereum/common"
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

// A payment's call names its tx id as memo, which the chain's log shows again.
func ExampleDecodeTransferWithMemo() {
	txID := common.HexToHash("0x0b1549f1b82223dd943b332a96dc754681b2183a812fefb868b264fcd047260a")
	payee := common.HexToAddress("0xd8dA6BF26964aF9D7eEd9e03E53415D37aA96045")
	input := tempo.EncodeTransferWithMemo(payee, uint256.NewInt(10_500_000), txID)

	to, amount, memo, err := tempo.DecodeTransferWithMemo(input)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(amount.Dec(), "units to", to, "for the payment:", memo == txID)
	// Output: 10500000 units to 0xd8dA6BF26964aF9D7eEd9e03E53415D37aA96045 for the payment: true
}
