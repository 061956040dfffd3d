package document

import (
	"slices"
	"strconv"

	"github.com/allegro-p2p/allegro/fastpay"
	"github.com/allegro-p2p/allegro/p2p"
	"github.com/allegro-p2p/allegro/p2p/replica"
	"github.com/ethereum/go-ethereum/common"
)

// Why says why a payment is where it is, by all that one peer knows.
type Why struct {
	Schema string `json:"schema"`
	TxID   string `json:"tx_id"`
	// Steps are the payment, what it waits for, what that waits for, and so on: the
	// last one is the root of the trouble. There is always one.
	Steps []WhyStep `json:"steps"`
	// Asked are the peers that were asked for the payment of the last step; empty if
	// it is known here.
	Asked []AskedPeer `json:"asked"`
	// Funds are those of the payer of the last step, as this peer's own node shows
	// them; null if they do not matter, or could not be read.
	Funds *Balance `json:"funds"`
	// Settlement is how the payment of the last step gets to the chain; null unless
	// it is on its way there, or was certified and is EXPIRED or CONFLICTED.
	Settlement  *Settlement  `json:"settlement"`
	Convictions []Conviction `json:"convictions"` // proofs of equivocation in the lanes of the steps
	// FinalizedHeight and FinalizedTime are those of the newest finalized block, which
	// valid_before is compared with; null before one was seen. Stale says that this
	// peer's node has shown no block for too long.
	FinalizedHeight *string `json:"finalized_height"`
	FinalizedTime   *string `json:"finalized_time"` // chain seconds
	Stale           bool    `json:"stale"`
}

// WhySchema names the format of Why.
const WhySchema = "allegro.why/v1"

// WhyStep is one payment on the way to the root of the trouble.
type WhyStep struct {
	TxID    string         `json:"tx_id"`
	Payment *Payment       `json:"payment"` // null if it is not known here
	Reason  fastpay.Reason `json:"reason"`
	Code    *string        `json:"code"`  // what most of the refusing weight says, of refused
	About   []string       `json:"about"` // the validators that the reason is about
	// On is the payment that the reason is about: a rival, or that of the next step.
	On         *string        `json:"on"`
	Validators []Part         `json:"validators"` // each one's part in the payment, by index
	Rivals     []RivalPayment `json:"rivals"`     // payments for the same slot, the strongest first
}

// Part is a validator's part in a payment.
type Part struct {
	Validator   string  `json:"validator"`
	Index       int     `json:"index"`
	Weight      uint64  `json:"weight"`
	Voted       bool    `json:"voted"`
	VotedMicros *string `json:"voted_unix_micros"` // when this peer saw the vote; null of an earlier run
	// Code, Text, Retryable and RefusedMicros are the last refusal, and since when it
	// is that one; null if this peer was given none. The text of INSUFFICIENT_FUNDS has
	// what the validator counted, and at which block: it is that validator's word, and
	// the wire has no other field for it.
	Code          *string `json:"code"`
	Text          *string `json:"text"`
	Retryable     *bool   `json:"retryable"`
	RefusedMicros *string `json:"refused_unix_micros"`
	// Reached says whether this peer reaches the validator, SinceMicros since when it
	// does or does not, and Problem why not. It is null of this peer itself, and of a
	// validator that was not reached since this peer started.
	Reached     bool    `json:"reached"`
	SinceMicros *string `json:"since_unix_micros"`
	Problem     *string `json:"problem"`
	Head        *Head   `json:"head"` // what it last said of its own node
}

// RivalPayment is another payment for the same slot.
type RivalPayment struct {
	TxID       string   `json:"tx_id"`
	Stage      *string  `json:"stage"`
	Certified  bool     `json:"certified"`
	Validators []string `json:"validators"` // that voted for it
}

// AskedPeer is a peer that was asked for a payment, or a member that could not be asked.
type AskedPeer struct {
	PeerID  string  `json:"peer_id"` // empty of a member that is not connected
	Name    *string `json:"name"`
	Role    *string `json:"role"`
	Held    bool    `json:"held"`
	Problem *string `json:"problem"` // why it gave no answer
}

