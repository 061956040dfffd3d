package validator

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/allegro-p2p/allegro/fastpay"
	"github.com/allegro-p2p/allegro/p2p"
	"github.com/allegro-p2p/allegro/p2p/replica"
	"github.com/allegro-p2p/allegro/tempo"
	"github.com/ethereum/go-ethereum/common"
)

// request is a payment to decide on.
type request struct {
	tx    *fastpay.Tx
	reply chan<- p2p.SubmitResult // has room for the answer; nil if nobody waits
	came  time.Time               // zero if it is tried again
}

// engine decides. Its goroutine owns the ledgers, the pinned snapshot and the
// pool; the Board is used under the replica's lock only.
type engine struct {
	cfg     *Config
	replica *replica.Replica
	journal *journal
	metrics *metrics

	requests chan request               // from Submit and gossip; bounded, full = busy
	updates  chan tempo.Update          // from the follower
	commits  chan []*fastpay.Promise    // to the committer
	signed   chan []fastpay.ID          // from the signer
	reads    chan readJob               // to the readers; bounded, full = busy
	results  chan readResult            // from the readers
	gates    chan gate                  // from recovery
	abstain  chan gate                  // from gossip; holds one
	missing  chan missing               // to the fetcher; bounded, full = later
	views    chan fastpay.HeadView      // to the herald; holds the newest only
	told     *gates                     // what setGate decided, for others to see
	halted   func() error               // why this validator signs no more, or nil
	stopped  <-chan struct{}            // closed when halted
	seats    map[common.Hash]*seatState // by committee id
	snap     *fastpay.Snapshot          // nil until the chain was seen
	header   tempo.Header               // of snap's block
	seen     time.Time                  // when this process first saw it
	pool     *pool
	parked   map[readKey][]request // waiting for a read of the pinned block
	signing  map[fastpay.ID][]chan<- p2p.SubmitResult
	waiting  int                // requests in parked and signing
	outbox   []*fastpay.Promise // decided, not yet with the committer
	cursor   uint64             // version of the Board up to which changes were seen
}

// seatState is a seat with its ledger.
type seatState struct {
	seat
	ledger *fastpay.Ledger
	// closed says why nothing is signed for the committee; nil once recovered.
	closed error
}

// gate opens or closes signing for a committee.
type gate struct {
	committee common.Hash
	closed    error
}

// missing is a payment whose decision lacked evidence: of its lane from a slot on,
// or of its parents.
type missing struct {
	tx   *fastpay.Tx
	from uint64
}

// run decides until ctx ends.
func (e *engine) run(ctx context.Context) error {
	stopped := e.stopped
	for {
		changed := e.replica.Changed()
		e.followBoard()

		// The committer takes the next batch when its sync is done; what gathers
		// meanwhile goes together. New requests wait while a full batch does.
		var commits chan<- []*fastpay.Promise
		requests := e.requests
		batch := e.outbox[:min(len(e.outbox), fastpay.MaxBatch)]
		if len(batch) > 0 {
			commits = e.commits
		}
		if len(e.outbox) >= fastpay.MaxBatch {
			requests = nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case req := <-requests:
			e.decide(e.drain(req))
		case commits <- batch:
			e.outbox = append([]*fastpay.Promise(nil), e.outbox[len(batch):]...)
		case ids := <-e.signed:
			e.answerSigned(ids)
		case u := <-e.updates:
			e.pin(u)
		case res := <-e.results:
			e.takeRead(res)
		case g := <-e.gates:
			e.open(g)
		case g := <-e.abstain:
			e.setGate(g)
		case <-stopped:
			stopped = nil
			e.dismiss()
		case <-changed:
		}
	}
}

// dismiss answers those who wait for votes that will not be signed any more.
func (e *engine) dismiss() {
	for id, waiting := range e.signing {
		e.waiting -= len(waiting)
		for _, reply := range waiting {
			answer(reply, p2p.SubmitResult{ID: id, Reject: fastpay.RejectOf(e.stoppedError())})
		}
	}
	clear(e.signing)
}

// drain takes what waits beside a first request, up to a batch.
func (e *engine) drain(first request) []request {
	reqs := []request{first}
	for len(reqs) < fastpay.MaxBatch {
		select {
		case req := <-e.requests:
			reqs = append(reqs, req)
		default:
			return reqs
		}
	}
	return reqs
}

// decide decides on payments in order. A vote may make waiting payments of its
// lane valid: those follow at once.
func (e *engine) decide(reqs []request) {
	err := e.replica.Update(func(b *fastpay.Board) {
		for len(reqs) > 0 {
			req := reqs[0]
			reqs = reqs[1:]
			if e.decideOne(b, req) {
				for _, tx := range e.pool.waitingFor(req.tx.ID(), req.tx.LaneID()) {
					reqs = append(reqs, request{tx: tx})
				}
			}
		}
	})
	if err != nil {
		logger.Errorw("evidence was not stored", "error", err)
	}
	e.metrics.pool.Set(float64(e.pool.len()))
}

