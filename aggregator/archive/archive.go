package archive

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/allegro-p2p/allegro/fastpay"
	"github.com/allegro-p2p/allegro/p2p/replica"
	lru "github.com/hashicorp/golang-lru/v2"
	log "github.com/ipfs/go-log/v2"
	"github.com/prometheus/client_golang/prometheus"
)

var logger = log.Logger("allegro/archive")

const (
	// maxCommit is the number of payments in one synced commit: about 1 MB.
	maxCommit = 512
	// maxCached is the number of payments that need not be read and verified again
	// when they change or are shown: those of the last minute of a busy network. They
	// share what is large with the Board.
	maxCached = 8_192
	// maxRecent is the number of payments whose last changes [Archive.Since] tells.
	maxRecent = 16_384
	// retainInterval is the time between two looks at what is too old.
	retainInterval = time.Minute
)

// Config is what an Archive needs.
type Config struct {
	Rules *fastpay.Rules
	Store *replica.Store
	// Source is what is archived.
	Source Source
	// Limits are those of the source's Board.
	Limits    fastpay.BoardLimits
	Retention Retention
	// Now is the clock that the source has too; see [Clock].
	Now        func() time.Time
	Registerer prometheus.Registerer
}

// Source is what one peer knows. [replica.Replica] is one, and says what its methods
// mean.
type Source interface {
	Since(version uint64, max int) replica.Changes
	Record(id fastpay.ID) (replica.Record, bool)
	Changed() <-chan struct{}
	Read(f func(*fastpay.Board))
	Update(f func(*fastpay.Board)) error
}

// Archive keeps payments. Make it with [Open] and run it once; it can be asked from
// the start. Safe for concurrent use.
type Archive struct {
	cfg     Config
	metrics *metrics

	// Run alone uses these, and open before it.
	state   state
	seen    uint64                  // version of the Board up to which all is archived
	height  uint64                  // the newest one at the last look
	fresh   []fastpay.ID            // of the Board's first payments, those not archived
	leading map[fastpay.ID]struct{} // certified, next height not seen
	free    map[fastpay.ID]struct{} // archived, neither certified nor final
	dropped int                     // payments under prefixDropped

	maxFree, maxDropped int // beyond which they are swept

	// visible is held for writing while a commit is not on disk, so that nobody sees
	// what a crash could take back, and guards everything below.
	visible sync.RWMutex
	cache   *lru.Cache[fastpay.ID, *entry]
	recent  recent
	changed chan struct{} // closed at the next change
	failed  error
}

// Open returns the archive in a store, and gives the source's Board back what an
// earlier run knew of the chain. The source must not run yet.
func Open(cfg Config) (*Archive, error) {
	cache, err := lru.New[fastpay.ID, *entry](maxCached)
	if err != nil {
		return nil, fmt.Errorf("archive: %w", err)
	}
	a := &Archive{
		cfg: cfg, metrics: newMetrics(cfg.Registerer), cache: cache, recent: newRecent(), changed: make(chan struct{}),
		leading: make(map[fastpay.ID]struct{}), free: make(map[fastpay.ID]struct{}),
		maxFree: withSlack(cfg.Limits.Open), maxDropped: withSlack(cfg.Limits.Settled),
	}
	if a.state, err = loadState(cfg.Store); err != nil {
		return nil, err
	}
	if err := a.restore(); err != nil {
		return nil, fmt.Errorf("archive: %w", err)
	}
	a.metrics.observe(&a.state)
	return a, nil
}

