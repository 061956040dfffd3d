package testnet_test

import (
	"bytes"
	"context"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/allegro-p2p/allegro/client"
	"github.com/allegro-p2p/allegro/fastpay"
	"github.com/allegro-p2p/allegro/p2p/p2ptest"
	"github.com/allegro-p2p/allegro/testnet"
	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/rlp"
	"github.com/holiman/uint256"
	"github.com/stretchr/testify/require"
)

// Wire forms, for bytes that no verifying constructor would make.
type (
	wireTx struct {
		Envelope  fastpay.Envelope
		Signature []byte
	}
	wirePayment struct {
		Tx      rlp.RawValue
		Parents []rlp.RawValue
	}
	wireQC struct {
		CommitteeID  common.Hash
		Tx           rlp.RawValue
		Certificates []rlp.RawValue
	}
	wireReject struct {
		Code, Text string
		Retryable  bool
	}
	wireAnswer struct {
		ID           common.Hash
		Certificates []rlp.RawValue
		Rejects      []wireReject
	}
)

func wire(t *testing.T, v any) []byte {
	t.Helper()
	b, err := rlp.EncodeToBytes(v)
	require.NoError(t, err)
	return b
}

// item is a payment item with raw parts.
func item(t *testing.T, tx []byte, parents ...[]byte) []byte {
	t.Helper()
	p := wirePayment{Tx: tx}
	for _, raw := range parents {
		p.Parents = append(p.Parents, raw)
	}
	return wire(t, &p)
}

// raw runs a peer that sends any bytes, connected to every validator.
func (v *virtual) raw(t *testing.T, ctx context.Context, name string) *p2ptest.Raw {
	t.Helper()
	r, err := p2ptest.NewRaw(v.net.Host(name), v.File().Digest(), v.Committee().ID())
	require.NoError(t, err)
	v.closers = append(v.closers, r.Close)
	for _, p := range v.validators() {
		require.NoError(t, r.Connect(ctx, v.net.Host(p.Name).Addr()))
	}
	time.Sleep(time.Second) // topics are announced
	return r
}

// topic is the name of a topic of the network's committee.
func (v *virtual) topic(kind string) string {
	return fastpay.TopicPrefix(v.Committee().ID()) + "/" + kind
}

// score is what a peer's node thinks of a neighbour.
func score(p *testnet.Peer, id string) (float64, bool) {
	for _, info := range p.Node.Peers() {
		if string(info.ID) == id {
			return info.Score, true
		}
	}
	return 0, false
}

// payCents makes an honest payment and waits for its QC at the payee.
func payCents(t *testing.T, ctx context.Context, from, to *testnet.Peer, cents uint64) fastpay.ID {
	t.Helper()
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	id, err := from.Client.Pay(ctx, client.Order{
		To: to.Client.Address(), Asset: testnet.Asset, Amount: *uint256.NewInt(cents * testnet.Dollar / 100),
		Parents: client.Parents{Auto: true},
	})
	require.NoError(t, err)
	requireStage(t, ctx, to, id, fastpay.StageCertified)
	return id
}

// attacked is the network of the attack tests: mallory has $20 and no wallet.
func attacked(cfg *testnet.Config) {
	four(cfg)
	cfg.Clients = []testnet.Account{
		{Name: "alice", Balance: 15 * testnet.Dollar}, {Name: "bob", Balance: 5 * testnet.Dollar}, {Name: "mallory", Balance: 20 * testnet.Dollar},
	}
}

