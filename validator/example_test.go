package validator_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"fmt"

	"github.com/allegro-p2p/allegro/fastpay"
	"github.com/allegro-p2p/allegro/validator"
)

// A signer gets what it signs, not a digest: one in another process can keep a record of
// it and refuse what is no batch, head or hello.
func ExampleNewKeySigner() {
	key := ed25519.NewKeyFromSeed(bytes.Repeat([]byte{7}, ed25519.SeedSize))
	signer := validator.NewKeySigner(key)
	member := signer.Key()
	committee, err := fastpay.NewCommittee(31337, 1, 0, 2_000_000_000, fastpay.PaymentLane, []fastpay.Member{{Key: member, Weight: 1}})
	if err != nil {
		fmt.Println(err)
		return
	}
	ids := []fastpay.ID{{1}, {2}}
	root, err := fastpay.BatchRoot(ids)
	if err != nil {
		fmt.Println(err)
		return
	}
	signature, err := signer.SignBatch(context.Background(), committee.ID(), len(ids), root)
	if err != nil {
		fmt.Println(err)
		return
	}
	batch, err := fastpay.NewBatch(committee, 0, ids, signature) // verifies it
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("one signature,", len(batch.IDs()), "votes")
	// Output: one signature, 2 votes
}
