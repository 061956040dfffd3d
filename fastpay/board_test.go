package fastpay

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/ethereum/go-ethereum/common"
)

// newBoard returns a board with default limits, changed by f.
func (n *network) newBoard(f func(*BoardLimits)) *Board {
	limits := DefaultBoardLimits()
	if f != nil {
		f(&limits)
	}
	return NewBoard(n.Rules, limits)
}

// wantErr checks for one sentinel, nil included.
func wantErr(t testing.TB, what string, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("%s: have error %v, want %v", what, err, want)
	}
}

// bucketsOf computes a board's digests and buckets from its payments alone.
func bucketsOf(b *Board) (digests [Buckets]common.Hash, ids [Buckets][]ID) {
	for id, rec := range b.records {
		state := []byte{0}
		if rec.qc != nil {
			state[0] = 1
		}
		lane := rec.tx.lane[0]
		for i, h := range H(tagDigest, id[:], state) {
			digests[lane][i] ^= h
		}
		ids[lane] = append(ids[lane], id)
	}
	for _, bucket := range ids {
		slices.SortFunc(bucket, ID.Cmp)
	}
	return digests, ids
}

// checkBoard checks that the board's indexes agree.
func checkBoard(t testing.TB, b *Board) {
	t.Helper()
	digests, ids := bucketsOf(b)
	equal(t, "digests", b.Digests(), digests)
	for i := range ids {
		if !slices.Equal(b.Bucket(byte(i)), ids[i]) {
			t.Errorf("bucket %d lists %d payments, %d are held, or not in order", i, len(b.Bucket(byte(i))), len(ids[i]))
		}
	}
	inSlots, inLog := 0, 0
	for laneID, lane := range b.lanes {
		if lane.lane.ID() != laneID {
			t.Errorf("a lane is listed under another one's id")
		}
		for k, slot := range lane.slots {
			if len(slot) == 0 {
				t.Errorf("slot %d is listed but empty", k)
			}
			for _, rec := range slot {
				inSlots++
				if b.records[rec.tx.id] != rec || rec.tx.env.Seq != k || rec.tx.lane != laneID {
					t.Errorf("slot %d holds a payment that is not on record", k)
				}
			}
		}
	}
	var version uint64
	for e := b.changes.Front(); e != nil; e = e.Next() {
		rec := e.Value.(*record)
		inLog++
		if b.records[rec.tx.id] != rec || rec.change != e || rec.version <= version {
			t.Errorf("the log of changes holds a payment that is not on record, or out of order")
		}
		version = rec.version
	}
	equal(t, "payments in slots", inSlots, len(b.records))
	equal(t, "payments in the log of changes", inLog, len(b.records))
	for account, recs := range b.accounts {
		for id, rec := range recs {
			if b.records[id] != rec || rec.tx.Sender() != account && rec.tx.Recipient() != account {
				t.Errorf("account %s lists a payment that is not its own or not on record", account)
			}
		}
	}
	for id, rec := range b.records {
		if b.accounts[rec.tx.Sender()][id] != rec || b.accounts[rec.tx.Recipient()][id] != rec {
			t.Errorf("payment %s is not listed with both its accounts", short(id))
		}
		if rec.qc != nil && !rec.certified {
			t.Errorf("payment %s has a QC but is not certified", short(id))
		}
	}
	for e := b.open.Front(); e != nil; e = e.Next() {
		if rec := e.Value.(*record); b.records[rec.tx.id] != rec || rec.opened != e {
			t.Error("an open payment is not on record")
		}
	}
	for e := b.settled.Front(); e != nil; e = e.Next() {
		if rec := e.Value.(*record); b.records[rec.tx.id] != rec || rec.done != e {
			t.Error("a settled payment is not on record")
		}
	}
}

func TestBoardKeepsAPaymentOnce(t *testing.T) {
	n := newNetwork4(t)
	b := n.newBoard(nil)
	tx := n.pay(t, 0, 1, 5)
	noError(t, b.AddTx(tx))
	wantErr(t, "again", b.AddTx(tx), ErrKnown)
	got, ok := b.Tx(tx.ID())
	if !ok || got != tx {
		t.Error("the payment is not held")
	}
	if _, ok := b.Tx(id(1)); ok {
		t.Error("an unknown payment is held")
	}
	equal(t, "payments", b.Len(), 1)
	equal(t, "rules", b.Rules(), n.Rules)
	checkBoard(t, b)
}

