package p2p_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/allegro-p2p/allegro/fastpay"
	"github.com/allegro-p2p/allegro/p2p"
)

// next reads a tail.
func (s *scene) next(tail *p2p.Tail) p2p.Heard {
	s.Helper()
	ctx, cancel := context.WithTimeout(s.Context(), 10*time.Second)
	defer cancel()
	h, err := tail.Next(ctx)
	if err != nil {
		s.Fatal(err)
	}
	return h
}

func (s *scene) tail(a *actor) *p2p.Tail {
	s.Helper()
	tail, err := a.Tail()
	if err != nil {
		s.Fatal(err)
	}
	return tail
}

// A tail has each message once, with what became of it, and those of the node itself.
func TestTailOfGossip(t *testing.T) {
	play(t, 2, func(s *scene) {
		all := s.startAll()
		client := s.start("c0", -1)
		s.ready(client)
		w, ctx := s.world, s.Context()
		own, others := s.tail(client), s.tail(all[0])
		defer own.Close()
		defer others.Close()
		payments := w.Payments(2)
		if err := client.PublishPayments(ctx, w.Now.ID(), payments); err != nil {
			s.Fatal(err)
		}
		data := fastpay.EncodePayments(payments)
		mine, theirs := s.next(own), s.next(others)
		if !mine.Own || mine.From != client.ID() || theirs.Own || theirs.From != client.ID() {
			s.Errorf("the message is %v of %s here, %v of %s there", mine.Own, mine.From, theirs.Own, theirs.From)
		}
		for _, h := range []p2p.Heard{mine, theirs} {
			if h.Kind != "tx" || h.Topic != fastpay.TopicPrefix(w.Now.ID())+"/tx" || h.Committee != w.Now.ID() || string(h.Data) != string(data) ||
				h.Verdict != fastpay.VerdictAccept || h.Problem != nil || h.Dropped != 0 || h.ID != mine.ID || h.At.IsZero() {
				s.Errorf("heard %+v", h)
			}
		}
		// What is rejected is heard, with why.
		if err := client.PublishRaw(ctx, w.Now.ID(), "cert", []byte("junk")); err != nil {
			s.Fatal(err)
		}
		if h := s.next(others); h.Kind != "cert" || h.Verdict != fastpay.VerdictReject || !errors.Is(h.Problem, fastpay.InvalidFormat) || string(h.Data) != "junk" {
			s.Errorf("heard %+v", h)
		}
		time.Sleep(3 * time.Second) // duplicates, too
		waiting, cancel := context.WithTimeout(ctx, time.Second)
		defer cancel()
		if h, err := others.Next(waiting); !errors.Is(err, context.DeadlineExceeded) {
			s.Errorf("heard %+v, %v, want nothing more", h, err)
		}
		// The neighbour's score says what it did.
		s.until("inspected", time.Minute, func() bool { return score(all[0], client.ID()).Invalid["cert"] > 0 })
		if got := score(all[0], client.ID()); got.Score >= 0 || got.Standing != 0 || len(got.Invalid) != 1 {
			s.Errorf("the sender of junk has %+v", got)
		}
		if got := score(all[0], all[1].ID()); got.Standing != 2000 || got.Score != 2000 || len(got.Invalid) != 0 {
			s.Errorf("a member has %+v", got)
		}
	})
}

// score is what a node thinks of a neighbour.
func score(a *actor, id p2p.PeerID) p2p.ScoreInfo {
	for _, s := range a.Scores() {
		if s.ID == id {
			return s
		}
	}
	return p2p.ScoreInfo{}
}

// What a slow reader has no room for is dropped, the newest first, and counted with the
// next message; gossip and other readers go on.
func TestTailOfASlowReader(t *testing.T) {
	play(t, 2, func(s *scene) {
		all := s.startAll()
		w := s.world
		slow := s.tail(all[1])
		defer slow.Close()
		publish := func(from, n int) {
			for i := range n {
				if err := all[0].PublishHead(s.Context(), w.Head(w.Now, 0, uint64(from+i))); err != nil {
					s.Fatal(err)
				}
				time.Sleep(time.Millisecond)
			}
			s.await(all[1], func() bool { return len(all[1].rec.Heads()) == from+n })
		}
		const room, more = p2p.TailMessages, 5
		publish(0, room+more)
		for i := range room {
			if h := s.next(slow); h.Dropped != 0 || !isHead(w, h, i) {
				s.Fatalf("message %d is not the head of that height, or %d were dropped", i, h.Dropped)
			}
		}
		publish(room+more, 1)
		if h := s.next(slow); h.Dropped != more || !isHead(w, h, room+more) {
			s.Errorf("%d messages were dropped, want %d", h.Dropped, more)
		}
		publish(room+more+1, 1)
		if h := s.next(slow); h.Dropped != 0 {
			s.Errorf("%d messages were dropped once more", h.Dropped)
		}
	})
}

// isHead reports whether a message is member 0's head of a height.
func isHead(w *p2p.World, h p2p.Heard, height int) bool {
	head, err := w.Rules.ParseHead(h.Data)
	return err == nil && head.View().Height == uint64(height)
}

// Readers are few, and one that closes makes room for another.
func TestTailsAreFew(t *testing.T) {
	play(t, 2, func(s *scene) {
		node := s.startAll()[0]
		var open []*p2p.Tail
		for range p2p.MaxTails {
			open = append(open, s.tail(node))
		}
		if _, err := node.Tail(); !errors.Is(err, p2p.ErrTooManyTails) {
			s.Errorf("one reader too many: %v", err)
		}
		open[3].Close()
		open[3].Close()
		s.tail(node).Close()
		if err := node.PublishHead(s.Context(), s.world.Head(s.world.Now, 0, 1)); err != nil {
			s.Fatal(err)
		}
		s.next(open[0])
		ended, cancel := context.WithCancel(s.Context())
		cancel()
		if h, err := open[3].Next(ended); !errors.Is(err, context.Canceled) {
			s.Errorf("a closed reader heard %+v, %v", h, err)
		}
	})
}
