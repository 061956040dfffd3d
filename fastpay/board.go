package fastpay

import (
	"container/list"
	"maps"
	"slices"
	"sort"

	"github.com/allegro-p2p/allegro/tempo/tx76"
	"github.com/ethereum/go-ethereum/common"
)

// BoardLimits bound what a Board holds of things that anybody can make for
// free. What is promised or certified is never evicted before it is final.
type BoardLimits struct {
	// Open is the number of payments held without a QC and without a promise of
	// this peer. The oldest goes first.
	Open int
	// PerSlot is the number of such payments for one slot: more are a payer's
	// equivocation, of which two are proof.
	PerSlot int
	// Settled is the number of finished payments kept for questions about them.
	Settled int
	// StrayVotes is the number of votes held per member for payments that have
	// not arrived yet.
	StrayVotes int
	// PayerEvidence is the number of payers' convictions held, which cost their
	// makers nothing.
	PayerEvidence int
	// MemberEvidence is the number of convictions held of each member, of which one
	// is enough: neither payers nor other members take their place.
	MemberEvidence int
}

// DefaultBoardLimits are those of a small committee. A payment takes about 1.4 KB,
// and each vote held for it 0.7 KB, or 1.3 KB with the path of a full batch: when
// full, a Board holds up to 900 MB with four members, 17 GB with a hundred, and 14 MB
// of stray votes of each. A large committee wants lower limits, or more memory.
func DefaultBoardLimits() BoardLimits {
	return BoardLimits{
		Open: 65_536, PerSlot: 8, Settled: 65_536, StrayVotes: 8 * MaxBatch,
		PayerEvidence: 1_024, MemberEvidence: 4,
	}
}

// Board is the verified evidence that one peer holds: payments, votes, QCs,
// heads and what the chain did. Every role derives QCs and stages from it, in
// this one place. It is not safe for concurrent use: it has one owner.
type Board struct {
	rules  *Rules
	limits BoardLimits

	records  map[ID]*record
	lanes    map[common.Hash]*laneRecords
	accounts map[common.Address]map[ID]*record // by sender and by recipient
	buckets  [Buckets]bucket                   // by the first byte of the lane id

	strays   map[strayKey]map[int]vote
	strayLog map[signerKey]*list.List // of ID, oldest first

	changes *list.List // of *record, by last change
	version uint64
	open    *list.List // of *record, oldest first: evictable while unprotected
	settled *list.List // of *record, oldest first

	heads    map[signerKey]*Head
	evidence map[common.Hash]*Evidence
	payers   int               // convictions of payers in evidence
	members  map[signerKey]int // convictions of members

	removed []ID        // since TakeRemoved
	proven  []*Evidence // since TakeProven

	latest    Block
	finalized Block
	dropped   Dropped
}

// Dropped counts what the limits made a Board refuse or evict since it was made.
type Dropped struct {
	Payments uint64 // evicted or refused without a QC
	Votes    uint64 // stray votes
	Settled  uint64 // finished payments
}

// record is all that is known of one payment.
type record struct {
	tx        *Tx
	votes     map[int]vote
	weight    uint64
	qc        *QC
	certified bool // a QC is held, or one of a descendant in its generation
	pinned    bool // promised by this peer
	queued    bool // handed to this peer's node
	rejects   map[int]Reject

	version uint64 // of the last change
	change  *list.Element
	opened  *list.Element
	done    *list.Element
}

// vote is one member's vote for a payment; batch is nil if it came as a
// portable certificate.
type vote struct {
	certificate *Certificate
	batch       *Batch
}

// laneRecords is what is known of one lane.
type laneRecords struct {
	lane     Lane
	slots    map[uint64][]*record
	outcomes map[uint64]tx76.Outcome
	nonce    uint64 // as last read or seen
	readAt   Block  // the block at which nonce was last read; zero if never
}

// bucket is what anti-entropy compares and fetches at once.
type bucket struct {
	digest common.Hash
	ids    []ID // ascending
}