func TestBoardAssemblesAQCFromVotes(t *testing.T) {
	n := newNetwork(t, 2, 1, 1, 1) // quorum 4
	b := n.newBoard(nil)
	tx := n.pay(t, 0, 1, 5)
	noError(t, b.AddTx(tx))
	noError(t, b.AddCertificate(n.vote(t, 0, tx)))
	noError(t, b.AddBatch(n.batch(t, n.c, 2, tx.ID(), id(1))))
	if _, ok := b.QC(tx.ID()); ok {
		t.Fatal("a QC below the quorum")
	}
	wantErr(t, "the same vote", b.AddCertificate(n.vote(t, 0, tx)), ErrKnown)
	wantErr(t, "the same batch", b.AddBatch(n.batch(t, n.c, 2, tx.ID(), id(1))), ErrKnown)
	wantErr(t, "a vote known by its batch", b.AddCertificate(n.vote(t, 2, tx)), ErrKnown)
	if _, ok := b.QC(tx.ID()); ok {
		t.Fatal("a repeated vote counts twice")
	}
	noError(t, b.AddCertificate(n.vote(t, 3, tx)))
	qc, ok := b.QC(tx.ID())
	if !ok {
		t.Fatal("no QC of a quorum's votes")
	}
	_, err := n.ParseQC(qc.Encode())
	noError(t, err)
	noError(t, b.AddCertificate(n.vote(t, 1, tx)))
	after, _ := b.QC(tx.ID())
	equal(t, "QC after a further vote", after, qc)

	equal(t, "certificates", len(b.Certificates(tx.ID())), 4)
	for i, c := range b.Certificates(tx.ID()) {
		equal(t, "signer", c.Signer(), i)
	}
	c, ok := b.Certificate(tx.ID(), 3)
	if !ok || c.Signer() != 3 {
		t.Error("a member's vote is not found")
	}
	if _, ok := b.Certificate(tx.ID(), 9); ok {
		t.Error("a vote that nobody gave is found")
	}
	if _, ok := b.Certificate(id(1), 2); ok || b.Certificates(id(1)) != nil {
		t.Error("votes for a payment that is not held are shown")
	}
	checkBoard(t, b)
}

// Gossip delivers in any order: votes that arrive before their payment count
// when it comes.
func TestStrayVotesCountWhenTheirPaymentArrives(t *testing.T) {
	n := newNetwork4(t)
	b := n.newBoard(nil)
	tx := n.pay(t, 0, 1, 5)
	noError(t, b.AddBatch(n.batch(t, n.c, 0, tx.ID())))
	wantErr(t, "stray again", b.AddBatch(n.batch(t, n.c, 0, tx.ID())), ErrKnown)
	noError(t, b.AddCertificate(n.vote(t, 2, tx)))
	wantErr(t, "stray again", b.AddCertificate(n.vote(t, 2, tx)), ErrKnown)
	noError(t, b.AddCertificate(n.vote(t, 3, tx)))
	equal(t, "payments", b.Len(), 0)
	noError(t, b.AddTx(tx))
	qc, ok := b.QC(tx.ID())
	if !ok || qc.Weight() != 3 {
		t.Fatal("stray votes of a quorum make no QC")
	}
	equal(t, "strays left", len(b.strays), 0)
	equal(t, "certified", b.records[tx.ID()].certified, true)
	checkBoard(t, b)
}

func TestVotesOfAnotherCommitteeCountForNothing(t *testing.T) {
	n := newNetwork4(t)
	foreign := func(b *Board, tx *Tx) {
		for i := range 4 {
			_ = b.AddBatch(n.batch(t, n.next, i, tx.ID()))
			_ = b.AddCertificate(n.batch(t, n.next, i, tx.ID()).Certificate(0))
		}
	}
	for name, early := range map[string]bool{"before the payment": true, "after the payment": false} {
		t.Run(name, func(t *testing.T) {
			b := n.newBoard(nil)
			tx := n.pay(t, 0, 1, 5)
			if early {
				foreign(b, tx)
			}
			noError(t, b.AddTx(tx))
			foreign(b, tx)
			equal(t, "votes", len(b.Certificates(tx.ID())), 0)
			equal(t, "stage", b.Stage(tx.ID()), StageUnknown)
		})
	}
}

func TestAddQCBringsPaymentAndVotes(t *testing.T) {
	n := newNetwork4(t)
	b := n.newBoard(nil)
	tx := n.pay(t, 0, 1, 5)
	qc := n.qc(t, tx)
	noError(t, b.AddQC(qc))
	wantErr(t, "the same QC", b.AddQC(qc), ErrKnown)
	another := NewQC(n.c, tx, n.votes(t, tx, 1, 2, 3))
	wantErr(t, "another QC", b.AddQC(another), ErrKnown)
	held, _ := b.QC(tx.ID())
	equal(t, "QC", held, qc)
	equal(t, "votes", len(b.Certificates(tx.ID())), 4) // the other QC's too
	checkBoard(t, b)

	known := n.newBoard(nil)
	noError(t, known.AddTx(tx))
	noError(t, known.AddQC(qc))
	strays := n.newBoard(nil)
	for _, c := range qc.Certificates() {
		noError(t, strays.AddCertificate(c))
	}
	noError(t, strays.AddQC(qc)) // it brings the payment
	wantErr(t, "the same QC", strays.AddQC(qc), ErrKnown)
}

