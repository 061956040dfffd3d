package fastpay

import (
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"slices"
	"testing"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/holiman/uint256"

	"github.com/allegro-p2p/allegro/tempo/tx76"
)

// model is a chain of a test. It does to balances and nonces what Tempo does:
// a transaction whose transfer fails still uses its slot.
type model struct {
	n        *network
	states   []modelState // by block number
	policies map[Transfer]error
}

// modelState is the chain after one block.
type modelState struct {
	block    Block
	lanes    map[Lane]modelLane
	outcomes []tx76.Outcome // of this block
}

// modelLane is an account's balance and its lane in one asset.
type modelLane struct {
	balance uint64
	nonce   uint64
	last    *tx76.Outcome // of slot nonce-1
}

// effect is something that a block does.
type effect func(m *model, s *modelState) error

// newModel returns a chain of one block at a time, on which account i has the
// i-th balance in usd.
func newModel(n *network, time uint64, balances ...uint64) *model {
	m := &model{n: n, policies: make(map[Transfer]error)}
	first := modelState{block: Block{Hash: blockHash(0, time), Time: time}, lanes: make(map[Lane]modelLane)}
	for i, balance := range balances {
		first.lanes[m.lane(i)] = modelLane{balance: balance}
	}
	m.states = []modelState{first}
	return m
}

func blockHash(number, salt uint64) common.Hash {
	return crypto.Keccak256Hash(binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(nil, number), salt))
}

// lane is account i's lane in usd.
func (m *model) lane(i int) Lane { return Lane{testChainID, usd, account(i)} }

// head is the chain's newest block.
func (m *model) head() Block { return m.states[len(m.states)-1].block }

// mine adds a block some seconds after the newest one. It adds nothing if an
// effect is impossible.
func (m *model) mine(seconds uint64, effects ...effect) error {
	parent := m.states[len(m.states)-1]
	number := parent.block.Number + 1
	s := modelState{
		block: Block{Number: number, Hash: blockHash(number, parent.block.Time+seconds), Parent: parent.block.Hash, Time: parent.block.Time + seconds},
		lanes: maps.Clone(parent.lanes),
	}
	for _, e := range effects {
		if err := e(m, &s); err != nil {
			return err
		}
	}
	m.states = append(m.states, s)
	return nil
}

// drop takes back the blocks from a number on.
func (m *model) drop(number uint64) { m.states = m.states[:number] }

// use takes the next slot of a lane.
func (s *modelState) use(m *model, l Lane, o tx76.Outcome) {
	lane := s.lanes[l]
	o.Sender, o.NonceKey, o.Nonce = l.Sender, l.NonceKey(m.n.c), lane.nonce
	o.BlockNumber, o.BlockHash, o.BlockTime = s.block.Number, s.block.Hash, s.block.Time
	lane.nonce++
	lane.last = &o
	s.lanes[l] = lane
	s.outcomes = append(s.outcomes, o)
}

// move transfers between two accounts and reports whether the balance sufficed.
func (s *modelState) move(from, to Lane, amount uint64) bool {
	payer := s.lanes[from]
	if payer.balance < amount {
		return false
	}
	payer.balance -= amount
	s.lanes[from] = payer
	payee := s.lanes[to]
	payee.balance += amount
	s.lanes[to] = payee
	return true
}

// includes executes a payment.
func includes(tx *Tx) effect {
	return func(m *model, s *modelState) error {
		l, e := tx.Lane(), &tx.env
		if nonce := s.lanes[l].nonce; nonce != e.Seq {
			return fmt.Errorf("payment is for slot %d, the lane is at %d", e.Seq, nonce)
		}
		if e.ValidBefore <= s.block.Time {
			return fmt.Errorf("payment has expired at %d", e.ValidBefore)
		}
		o := tx76.Outcome{TxHash: crypto.Keccak256Hash(tx.id[:])}
		if s.move(l, Lane{l.ChainID, l.Asset, e.Recipient}, e.Amount.Uint64()) {
			o.Success, o.Plain = true, 1
			o.Transfers = []tx76.MemoTransfer{{Token: e.Asset, From: e.Sender, To: e.Recipient, Amount: e.Amount, Memo: tx.id}}
		} else {
			o.Attempted = tx.id
		}
		s.use(m, l, o)
		return nil
	}
}

// spends moves money out of an account by another key or nonce key.
func spends(i int, amount uint64) effect {
	return func(m *model, s *modelState) error {
		if !s.move(m.lane(i), Lane{}, amount) {
			return errors.New("the account does not have that much")
		}
		return nil
	}
}

// burns uses an account's next slot for something else.
func burns(i int) effect {
	return func(m *model, s *modelState) error {
		s.use(m, m.lane(i), tx76.Outcome{TxHash: crypto.Keccak256Hash([]byte{byte(i)}, s.block.Hash[:]), Success: true})
		return nil
	}
}

// snapshot is the chain at a block, with no lane read yet.
func (m *model) snapshot(number uint64) *Snapshot { return NewSnapshot(m.states[number].block) }

