package archive

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/allegro-p2p/allegro/fastpay"
	"github.com/allegro-p2p/allegro/p2p/replica"
	"github.com/allegro-p2p/allegro/tempo/tx76"
	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/rlp"
	"github.com/holiman/uint256"
)

// entry is a payment as the archive keeps it. It is not changed once it is made.
type entry struct {
	place  uint64 // in the list: the order in which payments came, from 1
	record replica.Record
	// finalAt is when the payment became final here; zero if it is not.
	finalAt time.Time
}

// entryBytes is what a stored entry of n bytes takes with its keys and places.
func entryBytes(n int) uint64 { return uint64(n) + 256 }

// merge is what an entry becomes by what the Replica knows now. old is nil for a
// payment that is new.
func merge(old *entry, now replica.Record, at time.Time) *entry {
	e := &entry{record: now}
	var known replica.Timeline
	if old != nil {
		e.place, e.finalAt, known = old.place, old.finalAt, old.record.Timeline
		// What is final stays so. And what an earlier run saw in a block holds until
		// the node has been asked again.
		if was := &old.record; was.Final || was.Outcome != nil && now.Outcome == nil && now.Unread {
			e.record.Stage, e.record.Final, e.record.Outcome = was.Stage, was.Final, was.Outcome
		}
		if old.record.QC != nil {
			e.record.QC = old.record.QC // one is as good as another, but this one was shown
		}
	}
	if e.record.Final && e.finalAt.IsZero() {
		e.finalAt = at
	}
	e.record.Timeline = mergeTimelines(known, now.Timeline, e.record.Stage)
	return e
}

// mergeTimelines adds to what an earlier run saw what this one has seen. Whatever was
// seen first counts.
func mergeTimelines(known, now replica.Timeline, stage fastpay.Stage) replica.Timeline {
	var events []replica.Event
	for _, e := range slices.Concat(known.Events, now.Events) {
		e.At = moment(micros(e.At)) // as it is stored
		seen := slices.ContainsFunc(events, func(o replica.Event) bool { return o.Kind == e.Kind && o.Signer == e.Signer })
		if e.Kind.Holds(stage) && !seen {
			events = append(events, e)
		}
	}
	t := timelineOf(events, known.NextBlock)
	if !t.QC.IsZero() && t.QC.Equal(moment(micros(now.QC))) { // it is the QC that this run saw
		t.NextBlock = moment(micros(now.NextBlock))
	}
	return t
}

// timelineOf is the timeline that events make.
func timelineOf(events []replica.Event, next time.Time) replica.Timeline {
	t := replica.Timeline{Events: events, NextBlock: next, Votes: make(map[int]time.Time)}
	for _, e := range events {
		switch e.Kind {
		case replica.EventFirstSeen:
			t.FirstSeen = e.At
		case replica.EventVote:
			t.Votes[e.Signer] = e.At
		case replica.EventCertified:
			t.QC, t.HeightAtQC = e.At, e.Height
		case replica.EventQueued:
			t.Queued = e.At
		case replica.EventIncluded:
			t.Included = e.At
		case replica.EventFinalized:
			t.Finalized = e.At
		}
	}
	return t
}

// chainTx is the chain transaction that executed a payment, if one has.
func chainTx(stage fastpay.Stage, o *tx76.Outcome) (common.Hash, bool) {
	switch stage {
	case fastpay.StageIncluded, fastpay.StageFinalized, fastpay.StageFailed:
		return o.TxHash, true
	}
	return common.Hash{}, false
}

// storedEntry is the stored form of an entry. Times are Unix microseconds, 0 for none.
type storedEntry struct {
	Place        uint64
	Payer, Payee common.Address
	Tx           []byte
	Certificates [][]byte
	QC           []uint64 // indices in Certificates; empty: none is held
	Stage        string
	Final        bool
	FinalAt      uint64
	Outcome      *storedOutcome `rlp:"nil"`
	Rejects      []storedReject
	Events       []storedEvent
	NextBlock    uint64
}

// storedOutcome is a [tx76.Outcome].
type storedOutcome struct {
	Sender      common.Address
	NonceKey    *uint256.Int
	Nonce       uint64
	TxHash      common.Hash
	BlockHash   common.Hash
	BlockNumber uint64
	BlockTime   uint64
	Success     bool
	Attempted   common.Hash
	Transfers   []storedTransfer
	Plain       uint64
}

type storedTransfer struct {
	Token, From, To common.Address
	Amount          *uint256.Int
	Memo            common.Hash
}

type storedReject struct {
	Signer    uint64
	Code      string
	Text      string
	Retryable bool
}

type storedEvent struct {
	Kind   string
	At     uint64
	Height uint64
	Signer uint64
}

