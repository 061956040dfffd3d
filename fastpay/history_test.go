package fastpay

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"sort"
	"testing"

	"github.com/ethereum/go-ethereum/common"

	"github.com/allegro-p2p/allegro/tempo/tx76"
)

// historyConfig says what may happen in a history.
type historyConfig struct {
	weights   []uint64
	byzantine int  // the last members, which vote for everything
	foreign   bool // accounts also move money outside the protocol, and anybody submits anything
	signed    bool // votes carry real signatures
	without   rule
	steps     int
}

// Accounts of a history. The first follows section 5 and never equivocates; the
// adversary owns the others.
const (
	historyAccounts = 4
	honestPayers    = 1
)

// history is a random run of a network in which an adversary delivers what it
// likes to whom it likes, when it likes.
type history struct {
	*network
	historyConfig
	manner
	t       testing.TB
	rng     *rand.Rand
	chain   *model
	final   uint64 // newest finalized block
	honest  []*historyMember
	wallets []*party // of the honest payers, on the watcher's board
	watcher *watcher // has seen everything

	txs      []*Tx
	latest   *Tx // that was certified
	byID     map[ID]*Tx
	votes    map[ID]map[int]bool // members, the Byzantine ones included
	touched  map[Lane]bool       // by something outside the protocol
	executed []executedTx        // by block
	seen     *coverage
}

// manner is how the adversary goes about it in one history. Probabilities are in
// percent.
type manner struct {
	focus   int // payments from one account
	rivals  int // payments beside others instead of on top
	stale   int // payments on what is certified in an older generation
	reopens int // payments on an expired one that open a generation instead
	greedy  int // payments that just enough members sign, of the largest amount
	thrift  int // greedy payments of a small amount all the same
	asks    int // members asked at once about a payment that is not greedy
	tells   int // members that hear of a QC at once
	hides   int // QCs of restarted lanes that nobody hears of
	gossip  int // steps that tell somebody something
	newest  int // news that are the newest QC and nothing else
	blocks  int // steps that are blocks
	settles int // certified payments in a block, at most
}

func anyManner(rng *rand.Rand) manner {
	return manner{
		focus:   anyOf(rng, 0, 50, 90),
		rivals:  anyOf(rng, 5, 20, 40),
		stale:   anyOf(rng, 0, 30),
		reopens: anyOf(rng, 50, 90),
		greedy:  anyOf(rng, 0, 50, 95),
		thrift:  anyOf(rng, 30, 60, 90),
		asks:    anyOf(rng, 50, 70, 95),
		tells:   anyOf(rng, 0, 15, 40, 90),
		hides:   anyOf(rng, 0, 60),
		gossip:  anyOf(rng, 4, 20),
		newest:  anyOf(rng, 0, 50, 100),
		blocks:  anyOf(rng, 3, 8, 14),
		settles: anyOf(rng, 0, 1, 3),
	}
}

// historyMember is an honest member with all that it was told.
type historyMember struct {
	*party
	signer   int
	evidence []any // *Tx, *QC, *Batch
}

// executedTx is a payment that the chain has executed.
type executedTx struct {
	tx      *Tx
	block   uint64
	success bool
}

// coverage counts what happened in histories.
type coverage struct {
	codes  map[Code]int
	events map[string]int
}

func newCoverage() *coverage { return &coverage{make(map[Code]int), make(map[string]int)} }

// errLoss is a broken invariant.
var errLoss = errors.New("invariant broken")

func loss(format string, args ...any) error {
	return fmt.Errorf("%w: %s", errLoss, fmt.Sprintf(format, args...))
}

// newHistory returns the history of a seed, in the manner of that seed.
func newHistory(t testing.TB, n *network, cfg historyConfig, seed uint64, seen *coverage) *history {
	rng := rand.New(rand.NewPCG(seed, 0xa11e6))
	var balances []uint64
	for range historyAccounts {
		balances = append(balances, uint64(4+rng.IntN(14)))
	}
	m := newModel(n, epochStart+100, balances...)
	h := &history{
		network: n, historyConfig: cfg, manner: anyManner(rng), t: t, rng: rng, chain: m, watcher: newWatcher(m),
		byID: make(map[ID]*Tx), votes: make(map[ID]map[int]bool), touched: make(map[Lane]bool), seen: seen,
	}
	for i := range n.c.Len() - cfg.byzantine {
		p := newParty(m)
		p.ledger.without = cfg.without
		h.honest = append(h.honest, &historyMember{party: p, signer: i})
	}
	for range honestPayers {
		w := newParty(m)
		w.board, w.ledger = h.watcher.Board, NewLedger(h.watcher.Board, n.c)
		h.wallets = append(h.wallets, w)
	}
	return h
}

