package orders

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/allegro-p2p/allegro/client/acceptance"
	"github.com/allegro-p2p/allegro/fastpay"
	"github.com/allegro-p2p/allegro/p2p/replica"
	"github.com/ethereum/go-ethereum/common"
	"github.com/holiman/uint256"
	"github.com/prometheus/client_golang/prometheus"
)

// DefaultKeep is how many orders' details are kept: with their QCs and messages they
// are about 5 KB each.
const DefaultKeep = 100_000

// Config is what a Book needs.
type Config struct {
	Account common.Address // the payee
	Policy  acceptance.Policy
	Replica Replica
	Store   *replica.Store
	// Requests finds what a payment is for. nil: there are no requests.
	Requests Requests
	// Told says that a [Deliverer] will take the messages. Otherwise none are kept for one.
	Told bool
	// Keep is how many orders' details are kept. The oldest that are over and told go
	// first; that they were orders is never forgotten, so that none is told again.
	Keep int
	// Now is the clock. Its value is compared with the expiry of payments.
	Now        func() time.Time
	Registerer prometheus.Registerer
}

// Replica is the evidence that decisions are made from.
type Replica interface {
	Read(f func(*fastpay.Board))
	Update(f func(*fastpay.Board)) error
	Changed() <-chan struct{}
	// AskNode has the node asked about lanes that were never read, without waiting for the
	// next block.
	AskNode()
}

// Requests finds the request that has a note, by the SHA-256 of its text.
type Requests interface {
	ByNote(note common.Hash) (Asked, bool)
}

// Book holds an account's orders. Make it with [Open], run it once, and tell its
// messages with [Book.Deliver]. Safe for concurrent use.
type Book struct {
	cfg     Config
	metrics *metrics
	wake    chan struct{} // holds one: there are new messages

	mu          sync.Mutex // guards everything below
	open        map[fastpay.ID]*openOrder
	waiting     map[fastpay.ID]*waiting
	outstanding map[common.Address]*tally // by asset
	// untold are the messages by payer. There is no bound but what is paid: none is lost.
	untold      map[common.Address][]untold
	hurried     map[common.Address]bool // payers whose messages wait no longer after failures
	tries       map[told]try            // messages that were not taken yet
	nextWaiting uint64
	nextOrder   uint64
	nextMessage uint64
	kept        int

	// What Run has looked at.
	cursor    uint64      // version of the Board
	block     common.Hash // the newest
	stale     bool        // something has changed since payments that a limit keeps waiting were looked at
	rechecked time.Time
}

// openOrder is an accepted order whose payment can still change.
type openOrder struct {
	*storedOrder
	counted bool // in outstanding
}

// waiting is a payment of which the policy asks more.
type waiting struct {
	number   uint64 // in the order in which they came
	decision acceptance.Decision
	unproved time.Time // since when it is final without a QC; zero if it is not
}

// told names a message.
type told struct {
	id   fastpay.ID
	kind Kind
}

// untold is a message that nobody has taken yet.
type untold struct {
	number uint64
	told
}

// try is how often a message was tried in this run.
type try struct {
	attempts int
	problem  string
}

// Open returns the book of an account with what its store holds. Nothing runs yet.
func Open(cfg Config) (*Book, error) {
	if err := cfg.Policy.Validate(); err != nil {
		return nil, fmt.Errorf("orders: %w", err)
	}
	if cfg.Replica == nil || cfg.Store == nil || cfg.Now == nil || cfg.Keep < 1 {
		return nil, errors.New("orders: config has no replica, store, clock or number of orders to keep")
	}
	b := &Book{
		cfg: cfg, metrics: newMetrics(cfg.Registerer), wake: make(chan struct{}, 1),
		open: make(map[fastpay.ID]*openOrder), waiting: make(map[fastpay.ID]*waiting),
		outstanding: make(map[common.Address]*tally), untold: make(map[common.Address][]untold),
		hurried: make(map[common.Address]bool), tries: make(map[told]try),
	}
	if err := b.load(); err != nil {
		return nil, fmt.Errorf("orders: %w", err)
	}
	return b, nil
}

// load reads what an earlier run has left.
func (b *Book) load() error {
	err := b.cfg.Store.Each([]byte{prefixPlace}, func(key, _ []byte) error {
		number, id := binary.BigEndian.Uint64(key[1:9]), fastpay.ID(key[9:])
		b.nextOrder = number + 1
		b.kept++
		s, known, err := b.get(id)
		if err != nil {
			return err
		}
		if !known || s == nil {
			return fmt.Errorf("store has no order %s, which it lists", id)
		}
		if !s.Over {
			b.open[id] = &openOrder{storedOrder: s}
			b.count(b.open[id], s.Stage)
		}
		return nil
	})
	if err != nil {
		return err
	}
	return b.cfg.Store.Each([]byte{prefixUntold}, func(key, value []byte) error {
		number, id := binary.BigEndian.Uint64(key[1:9]), fastpay.ID(key[9:])
		s, known, err := b.get(id)
		if err != nil {
			return err
		}
		if !known || s == nil {
			return fmt.Errorf("store has no order %s, of which it has a message", id)
		}
		b.queue(s.Payer, untold{number, told{id, Kind(value)}})
		b.nextMessage = number + 1
		return nil
	})
}

// Run follows the payments to the account until ctx ends or the store fails. Call it
// once: after an error the book may be ahead of its store, and is opened anew.
func (b *Book) Run(ctx context.Context) error {
	for {
		changed := b.cfg.Replica.Changed()
		wait, err := b.step()
		if err != nil {
			return fmt.Errorf("orders: %w", err)
		}
		var again <-chan time.Time
		if wait > 0 {
			again = time.After(wait)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-changed:
		case <-again:
		}
	}
}

// step takes in what has changed, makes it durable, and lets messages be told. wait is as
// glance has it.
func (b *Book) step() (wait time.Duration, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	g := b.look()
	for _, id := range g.gone {
		if err := b.bringBack(id); err != nil {
			return 0, err
		}
	}
	t := turn{book: b, write: b.cfg.Store.NewWrite(), paid: make(map[paidFor]uint256.Int)}
	for _, f := range g.facts {
		if err := t.take(f); err != nil {
			return 0, err
		}
	}
	if err := t.commit(); err != nil {
		return 0, err
	}
	if t.ask {
		b.cfg.Replica.AskNode()
	}
	if g.block {
		err = b.forget()
	}
	return g.wait, err
}

// notify lets the deliverer look.
func (b *Book) notify() {
	select {
	case b.wake <- struct{}{}:
	default:
	}
}

// queue adds a message to what is told its payer's way. The caller holds mu.
func (b *Book) queue(payer common.Address, m untold) {
	b.untold[payer] = append(b.untold[payer], m)
	b.metrics.untold.Inc()
}