// account is a lane as a decision reads it at a block.
func (m *model) account(l Lane, number uint64) (Account, error) {
	s := m.states[number].lanes[l]
	return NewAccount(l, *uint256.NewInt(s.balance), s.nonce, s.last)
}

// fill reads into a snapshot what a decision asked for.
func (m *model) fill(snap *Snapshot, need *NeedError) error {
	for _, l := range need.Lanes {
		a, err := m.account(l, snap.Block().Number)
		if err != nil {
			return err
		}
		snap.SetAccount(l, a)
	}
	for _, t := range need.Transfers {
		snap.SetPolicy(t, m.policies[t])
	}
	return nil
}

// party is one peer that promises: its evidence, its promises and its node.
type party struct {
	chain  *model
	board  *Board
	ledger *Ledger
	snap   *Snapshot
	now    uint64
}

// roomyLimits are those of boards whose limits are not the point.
func roomyLimits() BoardLimits {
	limits := DefaultBoardLimits()
	limits.PerSlot = limits.Open
	return limits
}

// newParty returns a peer without evidence whose node stands at the chain's
// newest block.
func newParty(m *model) *party {
	board := NewBoard(m.n.Rules, roomyLimits())
	p := &party{chain: m, board: board, ledger: NewLedger(board, m.n.c)}
	p.pin(m.head().Number)
	return p
}

// pin moves the party's node to a block that it has just seen.
func (p *party) pin(number uint64) {
	p.snap = p.chain.snapshot(number)
	p.now = p.snap.Block().Time
}

// answer repeats a question to the ledger until the snapshot holds all that it
// needs.
func answer[T any](p *party, ask func() (T, error)) (T, error) {
	for {
		out, err := ask()
		var need *NeedError
		if !errors.As(err, &need) {
			return out, err
		}
		if err := p.chain.fill(p.snap, need); err != nil {
			return out, err
		}
	}
}

// decide asks whether the party may promise a payment.
func (p *party) decide(tx *Tx) (*Promise, error) {
	return answer(p, func() (*Promise, error) { return p.ledger.Decide(tx, p.snap, p.now) })
}

// plan asks for the next payment of an account; amount 0 asks for funds alone.
func (p *party) plan(i int, amount uint64) (Plan, error) {
	var want *uint256.Int
	if amount > 0 {
		want = uint256.NewInt(amount)
	}
	return answer(p, func() (Plan, error) { return p.ledger.Plan(p.chain.lane(i), p.snap, want) })
}

// scene is a chain with one party that decides.
type scene struct {
	*network
	t     testing.TB
	chain *model
	me    *party
}

// newScene returns a scene in which account i has the i-th balance. The chain
// stands 100 seconds after the start of the epoch; a payment that does not say
// otherwise lives for another 900.
func newScene(t testing.TB, balances ...uint64) *scene {
	t.Helper()
	n := newNetwork4(t)
	m := newModel(n, epochStart+100, balances...)
	return &scene{n, t, m, newParty(m)}
}

// pay is a signed payment.
func (s *scene) pay(from, to int, amount uint64, changes ...change) *Tx {
	s.t.Helper()
	return s.network.pay(s.t, from, to, amount, changes...)
}

// mine adds a block and pins the party to it.
func (s *scene) mine(seconds uint64, effects ...effect) {
	s.t.Helper()
	noError(s.t, s.chain.mine(seconds, effects...))
	s.me.pin(s.chain.head().Number)
}

// certified gives the party QCs of payments and returns the last payment.
func (s *scene) certified(txs ...*Tx) *Tx {
	s.t.Helper()
	for _, tx := range txs {
		noError(s.t, s.me.board.AddQC(s.qc(s.t, tx)))
	}
	return txs[len(txs)-1]
}

// promise makes the party promise payments and returns the last one.
func (s *scene) promise(txs ...*Tx) *Tx {
	s.t.Helper()
	for _, tx := range txs {
		p, err := s.me.decide(tx)
		if err != nil {
			s.t.Fatalf("payment at seq %d refused: %v", tx.Seq(), err)
		}
		s.me.ledger.Record(p)
	}
	return txs[len(txs)-1]
}

// accepts checks that the party would promise a payment, and returns the
// promise.
func (s *scene) accepts(tx *Tx) *Promise {
	s.t.Helper()
	p, err := s.me.decide(tx)
	if err != nil {
		s.t.Errorf("payment at seq %d refused: %v", tx.Seq(), err)
	}
	return p
}

// refuses checks that the party refuses a payment for the given reason.
func (s *scene) refuses(tx *Tx, code Code, text string) {
	s.t.Helper()
	_, err := s.me.decide(tx)
	refused(s.t, err, code, text)
}

// reliesOn returns the payments whose QCs a promise needs on disk.
func (p *Promise) reliesOn() []ID {
	var out []ID
	for _, qc := range p.QCs {
		out = append(out, qc.Tx().ID())
	}
	slices.SortFunc(out, common.Hash.Cmp)
	return out
}