// run plays the history and returns the first broken invariant.
func (h *history) run() error {
	for range h.steps {
		if err := h.step(); err != nil {
			return err
		}
	}
	for _, tx := range h.txs {
		unused := tx.Seq() >= h.chain.states[h.final].lanes[tx.Lane()].nonce
		if unused && h.certified(tx) && tx.env.ValidBefore <= h.chain.states[h.final].block.Time {
			h.seen.events["expired"]++
		}
	}
	return h.checkConvictions()
}

func (h *history) step() error {
	if h.chance(h.blocks) {
		return h.mine()
	}
	if h.chance(h.gossip) {
		h.deliver(pick(h.rng, h.txs), anyOf(h.rng, h.honest...))
		return nil
	}
	switch r := h.rng.IntN(100); {
	case r < 50:
		return h.create()
	case r < 80:
		return h.offer(pick(h.rng, h.txs), anyOf(h.rng, h.honest...))
	case r < 94:
		h.advance(anyOf(h.rng, h.honest...))
	case r < 96:
		return h.revert()
	case r < 97:
		return h.restart(anyOf(h.rng, h.honest...))
	case r < 99:
		return h.checkOrder(anyOf(h.rng, h.honest...))
	default:
		h.submitGarbage()
	}
	return nil
}

// chance is true in so many of a hundred cases.
func (h *history) chance(percent int) bool { return h.rng.IntN(100) < percent }

// anyOf returns one of the values.
func anyOf[T any](rng *rand.Rand, values ...T) T { return values[rng.IntN(len(values))] }

// pick returns one of the payments, nil of none. Half of the picks are among
// the newest eight.
func pick(rng *rand.Rand, list []*Tx) *Tx {
	if len(list) == 0 {
		return nil
	}
	if newest := 8; len(list) > newest && rng.IntN(2) == 0 {
		list = list[len(list)-newest:]
	}
	return anyOf(rng, list...)
}

// Payments.

// create makes a payment and asks members about it at once.
func (h *history) create() error {
	from := h.rng.IntN(historyAccounts)
	if h.chance(h.focus) {
		from = historyAccounts - 1
	}
	asked := h.someMembers()
	var e Envelope
	ok := true
	switch {
	case from < honestPayers:
		e, ok = h.honestEnvelope(from)
	case h.chance(h.greedy):
		asked = h.enoughMembers()
		e, ok = h.greedyAmount(h.adversaryEnvelope(from), asked)
	default:
		e = h.adversaryEnvelope(from)
	}
	if !ok || h.byID[e.ID()] != nil {
		return nil
	}
	tx := unsigned(e)
	if h.signed {
		var err error
		if tx, err = h.SignTx(e, payer(from)); err != nil {
			return err
		}
	}
	if from < honestPayers {
		h.wallets[from].ledger.Record(&Promise{Tx: tx})
	}
	h.txs = append(h.txs, tx)
	h.byID[tx.ID()] = tx
	_ = h.watcher.AddTx(tx)
	h.votes[tx.ID()] = make(map[int]bool)
	for i := len(h.honest); i < h.c.Len(); i++ {
		h.vote(tx, i)
	}
	for _, m := range asked {
		if err := h.offer(tx, m); err != nil {
			return err
		}
	}
	return nil
}

// someMembers are those asked about a new payment, in random order.
func (h *history) someMembers() (out []*historyMember) {
	for _, i := range h.rng.Perm(len(h.honest)) {
		if h.chance(h.asks) {
			out = append(out, h.honest[i])
		}
	}
	return out
}

// enoughMembers are just as many as make a quorum with the Byzantine ones.
func (h *history) enoughMembers() (out []*historyMember) {
	var weight uint64
	for i := len(h.honest); i < h.c.Len(); i++ {
		weight += h.c.Weight(i)
	}
	for _, i := range h.rng.Perm(len(h.honest)) {
		if weight < h.c.Quorum() {
			out = append(out, h.honest[i])
			weight += h.c.Weight(h.honest[i].signer)
		}
	}
	return out
}

