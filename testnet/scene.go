package testnet

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/allegro-p2p/allegro/client"
	"github.com/allegro-p2p/allegro/fastpay"
	"github.com/allegro-p2p/allegro/p2p/replica"
	"github.com/ethereum/go-ethereum/common"
	"github.com/holiman/uint256"
)

// HopAmount is what each payment of a chain moves, in token units.
const HopAmount = 10 * Dollar

// inclusionBlocks is how many blocks a scene gives certified payments to be
// included before it reports what is missing.
const inclusionBlocks = 4

// Verdict is what a scene came to.
type Verdict string

const (
	// Pass: every QC formed before the height moved, all payments are included,
	// and the balances are exact.
	Pass Verdict = "pass"
	// BlockFirst: all went well, but a block came before a QC.
	BlockFirst Verdict = "block_first"
	// Failed: a payment was not certified or not included, or a balance is off.
	Failed Verdict = "failed"
)

// Hop is one payment of a scene, with what its payee saw.
type Hop struct {
	Name      string
	From, To  string
	ID        fastpay.ID
	Amount    uint256.Int
	Parents   []fastpay.ID
	Stage     fastpay.Stage
	Submitted time.Time
	Accepted  time.Time // first vote at the payee
	Certified time.Time // QC at the payee
	// HeightAtQC is the height that the payee's node had shown by then.
	HeightAtQC uint64
	// NextBlock is when the payee saw the height move after the QC.
	NextBlock  time.Time
	Signers    []string
	VerifiedBy []string // clients other than the payer that verified the QC's bytes
	// Included is the height that executed it; 0 if none has.
	Included uint64
	ChainTx  common.Hash
}

// Lead is how long before the next block the QC formed.
func (h *Hop) Lead() (time.Duration, bool) {
	if h.Certified.IsZero() || h.NextBlock.IsZero() {
		return 0, false
	}
	return h.NextBlock.Sub(h.Certified), true
}

// Result is what happened in a scene.
type Result struct {
	Verdict  Verdict
	Reason   string // why it is not Pass; empty if it is
	Start    time.Time
	Edge     uint64 // the height whose arrival started it
	Hops     []*Hop
	Balances []Balance
	Blocks   []replica.BlockSeen // since the edge, as the last payee saw them
}

// Balance is what a client holds at the end, and what it should.
type Balance struct {
	Name       string
	Have, Want uint256.Int
}

// Event tells what a scene does while it happens.
type Event struct {
	Kind EventKind
	At   time.Time
	Hop  *Hop // nil for EventEdge and EventVerified
	// Height is the newest one that the peer concerned had seen: the payee, or
	// the last client.
	Height uint64
	// Checked are the QCs that the last client verified, of EventVerified.
	Checked []*fastpay.QC
}

// EventKind is what an Event is about.
type EventKind string

// The kinds of events, in the order of a scene.
const (
	EventEdge      EventKind = "edge"      // the height moved: the scene starts
	EventSubmitted EventKind = "submitted" // the payer has signed
	EventAccepted  EventKind = "accepted"
	EventCertified EventKind = "certified"
	EventVerified  EventKind = "verified" // the last client verified all QCs
	EventBlock     EventKind = "block"    // the next block was seen
	EventIncluded  EventKind = "included"
)

// Play runs the scene: it waits for the start of a block, lets each client pay
// the next one $10 as soon as it holds the QC of the payment to itself, and waits
// for the chain. It reports what happens; reports are made one after another. The
// error is of the machinery; what became of the payments is in the Result. It can be
// called once; see [Network.Replay].
func (n *Network) Play(ctx context.Context, report func(Event)) (*Result, error) {
	n.stage <- struct{}{} // nobody else plays yet
	defer func() {
		<-n.stage
		close(n.played)
	}()
	return n.play(ctx, n.cfg.Clients, report)
}

// play runs the scene. accounts are what the clients hold at its start; nil: balances
// are not judged.
func (n *Network) play(ctx context.Context, accounts []Account, report func(Event)) (*Result, error) {
	clients := n.Clients()
	if len(clients) < 2 {
		return nil, errors.New("testnet: a scene needs two clients")
	}
	last := clients[len(clients)-1]
	res := &Result{Verdict: Failed}
	edge, err := n.waitEdge(ctx, last)
	if err != nil {
		return nil, err
	}
	res.Start, res.Edge = edge.Seen, edge.Block.Number
	report(Event{Kind: EventEdge, At: edge.Seen, Height: edge.Block.Number})

	for i := range len(clients) - 1 {
		hop, err := n.hop(ctx, i, report)
		if hop != nil {
			res.Hops = append(res.Hops, hop)
		}
		if err != nil {
			res.Reason = err.Error()
			return res, n.finish(ctx, res, last, accounts)
		}
	}
	if err := n.verify(ctx, res, report); err != nil {
		res.Reason = err.Error()
		return res, n.finish(ctx, res, last, accounts)
	}
	if err := n.waitIncluded(ctx, res, last, report); err != nil {
		res.Reason = err.Error()
	}
	return res, n.finish(ctx, res, last, accounts)
}

