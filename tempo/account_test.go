package tempo

import (
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/holiman/uint256"
	"github.com/stretchr/testify/require"

	"github.com/allegro-p2p/allegro/tempo/tx76"
)

func TestAccount(t *testing.T) {
	alice, bob := account(1), account(2)
	n := newFakeNode(t)
	n.extend(payment{from: alice, to: bob, amount: 10})
	n.extend(payment{from: alice, to: bob, amount: 5, reverts: true})
	n.extendBy(3)
	n.finalize(4)
	c := n.inProcess(t, Options{})

	tests := []struct {
		name    string
		owner   common.Address
		block   uint64
		balance uint64
		nonce   uint64
	}{
		{"before anything", alice, 0, genesisBalance, 0},
		{"after a payment", alice, 1, genesisBalance - 10, 1},
		{"after a revert", alice, 2, genesisBalance - 10, 2},
		{"later", alice, 5, genesisBalance - 10, 2},
		{"the payee", bob, 5, genesisBalance + 10, 0},
		{"a block of the past again", alice, 1, genesisBalance - 10, 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := c.Account(t.Context(), n.header(tt.block), token, tt.owner, laneKey)
			require.NoError(t, err)
			require.Equal(t, *uint256.NewInt(tt.balance), got.Balance)
			require.Equal(t, tt.nonce, got.Nonce)
			if tt.nonce == 0 {
				require.Nil(t, got.Last)
				return
			}
			require.Equal(t, n.outcomes(tt.nonce, tt.nonce)[0], *got.Last)
		})
	}
	_, err := c.Account(t.Context(), n.header(1), token, alice, uint256.Int{})
	require.ErrorIs(t, err, errProtocolNonce)
	_, err = c.Account(t.Context(), n.header(1), account(9), alice, laneKey)
	require.ErrorIs(t, err, ErrBadAnswer, "an account that is no token")
}

// Balance and nonce come in one request, and a last outcome that is known costs
// none.
func TestAccountExchanges(t *testing.T) {
	n := newFakeNode(t)
	n.extend(payment{from: account(1), to: account(2), amount: 10})
	n.finalize(1)
	var exchanges atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		exchanges.Add(1)
		n.server.ServeHTTP(w, r)
	}))
	defer server.Close()
	c, err := Dial(t.Context(), server.URL, Options{})
	require.NoError(t, err)
	defer c.Close()
	block, err := c.Header(t.Context(), Finalized)
	require.NoError(t, err)

	exchanges.Store(0)
	_, err = c.Account(t.Context(), block, token, account(2), laneKey)
	require.NoError(t, err)
	require.EqualValues(t, 1, exchanges.Load(), "an unused lane")
	_, err = c.Account(t.Context(), block, token, account(1), laneKey)
	require.NoError(t, err)
	exchanges.Store(0)
	_, err = c.Account(t.Context(), block, token, account(1), laneKey)
	require.NoError(t, err)
	require.EqualValues(t, 1, exchanges.Load(), "a lane whose outcome is known")
}

// The last outcome is found however long ago it was, in windows the node
// accepts.
func TestAccountSearchesBackwards(t *testing.T) {
	for _, tt := range []struct {
		name     string
		nodeMax  uint64 // blocks per request that the node accepts, 0 for any
		opts     Options
		searches int // eth_getLogs calls expected, 0 for any
	}{
		{"windows that grow", 0, Options{}, 3},
		{"small windows", 0, Options{LogRange: 100}, 30},
		{"a node with a limit of its own", 64, Options{}, 0},
		{"from the network's first block", 0, Options{FirstBlock: 1}, 3},
	} {
		t.Run(tt.name, func(t *testing.T) {
			n := newFakeNode(t)
			n.maxRange = tt.nodeMax
			n.extend(payment{from: account(1), to: account(2), amount: 10})
			n.extendBy(2999)
			c := n.inProcess(t, tt.opts)
			got, err := c.Account(t.Context(), n.head(), token, account(1), laneKey)
			require.NoError(t, err)
			require.Equal(t, n.outcomes(1, 1)[0], *got.Last)
			if tt.searches > 0 {
				require.Equal(t, tt.searches, n.count("eth_getLogs"))
			}
		})
	}
}

func TestAccountWithoutLogs(t *testing.T) {
	n := newFakeNode(t)
	n.extend(payment{from: account(1), to: account(2), amount: 10})
	n.extendBy(10)
	c := n.inProcess(t, Options{FirstBlock: 5})
	_, err := c.Account(t.Context(), n.head(), token, account(1), laneKey)
	require.ErrorIs(t, err, ErrUnavailable)
	require.ErrorContains(t, err, "from 5 on")
}

