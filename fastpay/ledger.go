package fastpay

import (
	"github.com/ethereum/go-ethereum/common"
)

// Ledger decides which payments one party may promise: a validator by voting,
// a payer by signing. It holds that party's own promises for one committee and
// reads everything else from a Board and a Snapshot (section 4). It is pure:
// the caller persists a promise before anybody learns of it. Not safe for
// concurrent use.
type Ledger struct {
	board     *Board
	committee *Committee
	promises  map[ID]*Promise
	lanes     map[common.Hash]map[uint64][]*Promise
	without   rule // always none outside tests
}

// Promise is a payment this party stands by: for a validator the vote record of
// section 4.4.
type Promise struct {
	Tx     *Tx
	Height uint64 // of the block the decision was pinned to
	// QCs are those that the decision relied on. They must be on disk before
	// the promise is spoken.
	QCs []*QC
}

// rule names a rule that a test can switch off to show that the loss it
// prevents then happens (section 9).
type rule uint8

const (
	ruleLink     rule = 1 << iota // 9c: prev names the position below
	rulePrefix                    // 9d: the whole prefix is known
	ruleExecuted                  // 9e: an executed credit counts 0
	ruleVoid                      // 9f: a newer generation voids the older ones
	ruleMargin                    // 9f again: what is pending below can still execute
	ruleTogether                  // 9l: void together or not at all
)

// NewLedger returns the ledger of one party for a committee.
func NewLedger(board *Board, committee *Committee) *Ledger {
	return &Ledger{
		board:     board,
		committee: committee,
		promises:  make(map[ID]*Promise),
		lanes:     make(map[common.Hash]map[uint64][]*Promise),
	}
}

// Committee is the committee whose payments the ledger decides.
func (l *Ledger) Committee() *Committee { return l.committee }

// Promised returns this party's promise of a payment.
func (l *Ledger) Promised(id ID) (*Promise, bool) {
	p, ok := l.promises[id]
	return p, ok
}

// Record notes a promise, new or read back from disk, and protects its payment
// and QCs on the Board.
func (l *Ledger) Record(p *Promise) {
	if _, ok := l.promises[p.Tx.id]; ok {
		return
	}
	l.promises[p.Tx.id] = p
	slots := l.lanes[p.Tx.lane]
	if slots == nil {
		slots = make(map[uint64][]*Promise)
		l.lanes[p.Tx.lane] = slots
	}
	slots[p.Tx.env.Seq] = append(slots[p.Tx.env.Seq], p)
	l.board.Pin(p.Tx)
	for _, qc := range p.QCs {
		// A QC that is held already serves as well: which one makes no difference.
		_ = l.board.AddQC(qc)
	}
}

// Forget drops promises at slots that a finalized block has used, which no rule
// asks for any more. It returns how many it dropped.
func (l *Ledger) Forget(laneID common.Hash, finalizedNonce uint64) int {
	dropped := 0
	slots := l.lanes[laneID]
	for k, promises := range slots {
		if k < finalizedNonce {
			for _, p := range promises {
				delete(l.promises, p.Tx.id)
			}
			dropped += len(promises)
			delete(slots, k)
		}
	}
	if len(slots) == 0 {
		delete(l.lanes, laneID)
	}
	return dropped
}

// Lanes returns the ids of the lanes with promises.
func (l *Ledger) Lanes() []common.Hash {
	ids := make([]common.Hash, 0, len(l.lanes))
	for id := range l.lanes {
		ids = append(ids, id)
	}
	return ids
}

// Decide applies section 4.2 to a payment. now is the caller's chain time:
// time(h) plus the seconds since it first saw the pinned block h.
//
// It returns the promise to persist; the one on record if the payment is
// promised already; a [NeedError] if the snapshot lacks something; or an error
// that wraps a [Code].
func (l *Ledger) Decide(tx *Tx, snap *Snapshot, now uint64) (*Promise, error) {
	if p, ok := l.promises[tx.id]; ok {
		return p, nil // rule 1, whatever the time, generation or committee
	}
	e := newEvaluation(l.board, l.committee, snap, l.without)
	if err := l.checkCommittee(tx, snap); err != nil {
		return nil, err
	}
	account, ok := e.account(tx.Lane())
	if !ok {
		return nil, e.anticipate(tx)
	}
	if tx.env.Seq < account.Nonce {
		return nil, refuse(NonceSeqTooLow, "seq %d is used on the chain, the lane's nonce is %d at block %d", tx.env.Seq, account.Nonce, snap.block.Number)
	}
	lane := l.view(tx.lane, account.Nonce)
	if err := l.checkGeneration(tx, lane, account); err != nil {
		return nil, err
	}
	if err := l.checkSlot(tx, lane); err != nil {
		return nil, err
	}
	prefix, err := l.checkPrefix(tx, lane, account)
	if err != nil {
		return nil, err
	}
	if err := l.checkTimes(tx, lane, prefix, snap, now); err != nil {
		return nil, err
	}
	// Only now: what the rules above refuse must not cost the node a call.
	if err := e.anticipate(tx); err != nil {
		return nil, err
	}
	credits, err := e.checkFunds(tx, prefix, account, now)
	if err != nil {
		return nil, err
	}
	if err := e.checkPolicy(tx); err != nil {
		return nil, err
	}
	return &Promise{Tx: tx, Height: snap.block.Number, QCs: l.reliedOn(prefix, credits)}, nil
}