// greedyAmount gives an envelope the largest amount that all these members
// would sign, or a small one that leaves money for the next.
func (h *history) greedyAmount(e Envelope, members []*historyMember) (Envelope, bool) {
	sign := func(amount int) bool {
		e.Amount.SetUint64(uint64(amount))
		return h.allSign(e, members)
	}
	if !sign(1) {
		return e, false
	}
	amount := sort.Search(30, func(i int) bool { return !sign(2 + i) }) + 1
	if h.chance(h.thrift) {
		amount = 1 + h.rng.IntN(min(amount, 4))
	}
	e.Amount.SetUint64(uint64(amount))
	return e, true
}

// allSign reports whether all members would vote for an envelope now.
func (h *history) allSign(e Envelope, members []*historyMember) bool {
	tx := unsigned(e)
	return !slices.ContainsFunc(members, func(m *historyMember) bool {
		_, err := m.decide(tx)
		return err != nil
	})
}

// honestEnvelope is what an honest wallet pays: what its plan says.
func (h *history) honestEnvelope(from int) (Envelope, bool) {
	w := h.wallets[from]
	w.pin(h.final)
	p, err := w.plan(from, uint64(1+h.rng.IntN(12)))
	if err != nil {
		return Envelope{}, false
	}
	vb := w.now + minSettle + uint64(h.rng.IntN(120))
	if p.Expiry > 0 {
		vb = min(vb, p.Expiry)
	}
	if vb < w.now+minSettle {
		return Envelope{}, false
	}
	amount := uint64(1 + h.rng.IntN(int(max(1, p.Funds.Spendable.Int64()))))
	if amount > p.Funds.Spendable.Uint64() {
		return Envelope{}, false
	}
	if p, err = w.plan(from, amount); err != nil {
		return Envelope{}, false
	}
	return h.envelope(from, h.other(from), amount, until(vb), func(e *Envelope) {
		e.Seq, e.Prev, e.Restart, e.Parents = p.Seq, p.Prev, p.Restart, p.Parents
		if p.Expiry > 0 {
			e.ValidBefore = min(vb, p.Expiry)
		}
	}), true
}

// other is an account that is not the given one.
func (h *history) other(i int) int {
	return (i + 1 + h.rng.IntN(historyAccounts-1)) % historyAccounts
}

// adversaryEnvelope is a payment that mostly makes sense to somebody: on a
// payment of the lane, beside one, at the chain's tip, or opening a generation.
func (h *history) adversaryEnvelope(from int) Envelope {
	lane := h.chain.lane(from)
	number := h.final - min(h.final, uint64(h.rng.IntN(2)))
	tip, err := h.chain.account(lane, number)
	if err != nil {
		panic(err)
	}
	var pending, certified []*Tx
	for _, tx := range h.txs {
		if tx.Lane() == lane && tx.Seq() >= tip.Nonce {
			pending = append(pending, tx)
			if h.certified(tx) {
				certified = append(certified, tx)
			}
		}
	}
	changes := []change{at(tip.Nonce, tip.Tip), until(h.chain.head().Time + minSettle - 3 + uint64(h.rng.IntN(150)))}
	if g, ok := h.watcher.generationOf(tip.Tip, lane, tip.Nonce-1); ok {
		changes = append(changes, func(e *Envelope) { e.Restart = g })
	}
	below := pick(h.rng, pending)
	if len(certified) > 0 && h.chance(60) {
		stale := h.chance(h.stale)
		for _, tx := range certified { // in the order they were made
			if !stale || tx.env.Restart == certified[0].env.Restart {
				below = tx
			}
		}
	}
	switch {
	case below == nil:
	case h.chance(h.rivals):
		changes = append(changes, func(e *Envelope) { e.Seq, e.Prev, e.Restart = below.env.Seq, below.env.Prev, below.env.Restart })
	case below.env.ValidBefore <= h.chain.head().Time && h.chance(h.reopens):
		r := below.env.ValidBefore // as early as it can be
		if h.chance(50) {
			r = h.chain.states[number].block.Time
		}
		changes = append(changes, reopen(tip.Nonce, r))
	case h.chance(3):
		changes = append(changes, func(e *Envelope) { e.Restart += uint64(h.rng.IntN(3)); e.Seq += uint64(h.rng.IntN(3)) })
	case h.chance(90):
		changes = append(changes, on(below))
	}
	parents := h.someCredits(lane)
	var credit uint64
	for _, p := range parents {
		credit += p.env.Amount.Uint64()
		if h.chance(90) {
			changes = append(changes, func(e *Envelope) { e.ValidBefore = min(e.ValidBefore, p.env.ValidBefore) })
		}
	}
	amount := uint64(1 + h.rng.IntN(4))
	if h.chance(60) {
		amount = 1 + uint64(h.rng.IntN(int(tip.Balance.Uint64()+credit+2)))
	}
	changes = append(changes, citing(parents...), noted(byte(h.rng.IntN(3))))
	return h.envelope(from, h.other(from), amount, changes...)
}

