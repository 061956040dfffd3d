package conformance_test

import (
	"bytes"
	"testing"

	"github.com/ethereum/go-ethereum"
	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/rpc"
	"github.com/holiman/uint256"
	"github.com/stretchr/testify/require"

	"github.com/allegro-p2p/allegro/tempo"
	"github.com/allegro-p2p/allegro/tempo/tx76"
)

// noToken is an address that a token could have and none has.
var noToken = common.HexToAddress("0x20c00000000000000000000000000000000000ff")

// What one call does to the chain: its logs and balances.
func TestCalls(t *testing.T) {
	everywhere(t, func(t *testing.T, c *chain) {
		c.give(tempo.BetaUSD, c.alice.address, dollars(1))
		c.mine()
		after := func(input []byte, more ...byte) tx76.Call { return call(tempo.PathUSD, append(input, more...)) }
		dirty := tempo.EncodeTransfer(c.bob.address, dollars(1))
		dirty[4] = 0xff // above the address
		nonces := func(key uint64) tx76.Call {
			return call(tempo.NoncePrecompile, tempo.EncodeGetNonce(c.alice.address, uint256.NewInt(key)))
		}
		carol := []tempo.Transfer{moved(c.alice, c.carol, dollars(1))}
		bob := []tempo.Transfer{moved(c.alice, c.bob, dollars(1))}
		beta := moved(c.alice, c.bob, dollars(1))
		beta.Token = tempo.BetaUSD
		for i, tt := range []struct {
			name      string
			calls     []tx76.Call
			transfers []tempo.Transfer // of what succeeds
			memos     []tx76.MemoTransfer
			fails     bool
		}{
			{name: "transfer", calls: []tx76.Call{transfer(c.carol, dollars(1))}, transfers: carol},
			{name: "transfer with a memo", calls: []tx76.Call{payment(c.carol, dollars(1), 9)}, transfers: carol,
				memos: []tx76.MemoTransfer{noted(c.alice, c.carol, dollars(1), 9)}},
			{name: "transfer of another token", calls: []tx76.Call{call(tempo.BetaUSD, tempo.EncodeTransfer(c.bob.address, dollars(1)))},
				transfers: []tempo.Transfer{beta}},
			{name: "transfer to oneself", calls: []tx76.Call{transfer(c.alice, dollars(1))},
				transfers: []tempo.Transfer{moved(c.alice, c.alice, dollars(1))}},
			{name: "transfer of nothing", calls: []tx76.Call{transfer(c.bob, dollars(0))},
				transfers: []tempo.Transfer{moved(c.alice, c.bob, dollars(0))}},
			{name: "words after the arguments", calls: []tx76.Call{after(tempo.EncodeTransfer(c.bob.address, dollars(1)), 1, 2, 3)}, transfers: bob},
			{name: "words after the memo", calls: []tx76.Call{after(tempo.EncodeTransferWithMemo(c.bob.address, dollars(1), common.Hash{4}), 1, 2, 3)}, transfers: bob,
				memos: []tx76.MemoTransfer{noted(c.alice, c.bob, dollars(1), 4)}},
			{name: "bytes above the recipient", calls: []tx76.Call{after(dirty)}, transfers: bob},
			{name: "two transfers", calls: []tx76.Call{transfer(c.bob, dollars(1)), payment(c.carol, dollars(1), 3)},
				transfers: append(bob[:1:1], carol...), memos: []tx76.MemoTransfer{noted(c.alice, c.carol, dollars(1), 3)}},
			{name: "call of a view", calls: []tx76.Call{call(tempo.PathUSD, tempo.EncodeBalanceOf(c.bob.address)), nonces(7)}},
			{name: "call of an account without code", calls: []tx76.Call{call(c.carol.address, []byte{1, 2, 3, 4})}},

			{name: "more than there is", calls: []tx76.Call{transfer(c.bob, dollars(1000))}, fails: true},
			{name: "more than there is, to oneself", calls: []tx76.Call{transfer(c.alice, dollars(1000))}, fails: true},
			{name: "more than fits", calls: []tx76.Call{transfer(c.bob, new(uint256.Int).SetAllOne())}, fails: true},
			{name: "transfer to nobody", calls: []tx76.Call{after(tempo.EncodeTransfer(common.Address{}, dollars(1)))}, fails: true},
			{name: "transfer to a token", calls: []tx76.Call{after(tempo.EncodeTransfer(tempo.BetaUSD, dollars(1)))}, fails: true},
			{name: "transfer to what could be a token", calls: []tx76.Call{after(tempo.EncodeTransfer(noToken, dollars(1)))}, fails: true},
			{name: "transfer of no token", calls: []tx76.Call{call(noToken, tempo.EncodeTransfer(c.bob.address, dollars(0)))}, fails: true},
			{name: "too few arguments", calls: []tx76.Call{after(tempo.EncodeTransfer(c.bob.address, dollars(1))[:67])}, fails: true},
			{name: "no function", calls: []tx76.Call{after([]byte{1, 2, 3, 4})}, fails: true},
			{name: "half a selector", calls: []tx76.Call{after([]byte{1, 2})}, fails: true},
			{name: "nonce of key 0", calls: []tx76.Call{nonces(0)}, fails: true},
			{name: "second of two calls fails", calls: []tx76.Call{transfer(c.bob, dollars(1)), transfer(c.carol, dollars(1000))}, fails: true},
			{name: "first of two calls fails", calls: []tx76.Call{transfer(c.bob, dollars(1000)), transfer(c.carol, dollars(1))}, fails: true},
		} {
			alice, bob, carol := c.balance(tempo.PathUSD, c.alice), c.balance(tempo.PathUSD, c.bob), c.balance(tempo.PathUSD, c.carol)
			hash := c.send(c.sponsored(draft(uint64(i), tt.calls...), c.alice))
			c.mine()
			r := c.result(hash)
			require.Equal(t, !tt.fails, r.Status == types.ReceiptStatusSuccessful, tt.name)
			require.Equal(t, tt.transfers, r.transfers, tt.name)
			require.Equal(t, tt.memos, r.memos, tt.name)
			require.EqualValues(t, i+1, r.use.NewNonce, tt.name)
			require.EqualValues(t, i+1, c.nonce(c.alice.address, &lane), tt.name)
			if tt.fails {
				require.Equal(t, []string{alice, bob, carol},
					[]string{c.balance(tempo.PathUSD, c.alice), c.balance(tempo.PathUSD, c.bob), c.balance(tempo.PathUSD, c.carol)}, tt.name)
			}
		}
		c.has(c.alice, dollars(15-7))
		c.has(c.bob, dollars(5+4))
		c.has(c.carol, dollars(3))
	})
}

