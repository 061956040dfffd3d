package daemon

import (
	"context"

	"github.com/allegro-p2p/allegro/aggregator/archive"
	"github.com/allegro-p2p/allegro/fastpay"
	"github.com/allegro-p2p/allegro/p2p/document"
	"github.com/allegro-p2p/allegro/p2p/replica"
)

// shown is what commands are told of payments: what the peer has in memory, or, of an
// aggregator, what it has on disk.
type shown interface {
	Record(id fastpay.ID) (rec replica.Record, ok bool, err error)
	// Since returns up to max payments that changed after a version, the earliest
	// change first, and the version up to which that is complete.
	Since(version uint64, max int) (records []replica.Record, upTo uint64, err error)
	Version() uint64
	// Changed is closed at the next change.
	Changed() <-chan struct{}
}

var (
	_ shown = (*archive.Archive)(nil)
	_ shown = memory{}
)

// memory is what a peer has in memory.
type memory struct{ replica *replica.Replica }

func (m memory) Record(id fastpay.ID) (rec replica.Record, ok bool, err error) {
	rec, ok = m.replica.Record(id)
	return rec, ok, nil
}

func (m memory) Since(version uint64, max int) (records []replica.Record, upTo uint64, err error) {
	changes := m.replica.Since(version, max)
	return changes.Records, changes.UpTo, nil
}

func (m memory) Version() (version uint64) {
	m.replica.Read(func(b *fastpay.Board) { version = b.Version() })
	return version
}

func (m memory) Changed() <-chan struct{} { return m.replica.Changed() }

// payment describes a payment; ok is false if it is not known here.
func (d *Daemon) payment(id fastpay.ID) (doc document.Payment, ok bool, err error) {
	rec, ok, err := d.shown.Record(id)
	if err != nil || !ok {
		return document.Payment{}, false, err
	}
	doc, ok = d.describer.PaymentOf(&rec)
	return doc, ok, nil
}

// awaitStage waits until a payment has come to a stage or cannot any more, or ctx ends.
func (d *Daemon) awaitStage(ctx context.Context, id fastpay.ID, want fastpay.Stage) error {
	for {
		changed := d.shown.Changed()
		rec, ok, err := d.shown.Record(id)
		if err != nil || ok && (rec.Stage.Rank() >= want.Rank() || rec.Stage.Terminal()) {
			return err
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
