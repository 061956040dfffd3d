package tempo

import (
	"testing"

	"github.com/ethereum/go-ethereum/common"
	"github.com/stretchr/testify/require"
)

// foreignHash is the hash of the transaction at a place of a block.
func foreignHash(n *fakeNode, number uint64, index int) common.Hash {
	n.mu.Lock()
	defer n.mu.Unlock()
	for hash, r := range n.canonical[number].receipts {
		if r.Logs[0].TxIndex == uint(index) {
			return hash
		}
	}
	return common.Hash{}
}

// A revert names the last transaction before it that moved the money away past the
// lane: none of the lane's own, of somebody else's, or that came later.
func TestOutflowBeforeARevert(t *testing.T) {
	alice, bob := account(1), account(2)
	away := payment{from: alice, to: bob, amount: 5, foreign: true}
	lane := payment{from: alice, to: bob, amount: 5}
	others := payment{from: bob, to: alice, amount: 5, foreign: true}
	revert := payment{from: alice, to: bob, amount: 9, reverts: true}
	for name, tt := range map[string]struct {
		blocks [][]payment // the revert is the first one that reverts
		block  uint64      // of the outflow; 0 if none is named
		index  int
	}{
		"none":                     {[][]payment{{lane, others}, {revert, away}, {away}}, 0, 0},
		"in the block before":      {[][]payment{{away, lane}, {lane, revert, away}}, 1, 0},
		"in the same block":        {[][]payment{{away}, {others, away, revert, away}}, 2, 1},
		"the last of several":      {[][]payment{{away}, {away, lane}, {others, lane}, {revert}}, 2, 0},
		"nothing is moved by none": {[][]payment{{{from: alice, to: bob, foreign: true}}, {revert}}, 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			n := newFakeNode(t)
			for _, payments := range tt.blocks {
				n.extend(payments...)
			}
			var want common.Hash
			if tt.block > 0 {
				want = foreignHash(n, tt.block, tt.index)
				require.NotZero(t, want)
			}
			for _, logRange := range []uint64{0, 1} { // in one piece, and block by block
				c := n.inProcess(t, Options{LogRange: logRange})
				outcomes, err := c.Outcomes(t.Context(), 0, uint64(len(tt.blocks)))
				require.NoError(t, err)
				var seen int
				for _, o := range outcomes {
					if o.Success {
						require.Zero(t, o.Outflow)
						continue
					}
					seen++
					require.Equal(t, want, o.Outflow)
				}
				require.Equal(t, 1, seen)
			}
		})
	}
}

// The search ends after OutflowWindow blocks, the one of the revert included.
func TestOutflowLongAgoIsNotNamed(t *testing.T) {
	alice, bob := account(1), account(2)
	for _, tt := range []struct {
		between int
		found   bool
	}{{OutflowWindow - 2, true}, {OutflowWindow - 1, false}} {
		n := newFakeNode(t)
		n.extend(payment{from: alice, to: bob, amount: 5, foreign: true})
		n.extendBy(tt.between)
		head := n.extend(payment{from: alice, to: bob, amount: 9, reverts: true})
		c := n.inProcess(t, Options{})
		o, err := c.OutcomeAt(t.Context(), head.Number, head.Hash, alice, laneKey, 0)
		require.NoError(t, err)
		require.Equal(t, tt.found, o.Outflow != common.Hash{})
	}
}

// What a node says after a reorganisation about another branch is not taken.
func TestOutflowOfAnotherBranchIsNotTaken(t *testing.T) {
	alice, bob := account(1), account(2)
	n := newFakeNode(t)
	n.extend(payment{from: alice, to: bob, amount: 9, reverts: true})
	c := n.inProcess(t, Options{})
	replaced := false
	n.script(func() {
		n.before = func(method string) {
			if method == "eth_getTransactionByHash" && !replaced {
				replaced = true
				n.rollback(0)
				n.extend(payment{from: alice, to: bob, amount: 5, foreign: true})
			}
		}
	})
	_, err := c.Outcomes(t.Context(), 0, 1)
	require.ErrorIs(t, err, ErrUnavailable)
}