// Section 4.1: a QC certifies the ancestors of its payment by prev, within the
// generation and committee, in whatever order they become known.
func TestAncestorsOfACertifiedPaymentAreCertified(t *testing.T) {
	n := newNetwork4(t)
	a := n.pay(t, 0, 1, 1)
	b := n.pay(t, 0, 1, 1, on(a))
	c := n.pay(t, 0, 1, 1, on(b))
	rival := n.pay(t, 0, 2, 1, on(a))
	otherGeneration := n.pay(t, 0, 1, 1, on(b), func(e *Envelope) { e.Restart = 5 })
	otherCommittee, err := n.SignTx(n.envelope(0, 1, 1, on(b), func(e *Envelope) { e.CommitteeID = n.next.ID() }), payer(0))
	noError(t, err)
	isCertified := func(b *Board, tx *Tx) bool { return b.records[tx.ID()].certified }

	for i, order := range [][]*Tx{{a, b, rival}, {rival, b, a}, {b, rival, a}, {a, rival, b}} {
		for _, when := range []int{0, 1, 2, 3} {
			t.Run(fmt.Sprintf("order %d, QC at %d", i, when), func(t *testing.T) {
				board := n.newBoard(nil)
				for j, tx := range order {
					if j == when {
						noError(t, board.AddQC(n.qc(t, c)))
					}
					noError(t, board.AddTx(tx))
				}
				if when == 3 {
					noError(t, board.AddQC(n.qc(t, c)))
				}
				for _, tx := range []*Tx{a, b, c} {
					equal(t, fmt.Sprintf("certified at seq %d", tx.Seq()), isCertified(board, tx), true)
				}
				equal(t, "rival certified", isCertified(board, rival), false)
				if _, ok := board.QC(b.ID()); ok {
					t.Error("an ancestor has a QC of its own")
				}
			})
		}
	}
	for name, tx := range map[string]*Tx{"another generation": otherGeneration, "another committee": otherCommittee} {
		for _, late := range []bool{false, true} {
			board := n.newBoard(nil)
			if !late {
				noError(t, board.AddTx(b))
			}
			noError(t, board.AddQC(n.qc(t, tx)))
			if late {
				noError(t, board.AddTx(b))
			}
			equal(t, "certified by "+name, isCertified(board, b), false)
		}
	}
}

func TestBoardConvictsAPayer(t *testing.T) {
	n := newNetwork4(t)
	board := n.newBoard(nil)
	noError(t, board.AddTx(n.pay(t, 0, 1, 1, until(2_000))))
	noError(t, board.AddTx(n.pay(t, 0, 1, 1, reopen(0, 2_000), until(2_500)))) // lawful
	noError(t, board.AddTx(n.pay(t, 1, 0, 1)))
	equal(t, "convictions", len(board.Evidence()), 0)
	noError(t, board.AddTx(n.pay(t, 0, 2, 1)))
	noError(t, board.AddTx(n.pay(t, 0, 3, 1)))
	proven := board.Evidence()
	equal(t, "convictions", len(proven), 1)
	equal(t, "kind", proven[0].Kind(), PayerEvidence)
	_, err := n.ParseEvidence(proven[0].Encode())
	noError(t, err)
	equal(t, "proven by itself", len(board.TakeProven()), 1)
	equal(t, "taken once", len(board.TakeProven()), 0)
}