// someCredits are up to three payments to cite, mostly certified ones to the
// lane's account that are pending.
func (h *history) someCredits(lane Lane) (parents []*Tx) {
	var pending, others []*Tx
	for _, tx := range h.txs {
		if tx.Recipient() == lane.Sender && h.certified(tx) && tx.Seq() >= h.chain.states[h.final].lanes[tx.Lane()].nonce {
			pending = append(pending, tx)
		} else if tx.Recipient() == lane.Sender || h.chance(3) {
			others = append(others, tx)
		}
	}
	for range h.rng.IntN(4) {
		p := pick(h.rng, pending)
		if h.chance(10) {
			p = pick(h.rng, others)
		}
		if p != nil && !slices.Contains(parents, p) {
			parents = append(parents, p)
		}
	}
	return parents
}

// submitGarbage sends what no decoder accepts.
func (h *history) submitGarbage() {
	bad := badEnvelopes[h.rng.IntN(len(badEnvelopes))]
	e := h.envelope(2, 3, 50, bad.change)
	_, err := h.ParseTx(withSignature(e, nil))
	h.seen.codes[Classify(err).Code]++
}

// Votes and evidence.

// batchOf is a member's vote, signed only if the history asks for it.
func (h *history) batchOf(signer int, ids ...ID) *Batch {
	if h.signed {
		return h.network.batch(h.t, h.c, signer, ids...)
	}
	ids = slices.Clone(ids)
	slices.SortFunc(ids, common.Hash.Cmp)
	body := batchBody{CommitteeID: h.c.ID(), Signer: uint64(signer), IDs: ids}
	return &Batch{committee: h.c, signer: signer, ids: ids, tree: newTree(ids), raw: encode(&body)}
}

// vote notes a member's vote, and shows it to the watcher.
func (h *history) vote(tx *Tx, signer int) {
	h.votes[tx.ID()][signer] = true
	_ = h.watcher.AddBatch(h.batchOf(signer, tx.ID()))
}

// certified reports whether a QC of the payment can be made.
func (h *history) certified(tx *Tx) bool {
	var weight uint64
	for signer := range h.votes[tx.ID()] {
		weight += h.c.Weight(signer)
	}
	return weight >= h.c.Quorum()
}

// anyQC is a QC of a certified payment from some of its voters.
func (h *history) anyQC(tx *Tx) *QC {
	signers := slices.Sorted(maps.Keys(h.votes[tx.ID()]))
	h.rng.Shuffle(len(signers), func(i, j int) { signers[i], signers[j] = signers[j], signers[i] })
	var certificates []*Certificate
	var weight uint64
	for _, s := range signers {
		if weight < h.c.Quorum() {
			certificates = append(certificates, h.batchOf(s, tx.ID()).Certificate(0))
			weight += h.c.Weight(s)
		}
	}
	return NewQC(h.c, tx, certificates)
}

// offer asks a member for its vote.
func (h *history) offer(tx *Tx, m *historyMember) error {
	if tx == nil || h.votes[tx.ID()][m.signer] {
		return nil
	}
	p, err := m.decide(tx)
	if err != nil {
		h.seen.codes[Classify(err).Code]++
		return nil
	}
	m.ledger.Record(p)
	for _, qc := range p.QCs {
		m.evidence = append(m.evidence, qc)
	}
	before := h.certified(tx)
	h.vote(tx, m.signer)
	if before || !h.certified(tx) {
		return nil
	}
	h.latest = tx
	h.noteCertified(tx)
	hidden := tx.env.Restart > 0 && h.chance(h.hides)
	for _, m := range h.honest {
		if !hidden && h.chance(h.tells) {
			h.tell(m, h.anyQC(tx))
		}
	}
	return h.check()
}

