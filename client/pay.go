package client

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/allegro-p2p/allegro/fastpay"
	"github.com/allegro-p2p/allegro/p2p"
	"github.com/allegro-p2p/allegro/tempo"
	"github.com/ethereum/go-ethereum/common"
	"github.com/holiman/uint256"
)

// clockSlack is how far a payment's expiry stays inside the limits that
// validators apply, in seconds: their clocks and blocks differ by this much.
const clockSlack = 5

// Parents says which incoming payments a payment cites as funds.
type Parents struct {
	// Auto cites none if the balance covers the amount, else the fewest that do.
	Auto bool
	// IDs are cited if Auto is not set.
	IDs []fastpay.ID
}

// Order is a payment to be made.
type Order struct {
	To      common.Address
	Asset   common.Address
	Amount  uint256.Int // token units
	Parents Parents
	Note    string // its SHA-256 is in the payment; empty for none
}

// Pay signs a payment, makes it durable, and hands it to the network. It returns at
// once; the client sends it to every validator until a quorum answers, also after a
// restart. Use [Client.Wait] for the outcome.
//
// An error that wraps a [fastpay.Code] says why the validators would refuse it;
// nothing was signed then.
func (c *Client) Pay(ctx context.Context, o Order) (fastpay.ID, error) {
	select {
	case <-c.ready:
	case <-ctx.Done():
		return fastpay.ID{}, fmt.Errorf("paying: the chain was not seen yet: %w", ctx.Err())
	}
	tx, err := c.sign(ctx, o)
	if errors.Is(err, fastpay.InsufficientFunds) && o.Parents.Auto {
		// Gossip may have lost the payment that this one is to be made of.
		if ferr := c.replica.FetchAccount(ctx, c.node, c.address); ferr != nil {
			logger.Debugw("asking for payments to the account", "error", ferr)
		}
		tx, err = c.sign(ctx, o)
	}
	if err != nil {
		return fastpay.ID{}, fmt.Errorf("paying: %w", err)
	}
	c.metrics.paid.Inc()
	c.sender.add(tx)
	payment := c.payment(tx)
	err = c.node.PublishPayments(ctx, tx.CommitteeID(), []fastpay.Payment{payment})
	if errors.Is(err, p2p.ErrTooLarge) {
		payment.Parents = nil // who lacks them asks for them
		err = c.node.PublishPayments(ctx, tx.CommitteeID(), []fastpay.Payment{payment})
	}
	if err != nil {
		// The submit stream is the reliable path; gossip is for those we do not reach.
		logger.Debugw("payment was not gossiped", "tx", tx.ID(), "error", err)
	}
	return tx.ID(), nil
}

// payment is an own payment as it is handed to others: with the QCs of the
// parents that it cites, as far as they are held.
func (c *Client) payment(tx *fastpay.Tx) fastpay.Payment {
	p := fastpay.Payment{Tx: tx}
	c.replica.Read(func(b *fastpay.Board) {
		for _, id := range tx.Envelope().Parents {
			if qc, ok := b.QC(id); ok {
				p.Parents = append(p.Parents, qc)
			}
		}
	})
	return p
}