// A remembered outcome of a branch that was given up must not be told as that
// of the other branch, not even after that one is final.
func TestAccountForgetsReplacedOutcome(t *testing.T) {
	alice, bob := account(1), account(2)
	n := newFakeNode(t)
	n.extendBy(1)
	n.extend(payment{from: alice, to: bob, amount: 10})
	c := n.inProcess(t, Options{})
	old, err := c.Account(t.Context(), n.head(), token, alice, laneKey)
	require.NoError(t, err)

	n.rollback(1)
	n.extend(payment{from: alice, to: bob, amount: 20})
	n.extendBy(2)
	n.finalize(3)
	final, err := c.Header(t.Context(), Finalized)
	require.NoError(t, err)
	got, err := c.Account(t.Context(), final, token, alice, laneKey)
	require.NoError(t, err)
	require.NotEqual(t, old.Last.TxHash, got.Last.TxHash)
	require.Equal(t, n.outcomes(2, 2)[0], *got.Last)
}

// A reorganisation in the middle of the read is told, not papered over.
func TestAccountReplacedWhileRead(t *testing.T) {
	n := newFakeNode(t)
	n.extendBy(1)
	block := n.extend(payment{from: account(1), to: account(2), amount: 10})
	n.before = func(method string) {
		if method == "eth_getLogs" {
			n.rollback(1)
			n.extend(payment{from: account(1), to: account(2), amount: 20})
		}
	}
	c := n.inProcess(t, Options{})
	_, err := c.Account(t.Context(), block, token, account(1), laneKey)
	require.ErrorIs(t, err, ErrUnavailable)
	_, err = c.Account(t.Context(), block, token, account(1), laneKey)
	require.ErrorIs(t, err, ErrUnavailable, "the block is no longer canonical")
}

func TestOutcomes(t *testing.T) {
	n := newFakeNode(t)
	for i := range byte(20) {
		n.extend(payment{from: account(i), to: account(1), amount: 1}, payment{from: account(i), to: account(1), amount: 2, reverts: i%3 == 0})
	}
	for _, tt := range []struct {
		name     string
		from, to uint64
		maxRange uint64
		opts     Options
	}{
		{"all", 0, 20, 0, Options{}},
		{"some", 5, 9, 0, Options{}},
		{"one", 7, 7, 0, Options{}},
		{"in pieces", 0, 20, 0, Options{LogRange: 6}},
		{"as the node allows", 0, 20, 3, Options{}},
		{"more than there is", 18, 30, 0, Options{}},
		{"none", 9, 8, 0, Options{}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			n.script(func() { n.maxRange = tt.maxRange })
			got, err := n.inProcess(t, tt.opts).Outcomes(t.Context(), tt.from, tt.to)
			require.NoError(t, err)
			want := []tx76.Outcome(nil)
			if tt.from <= tt.to {
				want = n.outcomes(tt.from, min(tt.to, 20))
			}
			requireOutcomes(t, want, got)
		})
	}
}

// A node that has forgotten its oldest logs still finds the newer ones.
func TestAccountOnPrunedNode(t *testing.T) {
	n := newFakeNode(t)
	n.extendBy(100)
	n.extend(payment{from: account(1), to: account(2), amount: 10})
	n.extendBy(50)
	n.oldest = 100
	got, err := n.inProcess(t, Options{}).Account(t.Context(), n.head(), token, account(1), laneKey)
	require.NoError(t, err)
	require.Equal(t, n.outcomes(101, 101)[0], *got.Last)
	n.oldest = 120
	_, err = n.inProcess(t, Options{}).Account(t.Context(), n.head(), token, account(1), laneKey)
	require.ErrorIs(t, err, ErrUnavailable)
}

// A refusal of every range ends the halving with the first block.
func TestOutcomesRefused(t *testing.T) {
	n := newFakeNode(t)
	n.extendBy(1000)
	n.fail = failing(rpcError{code: -32000, message: "logs are off"}, "eth_getLogs")
	_, err := n.inProcess(t, Options{}).Outcomes(t.Context(), 0, 1000)
	require.ErrorIs(t, err, ErrUnavailable)
	require.Less(t, n.count("eth_getLogs"), 15)
}