// Settlement is how a certified payment gets to the chain.
type Settlement struct {
	// Turn is the validator whose turn it is to hand the payment to its node; null if
	// this peer has not seen the QC form, by which the turns are counted, or it is too
	// late.
	Turn *string `json:"turn"`
	// Own is what this peer itself has done; null unless it is a validator.
	Own *Submission `json:"own"`
}

// Submission is what a validator has done to put a payment on the chain, as far as it
// remembers: not over a restart, and of what came to nothing only the last 1,024.
type Submission struct {
	Attempts   uint64  `json:"attempts"`
	LastMicros *string `json:"last_unix_micros"` // null before the first attempt
	Result     *string `json:"result"`           // of the last attempt, as metrics name it
	Problem    *string `json:"problem"`          // why it failed; null if it did not
}

// Conviction is proof that somebody signed what excludes each other.
type Conviction struct {
	Kind     string `json:"kind"`     // "payer" or "validator"
	Offender string `json:"offender"` // an account or a validator's name
	TxA      string `json:"tx_a"`
	TxB      string `json:"tx_b"`
}

// RecordOf looks up a payment, also one that has left the memory.
type RecordOf func(id fastpay.ID) (rec replica.Record, ok bool, err error)

// Why says why a payment is where it is. stale says that the peer's node has shown no
// block for too long. Asked, Funds and Settlement are the caller's to fill in. The error
// is of.
func (d *Describer) Why(id fastpay.ID, stale bool, of RecordOf) (Why, error) {
	doc := Why{Schema: WhySchema, TxID: id.Hex(), Steps: []WhyStep{}, Asked: []AskedPeer{}, Convictions: []Conviction{}, Stale: stale}
	members := make(map[common.Hash][]p2p.MemberInfo)
	for _, c := range d.rules.Committees() {
		members[c.ID()] = d.node.Members(c.ID())
	}
	outlook := fastpay.Outlook{Stale: stale, Reached: func(c *fastpay.Committee) []bool { return reachedOf(members[c.ID()]) }}
	var steps []fastpay.Step
	var finalized fastpay.Block
	var evidence []*fastpay.Evidence
	d.replica.Read(func(b *fastpay.Board) {
		steps, finalized, evidence = b.Trace(id, outlook), b.Finalized(), b.Evidence()
	})
	if finalized.Hash != (common.Hash{}) {
		doc.FinalizedHeight, doc.FinalizedTime = Decimal(finalized.Number), Decimal(finalized.Time)
	}
	lanes := make(map[common.Hash]bool)
	for i := range steps {
		rec, known, err := of(steps[i].ID)
		if err != nil {
			return Why{}, err
		}
		if known {
			lanes[rec.Tx.LaneID()] = true
		}
		doc.Steps = append(doc.Steps, d.whyStep(&steps[i], &rec, known, members, outlook, finalized))
	}
	for _, e := range evidence {
		if a, _ := e.Payments(); lanes[a.LaneID()] {
			doc.Convictions = append(doc.Convictions, d.conviction(e))
		}
	}
	return doc, nil
}

// whyStep describes one payment of a trace.
func (d *Describer) whyStep(s *fastpay.Step, rec *replica.Record, known bool, members map[common.Hash][]p2p.MemberInfo, o fastpay.Outlook, finalized fastpay.Block) WhyStep {
	doc := WhyStep{TxID: s.ID.Hex(), Reason: s.Reason, About: []string{}, Validators: []Part{}, Rivals: []RivalPayment{}}
	if !known {
		return doc
	}
	payment, listed := d.PaymentOf(rec)
	if !listed {
		return doc
	}
	doc.Payment = &payment
	c, _ := d.rules.Committee(rec.Tx.CommitteeID()) // it is listed
	if !s.Held {
		// It has left the memory and is on the disk.
		s.Case = d.storedCase(rec, c, o, finalized)
		s.Diagnosis = fastpay.Diagnose(&s.Case)
	}
	doc.Reason, doc.Code = s.Reason, OrNull(string(s.Code))
	for _, i := range s.Members {
		doc.About = append(doc.About, d.name(c, i))
	}
	if s.On != (fastpay.ID{}) {
		doc.On = new(s.On.Hex())
	}
	for _, m := range members[c.ID()] {
		doc.Validators = append(doc.Validators, d.part(&m, rec, c, payment.Heads))
	}
	for _, r := range s.Case.Rivals {
		rival := RivalPayment{TxID: r.ID.Hex(), Stage: OrNull(string(r.Stage)), Certified: r.Certified, Validators: []string{}}
		for i, voted := range r.Voted {
			if voted {
				rival.Validators = append(rival.Validators, d.name(c, i))
			}
		}
		doc.Rivals = append(doc.Rivals, rival)
	}
	return doc
}

