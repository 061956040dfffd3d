package tempo_test

import (
	"context"
	"crypto/ecdsa"
	"net/http/httptest"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/holiman/uint256"
	"github.com/stretchr/testify/require"

	"github.com/allegro-p2p/allegro/tempo"
	"github.com/allegro-p2p/allegro/tempo/devchain"
	"github.com/allegro-p2p/allegro/tempo/tx76"
)

// laneKey is the nonce key of the payments.
var laneKey = *uint256.NewInt(0x41)

// person is an account with its key.
type person struct {
	key     *ecdsa.PrivateKey
	address common.Address
}

// newPerson returns the n-th test account.
func newPerson(t *testing.T, n byte) person {
	t.Helper()
	key, err := crypto.ToECDSA(common.LeftPadBytes([]byte{n}, 32))
	require.NoError(t, err)
	return person{key: key, address: crypto.PubkeyToAddress(key.PublicKey)}
}

// scene is a development chain with three people and a sponsor who pays the
// fees in another token, and a client of it.
type scene struct {
	t                        *testing.T
	chain                    *devchain.Chain
	client                   *tempo.Chain
	alice, bob, carol, payer person
}

// newScene makes a chain on which Alice has 15 dollars, Bob has 5 and Carol
// nothing.
func newScene(t *testing.T, change func(*devchain.Config)) *scene {
	t.Helper()
	s := &scene{t: t, alice: newPerson(t, 1), bob: newPerson(t, 2), carol: newPerson(t, 3), payer: newPerson(t, 4)}
	cfg := devchain.DefaultConfig()
	cfg.Manual = true
	cfg.FinalityLag = 0
	cfg.BaseFee = 20_000_000_000
	cfg.Alloc = map[common.Address]map[common.Address]*uint256.Int{
		tempo.PathUSD:  {s.alice.address: dollars(15), s.bob.address: dollars(5)},
		tempo.AlphaUSD: {s.payer.address: dollars(100)},
	}
	if change != nil {
		change(&cfg)
	}
	chain, err := devchain.New(cfg)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, chain.Close()) })
	s.chain = chain
	s.client = tempo.New(chain.Client(), tempo.Options{})
	t.Cleanup(s.client.Close)
	return s
}

// dollars returns an amount in token units.
func dollars(n uint64) *uint256.Int { return uint256.NewInt(n * 1_000_000) }

// payment returns a signed payment of n dollars with a memo, at a position of
// the payer's lane.
func (s *scene) payment(from, to person, n, nonce uint64, memo common.Hash) []byte {
	s.t.Helper()
	token, feeToken := tempo.PathUSD, tempo.AlphaUSD
	tx := &tx76.Transaction{
		ChainID: 31337, Gas: 1_000_000, NonceKey: laneKey, Nonce: nonce,
		MaxFeePerGas: *uint256.NewInt(40_000_000_000),
		ValidBefore:  4_000_000_000,
		Calls:        []tx76.Call{{To: &token, Input: tempo.EncodeTransferWithMemo(to.address, dollars(n), memo)}},
		Sponsored:    true,
	}
	signature, err := tx76.SignSecp256k1(tx.SignHash(), from.key)
	require.NoError(s.t, err)
	tx.Signature = signature
	tx.FeeToken = &feeToken
	require.NoError(s.t, tx.SignSponsor(from.address, s.payer.key))
	return tx.Encode()
}

// send submits a transaction.
func (s *scene) send(raw []byte) common.Hash {
	s.t.Helper()
	hash, err := s.client.Send(s.t.Context(), raw)
	require.NoError(s.t, err)
	return hash
}

// mine makes a block and returns its header.
func (s *scene) mine() tempo.Header {
	s.t.Helper()
	hash, err := s.chain.Mine()
	require.NoError(s.t, err)
	header, err := s.client.Header(s.t.Context(), tempo.Latest)
	require.NoError(s.t, err)
	require.Equal(s.t, hash, header.Hash)
	return header
}

// account reads somebody's lane at a block.
func (s *scene) account(block tempo.Header, who person) tempo.Account {
	s.t.Helper()
	account, err := s.client.Account(s.t.Context(), block, tempo.PathUSD, who.address, laneKey)
	require.NoError(s.t, err)
	return account
}