// The whole of a balance can be paid, and the account used again.
func TestWholeBalance(t *testing.T) {
	everywhere(t, func(t *testing.T, c *chain) {
		first := c.send(c.sponsored(draft(0, payment(c.carol, dollars(15), 1)), c.alice))
		back := c.send(c.sponsored(draft(0, payment(c.alice, dollars(15), 2)), c.carol))
		c.mine()
		c.ends(first, types.ReceiptStatusSuccessful)
		c.ends(back, types.ReceiptStatusSuccessful)
		c.has(c.alice, dollars(15))
		c.has(c.carol, dollars(0))
	})
}

// What can be asked of a token.
func TestViews(t *testing.T) {
	everywhere(t, func(t *testing.T, c *chain) {
		supply := c.view(tempo.PathUSD, tempo.SelectorTotalSupply[:])
		for token, name := range map[common.Address]string{
			tempo.PathUSD: "PathUSD", tempo.AlphaUSD: "AlphaUSD", tempo.BetaUSD: "BetaUSD", tempo.ThetaUSD: "ThetaUSD",
		} {
			decimals, err := tempo.DecodeUint64(c.view(token, tempo.SelectorDecimals[:]))
			require.NoError(t, err)
			require.EqualValues(t, tempo.Decimals, decimals)
			text := bytes.Join([][]byte{uint256.NewInt(32).PaddedBytes(32), uint256.NewInt(uint64(len(name))).PaddedBytes(32), common.RightPadBytes([]byte(name), 32)}, nil)
			require.Equal(t, text, c.view(token, tempo.SelectorName[:]))
			require.Equal(t, text, c.view(token, tempo.SelectorSymbol[:]))
			require.Equal(t, supply, c.view(token, tempo.SelectorTotalSupply[:]))
		}
		want := dollars(15).PaddedBytes(32)
		exact := tempo.EncodeBalanceOf(c.alice.address)
		require.Equal(t, want, c.view(tempo.PathUSD, exact))
		require.Equal(t, want, c.view(tempo.PathUSD, append(bytes.Clone(exact), 1)), "what follows the arguments is ignored")
		dirty := bytes.Clone(exact)
		dirty[4] = 1
		require.Equal(t, want, c.view(tempo.PathUSD, dirty), "and so is what stands above an address")
		require.Equal(t, make([]byte, 32), c.view(tempo.PathUSD, tempo.EncodeBalanceOf(c.carol.address)))
		require.Empty(t, c.view(c.carol.address, []byte{1, 2, 3, 4}), "an account without code")

		// As if sent by Alice: the result, and nothing of it stays.
		as := func(input []byte) []byte {
			out, err := c.eth.CallContract(t.Context(), ethereum.CallMsg{From: c.alice.address, To: &tempo.PathUSD, Data: input}, nil)
			require.NoError(t, err)
			return out
		}
		require.Equal(t, uint256.NewInt(1).PaddedBytes(32), as(tempo.EncodeTransfer(c.bob.address, dollars(1))))
		require.Empty(t, as(tempo.EncodeTransferWithMemo(c.bob.address, dollars(1), common.Hash{1})))
		c.send(c.sponsored(draft(0, payment(c.bob, dollars(1), 1)), c.alice))
		c.mine()
		require.Equal(t, supply, c.view(tempo.PathUSD, tempo.SelectorTotalSupply[:]), "a transfer does not change the supply")
		c.has(c.alice, dollars(14))

		for _, contract := range []common.Address{tempo.PathUSD, tempo.NoncePrecompile, tempo.FeeManager} {
			code, err := c.eth.CodeAt(t.Context(), contract, nil)
			require.NoError(t, err)
			require.Equal(t, []byte{0xef}, code)
		}
		for _, other := range []common.Address{noToken, c.alice.address} {
			code, err := c.eth.CodeAt(t.Context(), other, nil)
			require.NoError(t, err)
			require.Empty(t, code)
		}
	})
}