// checkCommittee is rule 2.
func (l *Ledger) checkCommittee(tx *Tx, snap *Snapshot) error {
	c := l.committee
	switch {
	case tx.env.CommitteeID != c.ID():
		return refuse(WrongCommittee, "payment is for committee %s, committee %s (epoch %d) decides here", short(tx.env.CommitteeID), short(c.ID()), c.Epoch())
	case snap.block.Time < c.Start():
		return refuse(TemporaryUnavailable, "epoch %d starts at chain time %d, it is %d", c.Epoch(), c.Start(), snap.block.Time)
	case tx.env.ValidBefore > c.End():
		return refuse(WrongCommittee, "valid_before %d outlives the committee, which ends at %d", tx.env.ValidBefore, c.End())
	case tx.env.Restart > snap.block.Time:
		return refuse(TemporaryUnavailable, "restart %d lies after the finalized time %d", tx.env.Restart, snap.block.Time)
	}
	return nil
}

// laneView is a lane from the pinned nonce N up: what this party promised and
// what is certified there.
type laneView struct {
	nonce     uint64
	promised  []*Tx            // own promises at slots >= N
	certified []*Tx            // certified payments at slots >= N
	slots     map[uint64][]*Tx // both, by slot
	isCert    map[ID]bool
}

func (l *Ledger) view(laneID common.Hash, nonce uint64) *laneView {
	v := &laneView{nonce: nonce, slots: make(map[uint64][]*Tx), isCert: make(map[ID]bool)}
	if lane, ok := l.board.lanes[laneID]; ok {
		for k, slot := range lane.slots {
			if k < nonce {
				continue
			}
			for _, rec := range slot {
				if rec.certified && rec.tx.env.CommitteeID == l.committee.ID() {
					v.certified = append(v.certified, rec.tx)
					v.slots[k] = append(v.slots[k], rec.tx)
					v.isCert[rec.tx.id] = true
				}
			}
		}
	}
	for k, promises := range l.lanes[laneID] {
		if k < nonce {
			continue
		}
		for _, p := range promises {
			v.promised = append(v.promised, p.Tx)
			if !v.isCert[p.Tx.id] {
				v.slots[k] = append(v.slots[k], p.Tx)
			}
		}
	}
	return v
}

// position is position(k) for k >= N among the generations from floor up: the
// certified payment of the highest generation, else the own promise of the
// highest generation, else nil.
func (v *laneView) position(k, floor uint64) *Tx {
	var best *Tx
	for _, tx := range v.slots[k] {
		if tx.env.Restart < floor {
			continue
		}
		switch {
		case best == nil, v.isCert[tx.id] && !v.isCert[best.id]:
			best = tx
		case v.isCert[tx.id] == v.isCert[best.id] && tx.env.Restart > best.env.Restart:
			best = tx
		}
	}
	return best
}

// checkGeneration is rule 3 with section 4.5.
func (l *Ledger) checkGeneration(tx *Tx, v *laneView, account Account) error {
	r := tx.env.Restart
	for _, set := range [][]*Tx{v.promised, v.certified} {
		for _, old := range set {
			if old.env.Restart < r && old.env.ValidBefore > r && !(l.off(ruleTogether) && old.env.Seq != tx.env.Seq) {
				return refuse(Equivocation, "restart %d cannot void payment %s at seq %d, which lives until %d", r, short(old.id), old.env.Seq, old.env.ValidBefore)
			}
		}
	}
	for _, own := range v.promised {
		if own.env.Restart > r && !l.off(ruleVoid) {
			return refuse(Equivocation, "generation %d at seq %d is newer than %d", own.env.Restart, own.env.Seq, r)
		}
	}
	if tx.env.Seq != account.Nonce || l.opensGeneration(tx) {
		return nil
	}
	lane := tx.Lane()
	if account.Nonce == 0 {
		if r != 0 {
			return refuse(Equivocation, "restart is %d at the lane's genesis, want 0", r)
		}
		return nil
	}
	if g, known := l.board.generationOf(account.Tip, lane, account.Nonce-1); known && g != r {
		return refuse(Equivocation, "restart is %d, the executed payment below has %d", r, g)
	}
	return nil
}

// opensGeneration reports whether the payment names a restart as prev
// (section 4.5).
func (l *Ledger) opensGeneration(tx *Tx) bool {
	return tx.env.Restart > 0 && tx.env.Prev == tx.Lane().Restart(tx.env.Seq, tx.env.Restart)
}