// sign plans, signs and journals a payment, one at a time: a lane has one writer.
func (c *Client) sign(ctx context.Context, o Order) (*fastpay.Tx, error) {
	if err := c.take(ctx); err != nil {
		return nil, err
	}
	defer c.release()
	if !slices.ContainsFunc(c.cfg.Rules.Assets(), func(a fastpay.Asset) bool { return a.Address == o.Asset }) {
		return nil, fmt.Errorf("%w: asset %s is not listed in the network file", fastpay.NotPaymentTx, o.Asset)
	}
	committee := c.cfg.Rules.CommitteeAt(c.header.Time)
	ledger := c.ledgers[committee.ID()]
	lane := fastpay.Lane{ChainID: c.cfg.Rules.ChainID(), Asset: o.Asset, Sender: c.address}

	var plan fastpay.Plan
	err := c.withState(ctx, committee, func() (err error) {
		ask := &o.Amount
		if !o.Parents.Auto {
			ask = nil
		}
		plan, err = ledger.Plan(lane, c.snap, ask)
		return err
	})
	if err != nil {
		return nil, err
	}
	if !o.Parents.Auto {
		plan.Parents = slices.Clone(o.Parents.IDs)
		slices.SortFunc(plan.Parents, fastpay.ID.Cmp)
	}
	c.replica.Read(func(b *fastpay.Board) {
		if !o.Parents.Auto {
			limitExpiry(b, &plan)
		}
		err = refusedBelow(b, plan.Prev)
	})
	if err != nil {
		return nil, err
	}
	now := c.now(committee)
	expiry, err := c.expiry(plan, committee, now)
	if err != nil {
		return nil, err
	}
	tx, err := c.cfg.Rules.SignTx(fastpay.Envelope{
		ChainID: lane.ChainID, CommitteeID: committee.ID(), Asset: o.Asset, Sender: c.address,
		Seq: plan.Seq, Prev: plan.Prev, Recipient: o.To, Amount: o.Amount, MaxFee: c.cfg.Rules.MaxFee(),
		Parents: plan.Parents, ValidBefore: expiry, Restart: plan.Restart, Note: noteHash(o.Note),
	}, c.cfg.Key)
	if err != nil {
		return nil, err
	}
	// The validators' own rules, applied to what this wallet knows: a refusal
	// that can be foreseen is told before anything is sent.
	var promise *fastpay.Promise
	err = c.withState(ctx, committee, func() (err error) {
		promise, err = ledger.Decide(tx, c.snap, now)
		return err
	})
	if err != nil {
		return nil, err
	}
	if err := c.journal.append(promise); err != nil {
		return nil, fmt.Errorf("the payment could not be made durable and was not sent: %w", err)
	}
	if err := c.replica.Update(func(*fastpay.Board) { ledger.Record(promise) }); err != nil {
		logger.Errorw("evidence was not stored, the payment goes on", "error", err)
	}
	return tx, nil
}

// limitExpiry lowers a plan's expiry to what the parents that it cites allow: an
// unexecuted one counts until it or a payment below it expires.
func limitExpiry(b *fastpay.Board, plan *fastpay.Plan) {
	for _, id := range plan.Parents {
		for {
			tx, ok := b.Tx(id)
			if !ok || b.Stage(id) == fastpay.StageFinalized {
				break
			}
			env := tx.Envelope()
			if plan.Expiry == 0 || env.ValidBefore < plan.Expiry {
				plan.Expiry = env.ValidBefore
			}
			id = env.Prev
		}
	}
}

// refusedBelow returns an error if a payment that the next one would stand on was
// refused for good by so many members that it never certifies.
func refusedBelow(b *fastpay.Board, prev fastpay.ID) error {
	for {
		tx, ok := b.Tx(prev)
		stage := b.Stage(prev)
		if !ok || stage.Rank() >= fastpay.StageIncluded.Rank() {
			return nil
		}
		if stage == fastpay.StageRejected {
			return fmt.Errorf("%w: the validators refused payment %s below: the lane restarts when that expires at chain time %d",
				fastpay.TemporaryUnavailable, prev, tx.Envelope().ValidBefore)
		}
		prev = tx.Envelope().Prev
	}
}

// withState runs a decision under the replica's lock, reading what its snapshot
// lacks at the node, until it is decided. The caller holds the turn.
func (c *Client) withState(ctx context.Context, committee *fastpay.Committee, decide func() error) error {
	for read := 0; ; {
		var err error
		c.replica.Read(func(*fastpay.Board) { err = decide() })
		var need *fastpay.NeedError
		if !errors.As(err, &need) {
			return err
		}
		// A snapshot that cannot hold a decision would be filled for ever.
		if read += len(need.Lanes); read > fastpay.MaxSnapshot {
			return fmt.Errorf("%w: more than %d lanes would have to be read: wait until incoming payments are executed", fastpay.TemporaryUnavailable, fastpay.MaxSnapshot)
		}
		if err := c.fill(ctx, committee, need); err != nil {
			return fmt.Errorf("%w: reading the node at block %d: %w", fastpay.TemporaryUnavailable, c.header.Number, err)
		}
	}
}

