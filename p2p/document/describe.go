package document

import (
	"slices"
	"strconv"
	"strings"

	"github.com/allegro-p2p/allegro/fastpay"
	"github.com/allegro-p2p/allegro/p2p/replica"
	"github.com/ethereum/go-ethereum/common"
)

// Payment describes a payment; ok is false if it is not known here.
func (d *Describer) Payment(id fastpay.ID) (doc Payment, ok bool) {
	rec, ok := d.replica.Record(id)
	if !ok {
		return Payment{}, false
	}
	return d.PaymentOf(&rec)
}

// PaymentOf describes a payment by what is known of it, also one that has left the
// memory; ok is false if its committee is not in the network file.
func (d *Describer) PaymentOf(rec *replica.Record) (doc Payment, ok bool) {
	c, ok := d.rules.Committee(rec.Tx.CommitteeID())
	if !ok {
		return Payment{}, false
	}
	doc = d.payment(rec, c)
	doc.Heads = d.Heads(c)
	if rec.Stage.Rank() < fastpay.StageCertified.Rank() {
		d.explainWaiting(&doc, c)
	}
	return doc, true
}

// payment describes a payment without what only the rest of the network tells.
func (d *Describer) payment(rec *replica.Record, c *fastpay.Committee) Payment {
	tx, t := rec.Tx, &rec.Timeline
	env, id := tx.Envelope(), tx.ID()
	doc := Payment{
		Schema: PaymentSchema, TxID: id.Hex(), From: env.Sender.Hex(), To: env.Recipient.Hex(), Asset: env.Asset.Hex(),
		Amount: env.Amount.Dec(), Seq: strconv.FormatUint(env.Seq, 10), Parents: []string{},
		ValidBefore: strconv.FormatUint(env.ValidBefore, 10), Restart: strconv.FormatUint(env.Restart, 10),
		CommitteeID: env.CommitteeID.Hex(), Raw: hexOf(tx.Encode()), Threshold: c.Quorum(), Total: c.Total(),
		Votes: []Vote{}, Signers: []string{}, Waiting: []WaitingFor{}, Heads: []Head{},
		FirstSeenMicros: microsOrNull(t.FirstSeen), CertifiedMicros: microsOrNull(t.QC), QueuedMicros: microsOrNull(t.Queued),
		IncludedMicros: microsOrNull(t.Included), FinalizedMicros: microsOrNull(t.Finalized),
	}
	for _, p := range env.Parents {
		doc.Parents = append(doc.Parents, p.Hex())
	}
	if env.Note != (common.Hash{}) {
		doc.Note = new(env.Note.Hex())
	}
	if asset, ok := d.file.AssetByAddress(env.Asset); ok {
		doc.Symbol, doc.Decimals = &asset.Symbol, &asset.Decimals
	}
	doc.Stage = OrNull(string(rec.Stage))
	doc.Guarantee, doc.Why = guarantee(rec.Stage)
	doc.Timeline = d.timeline(t.Events, c)
	if !t.QC.IsZero() {
		doc.HeightAtQC = Decimal(t.HeightAtQC)
	}
	if !t.QC.IsZero() && !t.FirstSeen.IsZero() {
		doc.LatencyMicros = Decimal(uint64(t.QC.Sub(t.FirstSeen).Microseconds()))
	}
	if lead, known := t.Lead(); known {
		doc.LeadMicros = new(strconv.FormatInt(lead.Microseconds(), 10))
	}
	if o := rec.Outcome; o != nil {
		doc.IncludedHeight, doc.ChainTxHash = Decimal(o.BlockNumber), new(o.TxHash.Hex())
	}
	for _, cert := range rec.Certificates {
		weight := c.Weight(cert.Signer())
		doc.Votes = append(doc.Votes, Vote{
			Validator: d.name(c, cert.Signer()), Index: cert.Signer(), Weight: weight, SeenMicros: microsOrNull(t.Votes[cert.Signer()]),
		})
		doc.Weight += weight
	}
	if rec.QC != nil {
		for _, cert := range rec.QC.Certificates() {
			doc.Signers = append(doc.Signers, d.name(c, cert.Signer()))
		}
	}
	for signer, reject := range rec.Rejects {
		if !slices.ContainsFunc(rec.Certificates, func(c *fastpay.Certificate) bool { return c.Signer() == signer }) {
			doc.Waiting = append(doc.Waiting, WaitingFor{
				Validator: d.name(c, signer), Code: new(string(reject.Code)), Problem: new(reject.Text),
			})
		}
	}
	return doc
}

// timeline describes what happened to a payment.
func (d *Describer) timeline(events []replica.Event, c *fastpay.Committee) []Event {
	out := []Event{}
	for _, e := range events {
		doc := Event{Event: e.Kind, Micros: microsOrNull(e.At)}
		if !e.At.IsZero() {
			doc.Height = Decimal(e.Height)
		}
		if e.Kind == replica.EventVote {
			doc.Validator = new(d.name(c, e.Signer))
		}
		out = append(out, doc)
	}
	return out
}

// explainWaiting adds the members that have neither voted nor refused, with what
// keeps them from it as far as it is known here.
func (d *Describer) explainWaiting(doc *Payment, c *fastpay.Committee) {
	for _, m := range d.node.Members(c.ID()) {
		name := d.name(c, m.Index)
		if slices.ContainsFunc(doc.Votes, func(v Vote) bool { return v.Validator == name }) ||
			slices.ContainsFunc(doc.Waiting, func(w WaitingFor) bool { return w.Validator == name }) {
			continue
		}
		problem := "no vote yet"
		if text := notReached(&m); text != "" {
			problem = "not reached: " + text
		}
		doc.Waiting = append(doc.Waiting, WaitingFor{Validator: name, Problem: &problem})
	}
	slices.SortFunc(doc.Waiting, func(a, b WaitingFor) int { return strings.Compare(a.Validator, b.Validator) })
}

// guarantee is what a stage is worth, and why.
func guarantee(stage fastpay.Stage) (word, why string) {
	switch stage {
	case fastpay.StageCertified, fastpay.StageQueuedOnchain, fastpay.StageIncluded:
		return "conditional", "until a finalized block has it, another transaction of the payer or a freeze by the issuer can void it"
	case fastpay.StageFinalized:
		return "final", "a finalized block has executed it"
	case fastpay.StageRejected:
		return "none", "validators refused it for good, so that no quorum is left"
	case fastpay.StageExpired:
		return "none", "its time to be executed has passed"
	case fastpay.StageFailed:
		return "none", "the chain executed it without effect: the money had gone, or the issuer forbids the transfer"
	case fastpay.StageConflicted:
		return "none", "something else took its place on the chain"
	default:
		return "none", "validators of more than two thirds of the weight have not voted for it yet"
	}
}
