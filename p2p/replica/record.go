package replica

import (
	"maps"

	"github.com/allegro-p2p/allegro/fastpay"
	"github.com/allegro-p2p/allegro/tempo/tx76"
)

// Record is all that one peer knows of a payment at one moment. Do not modify what
// it holds.
type Record struct {
	Tx    *fastpay.Tx
	Stage fastpay.Stage
	// Final is set if no later block changes the stage; see [fastpay.Board.Final].
	Final bool
	// Unread is set if the node has yet to say what became of the payment's slot: the
	// stage may lag behind the chain.
	Unread       bool
	Certificates []*fastpay.Certificate // by signer
	QC           *fastpay.QC            // nil if none is held
	Outcome      *tx76.Outcome          // what used the payment's slot; nil if nothing has
	Rejects      map[int]fastpay.Reject // claims of members, by signer
	Timeline     Timeline
}

// Record returns what is known of a payment.
func (r *Replica) Record(id fastpay.ID) (Record, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.record(id)
}

// record collects what is known of a payment. The caller holds mu.
func (r *Replica) record(id fastpay.ID) (Record, bool) {
	b := r.board
	tx, ok := b.Tx(id)
	if !ok {
		return Record{}, false
	}
	rec := Record{
		Tx: tx, Stage: b.Stage(id), Final: b.Final(id), Unread: b.Unread(id),
		Certificates: b.Certificates(id), Rejects: maps.Clone(b.Rejects(id)),
	}
	rec.QC, _ = b.QC(id)
	if o, used := b.Outcome(id); used {
		rec.Outcome = &o
	}
	if t := r.timelines[id]; t != nil {
		rec.Timeline = t.clone()
	}
	return rec, true
}

// Changes is what changed in a Board after a version, as of one moment.
type Changes struct {
	Records           []Record // the earliest change first
	UpTo              uint64   // the version up to which Records is complete
	More              bool     // whether there are changes after UpTo
	Latest, Finalized fastpay.Block
}

// Since returns up to max payments that changed after a version of the Board.
func (r *Replica) Since(version uint64, max int) Changes {
	r.mu.Lock()
	defer r.mu.Unlock()
	ids, upTo := r.board.Since(version, max)
	out := Changes{UpTo: upTo, More: upTo < r.board.Version(), Latest: r.board.Latest(), Finalized: r.board.Finalized()}
	for _, id := range ids {
		rec, _ := r.record(id) // the Board holds what it lists
		out.Records = append(out.Records, rec)
	}
	return out
}