// noteCertified counts what kind of payment was certified.
func (h *history) noteCertified(tx *Tx) {
	e := &tx.env
	count := func(event string, happened bool) {
		if happened {
			h.seen.events[event]++
		}
	}
	pendingParents, deep, cycle := 0, false, false
	nonces := h.chain.states[h.final].lanes
	for _, id := range e.Parents {
		p := h.byID[id]
		if p == nil || p.Seq() < nonces[p.Lane()].nonce {
			continue
		}
		pendingParents++
		for _, id := range p.env.Parents {
			if g := h.byID[id]; g != nil && g.Seq() >= nonces[g.Lane()].nonce {
				deep = true
				cycle = cycle || g.Sender() == e.Sender
			}
		}
	}
	count("certified", true)
	count("certified restarts", e.Restart > 0 && e.Prev == tx.Lane().Restart(e.Seq, e.Restart))
	count("certified above a restart", e.Restart > 0 && e.Prev != tx.Lane().Restart(e.Seq, e.Restart))
	count("certified on a pending prefix", e.Seq > nonces[tx.Lane()].nonce)
	count("certified on a pending credit", pendingParents > 0)
	count("several pending parents", pendingParents > 1)
	count("chains of credits", deep)
	count("cycles of credits", cycle)
	count("votes from different heights", !h.sameHeight())
	rivals := slices.ContainsFunc(h.txs, func(o *Tx) bool {
		return o != tx && o.lane == tx.lane && o.Seq() == tx.Seq() && len(h.votes[o.ID()]) > h.byzantine
	})
	count("certified although votes were split", rivals)
}

func (h *history) sameHeight() bool {
	for _, m := range h.honest {
		if m.snap.Block().Number != h.honest[0].snap.Block().Number {
			return false
		}
	}
	return true
}

// tell gives a member a piece of evidence.
func (h *history) tell(m *historyMember, evidence any) {
	m.evidence = append(m.evidence, evidence)
	tellBoard(m.board, evidence)
}

func tellBoard(b *Board, evidence any) {
	switch e := evidence.(type) {
	case *Tx:
		_ = b.AddTx(e)
	case *QC:
		_ = b.AddQC(e)
	case *Batch:
		_ = b.AddBatch(e)
	}
}

// deliver tells a member something about a payment, or the newest QC alone.
func (h *history) deliver(tx *Tx, m *historyMember) {
	switch {
	case tx == nil:
	case h.latest != nil && h.chance(h.newest):
		h.tell(m, h.anyQC(h.latest))
	case h.rng.IntN(3) == 0:
		h.tell(m, tx)
	case h.rng.IntN(3) == 0:
		for _, s := range slices.Sorted(maps.Keys(h.votes[tx.ID()])) {
			if h.rng.IntN(2) == 0 {
				h.tell(m, h.batchOf(s, tx.ID()))
			}
		}
	case h.certified(tx):
		h.tell(m, h.anyQC(tx))
	}
}

// The chain.

// mine adds a block in which some certified payments are executed, each after
// its closure; with foreign traffic also anything else.
func (h *history) mine() error {
	seconds := uint64(1 + h.rng.IntN(25))
	time := h.chain.head().Time + seconds
	nonces := h.chain.states[len(h.chain.states)-1].lanes
	var effects []effect
	for range h.rng.IntN(h.settles + 1) {
		tx := pick(h.rng, h.txs)
		if tx == nil || !h.certified(tx) || tx.Seq() < nonces[tx.Lane()].nonce {
			continue
		}
		for _, part := range h.closure(tx) {
			if part.env.ValidBefore <= time {
				break
			}
			effects = append(effects, ifPossible(includes(part)))
		}
	}
	if h.foreign && h.rng.IntN(3) == 0 {
		effects = append(effects, h.foreignEffect())
		h.rng.Shuffle(len(effects), func(i, j int) { effects[i], effects[j] = effects[j], effects[i] })
	}
	if err := h.chain.mine(seconds, effects...); err != nil {
		return err
	}
	head := h.chain.states[len(h.chain.states)-1]
	for _, o := range head.outcomes {
		if err := h.noteOutcome(&o); err != nil {
			return err
		}
	}
	if h.rng.IntN(3) > 0 {
		h.final = max(h.final, head.block.Number-min(head.block.Number, uint64(h.rng.IntN(3))))
	}
	h.watcher.follow(h.final)
	return h.check()
}