// decideOne decides on one payment and reports whether it gave a new vote.
func (e *engine) decideOne(b *fastpay.Board, req request) bool {
	id := req.tx.ID()
	seat := e.seats[req.tx.CommitteeID()]
	if seat == nil {
		e.refuse(req, fmt.Errorf("%w: this validator is not in committee %s", fastpay.WrongCommittee, req.tx.CommitteeID()))
		return false
	}
	if cert, ok := b.Certificate(id, seat.index); ok {
		e.pool.remove(req.tx)
		answer(req.reply, p2p.SubmitResult{ID: id, Certificate: cert})
		return false
	}
	if err := e.mayDecide(seat); err != nil {
		e.refuse(req, err)
		return false
	}
	if _, ok := e.signing[id]; ok {
		if req.reply != nil && e.full() {
			answer(req.reply, p2p.SubmitResult{ID: id, Reject: fastpay.RejectOf(fastpay.ErrBusy)})
		} else {
			e.awaitSignature(req)
		}
		return false
	}
	promise, err := seat.ledger.Decide(req.tx, e.snap, e.now())
	var need *fastpay.NeedError
	switch {
	case errors.As(err, &need):
		e.park(req, seat.committee, need)
		return false
	case err != nil:
		noteRefusal(b, id, seat.index, fastpay.RejectOf(err))
		e.refuse(req, err)
		return false
	}
	seat.ledger.Record(promise)
	e.traceDecision(req, "")
	e.pool.remove(req.tx)
	e.outbox = append(e.outbox, promise)
	e.signing[id] = nil
	e.awaitSignature(req)
	return true
}

// awaitSignature notes who waits for a promised payment's signature.
func (e *engine) awaitSignature(req request) {
	if req.reply != nil {
		e.signing[req.tx.ID()] = append(e.signing[req.tx.ID()], req.reply)
		e.waiting++
	}
}

// full reports whether as many requests wait as may, and counts one more.
func (e *engine) full() bool {
	if e.waiting < e.cfg.Limits.Waiting {
		return false
	}
	e.metrics.dropped.WithLabelValues("waiting").Inc()
	return true
}

// noteRefusal keeps a refusal for good beside its payment, for sync to tell. The
// same one again is no news, although its text may name another block.
func noteRefusal(b *fastpay.Board, id fastpay.ID, self int, r *fastpay.Reject) {
	if told, known := b.Rejects(id)[self]; r.Retryable || known && told.Code == r.Code {
		return
	}
	b.NoteReject(id, self, *r)
}

// mayDecide returns why this validator gives no vote now, or nil.
func (e *engine) mayDecide(s *seatState) error {
	if e.halted() != nil {
		return e.stoppedError()
	}
	if s.closed != nil {
		return fmt.Errorf("%w: %w", fastpay.TemporaryUnavailable, s.closed)
	}
	if e.snap == nil {
		return fmt.Errorf("%w: this validator's node has not shown a finalized block yet", fastpay.TemporaryUnavailable)
	}
	return nil
}

// stoppedError says why this validator signs no more.
func (e *engine) stoppedError() error {
	return fmt.Errorf("%w: this validator has stopped signing: %w", fastpay.TemporaryUnavailable, e.halted())
}

// now is the validator's chain time (section 4).
func (e *engine) now() uint64 {
	return e.header.Time + uint64(max(e.cfg.Now().Sub(e.seen), 0)/time.Second)
}

// refuse answers a request, and keeps its payment if it may become valid.
func (e *engine) refuse(req request, err error) {
	reject := fastpay.RejectOf(err)
	e.metrics.rejected.WithLabelValues(string(reject.Code)).Inc()
	e.traceDecision(req, reject.Code)
	answer(req.reply, p2p.SubmitResult{ID: req.tx.ID(), Reject: reject})
	if !reject.Retryable {
		e.pool.remove(req.tx)
		return
	}
	if _, kept := e.pool.items[req.tx.ID()]; kept {
		return
	}
	if e.pool.add(req.tx) {
		e.metrics.dropped.WithLabelValues("pool").Inc()
	}
	switch reject.Code {
	case fastpay.NonceSeqTooHigh, fastpay.MissingParentQC:
		m := missing{tx: req.tx}
		if account, ok := e.snap.Account(req.tx.LaneID()); ok {
			m.from = account.Nonce
		}
		select {
		case e.missing <- m:
		default: // the replica's repair finds it later
			e.metrics.dropped.WithLabelValues("fetch").Inc()
		}
	}
}

// answer replies if somebody waits. The channel has room.
func answer(reply chan<- p2p.SubmitResult, res p2p.SubmitResult) {
	if reply != nil {
		reply <- res
	}
}