type strayKey struct {
	committee common.Hash
	id        ID
}

type signerKey struct {
	committee common.Hash
	signer    int
}

// NewBoard returns an empty Board.
func NewBoard(rules *Rules, limits BoardLimits) *Board {
	return &Board{
		rules: rules, limits: limits,
		records:  make(map[ID]*record),
		lanes:    make(map[common.Hash]*laneRecords),
		accounts: make(map[common.Address]map[ID]*record),
		strays:   make(map[strayKey]map[int]vote),
		strayLog: make(map[signerKey]*list.List),
		changes:  list.New(),
		open:     list.New(),
		settled:  list.New(),
		heads:    make(map[signerKey]*Head),
		evidence: make(map[common.Hash]*Evidence),
		members:  make(map[signerKey]int),
	}
}

// Rules are the rules of the Board's network.
func (b *Board) Rules() *Rules { return b.rules }

// AddTx stores a payment. It returns [ErrKnown] if it is held, [ErrBusy] if the
// limits leave no room.
func (b *Board) AddTx(tx *Tx) error {
	_, err := b.addTx(tx, false)
	return err
}

// addTx stores a payment; one that comes with a QC is never refused.
func (b *Board) addTx(tx *Tx, certified bool) (*record, error) {
	if rec, ok := b.records[tx.id]; ok {
		return rec, ErrKnown
	}
	if !certified && !b.makeRoom(tx) {
		b.dropped.Payments++
		return nil, ErrBusy
	}
	lane := b.lane(tx.Lane()) // only now: making room can forget a lane
	slot := lane.slots[tx.env.Seq]
	rec := &record{tx: tx, votes: make(map[int]vote)}
	b.records[tx.id] = rec
	lane.slots[tx.env.Seq] = append(slot, rec)
	b.index(tx.env.Sender, rec)
	b.index(tx.env.Recipient, rec)
	bucket := &b.buckets[tx.lane[0]]
	place, _ := slices.BinarySearchFunc(bucket.ids, tx.id, ID.Cmp)
	bucket.ids = slices.Insert(bucket.ids, place, tx.id)
	b.toggleDigest(rec)
	rec.opened = b.open.PushBack(rec)
	b.bump(rec)

	for _, other := range slot {
		if e, err := NewPayerEvidence(other.tx, tx); err == nil {
			b.convict(e)
		}
	}
	key := strayKey{tx.env.CommitteeID, tx.id}
	for _, signer := range slices.Sorted(maps.Keys(b.strays[key])) {
		b.addVote(rec, signer, b.strays[key][signer])
	}
	delete(b.strays, key)
	b.inheritCertified(lane, rec)
	return rec, nil
}

// makeRoom evicts the oldest unprotected payment if the Board is full. It
// reports false if there is no room in the payment's slot.
func (b *Board) makeRoom(tx *Tx) bool {
	open := 0
	if lane, ok := b.lanes[tx.lane]; ok {
		for _, rec := range lane.slots[tx.env.Seq] {
			if !rec.protected() {
				open++
			}
		}
	}
	if open >= b.limits.PerSlot {
		return false
	}
	for e := b.open.Front(); e != nil && b.open.Len() >= b.limits.Open; e = b.open.Front() {
		rec := e.Value.(*record)
		b.open.Remove(e) // what is protected no longer counts as open
		rec.opened = nil
		if !rec.protected() {
			b.remove(rec)
			b.dropped.Payments++
		}
	}
	return true
}

// protected reports whether the payment must be kept until it is final.
func (r *record) protected() bool { return r.pinned || r.certified }

