package tempo

import (
	"context"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/ethereum/go-ethereum/rpc"
	"github.com/holiman/uint256"
	"github.com/stretchr/testify/require"

	"github.com/allegro-p2p/allegro/tempo/tx76"
)

// token and laneKey are the one token and the one nonce key of the fake chain.
var (
	token   = PathUSD
	laneKey = *uint256.NewInt(0x41)
)

// genesisBalance is what every account of the fake chain begins with.
const genesisBalance = 1_000_000

// account returns the n-th test account.
func account(n byte) common.Address { return common.BytesToAddress([]byte{0xac, n}) }

// payment is a transaction of the fake chain.
type payment struct {
	from, to common.Address
	amount   uint64
	reverts  bool
	foreign  bool // not of the lane, so that it uses no 2D nonce
}

// fakeBlock is a block of the fake chain with the state after it.
type fakeBlock struct {
	Header
	logs     []types.Log
	receipts map[common.Hash]receipt
	txs      map[common.Hash]wireTransaction
	outcomes []tx76.Outcome
	nonces   map[common.Address]uint64
	balances map[common.Address]uint64
}

// balance returns an account's balance after b.
func (b *fakeBlock) balance(a common.Address) uint64 {
	if v, ok := b.balances[a]; ok {
		return v
	}
	return genesisBalance
}

// fakeNode is a scripted node: its chain changes only as a test says, and each
// method can be made to fail. It serves JSON-RPC through server.
type fakeNode struct {
	server *rpc.Server

	mu        sync.Mutex
	canonical []*fakeBlock
	known     map[common.Hash]*fakeBlock
	made      uint64 // blocks made, canonical or not
	finalized uint64
	latest    int // index shown as latest, -1 for the newest
	calls     map[string]int
	silent    bool   // announces no heads
	maxRange  uint64 // blocks in one eth_getLogs, 0 for any number
	oldest    uint64 // first block whose logs are kept
	subs      map[rpc.ID]*rpc.Notifier

	// fail, if not nil, is asked before each method.
	fail func(method string) error
	// before, if not nil, runs before each method, without the mutex.
	before func(method string)
	// sent receives raw transactions.
	sent []hexutil.Bytes
}

// newFakeNode returns a node with a genesis block.
func newFakeNode(t testing.TB) *fakeNode {
	n := &fakeNode{
		server: rpc.NewServer(),
		known:  make(map[common.Hash]*fakeBlock),
		calls:  make(map[string]int),
		subs:   make(map[rpc.ID]*rpc.Notifier),
		latest: -1,
	}
	require.NoError(t, n.server.RegisterName("eth", &fakeEth{n}))
	n.canonical = append(n.canonical, n.make(nil))
	t.Cleanup(n.server.Stop)
	return n
}

// make makes a block on parent; nil is for the genesis block.
func (n *fakeNode) make(parent *fakeBlock, payments ...payment) *fakeBlock {
	n.made++
	b := &fakeBlock{
		receipts: make(map[common.Hash]receipt),
		txs:      make(map[common.Hash]wireTransaction),
		nonces:   make(map[common.Address]uint64),
		balances: make(map[common.Address]uint64),
	}
	b.Hash = crypto.Keccak256Hash(binary.BigEndian.AppendUint64([]byte("block"), n.made))
	if parent != nil {
		b.Number, b.Parent, b.Time = parent.Number+1, parent.Hash, parent.Time+1
		for k, v := range parent.nonces {
			b.nonces[k] = v
		}
		for k, v := range parent.balances {
			b.balances[k] = v
		}
	}
	for i, p := range payments {
		n.execute(b, i, p)
	}
	n.known[b.Hash] = b
	return b
}

