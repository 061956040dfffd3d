package orders

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/allegro-p2p/allegro/fastpay"
	"github.com/ethereum/go-ethereum/common"
)

// Deliverer tells messages to the payee's programs.
type Deliverer interface {
	// Deliver returns nil once the message has been taken for good: it acknowledges it.
	// After an error the same message comes again, later. Calls for different payers may
	// be concurrent; ctx ends with the book.
	Deliver(ctx context.Context, id fastpay.ID, m Message) error
}

// DelivererFunc is a function that tells messages.
type DelivererFunc func(ctx context.Context, id fastpay.ID, m Message) error

// Deliver implements [Deliverer].
func (f DelivererFunc) Deliver(ctx context.Context, id fastpay.ID, m Message) error {
	return f(ctx, id, m)
}

const (
	// maxTelling is the number of payers that are told of at once.
	maxTelling = 16
	// firstPause and lastPause bound how long a message waits after it was not taken: it
	// doubles each time.
	firstPause = time.Second
	lastPause  = 5 * time.Minute
	// suspicious is the number of failures in a row, and of payers whose messages fail,
	// after which one message at a time finds out whether anybody takes any.
	suspicious = 8
)

// result is what came of one message.
type result struct {
	payer common.Address
	m     untold
	err   error // of the Deliverer
	fault error // of the store
}

// pause is how long messages wait.
type pause struct {
	failures int
	first    time.Time // of them
	until    time.Time
}

// Deliver tells the messages, those of one payer in order, until ctx ends or the store
// fails. One call at a time.
func (b *Book) Deliver(ctx context.Context, d Deliverer) (err error) {
	t := &teller{book: b, to: d, results: make(chan result, maxTelling), busy: make(map[common.Address]bool), pauses: make(map[common.Address]*pause)}
	ctx, cancel := context.WithCancel(ctx)
	defer func() {
		cancel()
		for range len(t.busy) { // whoever is at it ends with ctx
			if r := <-t.results; r.err == nil && r.fault == nil {
				err = errors.Join(err, b.acknowledge(r.payer, r.m))
			}
		}
	}()
	for {
		next := t.start(ctx)
		var timer <-chan time.Time
		if next > 0 {
			timer = time.After(next)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-b.wake:
		case <-timer:
		case r := <-t.results:
			if err := t.took(ctx, r); err != nil {
				return fmt.Errorf("orders: %w", err)
			}
		}
	}
}

// teller is one run of Deliver. Its goroutine owns it.
type teller struct {
	book    *Book
	to      Deliverer
	results chan result
	busy    map[common.Address]bool
	pauses  map[common.Address]*pause // payers whose first message was not taken
	all     pause                     // of all of them, once so many are suspicious
	// inARow counts failures since a message was taken, the first of which was then.
	inARow int
	then   time.Time
}

// start begins to tell what is due, and returns in how long more may be; 0: nothing is
// waited for but news.
func (t *teller) start(ctx context.Context) (next time.Duration) {
	for _, payer := range t.book.takeHurried() {
		delete(t.pauses, payer)
	}
	now := t.book.cfg.Now()
	room, wait := maxTelling, time.Duration(0)
	if t.all.failures > 0 {
		room, wait = 1, t.all.until.Sub(now)
	}
	for _, due := range t.book.due(now, t.busy, t.pauses, &next) {
		if len(t.busy) >= room {
			break // a result starts the others
		}
		if wait > 0 && t.pauses[due.payer] != nil { // who has not failed is tried at once
			if next == 0 || wait < next {
				next = wait
			}
			break
		}
		t.busy[due.payer] = true
		go func() { t.results <- t.book.deliver(ctx, t.to, due) }()
	}
	return next
}

// takeHurried returns the payers whose messages wait no longer.
func (b *Book) takeHurried() []common.Address {
	b.mu.Lock()
	defer b.mu.Unlock()
	payers := slices.Collect(maps.Keys(b.hurried))
	clear(b.hurried)
	return payers
}

