package fastpay_test

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/allegro-p2p/allegro/fastpay"
	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/holiman/uint256"
)

// voteKeys are keys of n members, in the order in which a committee lists them. They
// follow from public texts.
func voteKeys(n int) []ed25519.PrivateKey {
	keys := make([]ed25519.PrivateKey, n)
	for i := range keys {
		seed := sha256.Sum256(fmt.Appendf(nil, "example member %d", i))
		keys[i] = ed25519.NewKeyFromSeed(seed[:])
	}
	slices.SortFunc(keys, func(a, b ed25519.PrivateKey) int {
		return bytes.Compare(a.Public().(ed25519.PublicKey), b.Public().(ed25519.PublicKey))
	})
	return keys
}

// committeeOf is the committee of members with weight 1. It panics where only a wrong
// example would fail, as the functions below do.
func committeeOf(keys []ed25519.PrivateKey) *fastpay.Committee {
	members := make([]fastpay.Member, len(keys))
	for i, k := range keys {
		members[i] = fastpay.Member{Key: [32]byte(k.Public().(ed25519.PublicKey)), Weight: 1}
	}
	committee, err := fastpay.NewCommittee(31337, 1, 0, 2_000_000_000, fastpay.PaymentLane, members)
	if err != nil {
		panic(err)
	}
	return committee
}

// pathUSD is the token that the examples pay with.
var pathUSD = common.HexToAddress("0x20c0000000000000000000000000000000000000")

// rulesOf are the rules of a network with that committee alone. A peer has them from the
// network file: see p2p/netfile.
func rulesOf(committee *fastpay.Committee) *fastpay.Rules {
	rules, err := fastpay.NewRules(fastpay.Config{
		Committees: []*fastpay.Committee{committee},
		Assets:     []fastpay.Asset{{Address: pathUSD, MinAmount: *uint256.NewInt(1)}},
		MaxFees:    []uint256.Int{*uint256.NewInt(20_000_000_000)},
		MinSettle:  600, DefaultLife: 3_600, MaxLife: 86_400,
	})
	if err != nil {
		panic(err)
	}
	return rules
}

// paymentIn is the first payment of an account, of 10.50 pathUSD.
func paymentIn(rules *fastpay.Rules) *fastpay.Tx {
	payer, err := crypto.ToECDSA(crypto.Keccak256([]byte("example payer")))
	if err != nil {
		panic(err)
	}
	env := fastpay.Envelope{
		ChainID: rules.ChainID(), CommitteeID: rules.Committees()[0].ID(), Asset: pathUSD,
		Sender:    crypto.PubkeyToAddress(payer.PublicKey),
		Recipient: common.HexToAddress("0xd8dA6BF26964aF9D7eEd9e03E53415D37aA96045"),
		Amount:    *uint256.NewInt(10_500_000), MaxFee: rules.MaxFee(), ValidBefore: 1_800_000_000,
	}
	env.Prev = env.Lane().Genesis() // nothing stands below slot 0
	tx, err := rules.SignTx(env, payer)
	if err != nil {
		panic(err)
	}
	return tx
}

// voteOf is a member's vote for one payment: a batch of one.
func voteOf(committee *fastpay.Committee, signer int, key ed25519.PrivateKey, id fastpay.ID) *fastpay.Certificate {
	ids := []fastpay.ID{id}
	root, err := fastpay.BatchRoot(ids)
	if err != nil {
		panic(err)
	}
	digest := fastpay.BatchDigest(committee.ID(), committee.Key(signer), len(ids), root)
	batch, err := fastpay.NewBatch(committee, signer, ids, ed25519.Sign(key, digest[:]))
	if err != nil {
		panic(err)
	}
	return batch.Certificate(0)
}

// The quorum follows from the members' weights: nobody can state another one.
func ExampleNewCommittee() {
	for _, n := range []int{2, 3, 4, 7, 100} {
		committee := committeeOf(voteKeys(n))
		fmt.Println(committee.Quorum(), "of", committee.Total())
	}
	// Output:
	// 2 of 2
	// 3 of 3
	// 3 of 4
	// 5 of 7
	// 67 of 100
}

// An envelope says who pays whom how much. Its payer signs the Tempo transaction that
// every peer rebuilds from it, so that the bytes of the payment hold none.
func ExampleRules_SignTx() {
	committee := committeeOf(voteKeys(4))
	rules := rulesOf(committee)
	tx := paymentIn(rules)

	received, err := rules.ParseTx(tx.Encode()) // as any peer does
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("the same payment:", received.ID() == tx.ID())
	amount := received.Amount()
	fmt.Println("amount:", amount.Dec(), "units to", received.Recipient())
	onChain := received.Transaction(committee)
	fmt.Println("chain transaction names the tx id:", bytes.HasSuffix(onChain.Calls[0].Input, tx.ID().Bytes()))

	bent := slices.Clone(tx.Encode())
	bent[len(bent)-1] ^= 1
	_, err = rules.ParseTx(bent)
	fmt.Println("with another bit:", errors.Is(err, fastpay.InvalidFormat))
	// Output:
	// the same payment: true
	// amount: 10500000 units to 0xd8dA6BF26964aF9D7eEd9e03E53415D37aA96045
	// chain transaction names the tx id: true
	// with another bit: true
}