// waitEdge waits until a peer sees the height move.
func (n *Network) waitEdge(ctx context.Context, p *Peer) (replica.BlockSeen, error) {
	start := n.cfg.Now()
	for {
		changed := p.Replica.Changed()
		if blocks := p.Replica.BlocksSeen(); len(blocks) > 1 && blocks[len(blocks)-1].Seen.After(start) {
			return blocks[len(blocks)-1], nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return replica.BlockSeen{}, fmt.Errorf("waiting for a block: %w", ctx.Err())
		}
	}
}

// hop makes the i-th payment and follows it to the payee's QC.
func (n *Network) hop(ctx context.Context, i int, report func(Event)) (*Hop, error) {
	clients := n.Clients()
	payer, payee := clients[i], clients[i+1]
	hop := &Hop{Name: fmt.Sprintf("T%d", i+1), From: payer.Name, To: payee.Name, Amount: *uint256.NewInt(HopAmount)}
	hop.Submitted = n.cfg.Now()
	id, err := payer.Client.Pay(ctx, client.Order{
		To: payee.Client.Address(), Asset: Asset, Amount: hop.Amount, Parents: client.Parents{Auto: true}, Note: hop.Name,
	})
	if err != nil {
		return hop, fmt.Errorf("%s: %w", hop.Name, err)
	}
	hop.ID = id
	payer.Replica.Read(func(b *fastpay.Board) {
		if tx, ok := b.Tx(id); ok {
			hop.Parents = slices.Clone(tx.Envelope().Parents)
		}
	})
	report(Event{Kind: EventSubmitted, At: hop.Submitted, Hop: hop, Height: height(payer)})
	for _, step := range []struct {
		stage fastpay.Stage
		kind  EventKind
	}{{fastpay.StageAccepted, EventAccepted}, {fastpay.StageCertified, EventCertified}} {
		stage, err := payee.Client.Wait(ctx, id, step.stage)
		hop.Stage = stage
		n.look(hop, payee)
		if err != nil {
			return hop, fmt.Errorf("%s was not %s at %s: %w", hop.Name, step.stage, payee.Name, err)
		}
		if stage.Rank() < step.stage.Rank() {
			return hop, fmt.Errorf("%s is %s: %s", hop.Name, stage, n.refusals(payer, id))
		}
		at := hop.Accepted
		if step.kind == EventCertified {
			at = hop.Certified
		}
		report(Event{Kind: step.kind, At: at, Hop: hop, Height: height(payee)})
	}
	return hop, nil
}

// height is the newest height a peer has seen.
func height(p *Peer) (h uint64) {
	p.Replica.Read(func(b *fastpay.Board) { h = b.Latest().Number })
	return h
}

// refusals says what members answered the payer.
func (n *Network) refusals(payer *Peer, id fastpay.ID) string {
	text := "no member said why"
	payer.Replica.Read(func(b *fastpay.Board) {
		for signer, r := range b.Rejects(id) {
			text = fmt.Sprintf("%s: %s", n.file.MemberName(n.committee.ID(), signer), r.Text)
		}
	})
	return text
}

// look copies what a peer knows of a payment.
func (n *Network) look(hop *Hop, p *Peer) {
	t, ok := p.Replica.Timeline(hop.ID)
	if !ok {
		return
	}
	for _, at := range t.Votes {
		if hop.Accepted.IsZero() || at.Before(hop.Accepted) {
			hop.Accepted = at
		}
	}
	hop.Certified, hop.HeightAtQC, hop.NextBlock = t.QC, t.HeightAtQC, t.NextBlock
	p.Replica.Read(func(b *fastpay.Board) {
		hop.Stage = b.Stage(hop.ID)
		if qc, ok := b.QC(hop.ID); ok {
			hop.Signers = nil
			for _, c := range qc.Certificates() {
				hop.Signers = append(hop.Signers, n.file.MemberName(n.committee.ID(), c.Signer()))
			}
		}
		if o, ok := b.Outcome(hop.ID); ok && hop.Stage.Rank() >= fastpay.StageIncluded.Rank() {
			hop.Included, hop.ChainTx = o.BlockNumber, o.TxHash
		}
	})
}