// Plain counts the Transfer logs that stand beside a memo log, one for one, by
// what they say and not by where they stand.
func TestPlain(t *testing.T) {
	a, b, c := account(1), account(2), account(3)
	memo := func(token, from, to common.Address, amount uint64) *types.Log {
		return TransferWithMemoLog(tx76.MemoTransfer{Token: token, From: from, To: to, Amount: *uint256.NewInt(amount), Memo: common.Hash{9}})
	}
	plain := func(token, from, to common.Address, amount uint64) *types.Log {
		return Transfer{Token: token, From: from, To: to, Amount: *uint256.NewInt(amount)}.Log()
	}
	fee := plain(PathUSD, a, FeeManager, 1)
	foreign := common.BytesToAddress([]byte{0xee})
	tests := []struct {
		name      string
		logs      []*types.Log
		transfers int
		plain     int
	}{
		{"a payment", []*types.Log{plain(PathUSD, a, b, 5), memo(PathUSD, a, b, 5), fee}, 1, 1},
		{"in the other order", []*types.Log{fee, memo(PathUSD, a, b, 5), plain(PathUSD, a, b, 5)}, 1, 1},
		{"a revert", []*types.Log{fee}, 0, 0},
		{"a transfer without memo", []*types.Log{plain(PathUSD, a, b, 5), fee}, 0, 0},
		{"redirected", []*types.Log{plain(PathUSD, a, c, 5), memo(PathUSD, a, b, 5)}, 1, 0},
		{"another amount", []*types.Log{plain(PathUSD, a, b, 4), memo(PathUSD, a, b, 5)}, 1, 0},
		{"another payer", []*types.Log{plain(PathUSD, c, b, 5), memo(PathUSD, a, b, 5)}, 1, 0},
		{"another token", []*types.Log{plain(AlphaUSD, a, b, 5), memo(PathUSD, a, b, 5)}, 1, 0},
		{"two alike with one plain log", []*types.Log{plain(PathUSD, a, b, 5), memo(PathUSD, a, b, 5), memo(PathUSD, a, b, 5)}, 2, 1},
		{"two alike", []*types.Log{plain(PathUSD, a, b, 5), plain(PathUSD, a, b, 5), memo(PathUSD, a, b, 5), memo(PathUSD, a, b, 5)}, 2, 2},
		{"one with two plain logs", []*types.Log{plain(PathUSD, a, b, 5), plain(PathUSD, a, b, 5), memo(PathUSD, a, b, 5)}, 1, 1},
		{"a foreign contract's logs", []*types.Log{plain(foreign, a, b, 5), memo(foreign, a, b, 5)}, 0, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			status := hexutil.Uint64(1)
			r := receipt{Status: &status, Logs: tt.logs}
			got := r.outcome(NonceIncremented{Account: a, NonceKey: laneKey, NewNonce: 4}, Header{Number: 8, Time: 9})
			require.Len(t, got.Transfers, tt.transfers)
			require.Equal(t, tt.plain, got.Plain)
			require.True(t, got.Success)
			require.EqualValues(t, 3, got.Nonce)
			require.EqualValues(t, 9, got.BlockTime)
		})
	}
}

// Receipts that do not belong to the log that led to them are not used.
func TestReceiptCheck(t *testing.T) {
	status := hexutil.Uint64(1)
	log := &types.Log{TxHash: common.Hash{1}, BlockHash: common.Hash{2}}
	good := receipt{TxHash: log.TxHash, BlockHash: log.BlockHash, Status: &status}
	require.NoError(t, good.check(log))
	var none *receipt
	require.ErrorIs(t, none.check(log), ErrUnavailable)
	other := good
	other.BlockHash = common.Hash{3}
	require.ErrorIs(t, other.check(log), ErrUnavailable, "it moved")
	other = good
	other.TxHash = common.Hash{3}
	require.ErrorIs(t, other.check(log), ErrBadAnswer)
	other = good
	other.Status = nil
	require.ErrorIs(t, other.check(log), ErrBadAnswer)
}

// An outcome with very many transfers is read again rather than kept.
func TestLargeOutcomesAreNotKept(t *testing.T) {
	c := newFakeNode(t).inProcess(t, Options{})
	small, large := tx76.Outcome{Nonce: 1}, tx76.Outcome{Nonce: 2}
	small.Transfers = make([]tx76.MemoTransfer, maxRemembered)
	large.Transfers = make([]tx76.MemoTransfer, maxRemembered+1)
	c.remember([]tx76.Outcome{small, large}, 0)
	require.True(t, c.outcomes.Contains(slotOf(&small)))
	require.False(t, c.outcomes.Contains(slotOf(&large)))
}
