package p2p_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/allegro-p2p/allegro/fastpay"
	"github.com/allegro-p2p/allegro/p2p"
	"github.com/ethereum/go-ethereum/rlp"
	pubsub "github.com/libp2p/go-libp2p-pubsub"
	pb "github.com/libp2p/go-libp2p-pubsub/pb"
	"google.golang.org/protobuf/proto"
)

func TestGossipReachesEverybodyInOneHop(t *testing.T) {
	play(t, 4, func(s *scene) {
		all := s.startAll()
		client := s.start("c0", -1)
		s.ready(client)
		payments := s.world.Payments(3)
		began := time.Now()
		if err := client.PublishPayments(s.Context(), s.world.Now.ID(), payments); err != nil {
			s.Fatal(err)
		}
		for _, a := range all {
			s.await(a, func() bool { return len(a.rec.Payments()) == len(payments) })
		}
		if d := time.Since(began); d < roundTrip/2 || d > roundTrip/2+5*time.Millisecond {
			s.Errorf("payments took %s to arrive, want one way of a round trip of %s", d, roundTrip)
		}
		if n := len(client.rec.Payments()); n != 0 {
			s.Errorf("the publisher's own sink got %d payments", n)
		}
	})
}

func TestGossipCarriesEachKind(t *testing.T) {
	play(t, 2, func(s *scene) {
		all := s.startAll()
		client := s.start("c0", -1)
		s.ready(client)
		w, ctx := s.world, s.Context()
		many := w.Payments(150) // three messages
		parent := many[0].Tx
		many[1].Parents = []*fastpay.QC{w.QC(w.Now, parent)}
		if err := errors.Join(
			all[0].PublishPayments(ctx, w.Now.ID(), many),
			all[0].PublishBatch(ctx, w.Batch(w.Now, 0, parent.ID())),
			all[0].PublishHead(ctx, w.Head(w.Now, 0, 9)),
			all[0].PublishEvidence(ctx, w.Evidence(w.Now, 3)),
		); err != nil {
			s.Fatal(err)
		}
		for _, a := range []*actor{all[1], client} {
			s.await(a, func() bool {
				return len(a.rec.Payments()) == len(many) && len(a.rec.Batches()) == 1 && len(a.rec.Heads()) == 1 && len(a.rec.Evidence()) == 1
			})
			if n := a.count("allegro_gossip_messages_total", "topic", "tx", "result", "delivered"); n != 3 {
				s.Errorf("%s: 150 payments came in %v messages, want 3", a.host.Name(), n)
			}
			for _, p := range a.rec.Payments() {
				if p.Tx.ID() == many[1].Tx.ID() && len(p.Parents) != 1 {
					s.Errorf("%s: the parent's QC was lost", a.host.Name())
				}
			}
		}
	})
}

