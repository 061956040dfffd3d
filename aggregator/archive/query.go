package archive

import (
	"encoding/binary"
	"fmt"

	"github.com/allegro-p2p/allegro/fastpay"
	"github.com/allegro-p2p/allegro/p2p/replica"
	"github.com/ethereum/go-ethereum/common"
)

// maxScan is the number of payments that one page of a filtered list looks at: a few
// milliseconds. A page may be short, or empty, and yet have a next one.
const maxScan = 4_096

// Filter selects payments.
type Filter struct {
	Stage   fastpay.Stage   // empty: all
	Address *common.Address // payer or payee; nil: all
	Limit   int             // at least 1
	// Before continues a list behind a [Page.Next]. 0 begins with the newest.
	Before uint64
}

// Page is a part of a list of payments. The order is that in which they were archived
// first, which never changes, so that no page misses or repeats one.
type Page struct {
	Records []replica.Record
	// Next is the place of the last one that was looked at, at least 1; 0: the list
	// ends.
	Next uint64
}

// found is a payment as it is stored, still to be verified unless it is cached.
type found struct {
	entry  *entry
	stored *storedEntry
}

// Record returns what is known of a payment. The error is the store's.
func (a *Archive) Record(id fastpay.ID) (replica.Record, bool, error) {
	a.visible.RLock()
	f, err := a.find(id)
	a.visible.RUnlock()
	if err != nil || f == nil {
		return replica.Record{}, false, err
	}
	r, ok := a.verify(f)
	return r, ok, nil
}

// Resolve returns the tx id of the payment that a hash names: its tx id, or the hash of
// the chain transaction that executed it. The error is the store's.
func (a *Archive) Resolve(hash common.Hash) (fastpay.ID, bool, error) {
	a.visible.RLock()
	defer a.visible.RUnlock()
	if entry, err := a.get(keyOf(prefixEntry, hash)); entry != nil || err != nil {
		return hash, entry != nil, err
	}
	id, err := a.get(keyOf(prefixChain, hash))
	if id == nil || err != nil {
		return fastpay.ID{}, false, err
	}
	return fastpay.ID(id), true, nil
}

// Records returns a page of payments, the newest first. The error is the store's.
func (a *Archive) Records(f Filter) (Page, error) {
	list, next, err := a.list(f)
	if err != nil {
		return Page{}, err
	}
	page := Page{Next: next}
	for _, found := range list {
		if r, ok := a.verify(found); ok {
			page.Records = append(page.Records, r)
		}
	}
	return page, nil
}

// list returns the payments of a page as they are stored.
func (a *Archive) list(f Filter) (list []*found, next uint64, err error) {
	lower, upper := keyPlace(1), []byte{prefixPlace + 1}
	if f.Address != nil {
		lower, upper = keyAccount(*f.Address, 1), keyAccount(*f.Address, 1<<64-1)
	}
	if f.Before > 0 {
		upper = binary.BigEndian.AppendUint64(lower[:len(lower)-8:len(lower)-8], f.Before)
	}
	a.visible.RLock()
	defer a.visible.RUnlock()
	scanned := 0
	var last uint64
	if a.failed != nil {
		return nil, 0, a.failed
	}
	err = a.cfg.Store.Range(lower, upper, true, func(key, id []byte) (bool, error) {
		if len(list) == f.Limit || scanned == maxScan {
			next = last
			return false, nil
		}
		scanned, last = scanned+1, binary.BigEndian.Uint64(key[len(key)-8:])
		found, err := a.find(fastpay.ID(id))
		if err != nil || found == nil {
			return true, err
		}
		if f.Stage == "" || found.stage() == f.Stage {
			list = append(list, found)
		}
		return true, nil
	})
	return list, next, err
}

// get returns a value, unless the archive has failed. The caller holds visible.
func (a *Archive) get(key []byte) ([]byte, error) {
	if a.failed != nil {
		return nil, a.failed
	}
	return a.cfg.Store.Get(key)
}

// find returns a payment, nil if it is not archived. The caller holds visible.
func (a *Archive) find(id fastpay.ID) (*found, error) {
	if a.failed != nil {
		return nil, a.failed
	}
	if e, ok := a.cache.Get(id); ok {
		return &found{entry: e}, nil
	}
	value, err := a.get(keyOf(prefixEntry, id))
	if value == nil || err != nil {
		return nil, err
	}
	s, err := decodeStored(value)
	if err != nil {
		return nil, fmt.Errorf("payment %s: %w", id, err)
	}
	return &found{stored: s}, nil
}

// stage is the payment's stage.
func (f *found) stage() fastpay.Stage {
	if f.entry != nil {
		return f.entry.record.Stage
	}
	return fastpay.Stage(f.stored.Stage)
}

// verify returns the payment if it verifies under the rules, which may have changed since
// it was archived.
func (a *Archive) verify(f *found) (replica.Record, bool) {
	if f.entry != nil {
		return f.entry.record, true
	}
	e, err := f.stored.entry(a.cfg.Rules)
	if err != nil {
		return replica.Record{}, false
	}
	return e.record, true
}

// Version is the number of the last change of this run. It rises with each.
func (a *Archive) Version() uint64 {
	a.visible.RLock()
	defer a.visible.RUnlock()
	return a.recent.version
}

// Since returns up to max payments that changed after a version, the earliest change
// first, and the version up to which the answer is complete. It knows the last changes
// of the 16,384 payments that changed last, in this run. The error is the store's.
func (a *Archive) Since(version uint64, max int) (records []replica.Record, upTo uint64, err error) {
	a.visible.RLock()
	ids, upTo := a.recent.since(version, max)
	list := make([]*found, len(ids))
	for i, id := range ids {
		if list[i], err = a.find(id); err != nil {
			break
		}
	}
	a.visible.RUnlock()
	if err != nil {
		return nil, version, err
	}
	for _, f := range list {
		if r, ok := a.verify(f); ok {
			records = append(records, r)
		}
	}
	return records, upTo, nil
}

// Changed is closed at the next change. Take it before reading, so that no change is
// missed.
func (a *Archive) Changed() <-chan struct{} {
	a.visible.RLock()
	defer a.visible.RUnlock()
	return a.changed
}
