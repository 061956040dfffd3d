package tx76_test

import (
	"encoding/hex"
	"fmt"

	"github.com/allegro-p2p/allegro/tempo/tx76"
	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/holiman/uint256"
)

// A transaction that viem signed: its fields, its hash, and who sent it.
func ExampleDecode() {
	wire, err := hex.DecodeString("76f8bd827a69843b9aca008509502f9000830f4240f85ef85c9420c000000000000000000000000000000000000080b844" +
		"a9059cbb00000000000000000000000070997970c51812dc3a010c7d01b50e0d17dc79c80000000000000000000000000000000000000000000000000000000000989680" +
		"c0808080808080c0b8413ce65c12e043deb39a6ebb0b43dfed9d5916b0237c0e9c241aefbcf5afb6dfb463f5eb08a3aeef83346294377262cd0c035f69b285cf020b13066d6e9f79bbfa1c")
	if err != nil {
		fmt.Println(err)
		return
	}
	tx, err := tx76.Decode(wire)
	if err != nil {
		fmt.Println(err)
		return
	}
	sender, kind, err := tx76.Recover(tx.SignHash(), tx.Signature)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("chain", tx.ChainID, "call of", tx.Calls[0].To)
	fmt.Println(tx.Hash())
	fmt.Println(kind, "of", sender)
	// Output:
	// chain 31337 call of 0x20C0000000000000000000000000000000000000
	// 0xb76c1e91c631a3f56d824d5a9c59f75ade3c7f49dd5ee4fd6fb90821378de515
	// secp256k1 of 0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266
}

// A sponsor pays the fee of a transaction whose sender has left that open. Their two
// hashes differ, and either signature stands for its own.
func ExampleTransaction_SignSponsor() {
	sender, err := crypto.ToECDSA(crypto.Keccak256([]byte("example sender")))
	if err != nil {
		fmt.Println(err)
		return
	}
	sponsor, err := crypto.ToECDSA(crypto.Keccak256([]byte("example sponsor")))
	if err != nil {
		fmt.Println(err)
		return
	}
	token := common.HexToAddress("0x20c0000000000000000000000000000000000000")
	tx := &tx76.Transaction{
		ChainID: 31337, Gas: 100_000, Calls: []tx76.Call{{To: &token}}, NonceKey: *uint256.NewInt(7), ValidBefore: 1_800_000_000, Sponsored: true,
	}
	if tx.Signature, err = tx76.SignSecp256k1(tx.SignHash(), sender); err != nil {
		fmt.Println(err)
		return
	}
	feeToken := common.HexToAddress("0x20c0000000000000000000000000000000000001")
	tx.FeeToken = &feeToken // the sponsor's choice, which the sender has not signed
	if err := tx.SignSponsor(crypto.PubkeyToAddress(sender.PublicKey), sponsor); err != nil {
		fmt.Println(err)
		return
	}
	decoded, err := tx76.Decode(tx.Encode())
	if err != nil {
		fmt.Println(err)
		return
	}
	from, _, err := decoded.Sender()
	if err != nil {
		fmt.Println(err)
		return
	}
	payer, err := decoded.Sponsor()
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("from the sender:", from == crypto.PubkeyToAddress(sender.PublicKey))
	fmt.Println("fee of the sponsor:", payer == crypto.PubkeyToAddress(sponsor.PublicKey))
	// Output:
	// from the sender: true
	// fee of the sponsor: true
}