func TestBoardConvictsAMember(t *testing.T) {
	n := newNetwork4(t)
	a, b := n.pay(t, 0, 1, 1), n.pay(t, 0, 2, 1)
	voteA, voteB := n.batch(t, n.c, 3, a.ID(), id(1)), n.batch(t, n.c, 3, b.ID())
	honest := n.batch(t, n.c, 2, a.ID())
	type step func(*Board)
	steps := map[string]step{
		"tx a": func(board *Board) { _ = board.AddTx(a) }, "tx b": func(board *Board) { _ = board.AddTx(b) },
		"vote a": func(board *Board) { _ = board.AddBatch(voteA) }, "vote b": func(board *Board) { _ = board.AddBatch(voteB) },
		"portable a": func(board *Board) { _ = board.AddCertificate(voteA.Certificate(slices.Index(voteA.IDs(), a.ID()))) },
		"honest":     func(board *Board) { _ = board.AddBatch(honest) },
	}
	for _, order := range [][]string{
		{"tx a", "tx b", "vote a", "vote b", "honest"},
		{"vote a", "vote b", "honest", "tx b", "tx a"},
		{"vote b", "tx a", "honest", "portable a", "vote a", "tx b"},
		{"tx b", "portable a", "tx a", "vote b", "vote a"},
	} {
		board := n.newBoard(nil)
		for _, s := range order {
			steps[s](board)
		}
		var members []int
		for _, e := range board.Evidence() {
			if signer, ok := e.Signer(); ok {
				members = append(members, signer)
				_, err := n.ParseEvidence(e.Encode())
				noError(t, err)
			}
		}
		if !slices.Equal(members, []int{3}) {
			t.Errorf("order %v convicts members %v, want 3 alone", order, members)
		}
	}
}

// Votes in two generations, in two slots or for one payment are lawful.
func TestBoardConvictsNoHonestMember(t *testing.T) {
	n := newNetwork4(t)
	board := n.newBoard(nil)
	a := n.pay(t, 0, 1, 1, until(2_000))
	b := n.pay(t, 0, 1, 1, on(a), until(2_000))
	reopened := n.pay(t, 0, 1, 2, reopen(0, 2_000), until(3_000))
	for _, tx := range []*Tx{a, b, reopened} {
		noError(t, board.AddTx(tx))
		noError(t, board.AddBatch(n.batch(t, n.c, 1, tx.ID())))
	}
	noError(t, board.AddBatch(n.batch(t, n.c, 1, a.ID(), b.ID(), id(2))))
	equal(t, "convictions", len(board.Evidence()), 0)
}

func TestEvidenceOfOthersIsKeptOncePerOffence(t *testing.T) {
	n := newNetwork4(t)
	board := n.newBoard(func(l *BoardLimits) { l.PayerEvidence = 2 })
	evidence := func(from int, seq uint64) *Evidence {
		e, err := NewPayerEvidence(n.pay(t, from, 8, 1, at(seq, id(1))), n.pay(t, from, 9, 1, at(seq, id(1))))
		noError(t, err)
		return e
	}
	noError(t, board.AddEvidence(evidence(0, 0)))
	wantErr(t, "again", board.AddEvidence(evidence(0, 0)), ErrKnown)
	noError(t, board.AddEvidence(evidence(0, 1)))
	wantErr(t, "beyond the limit", board.AddEvidence(evidence(1, 0)), ErrBusy)
	wantErr(t, "known and full", board.AddEvidence(evidence(0, 1)), ErrKnown)
	equal(t, "convictions", len(board.Evidence()), 2)
	equal(t, "proven by itself", len(board.TakeProven()), 0)
	noError(t, board.AddTx(n.pay(t, 2, 0, 1)))
	noError(t, board.AddTx(n.pay(t, 2, 1, 1))) // an equivocation without room
	equal(t, "convictions", len(board.Evidence()), 2)
}

// Payers convict themselves for free, and a dishonest member as often as it likes:
// neither keeps another member from being convicted, whoever makes the proof.
func TestNobodyCrowdsOutAMembersConviction(t *testing.T) {
	n := newNetwork4(t)
	board := n.newBoard(func(l *BoardLimits) { l.PayerEvidence, l.MemberEvidence = 2, 2 })
	convicted := func() (payers int, members [4]int) {
		for _, e := range board.Evidence() {
			if signer, member := e.Signer(); member {
				members[signer]++
			} else {
				payers++
			}
		}
		return payers, members
	}
	for i := range 4 {
		a, b := n.pay(t, i, 8, 1), n.pay(t, i, 9, 1)
		noError(t, board.AddTx(a))
		noError(t, board.AddTx(b))
		noError(t, board.AddBatch(n.batch(t, n.c, 0, a.ID())))
		noError(t, board.AddBatch(n.batch(t, n.c, 0, b.ID())))
	}
	payers, members := convicted()
	equal(t, "payers", payers, 2)
	equal(t, "members", members, [4]int{2})
	equal(t, "proven", len(board.TakeProven()), 4)

	// By votes of this Board's own, and by a proof of others.
	a, b := n.pay(t, 5, 8, 1), n.pay(t, 5, 9, 1)
	noError(t, board.AddTx(a))
	noError(t, board.AddTx(b))
	noError(t, board.AddBatch(n.batch(t, n.c, 1, a.ID())))
	noError(t, board.AddBatch(n.batch(t, n.c, 1, b.ID())))
	proof, err := NewValidatorEvidence(a, n.batch(t, n.c, 2, a.ID()), b, n.batch(t, n.c, 2, b.ID()))
	noError(t, err)
	noError(t, board.AddEvidence(proof))
	_, members = convicted()
	equal(t, "members", members, [4]int{2, 1, 1})

	more, err := NewPayerEvidence(a, b)
	noError(t, err)
	wantErr(t, "another payer", board.AddEvidence(more), ErrBusy)
}