// verify lets every client but the payer check the bytes of the QCs it holds
// with nothing but the committee. The last client must hold all of them.
func (n *Network) verify(ctx context.Context, res *Result, report func(Event)) error {
	clients := n.Clients()
	last := clients[len(clients)-1]
	var checked []*fastpay.QC
	for _, hop := range res.Hops {
		if _, err := last.Client.Wait(ctx, hop.ID, fastpay.StageCertified); err != nil {
			return fmt.Errorf("%s does not hold the QC of %s: %w", last.Name, hop.Name, err)
		}
		for _, p := range clients {
			if p.Name == hop.From {
				continue
			}
			qc, err := p.Client.QC(hop.ID)
			if err == nil {
				hop.VerifiedBy = append(hop.VerifiedBy, p.Name)
			}
			if p == last {
				if err != nil {
					return fmt.Errorf("%s: QC of %s: %w", last.Name, hop.Name, err)
				}
				checked = append(checked, qc)
			}
		}
	}
	report(Event{Kind: EventVerified, At: n.cfg.Now(), Height: height(last), Checked: checked})
	return nil
}

// waitIncluded waits for the next block and then for every payment's inclusion.
func (n *Network) waitIncluded(ctx context.Context, res *Result, last *Peer, report func(Event)) error {
	ctx, cancel := context.WithTimeout(ctx, inclusionBlocks*n.cfg.BlockTime)
	defer cancel()
	blockSeen := false
	for _, hop := range res.Hops {
		stage, err := last.Client.Wait(ctx, hop.ID, fastpay.StageIncluded)
		n.look(hop, n.Peer(hop.To))
		if err != nil {
			return fmt.Errorf("%s was not included within %d blocks: %w", hop.Name, inclusionBlocks, err)
		}
		if stage.Rank() < fastpay.StageIncluded.Rank() {
			return fmt.Errorf("%s ended as %s", hop.Name, stage)
		}
		// The payee's own node may show the block a moment later.
		if _, err := n.Peer(hop.To).Client.Wait(ctx, hop.ID, fastpay.StageIncluded); err != nil {
			return fmt.Errorf("%s has not seen %s included: %w", hop.To, hop.Name, err)
		}
		n.look(hop, n.Peer(hop.To))
		if !blockSeen {
			blockSeen = true
			report(Event{Kind: EventBlock, At: hop.NextBlock, Hop: hop, Height: hop.HeightAtQC + 1})
		}
		report(Event{Kind: EventIncluded, At: n.cfg.Now(), Hop: hop, Height: hop.Included})
	}
	return nil
}

// finish reads the balances and comes to the verdict.
func (n *Network) finish(ctx context.Context, res *Result, last *Peer, accounts []Account) error {
	for _, b := range last.Replica.BlocksSeen() {
		if b.Block.Number >= res.Edge {
			res.Blocks = append(res.Blocks, b)
		}
	}
	clients := n.Clients()
	for i := range accounts {
		p := clients[i]
		have, _, err := last.Balance(ctx, p.Client.Address())
		if err != nil {
			return fmt.Errorf("reading the balance of %s: %w", p.Name, err)
		}
		res.Balances = append(res.Balances, Balance{p.Name, have, ExpectedBalance(accounts, i)})
	}
	res.Judge()
	return nil
}

// ExpectedBalance is what the i-th of the clients of a scene should hold at its end: the
// first has paid, the last has been paid, and what came to the others went on.
func ExpectedBalance(clients []Account, i int) uint256.Int {
	want := clients[i].Balance
	if i > 0 {
		want += HopAmount
	}
	if i < len(clients)-1 {
		want -= HopAmount
	}
	return *uint256.NewInt(want)
}

// Judge comes to the verdict on what the result holds. A Reason that is set stands.
func (r *Result) Judge() {
	r.Verdict = Failed
	if r.Reason != "" {
		return
	}
	for _, b := range r.Balances {
		if !b.Have.Eq(&b.Want) {
			r.Reason = "a balance is not what the payments make it"
			return
		}
	}
	for _, hop := range r.Hops {
		if lead, known := hop.Lead(); hop.HeightAtQC != r.Edge || !known || lead <= 0 {
			r.Verdict = BlockFirst
			r.Reason = fmt.Sprintf("block %d came before the QC of %s", r.Edge+1, hop.Name)
			return
		}
	}
	r.Verdict = Pass
}