// execute runs a payment at the end of b.
func (n *fakeNode) execute(b *fakeBlock, index int, p payment) {
	hash := crypto.Keccak256Hash(b.Hash[:], []byte{byte(index)})
	nonce := b.nonces[p.from]
	b.nonces[p.from]++
	amount := *uint256.NewInt(p.amount)
	memo := crypto.Keccak256Hash(hash[:])
	fee := Transfer{Token: AlphaUSD, From: account(0xff), To: FeeManager, Amount: *uint256.NewInt(7)}
	logs := []*types.Log{NonceIncremented{Account: p.from, NonceKey: laneKey, NewNonce: nonce + 1}.Log()}
	o := tx76.Outcome{
		Sender: p.from, NonceKey: laneKey, Nonce: nonce, TxHash: hash,
		BlockHash: b.Hash, BlockNumber: b.Number, BlockTime: b.Time, TxIndex: uint64(index), Success: !p.reverts,
	}
	if !p.reverts {
		m := tx76.MemoTransfer{Token: token, From: p.from, To: p.to, Amount: amount, Memo: memo}
		logs = append(logs, Transfer{Token: token, From: p.from, To: p.to, Amount: amount}.Log(), TransferWithMemoLog(m))
		o.Transfers, o.Plain = []tx76.MemoTransfer{m}, 1
		b.balances[p.from] = b.balance(p.from) - p.amount
		b.balances[p.to] = b.balance(p.to) + p.amount
	} else {
		o.Attempted = memo
	}
	b.txs[hash] = wireTransaction{Hash: hash, Calls: []wireCall{{To: &token, Input: EncodeTransferWithMemo(p.to, &amount, memo)}}}
	logs = append(logs, fee.Log())
	if p.foreign {
		b.nonces[p.from]--
		logs = logs[1:]
	}
	for _, log := range logs {
		log.BlockHash, log.BlockNumber, log.TxHash, log.Index, log.TxIndex = b.Hash, b.Number, hash, uint(len(b.logs)), uint(index)
		b.logs = append(b.logs, *log)
	}
	status := hexutil.Uint64(1)
	if p.reverts {
		status = 0
	}
	b.receipts[hash] = receipt{TxHash: hash, BlockHash: b.Hash, Status: &status, Logs: logs}
	if !p.foreign {
		b.outcomes = append(b.outcomes, o)
	}
}

// extend adds a block to the canonical chain and announces it.
func (n *fakeNode) extend(payments ...payment) Header {
	n.mu.Lock()
	b := n.make(n.canonical[len(n.canonical)-1], payments...)
	n.canonical = append(n.canonical, b)
	n.mu.Unlock()
	n.announce()
	return b.Header
}

// log adds a block in which an address logs one thing, and announces it.
func (n *fakeNode) log(from common.Address, topics ...common.Hash) {
	n.mu.Lock()
	b := n.make(n.canonical[len(n.canonical)-1])
	b.logs = append(b.logs, types.Log{Address: from, Topics: topics, BlockHash: b.Hash, BlockNumber: b.Number})
	n.canonical = append(n.canonical, b)
	n.mu.Unlock()
	n.announce()
}

// extendBy adds empty blocks and announces the last.
func (n *fakeNode) extendBy(count int) {
	n.mu.Lock()
	for range count {
		n.canonical = append(n.canonical, n.make(n.canonical[len(n.canonical)-1]))
	}
	n.mu.Unlock()
	n.announce()
}

// rollback cuts the canonical chain down to a number, without an announcement.
func (n *fakeNode) rollback(number uint64) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.canonical = n.canonical[:number+1]
}

// finalize makes the blocks up to number final, without an announcement.
func (n *fakeNode) finalize(number uint64) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.finalized = number
}

// script changes the node's behaviour.
func (n *fakeNode) script(change func()) {
	n.mu.Lock()
	defer n.mu.Unlock()
	change()
}

// head returns the newest canonical header.
func (n *fakeNode) head() Header {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.canonical[len(n.canonical)-1].Header
}

// header returns a canonical header.
func (n *fakeNode) header(number uint64) Header {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.canonical[number].Header
}

// outcomes returns those of the canonical blocks from..to.
func (n *fakeNode) outcomes(from, to uint64) []tx76.Outcome {
	n.mu.Lock()
	defer n.mu.Unlock()
	var all []tx76.Outcome
	for _, b := range n.canonical[from : to+1] {
		all = append(all, b.outcomes...)
	}
	return all
}

// count returns how often a method was called.
func (n *fakeNode) count(method string) int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.calls[method]
}

// announce tells the subscribers about the newest block.
func (n *fakeNode) announce() {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.silent {
		return
	}
	for id, notifier := range n.subs {
		if notifier.Notify(id, wireOf(n.canonical[len(n.canonical)-1])) != nil {
			delete(n.subs, id)
		}
	}
}