func TestHeadsNeverGoBack(t *testing.T) {
	n := newNetwork4(t)
	board := n.newBoard(nil)
	view := func(finalized, time, height uint64) HeadView {
		v := aView
		v.FinalizedHeight, v.Time, v.Height = finalized, time, height
		return v
	}
	noError(t, board.AddHead(n.head(t, 1, view(800, 2_000, 900))))
	for name, v := range map[string]HeadView{
		"the same": view(800, 2_000, 900), "lower finalized": view(799, 3_000, 1_000), "earlier time": view(800, 1_999, 950), "lower height": view(800, 2_000, 899),
	} {
		wantErr(t, name, board.AddHead(n.head(t, 1, v)), ErrKnown)
	}
	noError(t, board.AddHead(n.head(t, 1, view(800, 2_000, 901))))
	noError(t, board.AddHead(n.head(t, 1, view(800, 2_010, 890))))
	noError(t, board.AddHead(n.head(t, 1, view(801, 2_005, 890))))
	noError(t, board.AddHead(n.head(t, 0, view(1, 1, 1))))
	heads := board.Heads(n.c.ID())
	equal(t, "heads", len(heads), 2)
	equal(t, "first", heads[0].Signer(), 0)
	equal(t, "finalized height of the second", heads[1].View().FinalizedHeight, 801)
	equal(t, "heads of another committee", len(board.Heads(n.next.ID())), 0)
}

// Limits.

func TestOldestOpenPaymentGoesFirst(t *testing.T) {
	n := newNetwork4(t)
	board := n.newBoard(func(l *BoardLimits) { l.Open = 3 })
	var txs []*Tx
	for i := range 5 {
		txs = append(txs, n.pay(t, i, 9, 1))
		noError(t, board.AddTx(txs[i]))
		checkBoard(t, board)
	}
	for i, tx := range txs {
		_, held := board.Tx(tx.ID())
		equal(t, fmt.Sprintf("payment %d held", i), held, i >= 2)
	}
	equal(t, "dropped", board.Dropped(), Dropped{Payments: 2})
	if !slices.Equal(board.TakeRemoved(), []ID{txs[0].ID(), txs[1].ID()}) {
		t.Error("what was removed is not told, oldest first")
	}
	equal(t, "told twice", len(board.TakeRemoved()), 0)
	noError(t, board.AddTx(txs[0])) // what was dropped may come again
}

// The newcomer stays usable although its own slot or lane was evicted to make
// room for it.
func TestEvictionInTheNewcomersOwnLane(t *testing.T) {
	n := newNetwork4(t)
	a := n.pay(t, 0, 1, 1)
	for name, newcomer := range map[string]*Tx{"same slot": n.pay(t, 0, 2, 1), "same lane": n.pay(t, 0, 1, 1, on(a))} {
		t.Run(name, func(t *testing.T) {
			board := n.newBoard(func(l *BoardLimits) { l.Open = 1 })
			noError(t, board.AddTx(a))
			noError(t, board.AddTx(newcomer))
			checkBoard(t, board)
			equal(t, "payments", board.Len(), 1)
			noError(t, board.AddQC(n.qc(t, newcomer)))
			equal(t, "stage", board.Stage(newcomer.ID()), StageCertified)
			if ids := board.LaneFrom(newcomer.LaneID(), 0, 9); !slices.Equal(ids, []ID{newcomer.ID()}) {
				t.Errorf("the lane holds %v", ids)
			}
		})
	}
}

func TestSlotHoldsAFewOpenPayments(t *testing.T) {
	n := newNetwork4(t)
	board := n.newBoard(func(l *BoardLimits) { l.PerSlot = 2 })
	pay := func(note byte) *Tx { return n.pay(t, 0, 1, 1, noted(note)) }
	noError(t, board.AddTx(pay(1)))
	noError(t, board.AddTx(pay(2)))
	wantErr(t, "third", board.AddTx(pay(3)), ErrBusy)
	equal(t, "dropped", board.Dropped().Payments, 1)
	noError(t, board.AddQC(n.qc(t, pay(3)))) // a certified one always has room
	wantErr(t, "third open one", board.AddTx(pay(4)), ErrBusy)
	board.Pin(pay(1)) // promised: it no longer counts
	noError(t, board.AddTx(pay(4)))
	board.Pin(pay(5))
	equal(t, "payments", board.Len(), 5)
	noError(t, board.AddTx(n.pay(t, 0, 1, 1, at(1, id(1))))) // another slot
	checkBoard(t, board)
}