// Run archives what changes until ctx ends. A store that fails ends the archiving, not
// the peer: see [Archive.Failed].
func (a *Archive) Run(ctx context.Context) error {
	ticker := time.NewTicker(retainInterval)
	defer ticker.Stop()
	for {
		changed := a.cfg.Source.Changed()
		more, err := a.step()
		if err == nil && !more {
			more, err = a.retain()
		}
		if err != nil {
			a.fail(err)
			<-ctx.Done()
			return ctx.Err()
		}
		if more {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			continue
		}
		select {
		case <-changed:
		case <-ticker.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// Failed returns why nothing more is archived or shown, or nil.
func (a *Archive) Failed() error {
	a.visible.RLock()
	defer a.visible.RUnlock()
	return a.failed
}

func (a *Archive) fail(err error) {
	a.visible.Lock()
	defer a.visible.Unlock()
	a.failed = fmt.Errorf("nothing is archived any more: %w", err)
	logger.Errorw("the archive has stopped", "error", err)
	a.notify()
}

// notify wakes who waits for a change. The caller holds visible.
func (a *Archive) notify() {
	close(a.changed)
	a.changed = make(chan struct{})
}

// step archives some of what has changed, and reports whether there is more.
func (a *Archive) step() (more bool, err error) {
	changes := a.cfg.Source.Since(a.seen, maxCommit)
	c := a.newCommit()
	c.state.Finalized = changes.Finalized
	for _, r := range changes.Records {
		if err := c.put(r); err != nil {
			return false, err
		}
	}
	// A new height tells how early the QCs before it were, and changes no payment.
	if changes.Latest.Number != a.height {
		a.height = changes.Latest.Number
		for id := range a.leading {
			if err := c.putID(id); err != nil {
				return false, err
			}
		}
	}
	n := min(len(a.fresh), maxCommit)
	for _, id := range a.fresh[:n] {
		if err := c.putID(id); err != nil {
			return false, err
		}
	}
	if err := c.sweep(); err != nil {
		return false, err
	}
	if err := c.run(); err != nil {
		return false, err
	}
	a.seen, a.fresh = changes.UpTo, a.fresh[n:]
	return changes.More || len(a.fresh) > 0, nil
}

// commit is a set of changes of the archive that become durable and visible together.
type commit struct {
	a       *Archive
	write   *replica.Write
	at      time.Time
	state   state
	entries map[fastpay.ID]*entry // changed; nil for those that are dropped
	order   []fastpay.ID          // of entries
}

func (a *Archive) newCommit() *commit {
	return &commit{a: a, write: a.cfg.Store.NewWrite(), at: a.cfg.Now(), state: a.state, entries: make(map[fastpay.ID]*entry)}
}

// putID archives what is known of a payment, if it still is.
func (c *commit) putID(id fastpay.ID) error {
	r, known := c.a.cfg.Source.Record(id)
	if !known {
		return nil
	}
	return c.put(r)
}

// put archives what is known of a payment. The first record of a payment counts in one
// commit: what has changed since comes with the next.
func (c *commit) put(r replica.Record) error {
	id := r.Tx.ID()
	if _, twice := c.entries[id]; twice {
		return nil
	}
	stored, err := c.a.cfg.Store.Get(keyOf(prefixEntry, id))
	if err != nil {
		return err
	}
	var old *entry
	if stored != nil {
		if old, err = c.a.load(id, stored); err != nil {
			return err
		}
	} else if dropped, err := c.a.cfg.Store.Get(keyOf(prefixDropped, id)); err != nil || dropped != nil {
		return err
	}
	e := merge(old, r, c.at)
	if old == nil {
		c.state.Places++
		e.place = c.state.Places
	}
	value, err := e.encode()
	if err != nil || bytes.Equal(value, stored) {
		return err
	}
	c.entries[id], c.order = e, append(c.order, id)
	if old == nil {
		c.state.Payments++
	} else {
		c.state.Bytes -= entryBytes(len(stored))
	}
	c.state.Bytes += entryBytes(len(value))
	return errors.Join(c.write.Set(keyOf(prefixEntry, id), value), c.index(old, e))
}

// load returns the entry of a payment whose stored form is given.
func (a *Archive) load(id fastpay.ID, stored []byte) (*entry, error) {
	if e, ok := a.cache.Get(id); ok {
		return e, nil
	}
	s, err := decodeStored(stored)
	if err != nil {
		return nil, err
	}
	e, err := s.entry(a.cfg.Rules)
	if err != nil {
		return nil, fmt.Errorf("archived payment %s does not verify, though the Board has it: %w", id, err)
	}
	return e, nil
}

// index keeps the ways to an entry up to date. old is nil if it is new.
func (c *commit) index(old, e *entry) error {
	tx := e.record.Tx
	id := tx.ID()
	var errs []error
	if old == nil {
		env := tx.Envelope()
		for _, key := range [][]byte{keyPlace(e.place), keyAccount(env.Sender, e.place), keyAccount(env.Recipient, e.place)} {
			errs = append(errs, c.write.Set(key, id[:]))
		}
	} else if hash, had := chainTx(old.record.Stage, old.record.Outcome); had {
		errs = append(errs, c.write.Delete(keyOf(prefixChain, hash)))
	}
	if hash, has := chainTx(e.record.Stage, e.record.Outcome); has {
		errs = append(errs, c.write.Set(keyOf(prefixChain, hash), id[:]))
	}
	if e.record.Final {
		errs = append(errs, c.write.Delete(keyOf(prefixOpen, id)), c.write.Set(keyFinal(e.finalAt, id), nil))
	} else {
		errs = append(errs, c.write.Set(keyOf(prefixOpen, id), []byte{certifiedFlag(e)}))
	}
	return errors.Join(errs...)
}

// certifiedFlag is the value under prefixOpen.
func certifiedFlag(e *entry) byte {
	if e.record.QC != nil {
		return 1
	}
	return 0
}

// run makes the changes durable, and then visible.
func (c *commit) run() error {
	if c.write.Empty() {
		return nil
	}
	a := c.a
	c.state.Clock = micros(c.at)
	value, err := c.state.encode()
	if err == nil {
		err = c.write.Set([]byte{prefixState}, value)
	}
	if err != nil {
		return err
	}
	a.visible.Lock()
	defer a.visible.Unlock()
	start := time.Now()
	if err := a.cfg.Store.Commit(c.write, true); err != nil {
		return err
	}
	a.metrics.syncTime.Observe(time.Since(start).Seconds())
	a.state = c.state
	a.metrics.observe(&a.state)
	for _, id := range c.order {
		a.show(id, c.entries[id])
	}
	a.notify()
	return nil
}

// show makes a changed entry visible; nil: it was dropped. The caller holds visible.
func (a *Archive) show(id fastpay.ID, e *entry) {
	delete(a.leading, id)
	delete(a.free, id)
	if e == nil {
		a.cache.Remove(id)
		a.recent.remove(id)
		return
	}
	a.cache.Add(id, e)
	a.recent.touch(id)
	t := &e.record.Timeline
	if e.record.QC != nil && !t.QC.IsZero() && t.NextBlock.IsZero() && e.record.Outcome == nil && !e.record.Final {
		a.leading[id] = struct{}{}
	}
	if e.record.QC == nil && !e.record.Final {
		a.free[id] = struct{}{}
	}
}