// due returns each payer's first message, unless it is told just now or has to wait: those
// with the fewest failures first, so that what nobody ever takes is in nobody's way, and of
// them the oldest. next becomes the shortest wait.
func (b *Book) due(now time.Time, busy map[common.Address]bool, pauses map[common.Address]*pause, next *time.Duration) []result {
	b.mu.Lock()
	defer b.mu.Unlock()
	var out []result
	for payer, queue := range b.untold {
		if busy[payer] {
			continue
		}
		if p := pauses[payer]; p != nil {
			if wait := p.until.Sub(now); wait > 0 {
				if *next == 0 || wait < *next {
					*next = wait
				}
				continue
			}
		}
		out = append(out, result{payer: payer, m: queue[0]})
	}
	failures := func(r result) int {
		if p := pauses[r.payer]; p != nil {
			return p.failures
		}
		return 0
	}
	slices.SortFunc(out, func(x, y result) int {
		return cmp.Or(cmp.Compare(failures(x), failures(y)), cmp.Compare(x.m.number, y.m.number))
	})
	return out
}

// deliver tells one message, and returns r with what came of it.
func (b *Book) deliver(ctx context.Context, to Deliverer, r result) result {
	o, known, err := b.Show(r.m.id)
	at := slices.IndexFunc(o.Messages, func(x Message) bool { return x.Kind == r.m.kind })
	switch {
	case err != nil:
		r.fault = err
	case !known || at < 0:
		r.fault = fmt.Errorf("store has no message %s, which waits to be told", MessageID(r.m.id, r.m.kind))
	default:
		r.err = to.Deliver(ctx, r.m.id, o.Messages[at])
	}
	return r
}

// took notes what came of a message. The error is the store's, or that of ctx.
func (t *teller) took(ctx context.Context, r result) error {
	delete(t.busy, r.payer)
	b := t.book
	switch {
	case r.fault != nil:
		return r.fault
	case r.err == nil:
		delete(t.pauses, r.payer)
		for _, p := range t.pauses {
			// Whoever takes them may have been away: what has failed only since is tried at
			// once, what failed before too goes on to wait.
			if t.all.failures > 0 && !p.first.Before(t.then) {
				p.until = time.Time{}
			}
		}
		t.inARow, t.all = 0, pause{}
		b.metrics.told.WithLabelValues("ok").Inc()
		return b.acknowledge(r.payer, r.m)
	case ctx.Err() != nil:
		return ctx.Err()
	}
	b.metrics.told.WithLabelValues("error").Inc()
	now := b.cfg.Now()
	p := t.pauses[r.payer]
	if p == nil {
		p = new(pause)
		t.pauses[r.payer] = p
	}
	p.failed(now)
	if t.inARow++; t.inARow == 1 {
		t.then = now
	}
	if t.inARow >= suspicious && len(t.pauses) >= suspicious {
		t.all.failed(now)
	}
	attempts := b.noteFailure(r.m, r.err)
	if attempts == 1 || attempts%10 == 0 {
		logger.Warnw("a message of an order was not taken, it is told again", "tx", r.m.id, "kind", r.m.kind, "attempts", attempts, "error", r.err)
	}
	return nil
}

// failed lengthens a pause.
func (p *pause) failed(now time.Time) {
	if p.failures == 0 {
		p.first = now
	}
	p.until = now.Add(min(firstPause<<min(p.failures, 16), lastPause))
	p.failures++
}

// noteFailure remembers a failed attempt and returns how many there were.
func (b *Book) noteFailure(m untold, problem error) int {
	b.mu.Lock()
	defer b.mu.Unlock()
	attempts := b.tries[m.told].attempts + 1
	b.tries[m.told] = try{attempts, problem.Error()}
	return attempts
}

// acknowledge makes durable that a message was taken.
func (b *Book) acknowledge(payer common.Address, m untold) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	s, known, err := b.stored(m.id)
	if err != nil {
		return err
	}
	if !known || s == nil {
		return fmt.Errorf("store has no order %s, of which a message was taken", m.id)
	}
	for i := range s.Messages {
		if s.Messages[i].Kind == m.kind {
			s.Messages[i].Delivered = b.cfg.Now().UnixMicro()
		}
	}
	w := b.cfg.Store.NewWrite()
	if err := errors.Join(put(w, m.id, s), w.Delete(numberKey(prefixUntold, m.number, m.id))); err != nil {
		return err
	}
	if err := b.cfg.Store.Commit(w, true); err != nil {
		return err
	}
	b.untold[payer] = b.untold[payer][1:]
	if len(b.untold[payer]) == 0 {
		delete(b.untold, payer)
	}
	delete(b.tries, m.told)
	b.metrics.untold.Dec()
	return nil
}

// stored is the one copy of an order: what is open is changed in memory first. The
// caller holds mu.
func (b *Book) stored(id fastpay.ID) (*storedOrder, bool, error) {
	if o := b.open[id]; o != nil {
		return o.storedOrder, true, nil
	}
	return b.get(id)
}