// encode returns the stored form.
func (e *entry) encode() ([]byte, error) {
	r := &e.record
	env := r.Tx.Envelope()
	s := storedEntry{
		Place: e.place, Payer: env.Sender, Payee: env.Recipient, Tx: r.Tx.Encode(), Stage: string(r.Stage), Final: r.Final, FinalAt: micros(e.finalAt),
		Outcome: storeOutcome(r.Outcome), NextBlock: micros(r.Timeline.NextBlock),
	}
	for i, c := range r.Certificates {
		s.Certificates = append(s.Certificates, c.Encode())
		if r.QC != nil && slices.ContainsFunc(r.QC.Certificates(), func(q *fastpay.Certificate) bool { return q.Signer() == c.Signer() }) {
			s.QC = append(s.QC, uint64(i))
		}
	}
	for _, signer := range slices.Sorted(maps.Keys(r.Rejects)) {
		reject := r.Rejects[signer]
		s.Rejects = append(s.Rejects, storedReject{uint64(signer), string(reject.Code), reject.Text, reject.Retryable})
	}
	for _, event := range r.Timeline.Events {
		s.Events = append(s.Events, storedEvent{string(event.Kind), micros(event.At), event.Height, uint64(event.Signer)})
	}
	value, err := rlp.EncodeToBytes(&s)
	if err != nil {
		return nil, fmt.Errorf("encoding payment %s: %w", r.Tx.ID(), err)
	}
	return value, nil
}

// decodeStored reads the stored form without looking at what it says.
func decodeStored(value []byte) (*storedEntry, error) {
	s := new(storedEntry)
	if err := rlp.DecodeBytes(value, s); err != nil {
		return nil, fmt.Errorf("store is damaged: archived payment: %w", err)
	}
	return s, nil
}

// entry verifies the stored form. The error is about what does not verify under the
// rules, which may have changed.
func (s *storedEntry) entry(rules *fastpay.Rules) (*entry, error) {
	tx, err := rules.ParseTx(s.Tx)
	if err != nil {
		return nil, err
	}
	committee, ok := rules.Committee(tx.CommitteeID())
	if !ok {
		return nil, fastpay.WrongCommittee
	}
	e := &entry{place: s.Place, finalAt: moment(s.FinalAt), record: replica.Record{
		Tx: tx, Stage: fastpay.Stage(s.Stage), Final: s.Final, Outcome: s.Outcome.outcome(),
	}}
	var signed []*fastpay.Certificate
	for i, raw := range s.Certificates {
		c, err := rules.ParseCertificate(tx.CommitteeID(), tx.ID(), raw)
		if err != nil {
			return nil, err
		}
		e.record.Certificates = append(e.record.Certificates, c)
		if slices.Contains(s.QC, uint64(i)) {
			signed = append(signed, c)
		}
	}
	e.record.QC = fastpay.NewQC(committee, tx, signed)
	e.record.Rejects = s.rejects()
	var events []replica.Event
	for _, v := range s.Events {
		events = append(events, replica.Event{Kind: replica.EventKind(v.Kind), At: moment(v.At), Height: v.Height, Signer: int(v.Signer)})
	}
	e.record.Timeline = timelineOf(events, moment(s.NextBlock))
	return e, nil
}

// rejects are the members' refusals, by signer.
func (s *storedEntry) rejects() map[int]fastpay.Reject {
	out := make(map[int]fastpay.Reject)
	for _, r := range s.Rejects {
		out[int(r.Signer)] = fastpay.Reject{Code: fastpay.Code(r.Code), Text: r.Text, Retryable: r.Retryable}
	}
	return out
}

func storeOutcome(o *tx76.Outcome) *storedOutcome {
	if o == nil {
		return nil
	}
	s := &storedOutcome{
		o.Sender, &o.NonceKey, o.Nonce, o.TxHash, o.BlockHash, o.BlockNumber, o.BlockTime, o.Success, o.Attempted, nil, uint64(o.Plain),
	}
	for i := range o.Transfers {
		t := &o.Transfers[i]
		s.Transfers = append(s.Transfers, storedTransfer{t.Token, t.From, t.To, &t.Amount, t.Memo})
	}
	return s
}

// outcome is the outcome of its stored form; nil of nil.
func (s *storedOutcome) outcome() *tx76.Outcome {
	if s == nil {
		return nil
	}
	o := &tx76.Outcome{
		Sender: s.Sender, NonceKey: *s.NonceKey, Nonce: s.Nonce, TxHash: s.TxHash, BlockHash: s.BlockHash, BlockNumber: s.BlockNumber,
		BlockTime: s.BlockTime, Success: s.Success, Attempted: s.Attempted, Plain: int(s.Plain),
	}
	for _, t := range s.Transfers {
		o.Transfers = append(o.Transfers, tx76.MemoTransfer{Token: t.Token, From: t.From, To: t.To, Amount: *t.Amount, Memo: t.Memo})
	}
	return o
}

// micros are a time's Unix microseconds, 0 of the zero time.
func micros(t time.Time) uint64 {
	if t.IsZero() {
		return 0
	}
	return uint64(t.UnixMicro())
}

// moment is the time of Unix microseconds, the zero time of 0.
func moment(micros uint64) time.Time {
	if micros == 0 {
		return time.Time{}
	}
	return time.UnixMicro(int64(micros))
}
