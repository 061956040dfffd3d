package archive

import (
	"errors"
	"fmt"

	"github.com/allegro-p2p/allegro/fastpay"
)

// restore gives the Board back what the archive has and it does not: final outcomes, so
// that the node need not be asked about every lane, refusals, which only who heard them
// knows, and payments that are not final. What of the Board is not archived is to be.
func (a *Archive) restore() error {
	missing, err := a.loadOpen()
	if err != nil {
		return err
	}
	err = a.cfg.Source.Update(func(b *fastpay.Board) {
		for _, e := range missing {
			restoreEntry(b, e)
		}
	})
	if err != nil {
		return err
	}
	var ids []fastpay.ID
	a.cfg.Source.Read(func(b *fastpay.Board) { ids, _ = b.Since(0, b.Len()) })
	known := make(map[fastpay.ID]*storedEntry)
	for _, id := range ids {
		value, err := a.cfg.Store.Get(keyOf(prefixEntry, id))
		if err != nil {
			return err
		}
		if value == nil {
			a.fresh = append(a.fresh, id) // or dropped, which putting it finds
			continue
		}
		s, err := decodeStored(value)
		if err != nil {
			return err
		}
		known[id] = s
	}
	return a.cfg.Source.Update(func(b *fastpay.Board) {
		for id, s := range known {
			if s.Final && s.Outcome != nil {
				b.NoteOutcome(*s.Outcome.outcome())
			}
			for signer, reject := range s.rejects() {
				b.NoteReject(id, signer, reject)
			}
		}
		b.ApplyChain(fastpay.ChainView{Finalized: a.state.Finalized})
		a.seen = b.Version()
	})
}

// restoreEntry gives a Board a payment that is not final.
func restoreEntry(b *fastpay.Board, e *entry) {
	r := &e.record
	if r.QC != nil {
		_ = b.AddQC(r.QC) // known if the Board has it
	} else if err := b.AddTx(r.Tx); err != nil && !errors.Is(err, fastpay.ErrKnown) {
		return // no room: it goes when the archive is swept
	}
	for _, c := range r.Certificates {
		_ = b.AddCertificate(c) // the same
	}
}

// loadOpen returns the payments that are not final and that the Board does not have,
// and counts what is bounded.
func (a *Archive) loadOpen() (missing []*entry, err error) {
	skipped := 0
	err = a.cfg.Store.Each([]byte{prefixOpen}, func(key, flag []byte) error {
		id := fastpay.ID(key[1:])
		if flag[0] == 0 {
			a.free[id] = struct{}{}
		}
		if a.held(id) {
			return nil
		}
		value, err := a.cfg.Store.Get(keyOf(prefixEntry, id))
		if err != nil {
			return err
		}
		s, err := decodeStored(value)
		if err != nil {
			return fmt.Errorf("payment %s: %w", id, err)
		}
		e, err := s.entry(a.cfg.Rules)
		if err != nil {
			skipped++
			return nil
		}
		missing = append(missing, e)
		return nil
	})
	if skipped > 0 {
		logger.Warnw("archived payments do not verify under this network file and are not shown", "payments", skipped)
	}
	if err != nil {
		return nil, err
	}
	return missing, a.cfg.Store.Each([]byte{prefixDropped}, func(_, _ []byte) error {
		a.dropped++
		return nil
	})
}