// ifPossible is an effect that is left out if the chain refuses it.
func ifPossible(e effect) effect {
	return func(m *model, s *modelState) error {
		_ = e(m, s)
		return nil
	}
}

// closure is what must be executed for a payment, in order, by all that is
// known.
func (h *history) closure(tx *Tx) (order []*Tx) {
	lanes := h.chain.states[len(h.chain.states)-1].lanes
	done := make(map[ID]bool)
	var visit func(id ID)
	visit = func(id ID) {
		tx := h.byID[id]
		if tx == nil || done[id] || tx.Seq() < lanes[tx.Lane()].nonce {
			return
		}
		done[id] = true
		visit(tx.env.Prev)
		for _, p := range tx.env.Parents {
			visit(p)
		}
		order = append(order, tx)
	}
	visit(tx.ID())
	return order
}

// foreignEffect is what an adversary does to its accounts outside the protocol,
// or to anybody's by submitting payments that are not due.
func (h *history) foreignEffect() effect {
	i := honestPayers + h.rng.IntN(historyAccounts-honestPayers)
	switch tx := pick(h.rng, h.txs); h.rng.IntN(4) {
	case 0:
		return func(m *model, s *modelState) error {
			have := s.lanes[m.lane(i)].balance
			if have == 0 {
				return nil
			}
			h.touched[m.lane(i)] = true
			h.seen.events["foreign outflow"]++
			return spends(i, 1+uint64(h.rng.IntN(int(have))))(m, s)
		}
	case 1:
		return func(m *model, s *modelState) error {
			h.touched[m.lane(i)] = true
			h.seen.events["foreign transaction in a lane"]++
			return burns(i)(m, s)
		}
	default:
		return func(m *model, s *modelState) error {
			if tx == nil || includes(tx)(m, s) != nil {
				return nil
			}
			if !h.certified(tx) {
				h.touched[tx.Lane()] = true
				h.seen.events["executed without a QC"]++
			}
			return nil
		}
	}
}

// noteOutcome counts what the chain made of a slot. Submitted in order, no
// certified payment fails.
func (h *history) noteOutcome(o *tx76.Outcome) error {
	id := o.Attempted
	if len(o.Transfers) > 0 {
		id = o.Transfers[0].Memo
	}
	tx := h.byID[id]
	if tx == nil {
		return nil
	}
	h.executed = append(h.executed, executedTx{tx, o.BlockNumber, o.Success})
	if o.Success {
		h.seen.events["executed"]++
		return nil
	}
	h.seen.events["failed"]++
	h.touched[tx.Lane()] = true
	if !h.foreign {
		return loss("certified payment of %d at seq %d failed on the chain", tx.env.Amount.Uint64(), tx.Seq())
	}
	return nil
}

// revert takes back blocks that are not final.
func (h *history) revert() error {
	head := h.chain.head().Number
	if head == h.final {
		return nil
	}
	first := h.final + 1 + uint64(h.rng.IntN(int(head-h.final)))
	h.watcher.revert(first)
	h.executed = slices.DeleteFunc(h.executed, func(e executedTx) bool { return e.block >= first })
	h.seen.events["reverts"]++
	return h.check()
}

// advance moves a member's node, never back, and its clock.
func (h *history) advance(m *historyMember) {
	at := m.snap.Block().Number
	if at < h.final {
		m.pin(at + 1 + uint64(h.rng.IntN(int(h.final-at))))
	}
	if ahead := h.chain.head().Time - m.snap.Block().Time; ahead > 0 {
		m.now = m.snap.Block().Time + uint64(h.rng.IntN(int(ahead)+1))
	}
}

// restart is a crash of a member: what it has on disk are its promises with the
// QCs they relied on, and nothing else.
func (h *history) restart(m *historyMember) error {
	old := m.ledger
	m.board = NewBoard(h.Rules, roomyLimits())
	m.ledger = NewLedger(m.board, h.c)
	m.ledger.without = h.without
	m.evidence = nil
	for _, tx := range h.txs {
		p, ok := old.Promised(tx.ID())
		if !ok {
			continue
		}
		if h.signed {
			var err error
			if p, err = h.ParsePromise(p.Encode()); err != nil {
				return err
			}
		}
		m.ledger.Record(p)
		for _, qc := range p.QCs {
			m.evidence = append(m.evidence, qc)
		}
	}
	h.seen.events["members restarted"]++
	return nil
}