// answerSigned tells the submitters of signed votes.
func (e *engine) answerSigned(ids []fastpay.ID) {
	e.replica.Read(func(b *fastpay.Board) {
		for _, id := range ids {
			waiting := e.signing[id]
			delete(e.signing, id)
			e.waiting -= len(waiting)
			tx, ok := b.Tx(id)
			if !ok {
				continue
			}
			cert, ok := b.Certificate(id, e.seats[tx.CommitteeID()].index)
			if !ok {
				continue
			}
			for _, reply := range waiting {
				answer(reply, p2p.SubmitResult{ID: id, Certificate: cert})
			}
		}
	})
}

// pin moves decisions to a newer finalized block and tries again what waits.
func (e *engine) pin(u tempo.Update) {
	e.announce(u)
	if e.snap != nil && u.Finalized.Number <= e.header.Number {
		return
	}
	block := fastpay.Block(u.Finalized)
	if e.snap == nil {
		e.snap = fastpay.NewSnapshot(block)
	} else {
		e.snap = e.snap.Advance(block, u.Touched, u.PoliciesChanged)
	}
	e.header, e.seen = u.Finalized, u.FinalizedSeen
	e.metrics.pinned.Set(float64(e.header.Number))
	e.retry(e.pool.all())
}

// announce hands the herald the newest view of the node.
func (e *engine) announce(u tempo.Update) {
	now := u.Finalized.Time + uint64(max(e.cfg.Now().Sub(u.FinalizedSeen), 0)/time.Second)
	view := fastpay.HeadView{
		Height: u.Latest.Number, Hash: u.Latest.Hash, Time: now,
		FinalizedHeight: u.Finalized.Number, FinalizedHash: u.Finalized.Hash, FinalizedTime: u.Finalized.Time,
	}
	select {
	case <-e.views: // an older view that the herald has not taken
	default:
	}
	e.views <- view
}

// retry decides again on payments nobody waits for.
func (e *engine) retry(txs []*fastpay.Tx) {
	if len(txs) == 0 {
		return
	}
	reqs := make([]request, len(txs))
	for i, tx := range txs {
		reqs[i] = request{tx: tx}
	}
	e.decide(reqs)
}

// followBoard looks at what changed on the Board: a new QC may make waiting
// payments valid, and a vote of ours that our store does not know ends our part
// in its epoch.
func (e *engine) followBoard() {
	var waiting []*fastpay.Tx
	var suspects []*fastpay.Tx
	e.replica.Read(func(b *fastpay.Board) {
		var ids []fastpay.ID
		ids, e.cursor = b.Since(e.cursor, b.Len())
		for _, id := range ids {
			tx, ok := b.Tx(id)
			if !ok {
				continue
			}
			if _, certified := b.QC(id); certified {
				waiting = append(waiting, e.pool.waitingFor(id, tx.LaneID())...)
			}
			seat := e.seats[tx.CommitteeID()]
			if seat == nil {
				continue
			}
			if _, voted := b.Certificate(id, seat.index); voted {
				if _, promised := seat.ledger.Promised(id); !promised {
					suspects = append(suspects, tx)
				}
			}
		}
	})
	for _, tx := range suspects {
		e.checkOwnVote(tx.CommitteeID(), tx.ID())
	}
	e.retry(waiting)
}

// checkOwnVote is the roll-back guard of section 4.4: a verified vote of ours
// that is not in our store means that the store was rolled back.
func (e *engine) checkOwnVote(committee common.Hash, id fastpay.ID) {
	known, err := e.journal.has(id)
	if err != nil || known {
		return // a failed store has stopped the signer already
	}
	e.setGate(gate{committee, unknownVote(id)})
}

// unknownVote is why a validator abstains.
func unknownVote(id fastpay.ID) error {
	return fmt.Errorf("this validator voted for %s, which its store does not know: the store was rolled back; take part with a new key from the next committee on", id)
}

// open lets a recovered seat sign. What recovery brought comes first: it may hold
// a vote of ours that the store has lost.
func (e *engine) open(g gate) {
	select {
	case a := <-e.abstain:
		e.setGate(a)
	default:
	}
	e.followBoard()
	e.setGate(g)
}

// setGate opens or closes signing for a committee. An abstention stays.
func (e *engine) setGate(g gate) {
	s := e.seats[g.committee]
	if s == nil || errors.Is(s.closed, errAbstain) {
		return
	}
	if g.closed != nil {
		logger.Errorw("abstaining", "committee", g.committee, "reason", g.closed)
		s.closed = fmt.Errorf("%w: %w", errAbstain, g.closed)
		e.told.set(g.committee, s.closed)
		e.metrics.signing.Set(0)
		return
	}
	s.closed = nil
	e.told.set(g.committee, nil)
	logger.Infow("may sign", "committee", g.committee, "epoch", s.committee.Epoch())
	e.metrics.signing.Set(1)
	e.retry(e.pool.all())
}

// errAbstain marks a committee for which this validator must not sign any more.
var errAbstain = errors.New("abstaining")