// TestSubmitsAreRefusedWithTheCause sends a validator everything that is wrong
// with a payment. Each gets its own code, and after each an honest payment still
// certifies; nothing is lost and nobody else is convicted.
func TestSubmitsAreRefusedWithTheCause(t *testing.T) {
	inBubble(t, func(t *testing.T, ctx context.Context) {
		v := startVirtual(t, 1, attacked)
		defer v.close(t)
		require.NoError(t, v.WaitReady(ctx))
		alice, bob := v.Peer("alice"), v.Peer("bob")
		require.NoError(t, v.Peer("mallory").Stop())
		mallory, dave := v.hand(t, "mallory"), v.Peer("dave")
		payee := bob.Client.Address()
		raw := v.raw(t, ctx, "raw")

		// Mallory's first payment is certified and executed; the second one is
		// certified and pending; alice has paid bob.
		stranger := v.stranger(t, ctx, "stranger", nil)
		first := mallory.sign(t, mallory.envelope(payee, 1))
		for _, p := range v.validators() {
			stranger.vote(t, ctx, p.Name, first)
		}
		waitStage(t, ctx, dave, first.ID(), fastpay.StageFinalized)
		second := mallory.sign(t, mallory.after(first, payee, 1))
		for _, p := range v.validators() {
			stranger.vote(t, ctx, p.Name, second)
		}
		honest := payCents(t, ctx, alice, bob, 100)
		good := qc(t, bob, honest)

		next := func() fastpay.Envelope { return mallory.after(second, payee, 2) }
		signed := func(change func(*fastpay.Envelope)) []byte {
			env := next()
			change(&env)
			return mallory.sign(t, env).Encode()
		}
		// unsigned has another payment's signature: what is wrong is found before.
		unsigned := func(change func(*fastpay.Envelope)) []byte {
			env := next()
			change(&env)
			return wire(t, &wireTx{env, second.Signature()})
		}
		brokenQC := func(change func(*wireQC)) []byte {
			var w wireQC
			require.NoError(t, rlp.DecodeBytes(good.Encode(), &w))
			change(&w)
			return wire(t, &w)
		}
		for _, attack := range []struct {
			name string
			want fastpay.Code
			item []byte
		}{
			{"garbage", fastpay.InvalidFormat, []byte{0xc3, 1, 2, 3}},
			{"a parent too much", fastpay.InvalidFormat, item(t, second.Encode(), good.Encode(), good.Encode(), good.Encode(), good.Encode(), good.Encode(), good.Encode(), good.Encode(), good.Encode(), good.Encode())},
			{"amount 0", fastpay.InvalidFormat, item(t, unsigned(func(e *fastpay.Envelope) { e.Amount.Clear() }))},
			{"recipient is the sender", fastpay.InvalidFormat, item(t, unsigned(func(e *fastpay.Envelope) { e.Recipient = e.Sender }))},
			{"recipient is a token", fastpay.InvalidFormat, item(t, unsigned(func(e *fastpay.Envelope) { e.Recipient = testnet.Asset }))},
			{"another payer's signature", fastpay.InvalidFormat, item(t, unsigned(func(e *fastpay.Envelope) { e.Sender = alice.Client.Address() }))},
			{"altered after signing", fastpay.InvalidFormat, item(t, unsigned(func(e *fastpay.Envelope) { e.Amount.AddUint64(&e.Amount, 1) }))},
			{"another chain", fastpay.WrongChain, item(t, unsigned(func(e *fastpay.Envelope) { e.ChainID++ }))},
			{"unknown committee", fastpay.WrongCommittee, item(t, unsigned(func(e *fastpay.Envelope) { e.CommitteeID[0] ^= 1 }))},
			{"unlisted asset", fastpay.NotPaymentTx, item(t, unsigned(func(e *fastpay.Envelope) { e.Asset[19] ^= 1 }))},
			{"fee that is not allowed", fastpay.NotPaymentTx, item(t, unsigned(func(e *fastpay.Envelope) { e.MaxFee.SetOne() }))},
			{"expired", fastpay.Expired, item(t, signed(func(e *fastpay.Envelope) { e.ValidBefore = uint64(time.Now().Unix()) - 1 }))},
			{"too late to settle", fastpay.Expired, item(t, signed(func(e *fastpay.Envelope) { e.ValidBefore = uint64(time.Now().Unix()) + 30 }))},
			{"lives too long", fastpay.TemporaryUnavailable, item(t, signed(func(e *fastpay.Envelope) { e.ValidBefore += 86_400 }))},
			{"outlives the committee", fastpay.WrongCommittee, item(t, signed(func(e *fastpay.Envelope) { e.Seq, e.ValidBefore = 50, 1<<40+1 }))},
			{"restart in the future", fastpay.TemporaryUnavailable, item(t, signed(func(e *fastpay.Envelope) { e.Seq, e.Restart = 51, uint64(time.Now().Unix())+100 }))},
			{"used slot", fastpay.NonceSeqTooLow, item(t, signed(func(e *fastpay.Envelope) { e.Seq, e.Prev = 0, mallory.lane().Genesis() }))},
			{"nothing below", fastpay.NonceSeqTooHigh, item(t, signed(func(e *fastpay.Envelope) { e.Seq += 3 }))},
			{"second payment of a slot", fastpay.Equivocation, item(t, signed(func(e *fastpay.Envelope) { e.Seq, e.Prev = 1, first.ID() }))},
			{"restart while a payment lives", fastpay.Equivocation, item(t, signed(func(e *fastpay.Envelope) { e.Restart = uint64(time.Now().Unix()) - 60 }))},
			{"over the balance", fastpay.InsufficientFunds, item(t, signed(func(e *fastpay.Envelope) { e.Amount = *uint256.NewInt(18*testnet.Dollar + 1) }))},
			{"over the balance, citing what others received", fastpay.InvalidParentQC, item(t, signed(func(e *fastpay.Envelope) { e.Parents = []fastpay.ID{honest} }), good.Encode())},
			{"unknown parent", fastpay.MissingParentQC, item(t, signed(func(e *fastpay.Envelope) { e.Parents = []fastpay.ID{{1}} }))},
			{"QC under the quorum", fastpay.InvalidParentQC, item(t, second.Encode(), brokenQC(func(w *wireQC) { w.Certificates = w.Certificates[:2] }))},
			{"QC with a certificate twice", fastpay.InvalidParentQC, item(t, second.Encode(), brokenQC(func(w *wireQC) { w.Certificates[2] = w.Certificates[1] }))},
			{"QC with forged certificates", fastpay.InvalidParentQC, item(t, second.Encode(), brokenQC(func(w *wireQC) { w.Tx = second.Encode() }))},
			{"QC of another committee", fastpay.WrongCommittee, item(t, second.Encode(), brokenQC(func(w *wireQC) { w.CommitteeID[0] ^= 1 }))},
		} {
			// The good item beside it gets its own answer: the vote it has.
			request := wire(t, []rlp.RawValue{attack.item, item(t, second.Encode())})
			data, err := raw.Request(ctx, dave.Node.ID(), "/allegro/submit/1", request)
			require.NoError(t, err, attack.name)
			var answers []wireAnswer
			require.NoError(t, rlp.DecodeBytes(data, &answers), attack.name)
			require.Len(t, answers, 2, attack.name)
			require.Len(t, answers[0].Rejects, 1, attack.name)
			got := answers[0].Rejects[0]
			require.Equal(t, string(attack.want), got.Code, "%s: %s", attack.name, got.Text)
			require.Contains(t, got.Text, got.Code, attack.name)
			require.Equal(t, fastpay.Classify(attack.want).Retryable, got.Retryable, attack.name)
			require.Len(t, answers[1].Certificates, 1, attack.name)
			payCents(t, ctx, alice, bob, 1)
		}

		// What is no submit at all gets no answer.
		for name, data := range map[string][]byte{
			"no frame":        {0, 0, 0},
			"empty frame":     {0, 0, 0, 0},
			"oversized frame": bytes.Repeat([]byte{0xff}, 1<<20),
			"no list":         {0, 0, 0, 1, 0x80},
		} {
			_, err := raw.RequestBytes(ctx, dave.Node.ID(), "/allegro/submit/1", data)
			require.Error(t, err, name)
		}

		last := payCents(t, ctx, alice, bob, 1)
		waitStage(t, ctx, bob, last, fastpay.StageFinalized)
		waitStage(t, ctx, bob, second.ID(), fastpay.StageFinalized)
		const cents = 100 + 27 + 1
		v.requireBalances(t, ctx, bob, map[string]uint64{
			"alice": 15*testnet.Dollar - cents*testnet.Dollar/100, "mallory": 18 * testnet.Dollar, "bob": 7*testnet.Dollar + cents*testnet.Dollar/100,
		})
		v.requireSound(t, mallory.address)
	})
}