// remove forgets a payment.
func (b *Board) remove(rec *record) {
	tx := rec.tx
	delete(b.records, tx.id)
	b.removed = append(b.removed, tx.id)
	for _, account := range []common.Address{tx.env.Sender, tx.env.Recipient} {
		delete(b.accounts[account], tx.id)
		if len(b.accounts[account]) == 0 {
			delete(b.accounts, account)
		}
	}
	bucket := &b.buckets[tx.lane[0]]
	place, _ := slices.BinarySearchFunc(bucket.ids, tx.id, ID.Cmp)
	bucket.ids = slices.Delete(bucket.ids, place, place+1)
	b.toggleDigest(rec)
	lane := b.lanes[tx.lane]
	slot := lane.slots[tx.env.Seq]
	for i, other := range slot {
		if other == rec {
			slot = append(slot[:i:i], slot[i+1:]...)
			break
		}
	}
	lane.slots[tx.env.Seq] = slot
	if len(slot) == 0 {
		delete(lane.slots, tx.env.Seq)
	}
	if len(lane.slots) == 0 && len(lane.outcomes) == 0 {
		delete(b.lanes, tx.lane)
	}
	b.changes.Remove(rec.change)
	if rec.opened != nil {
		b.open.Remove(rec.opened)
	}
	if rec.done != nil {
		b.settled.Remove(rec.done)
	}
}

func (b *Board) lane(l Lane) *laneRecords {
	id := l.ID()
	lr, ok := b.lanes[id]
	if !ok {
		lr = &laneRecords{lane: l, slots: make(map[uint64][]*record), outcomes: make(map[uint64]tx76.Outcome)}
		b.lanes[id] = lr
	}
	return lr
}

func (b *Board) index(account common.Address, rec *record) {
	if b.accounts[account] == nil {
		b.accounts[account] = make(map[ID]*record)
	}
	b.accounts[account][rec.tx.id] = rec
}

// bump gives a record the newest version.
func (b *Board) bump(rec *record) {
	b.version++
	rec.version = b.version
	if rec.change == nil {
		rec.change = b.changes.PushBack(rec)
	} else {
		b.changes.MoveToBack(rec.change)
	}
}

// AddBatch stores a member's votes, also those for payments that are not known
// yet. It returns [ErrKnown] if it brings nothing new.
func (b *Board) AddBatch(batch *Batch) error {
	fresh := false
	for i, id := range batch.ids {
		if b.holdsVote(batch.committee.ID(), id, batch.signer, true) {
			continue
		}
		b.vote(id, vote{batch.Certificate(i), batch})
		fresh = true
	}
	if !fresh {
		return ErrKnown
	}
	return nil
}

// AddCertificate stores a portable vote. It returns [ErrKnown] if the member's
// vote is held.
func (b *Board) AddCertificate(c *Certificate) error {
	if b.holdsVote(c.CommitteeID(), c.id, c.Signer(), false) {
		return ErrKnown
	}
	b.vote(c.id, vote{certificate: c})
	return nil
}

// holdsVote reports whether a member's vote is held; if batch is set, only a
// vote whose batch is held counts, since evidence is made of batches.
func (b *Board) holdsVote(committee common.Hash, id ID, signer int, batch bool) bool {
	votes := b.strays[strayKey{committee, id}]
	if rec, ok := b.records[id]; ok {
		if rec.tx.env.CommitteeID != committee {
			return true // a vote of another committee counts for nothing
		}
		votes = rec.votes
	}
	v, ok := votes[signer]
	return ok && (!batch || v.batch != nil)
}

// vote stores a new vote with its payment, or as a stray.
func (b *Board) vote(id ID, v vote) {
	committee, signer := v.certificate.CommitteeID(), v.certificate.Signer()
	if rec, ok := b.records[id]; ok {
		b.addVote(rec, signer, v)
		return
	}
	key, from := strayKey{committee, id}, signerKey{committee, signer}
	log := b.strayLog[from]
	if log == nil {
		log = list.New()
		b.strayLog[from] = log
	}
	if log.Len() >= b.limits.StrayVotes {
		oldest := strayKey{committee, log.Remove(log.Front()).(ID)}
		if _, held := b.strays[oldest][signer]; held {
			delete(b.strays[oldest], signer)
			if len(b.strays[oldest]) == 0 {
				delete(b.strays, oldest)
			}
			b.dropped.Votes++
		}
	}
	log.PushBack(id)
	if b.strays[key] == nil {
		b.strays[key] = make(map[int]vote)
	}
	b.strays[key][signer] = v
}