// TestGossipOfJunk: what can never be valid is not forwarded and costs its sender;
// what an honest relay could have sent costs nothing.
func TestGossipOfJunk(t *testing.T) {
	item := func(tx *fastpay.Tx) rlp.RawValue { return fastpay.Payment{Tx: tx}.Encode() }
	list := func(items ...rlp.RawValue) []byte { return mustRLP(items) }
	forged := func(data []byte) []byte { // breaks the signature at the end
		data = bytes.Clone(data)
		data[len(data)-1] ^= 1
		return data
	}
	for _, c := range []struct {
		name     string
		kind     string
		data     func(w *p2p.World) []byte
		code     fastpay.Code
		rejected bool
	}{
		{"not rlp", "tx", func(*p2p.World) []byte { return []byte("hello") }, fastpay.InvalidFormat, true},
		{"empty list", "tx", func(*p2p.World) []byte { return list() }, fastpay.InvalidFormat, true},
		{"no bytes", "cert", func(*p2p.World) []byte { return nil }, fastpay.InvalidFormat, true},
		{"oversized", "tx", func(*p2p.World) []byte { return make([]byte, fastpay.MaxMessageSize+1) }, fastpay.InvalidFormat, true},
		{"trailing byte", "cert", func(w *p2p.World) []byte {
			return append(bytes.Clone(w.Batch(w.Now, 0, fastpay.ID{1}).Encode()), 0x80)
		}, fastpay.InvalidFormat, true},
		{"forged payment among good ones", "tx", func(w *p2p.World) []byte {
			bad := forged(w.Tx(w.Now, 8, 0).Encode())
			return list(item(w.Tx(w.Now, 9, 0)), mustRLP([]any{rlp.RawValue(bad), []rlp.RawValue{}}))
		}, fastpay.InvalidFormat, true},
		{"forged votes", "cert", func(w *p2p.World) []byte { return forged(w.Batch(w.Now, 0, fastpay.ID{1}).Encode()) }, fastpay.InvalidFormat, true},
		{"forged head", "head", func(w *p2p.World) []byte { return forged(w.Head(w.Now, 0, 1).Encode()) }, fastpay.InvalidFormat, true},
		{"payment in the next committee's name", "tx", func(w *p2p.World) []byte { return list(item(w.Tx(w.Later, 0, 0))) }, fastpay.InvalidFormat, true},
		{"votes in the next committee's name", "cert", func(w *p2p.World) []byte { return w.Batch(w.Later, 0, fastpay.ID{1}).Encode() }, fastpay.InvalidFormat, true},
		{"no evidence of anything", "evidence", func(w *p2p.World) []byte {
			tx := rlp.RawValue(w.Tx(w.Now, 0, 0).Encode())
			return mustRLP([]any{uint(0), tx, tx})
		}, fastpay.InvalidFormat, true},
		{"payment of another network", "tx", func(w *p2p.World) []byte {
			f := p2p.NewForeignWorld(w.T)
			return list(item(f.Tx(f.Now, 0, 0)))
		}, fastpay.WrongCommittee, false},
		{"votes of another network", "cert", func(w *p2p.World) []byte {
			f := p2p.NewForeignWorld(w.T)
			return f.Batch(f.Now, 0, fastpay.ID{1}).Encode()
		}, fastpay.WrongCommittee, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			play(t, 2, func(s *scene) {
				all := s.startAll()
				evil := s.start("c0", -1)
				s.ready(evil)
				s.net.Partition([]string{"c0"}, []string{"v1"}) // v1 gets only what v0 forwards
				if err := evil.PublishRaw(s.Context(), s.world.Now.ID(), c.kind, c.data(s.world)); err != nil {
					s.Fatal(err)
				}
				result, other := "rejected", "ignored"
				if !c.rejected {
					result, other = other, result
				}
				s.until("judged by v0", time.Second, func() bool { return all[0].count("allegro_gossip_messages_total", "result", result) == 1 })
				if n := all[0].count("allegro_gossip_messages_total", "result", other); n != 0 {
					s.Errorf("%v messages are %s", n, other)
				}
				if n := all[0].count("allegro_gossip_rejected_total", "topic", c.kind, "code", string(c.code)); n != 1 {
					s.Errorf("%v messages count as %s, want 1", n, c.code)
				}
				time.Sleep(3 * time.Second) // IHAVE, too
				for _, a := range all {
					if n := len(a.rec.Payments()) + len(a.rec.Batches()) + len(a.rec.Heads()) + len(a.rec.Evidence()); n != 0 {
						s.Errorf("%s was shown %d values", a.host.Name(), n)
					}
				}
				if n := all[1].count("allegro_gossip_messages_total"); n != 0 {
					s.Errorf("v0 forwarded it: v1 got %v messages", n)
				}
				time.Sleep(10 * time.Second) // scores are inspected
				if score := all[0].peer(evil.ID()).Score; (score < 0) != c.rejected {
					s.Errorf("the sender's score is %v", score)
				}
			})
		})
	}
}

func mustRLP(v any) []byte {
	b, err := rlp.EncodeToBytes(v)
	if err != nil {
		panic(err)
	}
	return b
}