// A member signs the Merkle root over the ids of many payments, and each of them gets a
// vote that can be shown alone.
func ExampleNewBatch() {
	keys := voteKeys(4)
	committee := committeeOf(keys)
	ids := []fastpay.ID{{3}, {1}, {2}}
	root, err := fastpay.BatchRoot(ids) // sorts them
	if err != nil {
		fmt.Println(err)
		return
	}
	digest := fastpay.BatchDigest(committee.ID(), committee.Key(0), len(ids), root)
	batch, err := fastpay.NewBatch(committee, 0, ids, ed25519.Sign(keys[0], digest[:]))
	if err != nil {
		fmt.Println(err)
		return
	}
	vote := batch.Certificate(2)
	fmt.Printf("member %d votes for %x…, proved by %d bytes\n", vote.Signer(), vote.ID().Bytes()[:2], len(vote.Encode()))
	// Output: member 0 votes for 0300…, proved by 105 bytes
}

// Votes of more than two thirds of the weight are a QC.
func ExampleNewQC() {
	keys := voteKeys(4)
	committee := committeeOf(keys)
	tx := paymentIn(rulesOf(committee))
	var votes []*fastpay.Certificate
	for signer := range 3 {
		votes = append(votes, voteOf(committee, signer, keys[signer], tx.ID()))
	}
	fmt.Println("two votes suffice:", fastpay.NewQC(committee, tx, votes[:2]) != nil)
	qc := fastpay.NewQC(committee, tx, votes)
	fmt.Println("weight", qc.Weight(), "of", committee.Total(), "in", len(qc.Certificates()), "certificates")
	// Output:
	// two votes suffice: false
	// weight 3 of 4 in 3 certificates
}

// Who holds the committee verifies a QC with no chain, no peer and no network file.
func ExampleCommittee_ParseQC() {
	keys := voteKeys(4)
	committee := committeeOf(keys)
	tx := paymentIn(rulesOf(committee))
	var votes []*fastpay.Certificate
	for signer := range 3 {
		votes = append(votes, voteOf(committee, signer, keys[signer], tx.ID()))
	}
	bytesOfQC := fastpay.NewQC(committee, tx, votes).Encode() // from a file, a peer or over HTTP

	qc, err := committee.ParseQC(bytesOfQC)
	if err != nil {
		fmt.Println(err)
		return
	}
	amount := qc.Tx().Amount()
	fmt.Println(amount.Dec(), "units for", qc.Tx().Recipient())

	_, err = committeeOf(voteKeys(3)).ParseQC(bytesOfQC)
	fmt.Println("for another committee:", errors.Is(err, fastpay.WrongCommittee))
	// Output:
	// 10500000 units for 0xd8dA6BF26964aF9D7eEd9e03E53415D37aA96045
	// for another committee: true
}

// A QC file has the bytes and says in JSON what they say. Its reader believes the bytes
// and refuses a file that says something else.
func ExampleRules_ParseQCFile() {
	keys := voteKeys(2)
	committee := committeeOf(keys)
	rules := rulesOf(committee)
	tx := paymentIn(rules)
	qc := fastpay.NewQC(committee, tx, []*fastpay.Certificate{
		voteOf(committee, 0, keys[0], tx.ID()), voteOf(committee, 1, keys[1], tx.ID()),
	})
	file := qc.File()
	data, err := json.Marshal(file)
	if err != nil {
		fmt.Println(err)
		return
	}
	_, err = rules.ParseQCFile(data)
	fmt.Println("as written:", err)

	file.View.Amount = "99000000"
	if data, err = json.Marshal(file); err != nil {
		fmt.Println(err)
		return
	}
	_, err = rules.ParseQCFile(data)
	fmt.Println("with another amount:", err)
	// Output:
	// as written: <nil>
	// with another amount: INVALID_FORMAT: QC file: the view does not say what the bytes say: view.amount is 99000000, the bytes say 10500000
}

// A Board holds what was verified and says how far a payment has come by it.
func ExampleBoard() {
	keys := voteKeys(4)
	committee := committeeOf(keys)
	rules := rulesOf(committee)
	tx := paymentIn(rules)
	board := fastpay.NewBoard(rules, fastpay.DefaultBoardLimits())
	if err := board.AddTx(tx); err != nil {
		fmt.Println(err)
		return
	}
	for signer := range 3 {
		if err := board.AddCertificate(voteOf(committee, signer, keys[signer], tx.ID())); err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println("after", signer+1, "votes:", board.Stage(tx.ID()))
	}
	// Output:
	// after 1 votes: ACCEPTED
	// after 2 votes: ACCEPTED
	// after 3 votes: CERTIFIED
}

// Every refusal has a code, and one table says what follows from it.
func ExampleClassify() {
	err := fmt.Errorf("paying: %w: the balance is 5", fastpay.InsufficientFunds)
	class := fastpay.Classify(err)
	fmt.Println(class.Code, "may succeed later:", class.Retryable, "HTTP:", class.HTTP, "exit code:", class.Exit)
	// Output: INSUFFICIENT_FUNDS may succeed later: true HTTP: 402 exit code: 5
}