// checkSlot is rule 4, and section 4.5 for a payment that opens a generation.
func (l *Ledger) checkSlot(tx *Tx, v *laneView) error {
	for _, other := range v.slots[tx.env.Seq] {
		if other.id == tx.id || other.env.Restart < tx.env.Restart {
			continue
		}
		return refuse(Equivocation, "seq %d is promised to payment %s", tx.env.Seq, short(other.id))
	}
	if !l.opensGeneration(tx) {
		return nil
	}
	for _, set := range [][]*Tx{v.promised, v.certified} {
		for _, old := range set {
			if old.id != tx.id && old.env.Seq >= tx.env.Seq && old.env.ValidBefore > tx.env.Restart && !(l.off(ruleTogether) && old.env.Seq != tx.env.Seq) {
				return refuse(Equivocation, "restart %d is before payment %s at seq %d expires at %d", tx.env.Restart, short(old.id), old.env.Seq, old.env.ValidBefore)
			}
		}
	}
	return nil
}

// checkPrefix is rule 5. It returns the pending positions below the payment, by
// slot.
func (l *Ledger) checkPrefix(tx *Tx, v *laneView, account Account) ([]*Tx, error) {
	k := tx.env.Seq
	if k == account.Nonce {
		if tx.env.Prev != account.Tip && !l.opensGeneration(tx) && !l.off(ruleLink) {
			return nil, refuse(Equivocation, "prev is %s, the chain has %s below seq %d", short(tx.env.Prev), short(account.Tip), k)
		}
		return nil, nil
	}
	var prefix []*Tx
	for j := account.Nonce; j < k; j++ { // ends at the first gap
		at := v.position(j, tx.env.Restart)
		if at == nil {
			if l.off(rulePrefix) && j != k-1 {
				continue
			}
			return nil, refuse(NonceSeqTooHigh, "the payment at seq %d is not known here", j)
		}
		if at.env.Restart != tx.env.Restart {
			return nil, refuse(Equivocation, "seq %d holds payment %s of generation %d, not %d", j, short(at.id), at.env.Restart, tx.env.Restart)
		}
		if n := len(prefix); j > account.Nonce && (n == 0 || at.env.Prev != prefix[n-1].id) && !l.off(ruleLink|rulePrefix) {
			return nil, refuse(NonceSeqTooHigh, "the payment below %s at seq %d is not known here", short(at.id), j)
		}
		prefix = append(prefix, at)
	}
	last := prefix[len(prefix)-1]
	switch {
	case tx.env.Prev == last.id || l.off(ruleLink):
		return prefix, nil
	case v.isCert[last.id]:
		return nil, refuse(Equivocation, "prev is %s, certified at seq %d is %s", short(tx.env.Prev), k-1, short(last.id))
	default:
		return nil, refuse(NonceSeqTooHigh, "prev is %s, promised at seq %d is %s", short(tx.env.Prev), k-1, short(last.id))
	}
}

// checkTimes is rule 6 but for the credits.
func (l *Ledger) checkTimes(tx *Tx, v *laneView, prefix []*Tx, snap *Snapshot, now uint64) error {
	base := v.nonce
	for _, c := range v.certified {
		if c.env.Restart >= tx.env.Restart {
			base = max(base, c.env.Seq+1)
		}
	}
	open := 0
	for _, own := range v.promised {
		if own.env.Restart >= tx.env.Restart && own.env.Seq >= base {
			open++
		}
	}
	rules := l.board.rules
	vb := tx.env.ValidBefore
	switch {
	case open >= MaxDepth:
		return refuse(NonceSeqTooHigh, "%d payments of the lane wait for their quorum, %d may", open, MaxDepth)
	case vb <= now:
		return refuse(Expired, "valid_before %d has passed, chain time is %d", vb, now)
	case vb-now < rules.MinSettle():
		return refuse(Expired, "%d seconds to valid_before are too few to settle, %d are needed", vb-now, rules.MinSettle())
	case vb-now > rules.MaxLife():
		return refuse(TemporaryUnavailable, "%d seconds to valid_before are more than the network's %d", vb-now, rules.MaxLife())
	}
	for _, p := range prefix {
		if !hasMargin(p.env.ValidBefore, snap, now, rules) && !l.off(ruleMargin) {
			return refuse(TemporaryUnavailable, "payment %s at seq %d below expires at %d: wait until it is executed", short(p.id), p.env.Seq, p.env.ValidBefore)
		}
	}
	return nil
}

// hasMargin reports whether an effective expiry leaves what is pending half of
// min_settle to execute, whatever min_settle is set to.
func hasMargin(expiry uint64, snap *Snapshot, now uint64, rules *Rules) bool {
	t := max(now, snap.block.Time)
	return expiry > t && expiry-t >= rules.MinSettle()/2
}

// reliedOn collects the QCs that the decision stands on, each once.
func (l *Ledger) reliedOn(prefix []*Tx, credits []*QC) []*QC {
	out := append([]*QC(nil), credits...)
	for _, p := range prefix {
		if qc, ok := l.board.QC(p.id); ok {
			out = append(out, qc)
		}
	}
	return out
}

// off reports whether any of the rules is switched off.
func (l *Ledger) off(r rule) bool { return l.without&r != 0 }