// TestGossipVerdictOfSink: the sink's error decides, through the one table.
func TestGossipVerdictOfSink(t *testing.T) {
	play(t, 2, func(s *scene) {
		v0 := s.start("v0", 0)
		v1 := s.start("v1", 1)
		client := s.start("c0", -1)
		s.ready(v0, v1, client)
		s.net.Partition([]string{"c0"}, []string{"v1"})
		answers := map[fastpay.ID]error{}
		v0.rec.JudgeBy(func(_ p2p.PeerID, v any) error { return answers[v.(fastpay.Payment).Tx.ID()] })
		txs := s.world.Payments(6)
		for i, err := range []error{nil, fastpay.ErrKnown, fastpay.ErrBusy, fastpay.Expired, errors.New("a fault"), fastpay.InvalidParentQC} {
			answers[txs[i].Tx.ID()] = err
		}
		publish := func(items ...fastpay.Payment) {
			s.Helper()
			if err := client.PublishPayments(s.Context(), s.world.Now.ID(), items); err != nil {
				s.Fatal(err)
			}
			time.Sleep(2 * roundTrip)
		}
		forwarded := func() int { return int(v1.count("allegro_gossip_messages_total", "result", "delivered")) }
		for i := 1; i < 5; i++ {
			publish(txs[i])
			if n := forwarded(); n != 0 {
				s.Fatalf("payment %d is forwarded", i)
			}
		}
		if n := v0.count("allegro_gossip_messages_total", "result", "ignored"); n != 4 {
			s.Errorf("%v messages are ignored, want 4", n)
		}
		publish(txs[1], txs[0], txs[3]) // one of them is new
		if n := forwarded(); n != 1 {
			s.Errorf("%d messages with a new payment are forwarded, want 1", n)
		}
		publish(txs[0], txs[5]) // one of them can never be valid
		if n := v0.count("allegro_gossip_messages_total", "result", "rejected"); n != 1 || forwarded() != 1 {
			s.Errorf("%v messages are rejected, %d forwarded, want 1 and 1", n, forwarded())
		}
	})
}

// TestOwnMessagesAreNotJudged: what the role publishes goes out even if its own sink
// calls it known.
func TestOwnMessagesAreNotJudged(t *testing.T) {
	play(t, 2, func(s *scene) {
		all := s.startAll()
		all[0].rec.JudgeBy(func(p2p.PeerID, any) error { return fastpay.ErrKnown })
		if err := all[0].PublishPayments(s.Context(), s.world.Now.ID(), s.world.Payments(1)); err != nil {
			s.Fatal(err)
		}
		s.await(all[1], func() bool { return len(all[1].rec.Payments()) == 1 })
	})
}

func TestDuplicatesReachTheSinkOnce(t *testing.T) {
	play(t, 4, func(s *scene) {
		all := s.startAll()
		client := s.start("c0", -1)
		s.ready(client)
		time.Sleep(2 * time.Second) // meshes form, so that neighbours forward
		var calls atomic.Int32
		all[0].rec.JudgeBy(func(p2p.PeerID, any) error { calls.Add(1); return nil })
		payment := s.world.Payments(1)
		for _, a := range []*actor{client, all[1], client} {
			if err := a.PublishPayments(s.Context(), s.world.Now.ID(), payment); err != nil {
				s.Fatal(err)
			}
		}
		s.await(all[0], func() bool { return len(all[0].rec.Payments()) == 1 })
		time.Sleep(3 * time.Second)
		if n := calls.Load(); n != 1 {
			s.Errorf("the sink saw it %d times", n)
		}
		if n := all[0].count("allegro_gossip_messages_total", "result", "duplicate"); n == 0 {
			s.Error("no duplicate is counted")
		}
		if n := all[0].count("allegro_gossip_duplicate_delay_seconds", "topic", "tx"); n == 0 {
			s.Error("no duplicate's delay is observed")
		}
	})
}

// TestPanicInSink: it costs the message, not the node.
func TestPanicInSink(t *testing.T) {
	play(t, 2, func(s *scene) {
		all := s.startAll()
		all[1].rec.JudgeBy(func(p2p.PeerID, any) error { panic("bug") })
		ctx, payments := s.Context(), s.world.Payments(2)
		if err := all[0].PublishPayments(ctx, s.world.Now.ID(), payments[:1]); err != nil {
			s.Fatal(err)
		}
		s.until("ignored", time.Second, func() bool { return all[1].count("allegro_gossip_messages_total", "result", "ignored") == 1 })
		all[1].rec.JudgeBy(nil)
		if err := all[0].PublishPayments(ctx, s.world.Now.ID(), payments[1:]); err != nil {
			s.Fatal(err)
		}
		s.await(all[1], func() bool { return len(all[1].rec.Payments()) == 1 })
	})
}