// 4.4: what is promised or certified is never evicted before it is final.
func TestPromisedAndCertifiedPaymentsAreNeverEvicted(t *testing.T) {
	n := newNetwork4(t)
	board := n.newBoard(func(l *BoardLimits) { l.Open, l.Settled, l.StrayVotes = 2, 0, 1 })
	promised, certified, ancestor := n.pay(t, 0, 9, 1), n.pay(t, 1, 9, 1), n.pay(t, 2, 9, 1)
	descendant := n.pay(t, 2, 9, 1, on(ancestor))
	board.Pin(promised)
	noError(t, board.AddQC(n.qc(t, certified)))
	noError(t, board.AddTx(ancestor))
	noError(t, board.AddQC(n.qc(t, descendant)))
	for i := range 20 {
		noError(t, board.AddTx(n.pay(t, 3, 9, 1, at(uint64(i), id(i)))))
		checkBoard(t, board)
	}
	for name, tx := range map[string]*Tx{"promised": promised, "certified": certified, "ancestor": ancestor, "descendant": descendant} {
		if _, ok := board.Tx(tx.ID()); !ok {
			t.Errorf("the %s payment was evicted", name)
		}
	}
	equal(t, "payments", board.Len(), 6)
	equal(t, "dropped", board.Dropped().Payments, 18)

	// Executed but not final: they still stay. Final: the limit applies, but a
	// lane's last executed payment stays, since the next one stands on it.
	m := newModel(n, 1_100, 10, 10, 10, 10)
	noError(t, m.mine(5, includes(promised), includes(certified), includes(ancestor), includes(descendant)))
	board.ApplyChain(ChainView{Latest: m.head(), Outcomes: m.states[1].outcomes})
	equal(t, "payments before finality", board.Len(), 6)
	board.ApplyChain(ChainView{Latest: m.head(), Finalized: m.head()})
	equal(t, "payments after finality", board.Len(), 5)
	if _, ok := board.Tx(ancestor.ID()); ok {
		t.Error("a final payment below the lane's last one is kept beyond the limit")
	}
	equal(t, "settled ones dropped", board.Dropped().Settled, 1)
	checkBoard(t, board)
}

// Making room stops as soon as there is room.
func TestProtectedPaymentsDoNotPushOthersOut(t *testing.T) {
	n := newNetwork4(t)
	board := n.newBoard(func(l *BoardLimits) { l.Open = 2 })
	noError(t, board.AddQC(n.qc(t, n.pay(t, 0, 9, 1))))
	open := n.pay(t, 1, 9, 1)
	noError(t, board.AddTx(open))
	noError(t, board.AddTx(n.pay(t, 2, 9, 1)))
	if _, ok := board.Tx(open.ID()); !ok {
		t.Error("an open payment was evicted although two may be held")
	}
	equal(t, "dropped", board.Dropped().Payments, 0)
}

func TestStrayVotesAreBoundedPerMember(t *testing.T) {
	n := newNetwork4(t)
	board := n.newBoard(func(l *BoardLimits) { l.StrayVotes = 2 })
	a, b, c := n.pay(t, 0, 1, 1), n.pay(t, 1, 2, 1), n.pay(t, 2, 3, 1)
	for _, tx := range []*Tx{a, b, c} {
		noError(t, board.AddCertificate(n.vote(t, 0, tx)))
	}
	noError(t, board.AddCertificate(n.vote(t, 1, a)))
	equal(t, "dropped", board.Dropped(), Dropped{Votes: 1})
	for tx, want := range map[*Tx]int{a: 1, b: 1, c: 1} {
		noError(t, board.AddTx(tx))
		equal(t, "votes", len(board.Certificates(tx.ID())), want)
	}
	if _, ok := board.Certificate(a.ID(), 0); ok {
		t.Error("the member's oldest stray vote was kept")
	}
	// A vote that has found its payment is no stray: nothing is dropped for it.
	noError(t, board.AddCertificate(n.vote(t, 0, n.pay(t, 3, 1, 1))))
	noError(t, board.AddCertificate(n.vote(t, 0, n.pay(t, 4, 1, 1))))
	equal(t, "dropped", board.Dropped(), Dropped{Votes: 1})
}