// storedCase is what is known of a payment that only the disk has: not what it stands
// on, nor who competes with it.
func (d *Describer) storedCase(rec *replica.Record, c *fastpay.Committee, o fastpay.Outlook, finalized fastpay.Block) fastpay.Case {
	out := fastpay.Case{
		Committee: c, Stage: rec.Stage, Evidence: rec.Evidence, ValidBefore: rec.Tx.Envelope().ValidBefore, Finalized: finalized.Time,
		Stale: o.Stale, Voted: make([]bool, c.Len()), Reached: o.Reached(c), Refusals: make([]*fastpay.Reject, c.Len()), Home: -1,
	}
	if c.LaneKind() == fastpay.SubBlockLane {
		out.Home = rec.Tx.Lane().Home(c, 0)
	}
	for _, cert := range rec.Certificates {
		out.Voted[cert.Signer()] = true
	}
	for signer, reject := range rec.Rejects {
		out.Refusals[signer] = &reject
	}
	return out
}

// part describes a member's part in a payment.
func (d *Describer) part(m *p2p.MemberInfo, rec *replica.Record, c *fastpay.Committee, heads []Head) Part {
	doc := Part{
		Validator: d.name(c, m.Index), Index: m.Index, Weight: m.Weight,
		Voted:       slices.ContainsFunc(rec.Certificates, func(cert *fastpay.Certificate) bool { return cert.Signer() == m.Index }),
		VotedMicros: microsOrNull(rec.Timeline.Votes[m.Index]),
		Reached:     m.Reached(), SinceMicros: microsOrNull(m.Since), Problem: OrNull(notReached(m)),
	}
	if r, refused := rec.Rejects[m.Index]; refused && !doc.Voted {
		doc.Code, doc.Text, doc.Retryable = new(string(r.Code)), new(r.Text), new(r.Retryable)
		doc.RefusedMicros = microsOrNull(rec.Timeline.Refused[m.Index])
	}
	if i := slices.IndexFunc(heads, func(h Head) bool { return h.Validator == doc.Validator }); i >= 0 {
		doc.Head = &heads[i]
	}
	return doc
}

// conviction describes evidence.
func (d *Describer) conviction(e *fastpay.Evidence) Conviction {
	a, b := e.Payments()
	doc := Conviction{Kind: "payer", Offender: a.Sender().Hex(), TxA: a.ID().Hex(), TxB: b.ID().Hex()}
	if signer, member := e.Signer(); member {
		doc.Kind, doc.Offender = "validator", "member "+strconv.Itoa(signer)
		if c, ok := d.rules.Committee(e.CommitteeID()); ok {
			doc.Offender = d.name(c, signer)
		}
	}
	return doc
}

// reachedOf says which of a committee's members are reached, by signer index.
func reachedOf(members []p2p.MemberInfo) []bool {
	out := make([]bool, len(members))
	for i := range members {
		out[i] = members[i].Reached()
	}
	return out
}

// TurnOf names the member whose turn it is to hand a payment to its node, as an attempt
// comes after the others.
func (d *Describer) TurnOf(tx *fastpay.Tx, attempt uint64) (string, bool) {
	c, ok := d.rules.Committee(tx.CommitteeID())
	if !ok {
		return "", false
	}
	return d.name(c, tx.Lane().Home(c, attempt)), true
}

// AskedOf describes who was asked for a payment.
func AskedOf(asked []replica.Asked) []AskedPeer {
	out := []AskedPeer{}
	for _, a := range asked {
		doc := AskedPeer{PeerID: a.Peer.ID.String(), Name: OrNull(a.Peer.Name), Role: OrNull(string(a.Peer.Role)), Held: a.Held}
		if a.Err != nil {
			doc.Problem = new(a.Err.Error())
		}
		out = append(out, doc)
	}
	return out
}
