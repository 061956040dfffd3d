package daemon

import (
	"context"
	"net/http"
	"slices"
	"time"

	"github.com/allegro-p2p/allegro/aggregator/relay"
	"github.com/allegro-p2p/allegro/fastpay"
	"github.com/allegro-p2p/allegro/p2p"
	"github.com/allegro-p2p/allegro/p2p/document"
	"github.com/allegro-p2p/allegro/p2p/planner"
	"github.com/allegro-p2p/allegro/p2p/replica"
	"github.com/ethereum/go-ethereum/common"
)

const (
	// whyTimeout bounds what is asked of others to explain one payment.
	whyTimeout = 10 * time.Second
	// fundsTimeout bounds the same of the own node.
	fundsTimeout = 3 * time.Second
	// maxInquiries bounds the payments that others are asked about for one explanation:
	// what is further up shows when these are known.
	maxInquiries = 8
)

// serveWhy explains a payment. Who has not voted is asked once more: a validator's last
// answer may be old, and an aggregator was given none.
func (d *Daemon) serveWhy(ctx context.Context, r *http.Request) (any, error) {
	id, err := parseID(r.PathValue("id"))
	if err != nil {
		return nil, err
	}
	limited, cancel := context.WithTimeout(ctx, whyTimeout)
	defer cancel()
	q := inquiry{daemon: d, id: id, relay: d.newRelay(), inquired: make(map[string]bool)}
	if err := q.inquire(limited); err != nil {
		return nil, err
	}
	root := &q.doc.Steps[len(q.doc.Steps)-1]
	if root.Payment == nil {
		return q.doc, nil
	}
	rec, _, err := d.recordOf(q.root)
	if err != nil {
		return nil, err
	}
	q.doc.Funds = q.funds(ctx, &rec)
	q.doc.Settlement = d.settlement(&rec)
	return q.doc, nil
}

// recordOf is what the memory has of a payment, or the disk: that has an answer only a
// moment after it came.
func (d *Daemon) recordOf(id fastpay.ID) (rec replica.Record, known bool, err error) {
	if rec, known = d.replica.Record(id); known {
		return rec, true, nil
	}
	return d.shown.Record(id)
}

// newRelay hands payments to validators, and reads what accounts may spend. What it
// reads is of the newest finalized block.
func (d *Daemon) newRelay() *relay.Relay {
	r := relay.New(relay.Config{Rules: d.rules, Replica: d.replica, Node: d.node, Chain: d.chain, Now: d.opts.Now})
	var finalized fastpay.Block
	d.replica.Read(func(b *fastpay.Board) { finalized = b.Finalized() })
	if finalized.Hash != (common.Hash{}) {
		r.Pin(finalized, nil, false, d.opts.Now())
	}
	return r
}

// inquiry is one explanation in the making.
type inquiry struct {
	daemon   *Daemon
	id       fastpay.ID
	relay    *relay.Relay
	inquired map[string]bool // payments that others were asked about, by tx id

	doc  document.Why
	root fastpay.ID
}

// inquire follows the payment to the root of its trouble, and asks others about what it
// finds on the way, from the root down: who has it, and who votes for it.
func (q *inquiry) inquire(ctx context.Context) (err error) {
	d := q.daemon
	var asked []document.AskedPeer
	for {
		if q.doc, err = d.describer.Why(q.id, d.stale(), d.recordOf); err != nil {
			return err
		}
		root := &q.doc.Steps[len(q.doc.Steps)-1]
		if q.root, err = parseID(root.TxID); err != nil {
			return err
		}
		if root.Payment == nil {
			q.doc.Asked = asked
		}
		step := q.open()
		if step == nil || len(q.inquired) == maxInquiries || ctx.Err() != nil {
			return nil
		}
		q.inquired[step.TxID] = true
		id, err := parseID(step.TxID)
		if err != nil {
			return err
		}
		if step.Payment == nil {
			asked = append(document.AskedOf(d.replica.Locate(ctx, d.node, id)), d.unasked()...)
			continue
		}
		if err := q.submit(ctx, id); err != nil {
			return err
		}
	}
}

// unasked are the members of the committee in office whom no question gets to.
func (d *Daemon) unasked() (out []document.AskedPeer) {
	for _, m := range d.node.Members(d.current().ID()) {
		if m.Peer != "" {
			continue
		}
		problem := "it is not connected"
		if m.Problem != "" {
			problem += ": " + m.Problem
		}
		out = append(out, document.AskedPeer{Name: document.OrNull(m.Name), Role: new(string(p2p.RoleValidator)), Problem: &problem})
	}
	return out
}