// enter begins a method call: with the mutex held if it returns no error.
func (n *fakeNode) enter(method string) error {
	n.mu.Lock()
	before, fail := n.before, n.fail
	n.calls[method]++
	n.mu.Unlock()
	if before != nil {
		before(method)
	}
	if fail != nil {
		if err := fail(method); err != nil {
			return err
		}
	}
	n.mu.Lock()
	return nil
}

// wireOf returns the JSON form of a block, nil for none.
func wireOf(b *fakeBlock) *wireHeader {
	if b == nil {
		return nil
	}
	return &wireHeader{
		Number: (*hexutil.Uint64)(&b.Number), Hash: &b.Hash,
		ParentHash: &b.Parent, Timestamp: (*hexutil.Uint64)(&b.Time),
	}
}

// fakeEth is the eth namespace of a fakeNode.
type fakeEth struct{ n *fakeNode }

// rpcError is a JSON-RPC error object.
type rpcError struct {
	code    int
	message string
	data    any
}

func (e rpcError) Error() string  { return e.message }
func (e rpcError) ErrorCode() int { return e.code }
func (e rpcError) ErrorData() any { return e.data }

func (s *fakeEth) ChainId() (hexutil.Uint64, error) {
	if err := s.n.enter("eth_chainId"); err != nil {
		return 0, err
	}
	defer s.n.mu.Unlock()
	return 31337, nil
}

func (s *fakeEth) GetBlockByNumber(tag string, _ bool) (*wireHeader, error) {
	if err := s.n.enter("eth_getBlockByNumber"); err != nil {
		return nil, err
	}
	defer s.n.mu.Unlock()
	n := s.n
	var number uint64
	switch tag {
	case "latest":
		number = uint64(len(n.canonical) - 1)
		if n.latest >= 0 {
			number = uint64(n.latest)
		}
	case "finalized":
		number = n.finalized
	default:
		var err error
		if number, err = hexutil.DecodeUint64(tag); err != nil {
			return nil, err
		}
	}
	if number >= uint64(len(n.canonical)) {
		return nil, nil
	}
	return wireOf(n.canonical[number]), nil
}

func (s *fakeEth) GetBlockByHash(hash common.Hash, _ bool) (*wireHeader, error) {
	if err := s.n.enter("eth_getBlockByHash"); err != nil {
		return nil, err
	}
	defer s.n.mu.Unlock()
	return wireOf(s.n.known[hash]), nil
}

func (s *fakeEth) Call(msg callMsg, at pin) (hexutil.Bytes, error) {
	if err := s.n.enter("eth_call"); err != nil {
		return nil, err
	}
	defer s.n.mu.Unlock()
	b := s.n.known[at.BlockHash]
	if b == nil || at.RequireCanonical && !s.n.isCanonical(b) {
		return nil, rpcError{code: -32000, message: "hash is not currently canonical"}
	}
	var word uint256.Int
	if owner, err := DecodeBalanceOf(msg.Data); err == nil && msg.To == token {
		word.SetUint64(b.balance(owner))
	} else if owner, key, err := DecodeGetNonce(msg.Data); err == nil && msg.To == NoncePrecompile && key == laneKey {
		word.SetUint64(b.nonces[owner])
	} else if to, _, _, err := DecodeTransferWithMemo(msg.Data); err == nil && msg.From != nil {
		if IsTIP20(to) {
			return nil, rpcError{code: 3, message: "execution reverted", data: hexutil.Encode(SelectorInvalidRecipient[:])}
		}
		return nil, nil
	} else {
		return nil, nil
	}
	result := word.Bytes32()
	return result[:], nil
}