// What a call that reverts leaves.
func TestRevertData(t *testing.T) {
	everywhere(t, func(t *testing.T, c *chain) {
		word := func(x *uint256.Int) []byte { return x.PaddedBytes(32) }
		insufficient := func(available, required *uint256.Int) []byte {
			return bytes.Join([][]byte{tempo.SelectorInsufficientBalance[:], word(available), word(required), common.LeftPadBytes(tempo.PathUSD[:], 32)}, nil)
		}
		unknown := func(selector ...byte) []byte { // UnknownFunctionSelector(bytes4)
			return append(common.FromHex("0xaa4bc69a"), common.RightPadBytes(selector, 32)...)
		}
		uninitialized := common.FromHex("0x1c72fad4") // Uninitialized()
		for _, tt := range []struct {
			name  string
			to    common.Address
			input []byte
			want  []byte
		}{
			{"too little", tempo.PathUSD, tempo.EncodeTransfer(c.bob.address, dollars(16)), insufficient(dollars(15), dollars(16))},
			{"too little, with a memo", tempo.PathUSD, tempo.EncodeTransferWithMemo(c.bob.address, dollars(16), common.Hash{1}), insufficient(dollars(15), dollars(16))},
			{"nobody", tempo.PathUSD, tempo.EncodeTransfer(common.Address{}, dollars(1)), tempo.SelectorInvalidRecipient[:]},
			{"a token", tempo.PathUSD, tempo.EncodeTransfer(tempo.BetaUSD, dollars(16)), tempo.SelectorInvalidRecipient[:]},
			{"no function", tempo.PathUSD, []byte{1, 2, 3, 4, 5}, unknown(1, 2, 3, 4)},
			{"no function of the fee manager", tempo.FeeManager, []byte{1, 2, 3, 4}, unknown(1, 2, 3, 4)},
			{"too few arguments", tempo.PathUSD, tempo.EncodeBalanceOf(c.bob.address)[:35], nil},
			{"no token", noToken, tempo.EncodeBalanceOf(c.bob.address), uninitialized},
			{"key 0", tempo.NoncePrecompile, tempo.EncodeGetNonce(c.bob.address, new(uint256.Int)), tempo.SelectorProtocolNonceNotSupported[:]},
			{"no function of the nonces", tempo.NoncePrecompile, []byte{1, 2, 3, 4}, nil},
			{"too few arguments of the nonces", tempo.NoncePrecompile, tempo.EncodeGetNonce(c.bob.address, &lane)[:67], nil},
		} {
			_, err := c.eth.CallContract(t.Context(), ethereum.CallMsg{From: c.alice.address, To: &tt.to, Data: tt.input}, nil)
			var revert interface {
				rpc.Error
				rpc.DataError
			}
			require.ErrorAs(t, err, &revert, tt.name)
			require.Equal(t, 3, revert.ErrorCode(), tt.name)
			require.Equal(t, hexutil.Encode(tt.want), revert.ErrorData(), tt.name)
		}

		// As Allegro asks before it signs.
		can := func(to common.Address) error {
			return c.node.CanTransfer(t.Context(), c.head(), tempo.PathUSD, c.alice.address, to, common.Hash{1})
		}
		require.NoError(t, can(c.bob.address))
		require.NoError(t, can(c.carol.address), "who has nothing yet")
		for _, to := range []common.Address{{}, tempo.BetaUSD} {
			var revert *tempo.RevertError
			require.ErrorIs(t, can(to), tempo.ErrPolicy)
			require.ErrorAs(t, can(to), &revert)
			require.Equal(t, tempo.SelectorInvalidRecipient[:], revert.Data)
		}
	})
}