// The indexes agree after any history under tight limits.
func TestBoardStaysConsistentUnderLimits(t *testing.T) {
	n := newNetwork4(t)
	rng := rand.New(rand.NewPCG(1, 2))
	board := n.newBoard(func(l *BoardLimits) {
		*l = BoardLimits{Open: 5, PerSlot: 2, Settled: 3, StrayVotes: 4, PayerEvidence: 3, MemberEvidence: 1}
	})
	m := newModel(n, 1_100, 1_000, 1_000, 1_000)
	var all []*Tx
	for range 60 {
		prev := id(1)
		seq := uint64(rng.IntN(6))
		if len(all) > 0 && rng.IntN(2) == 0 {
			prev = all[rng.IntN(len(all))].ID()
		}
		all = append(all, n.pay(t, rng.IntN(3), 5+rng.IntN(3), uint64(1+rng.IntN(3)), at(seq, prev)))
	}
	protected := make(map[ID]bool)
	for range 600 {
		tx := all[rng.IntN(len(all))]
		switch rng.IntN(12) {
		case 0:
			_ = board.AddQC(n.qc(t, tx))
			protected[tx.ID()] = true
		case 1:
			board.Pin(tx)
			protected[tx.ID()] = true
		case 2, 3:
			_ = board.AddBatch(n.batch(t, n.c, rng.IntN(4), tx.ID(), id(rng.IntN(9))))
		case 4:
			_ = board.AddCertificate(n.vote(t, rng.IntN(4), tx))
		case 5:
			if slices.ContainsFunc(all, func(tx *Tx) bool { return m.mine(1, includes(tx)) == nil }) {
				board.ApplyChain(ChainView{Latest: m.head(), Finalized: m.states[max(0, len(m.states)-3)].block, Outcomes: m.states[len(m.states)-1].outcomes})
			}
		case 6:
			if last := m.head().Number; last > board.Finalized().Number {
				m.drop(last)
				board.ApplyChain(ChainView{Latest: m.head(), Reverted: last})
			}
		case 7:
			board.MarkQueued(tx.ID())
		default:
			_ = board.AddTx(tx)
		}
		checkBoard(t, board)
		for id := range protected {
			rec, held := board.records[id]
			if !held && !slices.ContainsFunc(all, func(tx *Tx) bool {
				return tx.ID() == id && m.states[board.Finalized().Number].lanes[tx.Lane()].nonce > tx.Seq()
			}) {
				t.Fatal("a promised or certified payment was evicted before its slot was final")
			}
			if held && !rec.protected() {
				delete(protected, id) // evicted when it was final, and back as an open one
			}
		}
	}
	if d := board.Dropped(); d.Payments == 0 || d.Votes == 0 || d.Settled == 0 {
		t.Errorf("vacuous: the limits dropped %+v", d)
	}
}

// Sync.

func TestSinceTellsEveryChangeOnceAndInOrder(t *testing.T) {
	n := newNetwork4(t)
	board := n.newBoard(nil)
	ids, upTo := board.Since(0, 10)
	equal(t, "changes of an empty board", len(ids), 0)
	equal(t, "up to", upTo, 0)

	var txs []*Tx
	for i := range 5 {
		txs = append(txs, n.pay(t, i, 9, 1))
		noError(t, board.AddTx(txs[i]))
	}
	read := func(from uint64, max int) (out []ID, upTo uint64) {
		for upTo = from; ; {
			ids, next := board.Since(upTo, max)
			if len(ids) > max {
				t.Fatalf("%d changes, at most %d were asked for", len(ids), max)
			}
			if next < upTo || len(ids) > 0 && next == upTo {
				t.Fatalf("the cursor goes from %d to %d", upTo, next)
			}
			out, upTo = append(out, ids...), next
			if upTo == board.Version() {
				return out, upTo
			}
		}
	}
	want := []ID{txs[0].ID(), txs[1].ID(), txs[2].ID(), txs[3].ID(), txs[4].ID()}
	for _, max := range []int{1, 2, 5, 100} {
		got, cursor := read(0, max)
		if !slices.Equal(got, want) {
			t.Errorf("pages of %d: changes %v, want %v", max, got, want)
		}
		equal(t, "version", cursor, board.Version())
	}
	cursor := board.Version()
	_ = board.AddTx(txs[0]) // nothing new
	board.MarkQueued(id(1))
	equal(t, "version after no change", board.Version(), cursor)

	noError(t, board.AddCertificate(n.vote(t, 0, txs[3])))
	board.MarkQueued(txs[1].ID())
	board.NoteReject(txs[3].ID(), 2, Reject{Code: Expired})
	got, _ := read(cursor, 10)
	if !slices.Equal(got, []ID{txs[1].ID(), txs[3].ID()}) {
		t.Errorf("changes %v, want each payment once, the latest change last", got)
	}
	cursor = board.Version()
	board.MarkQueued(txs[1].ID())
	board.NoteReject(txs[3].ID(), 2, Reject{Code: Expired})
	equal(t, "version after repetition", board.Version(), cursor)

	ids, upTo = board.Since(3, 0)
	equal(t, "changes on a page of none", len(ids), 0)
	equal(t, "cursor of a page of none", upTo, 3)
	ids, upTo = board.Since(cursor+100, 5)
	equal(t, "changes after the future", len(ids), 0)
	equal(t, "cursor after the future", upTo, board.Version())
}