func (s *fakeEth) GetLogs(f logFilter) ([]types.Log, error) {
	if err := s.n.enter("eth_getLogs"); err != nil {
		return nil, err
	}
	defer s.n.mu.Unlock()
	n := s.n
	var blocks []*fakeBlock
	if f.BlockHash != nil {
		b := n.known[*f.BlockHash]
		if b == nil {
			return nil, rpcError{code: -32000, message: "unknown block"}
		}
		blocks = append(blocks, b)
	} else {
		from, to := uint64(*f.FromBlock), min(uint64(*f.ToBlock), uint64(len(n.canonical)-1))
		if n.maxRange > 0 && to >= from+n.maxRange {
			return nil, rpcError{code: -32602, message: "query exceeds max block range"}
		}
		if from < n.oldest {
			return nil, rpcError{code: -32000, message: "pruned"}
		}
		for i := from; i <= to; i++ {
			blocks = append(blocks, n.canonical[i])
		}
	}
	found := []types.Log{}
	for _, b := range blocks {
		for _, log := range b.logs {
			if f.matches(&log) {
				found = append(found, log)
			}
		}
	}
	return found, nil
}

// matches tells whether the filter lets a log pass.
func (f logFilter) matches(log *types.Log) bool {
	if !slices.Contains(f.Address, log.Address) || len(f.Topics) > len(log.Topics) {
		return false
	}
	for i, allowed := range f.Topics {
		if !slices.Contains(allowed, log.Topics[i]) {
			return false
		}
	}
	return true
}

func (s *fakeEth) GetTransactionReceipt(hash common.Hash) (*receipt, error) {
	if err := s.n.enter("eth_getTransactionReceipt"); err != nil {
		return nil, err
	}
	defer s.n.mu.Unlock()
	for _, b := range s.n.canonical {
		if r, ok := b.receipts[hash]; ok {
			return &r, nil
		}
	}
	return nil, nil
}

func (s *fakeEth) GetTransactionByHash(hash common.Hash) (*wireTransaction, error) {
	if err := s.n.enter("eth_getTransactionByHash"); err != nil {
		return nil, err
	}
	defer s.n.mu.Unlock()
	for _, b := range s.n.canonical {
		if tx, ok := b.txs[hash]; ok {
			return &tx, nil
		}
	}
	return nil, nil
}

func (s *fakeEth) SendRawTransaction(raw hexutil.Bytes) (common.Hash, error) {
	if err := s.n.enter("eth_sendRawTransaction"); err != nil {
		return common.Hash{}, err
	}
	defer s.n.mu.Unlock()
	s.n.sent = append(s.n.sent, raw)
	return crypto.Keccak256Hash(raw), nil
}

// NewHeads is eth_subscribe("newHeads").
func (s *fakeEth) NewHeads(ctx context.Context) (*rpc.Subscription, error) {
	if err := s.n.enter("eth_subscribe"); err != nil {
		return nil, err
	}
	defer s.n.mu.Unlock()
	notifier, ok := rpc.NotifierFromContext(ctx)
	if !ok {
		return nil, rpc.ErrNotificationsUnsupported
	}
	sub := notifier.CreateSubscription()
	s.n.subs[sub.ID] = notifier
	return sub, nil
}

// isCanonical tells whether a block is; the mutex must be held.
func (n *fakeNode) isCanonical(b *fakeBlock) bool {
	return b.Number < uint64(len(n.canonical)) && n.canonical[b.Number] == b
}

// inProcess returns a client of the node without a socket.
func (n *fakeNode) inProcess(t testing.TB, opts Options) *Chain {
	t.Helper()
	c := New(rpc.DialInProc(n.server), opts)
	t.Cleanup(c.Close)
	return c
}

// failing returns a script that fails the named methods, all if none is named.
func failing(err error, methods ...string) func(string) error {
	return func(method string) error {
		if len(methods) == 0 || slices.Contains(methods, method) {
			return err
		}
		return nil
	}
}

// requireOutcomes compares outcomes, and says which differ.
func requireOutcomes(t *testing.T, want, got []tx76.Outcome) {
	t.Helper()
	require.Equal(t, describe(want), describe(got))
	require.Equal(t, len(want), len(got))
	for i := range want {
		require.Equal(t, want[i], got[i])
	}
}

// describe renders outcomes for a readable comparison.
func describe(outcomes []tx76.Outcome) string {
	var b strings.Builder
	for _, o := range outcomes {
		fmt.Fprintf(&b, "%d/%x/%x:%d\n", o.BlockNumber, o.BlockHash[:3], o.Sender[19:], o.Nonce)
	}
	return b.String()
}