// TestBadGossipCostsTheSenderOnly floods every topic with what can never be
// valid, and another peer with what an honest relay may send. The first one loses
// its standing, the second one does not, and honest payments go on.
func TestBadGossipCostsTheSenderOnly(t *testing.T) {
	inBubble(t, func(t *testing.T, ctx context.Context) {
		v := startVirtual(t, 2, attacked)
		defer v.close(t)
		require.NoError(t, v.WaitReady(ctx))
		alice, bob, dave := v.Peer("alice"), v.Peer("bob"), v.Peer("dave")
		require.NoError(t, v.Peer("mallory").Stop())
		mallory := v.hand(t, "mallory")
		id := payCents(t, ctx, alice, bob, 100)
		good := qc(t, bob, id)
		random := rand.New(rand.NewPCG(2, 3))
		noise := func(n int) []byte {
			b := make([]byte, n)
			for i := range b {
				b[i] = byte(random.Uint32())
			}
			return b
		}
		batch := v.batch(t, ctx, "grace", id)
		forged := bytes.Clone(batch.Encode())
		forged[len(forged)-1] ^= 1
		ahead := mallory.sign(t, func() fastpay.Envelope {
			env := mallory.envelope(bob.Client.Address(), 1)
			env.Seq = 7
			return env
		}())
		tampered := bytes.Clone(item(t, ahead.Encode()))
		tampered[len(tampered)-10] ^= 1

		vandal := v.raw(t, ctx, "vandal")
		for _, kind := range []string{"tx", "cert", "head", "evidence"} {
			for _, size := range []int{0, 1, 100, fastpay.MaxMessageSize + 1, 1 << 20} {
				require.NoError(t, vandal.Publish(ctx, v.topic(kind), noise(size)))
			}
		}
		require.NoError(t, vandal.Publish(ctx, v.topic("cert"), forged))
		require.NoError(t, vandal.Publish(ctx, v.topic("tx"), wire(t, []rlp.RawValue{tampered})))
		payCents(t, ctx, alice, bob, 1)

		// A relay: known bytes, an unknown committee, a payment whose time has not
		// come and one whose time is over.
		relay := v.raw(t, ctx, "relay")
		stale := mallory.envelope(bob.Client.Address(), 1)
		stale.ValidBefore = 1
		elsewhere := ahead.Envelope()
		elsewhere.CommitteeID[0] ^= 1
		for _, tx := range [][]byte{
			ahead.Encode(), good.Tx().Encode(), mallory.sign(t, stale).Encode(), wire(t, &wireTx{elsewhere, ahead.Signature()}),
		} {
			require.NoError(t, relay.Publish(ctx, v.topic("tx"), wire(t, []rlp.RawValue{item(t, tx)})))
		}
		require.NoError(t, relay.Publish(ctx, v.topic("cert"), batch.Encode()))
		payCents(t, ctx, alice, bob, 1)

		time.Sleep(11 * time.Second) // scores are inspected
		bad, connected := score(dave, string(vandal.ID()))
		require.True(t, !connected || bad < 0, "the vandal's score is %f", bad)
		fair, connected := score(dave, string(relay.ID()))
		require.True(t, connected)
		require.GreaterOrEqual(t, fair, 0.0, "the relay's score")

		last := payCents(t, ctx, alice, bob, 1)
		waitStage(t, ctx, bob, last, fastpay.StageFinalized)
		v.requireBalances(t, ctx, bob, map[string]uint64{"alice": 13_970_000, "bob": 6_030_000, "mallory": 20 * testnet.Dollar})
		v.requireSound(t)
	})
}

// batch is a member's vote for payments, made with its key.
func (v *virtual) batch(t *testing.T, ctx context.Context, member string, ids ...fastpay.ID) *fastpay.Batch {
	t.Helper()
	root, err := fastpay.BatchRoot(ids)
	require.NoError(t, err)
	signature, err := v.signers[member].SignBatch(ctx, v.Committee().ID(), len(ids), root)
	require.NoError(t, err)
	b, err := fastpay.NewBatch(v.Committee(), v.signer(member), ids, signature)
	require.NoError(t, err)
	return b
}
