package request_test

import (
	"errors"
	"fmt"

	"github.com/allegro-p2p/allegro/client/request"
	"github.com/ethereum/go-ethereum/common"
	"github.com/holiman/uint256"
)

// A shop shows its request as a QR code, and the payer's wallet checks what it has scanned
// before it asks its user.
func ExampleParse() {
	network := common.HexToHash("0xb5401bc1cfdfdd88e2d0369af87eef70a1bd46c10abf74f4b7a61fde5f88ef15") // digest of the network file
	pathUSD := common.HexToAddress("0x20C0000000000000000000000000000000000000")
	asked := request.Request{
		Network: network, Payee: common.HexToAddress("0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC"),
		Asset: pathUSD, Amount: *uint256.NewInt(10_000_000), Note: "INV-7", Expires: 1_795_626_197,
	}
	if err := asked.Validate(); err != nil {
		fmt.Println(err)
		return
	}

	scanned, err := request.Parse(asked.String())
	if err != nil {
		fmt.Println(err)
		return
	}
	payer := request.Payer{
		Network: network, Account: common.HexToAddress("0xd8dA6BF26964aF9D7eEd9e03E53415D37aA96045"),
		Assets: []common.Address{pathUSD}, ChainTime: 1_795_626_000, Clock: 1_795_626_002,
	}
	fmt.Println("pay", scanned.Amount.Dec(), "units for", scanned.Note, "to", scanned.Payee)
	fmt.Println("before it expires:", payer.Check(&scanned))

	payer.ChainTime = scanned.Expires
	fmt.Println("then:", errors.Is(payer.Check(&scanned), request.ErrExpired))
	// Output:
	// pay 10000000 units for INV-7 to 0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC
	// before it expires: <nil>
	// then: true
}