// TestRepeatedJunkIsGraylisted: after three forged CertBatches nobody listens to a
// peer any more.
func TestRepeatedJunkIsGraylisted(t *testing.T) {
	play(t, 1, func(s *scene) {
		v := s.startAll()[0]
		evil, other := s.start("c0", -1), s.start("c1", -1)
		s.ready(evil, other)
		for i := range 3 {
			if err := evil.PublishRaw(s.Context(), s.world.Now.ID(), "cert", []byte{0xc0, byte(i)}); err != nil {
				s.Fatal(err)
			}
		}
		s.until("rejected", time.Second, func() bool { return v.count("allegro_gossip_messages_total", "result", "rejected") == 3 })
		payments := s.world.Payments(2)
		if err := evil.PublishPayments(s.Context(), s.world.Now.ID(), payments[:1]); err != nil {
			s.Fatal(err)
		}
		time.Sleep(5 * time.Second)
		if n := len(v.rec.Payments()); n != 0 {
			s.Errorf("%d payments of a graylisted peer get through", n)
		}
		if err := other.PublishPayments(s.Context(), s.world.Now.ID(), payments[1:]); err != nil {
			s.Fatal(err)
		}
		s.await(v, func() bool { return len(v.rec.Payments()) == 1 })
	})
}

// TestGraftFloodIsGraylisted: a peer that prunes and grafts again and again is forgiven
// what restarts come to, and beyond that not listened to.
func TestGraftFloodIsGraylisted(t *testing.T) {
	play(t, 1, func(s *scene) {
		v := s.startAll()[0]
		evil := s.start("c0", -1)
		s.ready(evil)
		topic := evil.Topics()[0].Name // tx
		stream, err := evil.OpenRaw(s.Context(), v.ID(), string(pubsub.GossipSubID_v11))
		if err != nil {
			s.Fatal(err)
		}
		send := func(rpc *pb.RPC) {
			data, err := proto.Marshal(rpc)
			if err != nil {
				s.Fatal(err)
			}
			if _, err := stream.Write(append(binary.AppendUvarint(nil, uint64(len(data))), data...)); err != nil {
				s.Fatal(err)
			}
		}
		payments := s.world.Payments(2)
		publish := func(p fastpay.Payment) {
			send(&pb.RPC{Publish: []*pb.Message{{Data: fastpay.EncodePayments([]fastpay.Payment{p}), Topic: &topic}}})
		}
		graft := &pb.RPC{Control: &pb.ControlMessage{Graft: []*pb.ControlGraft{{TopicID: &topic}}}}
		send(&pb.RPC{Control: &pb.ControlMessage{Prune: []*pb.ControlPrune{{TopicID: &topic}}}})
		for range 32 {
			send(graft)
		}
		publish(payments[0])
		s.await(v, func() bool { return len(v.rec.Payments()) == 1 })
		for range 32 {
			send(graft)
		}
		publish(payments[1])
		time.Sleep(5 * time.Second)
		if n := len(v.rec.Payments()); n != 1 {
			s.Errorf("%d payments of a peer that floods grafts get through, want the one before the flood", n)
		}
	})
}

func TestPublishRefuses(t *testing.T) {
	play(t, 1, func(s *scene) {
		v := s.startAll()[0]
		if err := v.PublishPayments(s.Context(), s.world.Later.ID(), s.world.Payments(1)); !errors.Is(err, p2p.ErrNotJoined) {
			s.Errorf("publishing for a committee that is not joined: %v, want ErrNotJoined", err)
		}
		if err := v.PublishPayments(s.Context(), s.world.Now.ID(), nil); err != nil {
			s.Errorf("publishing nothing: %v", err)
		}
	})
}