// addVote counts a vote for a known payment of the vote's committee.
func (b *Board) addVote(rec *record, signer int, v vote) {
	c := v.certificate.committee
	if _, held := rec.votes[signer]; !held {
		rec.weight += c.Weight(signer)
	}
	rec.votes[signer] = v
	b.bump(rec)
	if v.batch != nil {
		for _, other := range b.lanes[rec.tx.lane].slots[rec.tx.env.Seq] {
			ov, held := other.votes[signer]
			if other == rec || !held || ov.batch == nil {
				continue
			}
			if e, err := NewValidatorEvidence(rec.tx, v.batch, other.tx, ov.batch); err == nil {
				b.convict(e)
			}
		}
	}
	if rec.qc == nil && rec.weight >= c.Quorum() {
		certificates := make([]*Certificate, 0, len(rec.votes))
		for _, held := range rec.votes {
			certificates = append(certificates, held.certificate)
		}
		b.setQC(rec, NewQC(c, rec.tx, certificates))
	}
}

// AddQC stores a QC with its payment and votes. It returns [ErrKnown] if a QC
// of the payment is held: which one makes no difference to any rule.
func (b *Board) AddQC(qc *QC) error {
	_, known := b.QC(qc.tx.id)
	rec, _ := b.addTx(qc.tx, true)
	if rec.qc == nil {
		b.setQC(rec, qc)
	}
	for _, c := range qc.certificates {
		if _, held := rec.votes[c.Signer()]; !held {
			b.addVote(rec, c.Signer(), vote{certificate: c})
		}
	}
	if known {
		return ErrKnown
	}
	return nil
}

// setQC stores the first QC of a payment.
func (b *Board) setQC(rec *record, qc *QC) {
	b.toggleDigest(rec)
	rec.qc = qc
	b.toggleDigest(rec)
	b.bump(rec)
	b.certify(b.lanes[rec.tx.lane], rec)
}

// certify marks a payment and its known ancestors in its generation as
// certified: one honest signer of the descendant stood on them (section 4.1).
func (b *Board) certify(lane *laneRecords, rec *record) {
	for rec != nil && !rec.certified {
		rec.certified = true
		rec = lane.predecessor(rec)
	}
}

// inheritCertified marks a payment that arrives after its certified descendant.
func (b *Board) inheritCertified(lane *laneRecords, rec *record) {
	for _, next := range lane.slots[rec.tx.env.Seq+1] {
		if next.certified && lane.predecessor(next) == rec {
			b.certify(lane, rec)
			return
		}
	}
}

// predecessor returns the known payment that rec names as prev, if it stands in
// the slot below, in the same generation and committee.
func (l *laneRecords) predecessor(rec *record) *record {
	if rec.tx.env.Seq == 0 {
		return nil
	}
	for _, p := range l.slots[rec.tx.env.Seq-1] {
		if p.tx.id == rec.tx.env.Prev {
			if p.tx.env.Restart != rec.tx.env.Restart || p.tx.env.CommitteeID != rec.tx.env.CommitteeID {
				return nil
			}
			return p
		}
	}
	return nil
}

// convict stores evidence of this peer's own, if there is room.
func (b *Board) convict(e *Evidence) {
	if b.AddEvidence(e) == nil {
		b.proven = append(b.proven, e)
	}
}

// AddEvidence stores evidence. It returns [ErrKnown] if the offence is known,
// [ErrBusy] if the limits leave no room for another conviction of the offender.
func (b *Board) AddEvidence(e *Evidence) error {
	key := e.Key()
	if _, known := b.evidence[key]; known {
		return ErrKnown
	}
	if signer, member := e.Signer(); member {
		offender := signerKey{e.CommitteeID(), signer}
		if b.members[offender] >= b.limits.MemberEvidence {
			return ErrBusy
		}
		b.members[offender]++
	} else {
		if b.payers >= b.limits.PayerEvidence {
			return ErrBusy
		}
		b.payers++
	}
	b.evidence[key] = e
	return nil
}