// Invariants.

// check checks I1, I2 and I3 at the newest and at the finalized block.
func (h *history) check() error {
	for _, number := range []uint64{h.chain.head().Number, h.final} {
		s := &h.chain.states[number]
		live := make(map[Lane][]*Tx)
		for _, tx := range h.txs {
			if tx.Seq() < s.lanes[tx.Lane()].nonce || !h.certified(tx) {
				continue
			}
			if tx.env.ValidBefore > s.block.Time {
				live[tx.Lane()] = append(live[tx.Lane()], tx)
			}
		}
		for i := range historyAccounts {
			lane := h.chain.lane(i)
			if err := h.checkLane(live[lane]); err != nil {
				return err
			}
			if err := h.checkFunds(lane, number, live); err != nil {
				return err
			}
		}
	}
	return nil
}

// checkLane is I2 and I3 for the live certified payments of a lane.
func (h *history) checkLane(live []*Tx) error {
	slices.SortFunc(live, func(a, b *Tx) int { return int(a.Seq()) - int(b.Seq()) })
	for i, tx := range live {
		if i == 0 {
			continue
		}
		below := live[i-1]
		switch {
		case tx.env.Restart != below.env.Restart:
			return loss("I2: payments of generations %d and %d are live in one lane", below.env.Restart, tx.env.Restart)
		case tx.Seq() == below.Seq():
			return loss("I2: two payments at seq %d are live and certified", tx.Seq())
		}
		at := tx
		for at != nil && at.Seq() > below.Seq() {
			at = h.byID[at.env.Prev]
		}
		if at != below {
			return loss("I3: the payment at seq %d does not stand on the one at seq %d", tx.Seq(), below.Seq())
		}
	}
	return nil
}

// checkFunds is I1 for an account at a block: what the chain has executed of
// its certified payments and what it still would never exceeds what came in.
func (h *history) checkFunds(lane Lane, number uint64, live map[Lane][]*Tx) error {
	if h.excused(lane, number, make(map[Lane]bool)) {
		return nil
	}
	if h.foreign {
		h.seen.events["accounts unharmed beside foreign traffic"]++
	}
	out, in := uint64(0), h.chain.states[0].lanes[lane].balance
	for _, e := range h.executed {
		amount := e.tx.env.Amount.Uint64()
		switch {
		case e.block > number || !e.success:
		case e.tx.Lane() == lane && h.certified(e.tx):
			out += amount
		case e.tx.Recipient() == lane.Sender:
			in += amount
		}
	}
	for _, txs := range live {
		for _, tx := range txs {
			switch {
			case tx.Lane() == lane:
				out += tx.env.Amount.Uint64()
			case tx.Recipient() == lane.Sender:
				in += tx.env.Amount.Uint64()
			}
		}
	}
	if out > in {
		return loss("I1: %d certified on %d", out, in)
	}
	return nil
}

// excused reports whether I1 does not speak of an account: money left it
// outside the protocol, or something foreign took a slot of its lane, or it
// relied on a payment of such an account that has not come.
func (h *history) excused(lane Lane, number uint64, visited map[Lane]bool) bool {
	if h.touched[lane] {
		return true
	}
	if visited[lane] || !h.foreign {
		return false
	}
	visited[lane] = true
	came := make(map[ID]bool)
	for _, e := range h.executed {
		came[e.tx.ID()] = e.block <= number && e.success
	}
	for _, tx := range h.txs {
		if tx.Lane() != lane {
			continue
		}
		for _, id := range tx.env.Parents {
			if p := h.byID[id]; p != nil && !came[id] && h.excused(p.Lane(), number, visited) {
				return true
			}
		}
	}
	return false
}