func TestLaneFromIsInOrderOfSlots(t *testing.T) {
	n := newNetwork4(t)
	board := n.newBoard(nil)
	var lane []ID
	for _, seq := range []uint64{7, 2, 300, 0} {
		tx := n.pay(t, 0, 1, 1, at(seq, id(1)))
		noError(t, board.AddTx(tx))
	}
	for _, seq := range []uint64{0, 2, 7, 300} {
		lane = append(lane, n.pay(t, 0, 1, 1, at(seq, id(1))).ID())
	}
	noError(t, board.AddTx(n.pay(t, 1, 0, 1)))
	laneID := Lane{testChainID, usd, account(0)}.ID()
	for from, want := range map[uint64][]ID{0: lane, 1: lane[1:], 7: lane[2:], 301: nil} {
		if got := board.LaneFrom(laneID, from, 10); !slices.Equal(got, want) {
			t.Errorf("from slot %d: %v, want %v", from, got, want)
		}
	}
	if got := board.LaneFrom(laneID, 0, 2); !slices.Equal(got, lane[:2]) {
		t.Errorf("at most two: %v", got)
	}
	equal(t, "an unknown lane", len(board.LaneFrom(common.Hash{}, 0, 10)), 0)
}

func TestAccountListsBothSidesLatestChangeFirst(t *testing.T) {
	n := newNetwork4(t)
	board := n.newBoard(nil)
	out, in, other := n.pay(t, 0, 1, 1), n.pay(t, 1, 0, 1), n.pay(t, 1, 2, 1, at(1, id(1)))
	for _, tx := range []*Tx{out, in, other} {
		noError(t, board.AddTx(tx))
	}
	if got := board.Account(account(0), 10); !slices.Equal(got, []ID{in.ID(), out.ID()}) {
		t.Errorf("account 0 lists %v", got)
	}
	board.MarkQueued(out.ID())
	if got := board.Account(account(0), 10); !slices.Equal(got, []ID{out.ID(), in.ID()}) {
		t.Errorf("account 0 lists %v after a change", got)
	}
	equal(t, "at most one", len(board.Account(account(0), 1)), 1)
	equal(t, "a stranger's", len(board.Account(account(7), 10)), 0)
}

// Two boards with the same payments and QCs have the same digests, whatever the
// order and the choice of votes; one more QC or payment shows in its bucket.
func TestDigestsCompareBoards(t *testing.T) {
	n := newNetwork4(t)
	var txs []*Tx
	for i := range 20 {
		txs = append(txs, n.pay(t, i, 30, 1))
	}
	a, b := n.newBoard(nil), n.newBoard(nil)
	equal(t, "empty boards", a.Digests(), [Buckets]common.Hash{})
	for i, tx := range txs {
		noError(t, a.AddTx(tx))
		noError(t, b.AddTx(txs[len(txs)-1-i]))
	}
	equal(t, "digests", a.Digests(), b.Digests())
	noError(t, a.AddQC(n.qc(t, txs[4])))
	differs := func() (buckets []int) {
		da, db := a.Digests(), b.Digests()
		for i := range da {
			if da[i] != db[i] {
				buckets = append(buckets, i)
			}
		}
		return buckets
	}
	lane := txs[4].LaneID()
	if !slices.Equal(differs(), []int{int(lane[0])}) {
		t.Errorf("buckets %v differ, want %d", differs(), lane[0])
	}
	noError(t, b.AddQC(NewQC(n.c, txs[4], n.votes(t, txs[4], 1, 2, 3))))
	equal(t, "digests", a.Digests(), b.Digests())
	noError(t, b.AddTx(n.pay(t, 0, 30, 2)))
	equal(t, "buckets that differ", len(differs()), 1)

	found := 0
	for bucket := range Buckets {
		ids := a.Bucket(byte(bucket))
		found += len(ids)
		if !slices.IsSortedFunc(ids, common.Hash.Cmp) {
			t.Errorf("bucket %d is not sorted", bucket)
		}
		for _, id := range ids {
			if tx, _ := a.Tx(id); tx.lane[0] != byte(bucket) {
				t.Errorf("bucket %d holds a payment of another one", bucket)
			}
		}
	}
	equal(t, "payments in buckets", found, len(txs))
}