// T1 is Alice → Bob 10, T2 is Bob → Carol 10 out of it. In this order both take
// effect and the balances are exact, because the sponsor pays the fees.
func TestDevchainPaymentOutOfPayment(t *testing.T) {
	s := newScene(t, nil)
	start, err := s.client.Header(t.Context(), tempo.Finalized)
	require.NoError(t, err)
	t1 := s.send(s.payment(s.alice, s.bob, 10, 0, common.Hash{1}))
	t2 := s.send(s.payment(s.bob, s.carol, 10, 0, common.Hash{2}))
	block := s.mine()

	require.Equal(t, tempo.Account{Balance: *dollars(15)}, s.account(start, s.alice), "the block before")
	for i, tt := range []struct {
		who     person
		balance uint64
		tx      common.Hash
		to      person
		memo    common.Hash
	}{{s.alice, 5, t1, s.bob, common.Hash{1}}, {s.bob, 5, t2, s.carol, common.Hash{2}}} {
		got := s.account(block, tt.who)
		require.Equal(t, *dollars(tt.balance), got.Balance)
		require.EqualValues(t, 1, got.Nonce)
		require.Equal(t, tx76.Outcome{
			Sender: tt.who.address, NonceKey: laneKey, Nonce: 0,
			TxHash: tt.tx, BlockHash: block.Hash, BlockNumber: block.Number, BlockTime: block.Time,
			TxIndex: uint64(i), Success: true, Plain: 1,
			Transfers: []tx76.MemoTransfer{{Token: tempo.PathUSD, From: tt.who.address, To: tt.to.address, Amount: *dollars(10), Memo: tt.memo}},
		}, *got.Last)
	}
	carol := s.account(block, s.carol)
	require.Equal(t, tempo.Account{Balance: *dollars(10)}, carol)

	outcomes, err := s.client.Outcomes(t.Context(), 0, block.Number)
	require.NoError(t, err)
	require.Len(t, outcomes, 2)
	require.Equal(t, []common.Hash{t1, t2}, []common.Hash{outcomes[0].TxHash, outcomes[1].TxHash})
}

// In the other order T2 reverts, and its outcome says so: the nonce is used and
// nothing moved.
func TestDevchainRevertedPayment(t *testing.T) {
	s := newScene(t, nil)
	t2 := s.send(s.payment(s.bob, s.carol, 10, 0, common.Hash{2}))
	s.send(s.payment(s.alice, s.bob, 10, 0, common.Hash{1}))
	block := s.mine()
	bob := s.account(block, s.bob)
	require.Equal(t, *dollars(15), bob.Balance)
	require.EqualValues(t, 1, bob.Nonce)
	require.Equal(t, t2, bob.Last.TxHash)
	require.False(t, bob.Last.Success)
	require.Empty(t, bob.Last.Transfers)
	require.Zero(t, bob.Last.Plain)
	require.Equal(t, common.Hash{2}, bob.Last.Attempted, "what it tried to do")

	t3 := s.send(s.payment(s.bob, s.carol, 10, 1, common.Hash{3}))
	for range 600 {
		s.mine()
	}
	later := s.account(s.mine(), s.bob)
	require.EqualValues(t, 2, later.Nonce)
	require.Equal(t, t3, later.Last.TxHash, "found far back")
	require.True(t, later.Last.Success)
	require.Equal(t, t2, s.account(block, s.bob).Last.TxHash, "the old block still tells the old outcome")
}

func TestDevchainSend(t *testing.T) {
	s := newScene(t, nil)
	raw := s.payment(s.alice, s.bob, 1, 0, common.Hash{1})
	hash := s.send(raw)
	require.Equal(t, crypto.Keccak256Hash(raw), hash)
	again, err := s.client.Send(t.Context(), raw)
	require.ErrorIs(t, err, tempo.ErrCheckNonce)
	require.Equal(t, hash, again)
	_, err = s.client.Send(t.Context(), []byte{0x76, 0xc0})
	require.ErrorIs(t, err, tempo.ErrRefused)
}