// Evidence returns all convictions, in the order of their keys.
func (b *Board) Evidence() []*Evidence {
	out := make([]*Evidence, 0, len(b.evidence))
	for _, e := range b.evidence {
		out = append(out, e)
	}
	sort.Slice(out, func(i, j int) bool { ki, kj := out[i].Key(), out[j].Key(); return ki.Cmp(kj) < 0 })
	return out
}

// AddHead stores a member's view of its node. It returns [ErrKnown] if the view
// held is as new: heights never go back, and at one height a later now wins.
func (b *Board) AddHead(h *Head) error {
	key := signerKey{h.CommitteeID(), h.Signer()}
	if held, ok := b.heads[key]; ok {
		o, n := held.body, h.body
		older := n.FinalizedHeight < o.FinalizedHeight ||
			n.FinalizedHeight == o.FinalizedHeight && (n.Time < o.Time || n.Time == o.Time && n.Height <= o.Height)
		if older {
			return ErrKnown
		}
	}
	b.heads[key] = h
	return nil
}

// TakeProven returns the evidence that the Board itself put together since the
// last call. Its owner tells the network.
func (b *Board) TakeProven() []*Evidence {
	out := b.proven
	b.proven = nil
	return out
}

// TakeRemoved returns the payments that the limits made the Board forget since
// the last call.
func (b *Board) TakeRemoved() []ID {
	out := b.removed
	b.removed = nil
	return out
}

// Heads returns the newest view of each member of a committee, by signer index.
func (b *Board) Heads(committee common.Hash) []*Head {
	var out []*Head
	for key, h := range b.heads {
		if key.committee == committee {
			out = append(out, h)
		}
	}
	sort.Slice(out, func(i, j int) bool { return out[i].Signer() < out[j].Signer() })
	return out
}

// Pin protects a payment that this peer has promised, and stores it if needed.
func (b *Board) Pin(tx *Tx) {
	rec, _ := b.addTx(tx, true)
	rec.pinned = true
}

// MarkQueued notes that this peer handed the payment to its node.
func (b *Board) MarkQueued(id ID) {
	if rec, ok := b.records[id]; ok && !rec.queued {
		rec.queued = true
		b.bump(rec)
	}
}

// NoteReject notes what a member answered over an authenticated stream. It is a
// claim, not evidence: only refusals for good by so many members that no quorum
// is left make a payment REJECTED.
func (b *Board) NoteReject(id ID, signer int, r Reject) {
	rec, ok := b.records[id]
	if !ok {
		return
	}
	if rec.rejects == nil {
		rec.rejects = make(map[int]Reject)
	}
	if rec.rejects[signer] != r {
		rec.rejects[signer] = r
		b.bump(rec)
	}
}

// Tx returns a payment.
func (b *Board) Tx(id ID) (*Tx, bool) {
	rec, ok := b.records[id]
	if !ok {
		return nil, false
	}
	return rec.tx, true
}

// QC returns the QC of a payment.
func (b *Board) QC(id ID) (*QC, bool) {
	rec, ok := b.records[id]
	if !ok || rec.qc == nil {
		return nil, false
	}
	return rec.qc, true
}

// Certificates returns the votes held for a payment, by signer.
func (b *Board) Certificates(id ID) []*Certificate {
	rec, ok := b.records[id]
	if !ok {
		return nil
	}
	out := make([]*Certificate, 0, len(rec.votes))
	for _, v := range rec.votes {
		out = append(out, v.certificate)
	}
	sort.Slice(out, func(i, j int) bool { return out[i].Signer() < out[j].Signer() })
	return out
}