// fill reads what a decision needs at the pinned block.
func (c *Client) fill(ctx context.Context, committee *fastpay.Committee, need *fastpay.NeedError) error {
	for _, lane := range need.Lanes {
		a, err := c.cfg.Chain.Account(ctx, c.header, lane.Asset, lane.Sender, lane.NonceKey(committee))
		if err != nil {
			return err
		}
		account, err := fastpay.NewAccount(lane, a.Balance, a.Nonce, a.Last)
		if err != nil {
			return err
		}
		c.snap.SetAccount(lane, account)
		for _, ledger := range c.ledgers {
			ledger.Forget(lane.ID(), account.Nonce)
		}
	}
	for _, t := range need.Transfers {
		err := c.cfg.Chain.CanTransfer(ctx, c.header, t.Asset, t.Sender, t.Recipient, common.Hash{})
		if err != nil && !errors.Is(err, tempo.ErrPolicy) {
			return err
		}
		c.snap.SetPolicy(t, err)
	}
	return nil
}

// now is the median of the chain times that members say it is, or this client's
// own while none has said (section 5). Members that lie cannot move it below the
// block's time, or above this client's own by more than clocks differ.
func (c *Client) now(committee *fastpay.Committee) uint64 {
	var said []uint64
	c.replica.Read(func(b *fastpay.Board) {
		for _, h := range b.Heads(committee.ID()) {
			if h.View().FinalizedHeight == c.header.Number {
				said = append(said, h.View().Time)
			}
		}
	})
	own := c.header.Time + uint64(max(c.cfg.Now().Sub(c.seen), 0)/time.Second)
	if len(said) == 0 {
		return own
	}
	slices.Sort(said)
	return min(max(said[len(said)/2], c.header.Time), own+clockSlack)
}

// expiry is the valid_before of a payment: the default life, shortened to what
// its credits and the committee allow.
func (c *Client) expiry(plan fastpay.Plan, committee *fastpay.Committee, now uint64) (uint64, error) {
	rules := c.cfg.Rules
	life := min(max(rules.DefaultLife(), rules.MinSettle()+clockSlack), rules.MaxLife()-clockSlack)
	expiry := min(now+life, committee.End())
	if plan.Expiry > 0 {
		expiry = min(expiry, plan.Expiry)
	}
	if expiry < now+rules.MinSettle()+clockSlack {
		return 0, fmt.Errorf("%w: a cited payment or the committee ends at chain time %d, too soon for another payment on top: wait until it is executed", fastpay.TemporaryUnavailable, expiry)
	}
	return expiry, nil
}

// Funds returns what an account holds and may spend in an asset, at the pinned
// finalized block and by the evidence held here: complete for the client's own
// account, and for others as far as their payments have come here.
func (c *Client) Funds(ctx context.Context, owner, asset common.Address) (fastpay.Funds, fastpay.Block, error) {
	select {
	case <-c.ready:
	case <-ctx.Done():
		return fastpay.Funds{}, fastpay.Block{}, fmt.Errorf("reading funds: the chain was not seen yet: %w", ctx.Err())
	}
	if err := c.take(ctx); err != nil {
		return fastpay.Funds{}, fastpay.Block{}, err
	}
	defer c.release()
	committee := c.cfg.Rules.CommitteeAt(c.header.Time)
	lane := fastpay.Lane{ChainID: c.cfg.Rules.ChainID(), Asset: asset, Sender: owner}
	var plan fastpay.Plan
	err := c.withState(ctx, committee, func() (err error) {
		plan, err = c.ledgers[committee.ID()].Plan(lane, c.snap, nil)
		var need *fastpay.NeedError
		if errors.As(err, &need) {
			return err
		}
		return nil // what keeps a payment from being made does not change the funds
	})
	return plan.Funds, fastpay.Block(c.header), err
}

// noteHash is a note as a payment carries it.
func noteHash(note string) common.Hash {
	if note == "" {
		return common.Hash{}
	}
	return sha256.Sum256([]byte(note))
}
