package client

import (
	"context"
	"crypto/ed25519"
	"encoding/hex"
	"slices"
	"sync"
	"time"

	"github.com/allegro-p2p/allegro/fastpay"
	"github.com/allegro-p2p/allegro/p2p"
	"github.com/allegro-p2p/allegro/p2p/replica"
	"github.com/allegro-p2p/allegro/p2p/tracing"
	"go.opentelemetry.io/otel/attribute"
	"golang.org/x/sync/errgroup"
)

// resubmitInterval is how often a validator that has not voted is sent the same
// bytes again. A retryable refusal usually ends with the next block or QC.
const resubmitInterval = time.Second

// sender hands own payments to every validator until a quorum has voted or the
// payment is over (section 5). One worker per validator: while one submit is
// under way the next batch gathers.
type sender struct {
	client *Client

	mu    sync.Mutex // guards open and peers
	open  map[fastpay.ID]*fastpay.Tx
	peers map[[ed25519.PublicKeySize]byte]p2p.PeerID // connected validators by vote key

	workers []*worker
}

// worker submits to one validator.
type worker struct {
	sender *sender
	key    ed25519.PublicKey
	wake   chan struct{} // holds one

	// Owned by the worker's goroutine.
	tried map[fastpay.ID]time.Time
	final map[fastpay.ID]bool // refused for good
}

func newSender(c *Client) *sender {
	s := &sender{
		client: c, open: make(map[fastpay.ID]*fastpay.Tx),
		peers: make(map[[ed25519.PublicKeySize]byte]p2p.PeerID),
	}
	known := make(map[string]bool)
	for _, committee := range c.cfg.Rules.Committees() {
		for i := range committee.Len() {
			key := committee.Key(i)
			if known[string(key)] {
				continue
			}
			known[string(key)] = true
			s.workers = append(s.workers, &worker{
				sender: s, key: key, wake: make(chan struct{}, 1),
				tried: make(map[fastpay.ID]time.Time), final: make(map[fastpay.ID]bool),
			})
		}
	}
	return s
}

// add takes on a payment.
func (s *sender) add(tx *fastpay.Tx) {
	s.mu.Lock()
	s.open[tx.ID()] = tx
	s.client.metrics.open.Set(float64(len(s.open)))
	s.mu.Unlock()
	s.wakeAll()
}

// peerEvent notes a validator that comes or goes; one that comes is sent at once
// what waits for it.
func (s *sender) peerEvent(e p2p.PeerEvent) {
	if len(e.Peer.Member) != ed25519.PublicKeySize {
		return
	}
	key := [ed25519.PublicKeySize]byte(e.Peer.Member)
	s.mu.Lock()
	if e.Joined {
		s.peers[key] = e.Peer.ID
	} else if s.peers[key] == e.Peer.ID {
		delete(s.peers, key)
	}
	s.mu.Unlock()
	s.wakeAll()
}

// wakeAll makes every worker look at once.
func (s *sender) wakeAll() {
	for _, w := range s.workers {
		select {
		case w.wake <- struct{}{}:
		default:
		}
	}
}

// run submits until ctx ends.
func (s *sender) run(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	for _, w := range s.workers {
		g.Go(func() error { return w.run(ctx) })
	}
	return g.Wait()
}

func (w *worker) run(ctx context.Context) error {
	ticker := time.NewTicker(resubmitInterval)
	defer ticker.Stop()
	for {
		for {
			payments := w.next()
			if len(payments) == 0 {
				break
			}
			w.submit(ctx, payments)
			if ctx.Err() != nil {
				return ctx.Err()
			}
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-w.wake:
		case <-ticker.C:
		}
	}
}

// next returns the payments that this validator is to be sent now.
func (w *worker) next() []fastpay.Payment {
	if _, connected := w.peer(); !connected {
		return nil
	}
	c := w.sender.client
	now := c.cfg.Now()
	var out []fastpay.Payment
	room := fastpay.MaxMessageSize - listHeader
	open := w.sender.unfinished()
	w.forget(open)
	for _, tx := range open {
		if last, tried := w.tried[tx.ID()]; w.final[tx.ID()] || tried && now.Sub(last) < resubmitInterval {
			continue
		}
		committee, ok := c.cfg.Rules.Committee(tx.CommitteeID())
		if !ok {
			continue
		}
		signer, member := committee.Index(w.key)
		if !member {
			continue
		}
		voted := false
		c.replica.Read(func(b *fastpay.Board) { _, voted = b.Certificate(tx.ID(), signer) })
		if voted {
			continue
		}
		payment := c.replica.Payment(tx)
		if !fit(payment, &room) {
			break // the next submit takes it
		}
		out = append(out, payment)
		if len(out) == fastpay.MaxPayments {
			break
		}
	}
	return out
}