// checkOrder is I4: a member with the same evidence, heard in another order,
// repeatedly and with other QCs, decides and counts the same. And what an
// account may spend does not rise in a block that includes what was counted.
func (h *history) checkOrder(m *historyMember) error {
	twin := &party{chain: h.chain, board: NewBoard(h.Rules, roomyLimits()), snap: m.snap, now: m.now}
	twin.ledger = NewLedger(twin.board, h.c)
	twin.ledger.without = h.without
	heard := slices.Concat(m.evidence, m.evidence)
	h.rng.Shuffle(len(heard), func(i, j int) { heard[i], heard[j] = heard[j], heard[i] })
	for _, e := range heard {
		if qc, ok := e.(*QC); ok {
			e = h.anyQC(qc.Tx())
		}
		tellBoard(twin.board, e)
	}
	for _, tx := range h.txs {
		if p, ok := m.ledger.Promised(tx.ID()); ok {
			twin.ledger.Record(p)
		}
	}
	for _, tx := range h.txs {
		p, err := m.decide(tx)
		q, twinErr := twin.decide(tx)
		if Classify(err) != Classify(twinErr) || (p == nil) != (q == nil) {
			return loss("I4: a member answers %v, its twin %v", err, twinErr)
		}
	}
	for i := range historyAccounts {
		p, err := m.plan(i, 0)
		q, twinErr := twin.plan(i, 0)
		if Classify(err) != Classify(twinErr) || fmt.Sprint(p) != fmt.Sprint(q) {
			return loss("I4: a member plans %v, its twin %v", p, q)
		}
		if err := h.checkNoRise(i); err != nil {
			return err
		}
	}
	h.seen.events["twins compared"]++
	return nil
}

// checkNoRise compares what account i may spend before and after the newest
// block, by all the evidence there is and citing every certified credit. Only
// the state differs, the time is the later one: what has expired is dead in
// both.
func (h *history) checkNoRise(i int) error {
	last := h.chain.head()
	if h.foreign || last.Number == 0 {
		return nil
	}
	next := &Tx{env: Envelope{ChainID: testChainID, CommitteeID: h.c.ID(), Asset: usd, Sender: account(i)}}
	for _, tx := range h.txs {
		if tx.Recipient() == account(i) && h.certified(tx) {
			next.env.Parents = append(next.env.Parents, tx.ID())
		}
	}
	ledger := NewLedger(h.watcher.Board, h.c)
	before := &party{chain: h.chain, snap: NewSnapshot(Block{Number: last.Number - 1, Time: last.Time})}
	after := &party{chain: h.chain, snap: NewSnapshot(last)}
	plan, err := answer(before, func() (Plan, error) { return ledger.Plan(h.chain.lane(i), before.snap, nil) })
	if err != nil {
		return nil // between two generations: nothing may be spent
	}
	next.env.Seq, next.env.Restart = plan.Seq, plan.Restart
	// avail is what may be spent counting no credit outside the given ones.
	avail := func(p *party, only func(ID) bool) (rest int64, counted map[ID]bool, err error) {
		rest, err = answer(p, func() (int64, error) {
			e := newEvaluation(h.watcher.Board, h.c, p.snap, h.without)
			account, ok := e.account(next.Lane())
			if !ok {
				return 0, e.needs()
			}
			v := ledger.view(next.Lane().ID(), account.Nonce)
			debits := []*Tx{next}
			for k := account.Nonce; k < next.Seq(); k++ {
				debits = append(debits, v.position(k, next.env.Restart))
			}
			credits, rest := e.balance(debits, account)
			counted = make(map[ID]bool)
			for _, c := range credits {
				if id := c.rec.tx.ID(); only(id) {
					counted[id] = true
				} else {
					rest.Sub(rest, c.rec.tx.env.Amount.ToBig())
				}
			}
			return rest.Int64(), e.needs()
		})
		return rest, counted, err
	}
	had, counted, err := avail(before, func(ID) bool { return true })
	if err != nil {
		return err
	}
	has, _, err := avail(after, func(id ID) bool { return counted[id] })
	if err != nil {
		return err
	}
	if has > had {
		return loss("I4: account %d may spend %d before block %d, %d after it", i, had, last.Number, has)
	}
	for _, e := range h.executed {
		if e.block == last.Number && counted[e.tx.ID()] {
			h.seen.events["counted parents included"]++
		}
	}
	return nil
}

// checkConvictions is I10: by all the evidence there is, only members that vote
// for everything and payers that equivocate are convicted.
func (h *history) checkConvictions() error {
	for _, e := range h.watcher.Evidence() {
		if signer, member := e.Signer(); member {
			h.seen.events["members convicted"]++
			if signer < len(h.honest) {
				return loss("I10: honest member %d is convicted", signer)
			}
			continue
		}
		h.seen.events["payers convicted"]++
		offender, _ := e.Payments()
		for i := range honestPayers {
			if offender.Sender() == account(i) {
				return loss("I10: honest payer %d is convicted", i)
			}
		}
	}
	return nil
}