// Certificate returns a member's vote for a payment.
func (b *Board) Certificate(id ID, signer int) (*Certificate, bool) {
	rec, ok := b.records[id]
	if !ok {
		return nil, false
	}
	v, ok := rec.votes[signer]
	return v.certificate, ok
}

// Rejects returns the members' refusals of a payment, by signer. Do not modify.
func (b *Board) Rejects(id ID) map[int]Reject {
	if rec, ok := b.records[id]; ok {
		return rec.rejects
	}
	return nil
}

// Version is the number of the last change. It rises with each.
func (b *Board) Version() uint64 { return b.version }

// Since returns up to max payments that changed after a version, the earliest
// change first, and the version up to which the answer is complete.
func (b *Board) Since(version uint64, max int) (ids []ID, upTo uint64) {
	e := b.changes.Back()
	if e == nil || e.Value.(*record).version <= version {
		return nil, b.version
	}
	upTo = version
	for p := e.Prev(); p != nil && p.Value.(*record).version > version; p = p.Prev() {
		e = p
	}
	for ; e != nil; e = e.Next() {
		if len(ids) == max {
			return ids, upTo
		}
		rec := e.Value.(*record)
		ids, upTo = append(ids, rec.tx.id), rec.version
	}
	return ids, b.version
}

// LaneFrom returns the payments of a lane at slots from seq on, by slot.
func (b *Board) LaneFrom(laneID common.Hash, seq uint64, max int) []ID {
	lane, ok := b.lanes[laneID]
	if !ok {
		return nil
	}
	var slots []uint64
	for s := range lane.slots {
		if s >= seq {
			slots = append(slots, s)
		}
	}
	sort.Slice(slots, func(i, j int) bool { return slots[i] < slots[j] })
	var ids []ID
	for _, s := range slots {
		for _, rec := range lane.slots[s] {
			if len(ids) == max {
				return ids
			}
			ids = append(ids, rec.tx.id)
		}
	}
	return ids
}

// Account returns the newest payments from or to an account, the latest change
// first.
func (b *Board) Account(account common.Address, max int) []ID {
	recs := make([]*record, 0, len(b.accounts[account]))
	for _, rec := range b.accounts[account] {
		recs = append(recs, rec)
	}
	sort.Slice(recs, func(i, j int) bool { return recs[i].version > recs[j].version })
	if len(recs) > max {
		recs = recs[:max]
	}
	ids := make([]ID, len(recs))
	for i, rec := range recs {
		ids[i] = rec.tx.id
	}
	return ids
}

// Newest returns up to max payments, the latest change first.
func (b *Board) Newest(max int) []ID {
	var ids []ID
	for e := b.changes.Back(); e != nil && len(ids) < max; e = e.Prev() {
		ids = append(ids, e.Value.(*record).tx.id)
	}
	return ids
}

// Buckets is the number of digests that anti-entropy compares (section 3).
const Buckets = 256

// Digests returns, per first byte of the lane id, the exclusive or of
// H(tx id ‖ has QC) over the payments there. Two peers whose
// digests agree hold the same payments and QCs with overwhelming probability.
func (b *Board) Digests() [Buckets]common.Hash {
	var out [Buckets]common.Hash
	for i := range out {
		out[i] = b.buckets[i].digest
	}
	return out
}

// toggleDigest adds a payment to its bucket's digest as it stands, or takes it out.
func (b *Board) toggleDigest(rec *record) {
	state := byte(0)
	if rec.qc != nil {
		state = 1
	}
	h := H(tagDigest, rec.tx.id[:], []byte{state})
	d := &b.buckets[rec.tx.lane[0]].digest
	for i := range d {
		d[i] ^= h[i]
	}
}

// Bucket returns the payments whose lane id starts with a byte, by id. The list is
// the Board's own: do not modify or keep it.
func (b *Board) Bucket(bucket byte) []ID { return b.buckets[bucket].ids }

// Len is the number of payments held.
func (b *Board) Len() int { return len(b.records) }

// Dropped returns what the limits cost.
func (b *Board) Dropped() Dropped { return b.dropped }