// listHeader is the most bytes that the header of a submit's list takes.
const listHeader = 4

// fit takes a payment's bytes from the room of a submit, and reports false if
// there are too few left.
func fit(p fastpay.Payment, room *int) bool {
	n := len(p.Encode())
	if n > *room {
		return false
	}
	*room -= n
	return true
}

// unfinished returns the payments without a QC that are not over, in the order of
// their slots, and lets go of the others.
func (s *sender) unfinished() []*fastpay.Tx {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []*fastpay.Tx
	s.client.replica.Read(func(b *fastpay.Board) {
		for id, tx := range s.open {
			if stage := b.Stage(id); stage.Rank() >= fastpay.StageCertified.Rank() || stage.Terminal() {
				delete(s.open, id)
				continue
			}
			out = append(out, tx)
		}
	})
	s.client.metrics.open.Set(float64(len(s.open)))
	slices.SortFunc(out, func(a, b *fastpay.Tx) int {
		if a.Seq() != b.Seq() {
			return int(min(max(int64(a.Seq()-b.Seq()), -1), 1))
		}
		return a.ID().Cmp(b.ID())
	})
	return out
}

// forget drops what the worker remembers of payments that are not open any more.
func (w *worker) forget(open []*fastpay.Tx) {
	if len(w.tried) <= 2*len(open)+fastpay.MaxPayments {
		return
	}
	still := make(map[fastpay.ID]bool, len(open))
	for _, tx := range open {
		still[tx.ID()] = true
	}
	for id := range w.tried {
		if !still[id] {
			delete(w.tried, id)
			delete(w.final, id)
		}
	}
}

// peer returns the connected peer that speaks for the validator.
func (w *worker) peer() (p2p.PeerID, bool) {
	w.sender.mu.Lock()
	defer w.sender.mu.Unlock()
	id, ok := w.sender.peers[[ed25519.PublicKeySize]byte(w.key)]
	return id, ok
}

// submit sends payments and takes what the validator answers.
func (w *worker) submit(ctx context.Context, payments []fastpay.Payment) {
	c := w.sender.client
	now := c.cfg.Now()
	for _, p := range payments {
		w.tried[p.Tx.ID()] = now
	}
	peer, connected := w.peer()
	if !connected {
		return
	}
	results, err := c.node.Submit(ctx, peer, payments)
	if err != nil {
		c.metrics.submits.WithLabelValues("error").Inc()
		logger.Debugw("submitting", "payments", len(payments), "peer", peer, "error", err)
		return
	}
	c.metrics.submits.WithLabelValues("ok").Inc()
	err = c.replica.Update(func(b *fastpay.Board) {
		for i, res := range results {
			w.take(b, payments[i].Tx, res)
			w.trace(res, now)
		}
	})
	if err != nil {
		logger.Errorw("evidence was not stored", "error", err)
	}
}

// trace records how long a validator took to answer, and what.
func (w *worker) trace(res p2p.SubmitResult, sent time.Time) {
	cfg := &w.sender.client.cfg
	if !cfg.Tracer.On() {
		return
	}
	answer := "certificate"
	if res.Reject != nil {
		answer = string(res.Reject.Code)
	}
	cfg.Tracer.Record(res.ID, tracing.Span{
		Name: "client.submit", Start: sent, End: cfg.Now(),
		Attributes: []attribute.KeyValue{attribute.String("allegro.validator", hex.EncodeToString(w.key)), attribute.String("allegro.answer", answer)},
	})
}

// take notes one answer.
func (w *worker) take(b *fastpay.Board, tx *fastpay.Tx, res p2p.SubmitResult) {
	m := w.sender.client.metrics
	m.answers.WithLabelValues(answerOf(res)).Inc()
	if res.Reject != nil && !res.Reject.Retryable {
		w.final[tx.ID()] = true
	}
	replica.NoteAnswer(b, w.key, tx, res)
}
