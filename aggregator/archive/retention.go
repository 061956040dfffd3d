package archive

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/allegro-p2p/allegro/fastpay"
	"github.com/ethereum/go-ethereum/common"
)

// Retention bounds what is kept. Whatever is not final is kept regardless.
type Retention struct {
	Time  time.Duration // since a payment became final here
	Bytes uint64        // of all payments with their indices; the database takes a few times as much
}

// DefaultRetention is a month of payments and 10 GB: about three million payments in
// a committee of four.
func DefaultRetention() Retention { return Retention{Time: 30 * 24 * time.Hour, Bytes: 10_000_000_000} }

// Validate reports the first fault of r.
func (r Retention) Validate() error {
	switch {
	case r.Time <= 0:
		return fmt.Errorf("retention time %s: want more than none", r.Time)
	case r.Bytes == 0:
		return errors.New("retention size 0: want more than none")
	}
	return nil
}

// retain drops some of what the retention no longer covers, what was final first first,
// and reports whether there may be more.
func (a *Archive) retain() (more bool, err error) {
	c := a.newCommit()
	until := c.at.Add(-a.cfg.Retention.Time)
	err = a.cfg.Store.Range([]byte{prefixFinal}, []byte{prefixFinal + 1}, false, func(key, _ []byte) (bool, error) {
		if more = len(c.order) == maxCommit; more {
			return false, nil
		}
		var why string
		switch at := moment(binary.BigEndian.Uint64(key[1:9])); {
		case !at.After(until):
			why = tooOld
		case c.state.Bytes > a.cfg.Retention.Bytes:
			why = tooMuch
		default:
			return false, nil
		}
		return true, c.drop(fastpay.ID(key[9:]), why)
	})
	if err != nil {
		return false, err
	}
	return more, c.run()
}

// drop forgets a payment. If the Board has it, that it was dropped is remembered, so that
// it does not come back as a new one.
func (c *commit) drop(id fastpay.ID, why string) error {
	stored, err := c.a.cfg.Store.Get(keyOf(prefixEntry, id))
	if err != nil {
		return err
	}
	s, err := decodeStored(stored)
	if err != nil {
		return err
	}
	errs := []error{c.write.Delete(keyOf(prefixEntry, id)), c.write.Delete(keyPlace(s.Place)), c.write.Delete(keyOf(prefixOpen, id))}
	for _, account := range []common.Address{s.Payer, s.Payee} {
		errs = append(errs, c.write.Delete(keyAccount(account, s.Place)))
	}
	if s.Final {
		errs = append(errs, c.write.Delete(keyFinal(moment(s.FinalAt), id)))
	}
	if hash, has := chainTx(fastpay.Stage(s.Stage), s.Outcome.outcome()); has {
		errs = append(errs, c.write.Delete(keyOf(prefixChain, hash)))
	}
	if c.a.held(id) {
		errs = append(errs, c.write.Set(keyOf(prefixDropped, id), nil))
		c.a.dropped++
	}
	c.entries[id], c.order = nil, append(c.order, id)
	c.state.Payments--
	c.state.Bytes -= entryBytes(len(stored))
	c.a.metrics.dropped.WithLabelValues(why).Inc()
	return errors.Join(errs...)
}

// held reports whether the Board has a payment.
func (a *Archive) held(id fastpay.ID) (held bool) {
	a.cfg.Source.Read(func(b *fastpay.Board) { _, held = b.Tx(id) })
	return held
}

// sweep drops the uncertified payments that the Board's limits have evicted, and the
// marks of dropped payments that it no longer has. It looks when there are an eighth
// more than after the last look, or than the Board may hold.
func (c *commit) sweep() error {
	a := c.a
	if len(a.free) > a.maxFree {
		kept := 0
		for id := range a.free {
			if _, changed := c.entries[id]; changed || a.held(id) {
				kept++
				continue
			}
			if err := c.drop(id, evicted); err != nil {
				return err
			}
		}
		a.maxFree = withSlack(max(kept, a.cfg.Limits.Open))
	}
	if a.dropped <= a.maxDropped {
		return nil
	}
	err := a.cfg.Store.Each([]byte{prefixDropped}, func(key, _ []byte) error {
		if a.held(fastpay.ID(key[1:])) {
			return nil
		}
		a.dropped--
		return c.write.Delete(bytes.Clone(key))
	})
	a.maxDropped = withSlack(max(a.dropped, a.cfg.Limits.Settled))
	return err
}

func withSlack(n int) int { return n + n/8 }