// open returns the step nearest to the root that others are to be asked about, or nil.
func (q *inquiry) open() *document.WhyStep {
	for i := range slices.Backward(q.doc.Steps) {
		step := &q.doc.Steps[i]
		if q.inquired[step.TxID] {
			continue
		}
		switch step.Reason {
		case fastpay.ReasonUnknown, fastpay.ReasonVotes, fastpay.ReasonUnreached, fastpay.ReasonPredecessor, fastpay.ReasonParent, fastpay.ReasonRefused:
			if stage := stageOf(step); stage.Rank() < fastpay.StageCertified.Rank() && !stage.Terminal() {
				return step
			}
		}
	}
	return nil
}

func stageOf(step *document.WhyStep) fastpay.Stage {
	if step.Payment == nil || step.Payment.Stage == nil {
		return fastpay.StageUnknown
	}
	return fastpay.Stage(*step.Payment.Stage)
}

// submit hands a payment to the validators that have not voted, this one included. That
// nobody could be reached is in what is described afterwards.
func (q *inquiry) submit(ctx context.Context, id fastpay.ID) error {
	d := q.daemon
	rec, known, err := d.recordOf(id)
	if err != nil || !known {
		return err
	}
	if d.validator != nil {
		own := d.validator.Submit(ctx, d.node.ID(), []fastpay.Payment{d.replica.Payment(rec.Tx)})
		if err := d.replica.Update(func(b *fastpay.Board) { replica.NoteAnswer(b, d.voteKey[:], rec.Tx, own[0]) }); err != nil {
			logger.Errorw("evidence was not stored", "error", err)
		}
	}
	if _, err := q.relay.Submit(ctx, rec.Tx); err != nil {
		logger.Debugw("asking for votes", "tx", id, "error", err)
	}
	return nil
}

// funds are those of the payer of an uncertified payment, as the own node shows them;
// nil if they do not matter or could not be read.
func (q *inquiry) funds(ctx context.Context, rec *replica.Record) *document.Balance {
	d := q.daemon
	env := rec.Tx.Envelope()
	asset, listed := d.file.AssetByAddress(env.Asset)
	if !listed || rec.Stage.Rank() >= fastpay.StageCertified.Rank() || rec.Stage.Terminal() && rec.Stage != fastpay.StageRejected {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, fundsTimeout)
	defer cancel()
	funds, err := q.read(ctx, env.Sender, env.Asset)
	if err != nil {
		logger.Debugw("reading the payer's funds", "account", env.Sender, "error", err)
		return nil
	}
	return new(document.BalanceOf(env.Sender, &asset, &funds.Funds, funds.Block.Number))
}

// read reads what an account may spend. A client counts its own payments that wait for a
// quorum.
func (q *inquiry) read(ctx context.Context, owner, asset common.Address) (planner.Funds, error) {
	if c := q.daemon.client; c != nil {
		funds, block, err := c.Funds(ctx, owner, asset)
		return planner.Funds{Funds: funds, Block: block}, err
	}
	return q.relay.Funds(ctx, owner, asset)
}

// settlement is how a payment gets to the chain; nil unless it is on its way there, or was
// and came to nothing.
func (d *Daemon) settlement(rec *replica.Record) *document.Settlement {
	over := false
	switch rec.Stage {
	case fastpay.StageCertified, fastpay.StageQueuedOnchain:
	case fastpay.StageExpired, fastpay.StageConflicted:
		if over = rec.QC != nil; !over {
			return nil // nobody was to settle it
		}
	default:
		return nil
	}
	doc := &document.Settlement{}
	if at := rec.Timeline.QC; !over && !at.IsZero() {
		// The turn moves on every two block times (section 4.7).
		attempt := uint64(max(d.opts.Now().Sub(at), 0) / (2 * d.blockTime()))
		if name, ok := d.describer.TurnOf(rec.Tx, attempt); ok {
			doc.Turn = &name
		}
	}
	if d.home.Config().Node.Role != p2p.RoleValidator {
		return doc
	}
	done, tried := d.validator.Submission(rec.Tx.ID())
	doc.Own = &document.Submission{Attempts: done.Attempts}
	if tried {
		doc.Own.LastMicros, doc.Own.Result = new(document.Micros(done.Last)), &done.Result
	}
	if done.Err != nil {
		doc.Own.Problem = new(done.Err.Error())
	}
	return doc
}