func TestDevchainCanTransfer(t *testing.T) {
	s := newScene(t, nil)
	block := s.mine()
	can := func(to common.Address) error {
		return s.client.CanTransfer(t.Context(), block, tempo.PathUSD, s.alice.address, to, common.Hash{1})
	}
	require.NoError(t, can(s.bob.address))
	require.ErrorIs(t, can(tempo.BetaUSD), tempo.ErrPolicy)
	require.ErrorIs(t, can(common.Address{}), tempo.ErrPolicy)
}

func TestDevchainIsT4(t *testing.T) {
	s := newScene(t, nil)
	id, err := s.client.ChainID(t.Context())
	require.NoError(t, err)
	require.EqualValues(t, 31337, id)
	schedule, known, err := s.client.ForkSchedule(t.Context())
	require.NoError(t, err)
	require.True(t, known)
	require.True(t, schedule.Reached("T4"))
	require.False(t, schedule.Reached("T5"))
}

// One port serves HTTP and WebSocket; all answers are the same as in process.
func TestDevchainOverSockets(t *testing.T) {
	s := newScene(t, nil)
	s.send(s.payment(s.alice, s.bob, 10, 0, common.Hash{1}))
	block := s.mine()
	want := s.account(block, s.alice)
	server := httptest.NewServer(s.chain.Handler())
	defer server.Close()
	for _, scheme := range []string{"http://", "ws://"} {
		c, err := tempo.Dial(t.Context(), scheme+server.Listener.Addr().String(), tempo.Options{})
		require.NoError(t, err)
		got, err := c.Account(t.Context(), block, tempo.PathUSD, s.alice.address, laneKey)
		require.NoError(t, err)
		require.Equal(t, want, got)
		c.Close()
	}
}

// A follower of a chain that makes its own blocks, in virtual time: payments
// are reported in the next block and final one block later.
func TestDevchainFollower(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const blockTime = 5 * time.Second
		s := newScene(t, func(cfg *devchain.Config) {
			cfg.Manual, cfg.BlockTime, cfg.FinalityLag = false, blockTime, 1
		})
		ctx, cancel := context.WithCancel(t.Context())
		follower, err := tempo.NewFollower(s.client, tempo.FollowerConfig{
			Tokens: []common.Address{tempo.PathUSD}, PollInterval: time.Hour,
		})
		require.NoError(t, err)
		var mu sync.Mutex // guards updates
		var updates []tempo.Update
		var running sync.WaitGroup
		running.Go(func() { s.chain.Run(ctx) })
		running.Go(func() {
			follower.Run(ctx, func(u tempo.Update) error {
				mu.Lock()
				defer mu.Unlock()
				updates = append(updates, u)
				return nil
			})
		})
		last := func() tempo.Update {
			mu.Lock()
			defer mu.Unlock()
			return updates[len(updates)-1]
		}
		next := func() {
			time.Sleep(blockTime)
			synctest.Wait()
		}
		next()
		t1 := s.send(s.payment(s.alice, s.bob, 10, 0, common.Hash{1}))
		t2 := s.send(s.payment(s.bob, s.carol, 10, 0, common.Hash{2}))
		next()
		included := last()
		require.Len(t, included.Outcomes, 2)
		require.Equal(t, []common.Hash{t1, t2}, []common.Hash{included.Outcomes[0].TxHash, included.Outcomes[1].TxHash})
		require.Equal(t, included.Latest.Number-1, included.Finalized.Number)
		next()
		require.Equal(t, included.Latest, last().Finalized)
		require.Equal(t, included.LatestSeen, last().FinalizedSeen)
		require.Equal(t, []common.Address{s.alice.address, s.bob.address, s.carol.address}, last().Touched)
		require.Equal(t, included.Outcomes[1], *s.account(last().Finalized, s.bob).Last)

		for range 100 {
			next()
		}
		status := follower.Status()
		require.True(t, status.Connected)
		require.True(t, status.Subscribed)
		cancel()
		running.Wait()
		for i := 1; i < len(updates); i++ {
			require.Equal(t, updates[i-1].Latest.Hash, updates[i].Latest.Parent, "no block is left out")
		}
		require.Greater(t, len(updates), 100)
	})
}
