package p2p_test

import (
	"bytes"
	"context"
	"errors"
	"testing"
	"time"

	"github.com/allegro-p2p/allegro/fastpay"
	"github.com/allegro-p2p/allegro/p2p"
	"github.com/ethereum/go-ethereum/rlp"
	"github.com/libp2p/go-libp2p/core/network"
)

const (
	submitProtocol = "/allegro/submit/1"
	syncProtocol   = "/allegro/sync/1"
)

// pair starts a validator that certifies every payment, and a client.
func pair(s *scene, change ...func(*p2p.Config)) (v, client *actor) {
	v = s.start("v0", 0, change...)
	v.rec.SubmitBy(func(_ context.Context, _ p2p.PeerID, items []fastpay.Payment) []p2p.SubmitResult {
		results := make([]p2p.SubmitResult, len(items))
		for i, item := range items {
			results[i].Certificate = s.world.Batch(s.world.Now, 0, item.Tx.ID()).Certificate(0)
		}
		return results
	})
	client = s.start("c0", -1)
	s.ready(v, client)
	return v, client
}

func TestSubmit(t *testing.T) {
	play(t, 1, func(s *scene) {
		v, client := pair(s)
		items := s.world.Payments(64)
		began := time.Now()
		results, err := client.Submit(s.Context(), v.ID(), items)
		if err != nil {
			s.Fatal(err)
		}
		if d := time.Since(began); d < roundTrip || d > roundTrip+15*time.Millisecond {
			s.Errorf("a submit takes %s, want one round trip of %s", d, roundTrip)
		}
		for i, r := range results {
			if r.Certificate == nil || r.Certificate.ID() != items[i].Tx.ID() || r.Reject != nil {
				s.Errorf("result %d is %+v", i, r)
			}
		}
		for what, items := range map[string][]fastpay.Payment{"none": nil, "65 payments": s.world.Payments(65)} {
			if _, err := client.Submit(s.Context(), v.ID(), items); !errors.Is(err, p2p.ErrTooLarge) {
				s.Errorf("submitting %s: %v, want ErrTooLarge", what, err)
			}
		}
		if n := v.count("allegro_submit_items_total", "code", ""); n != 64 {
			s.Errorf("%v certificates are counted, want 64", n)
		}
	})
}

// TestSubmitItemByItem: an invalid payment gets its refusal while the others pass.
func TestSubmitItemByItem(t *testing.T) {
	play(t, 1, func(s *scene) {
		v, client := pair(s)
		w := s.world
		good := fastpay.Payment{Tx: w.Tx(w.Now, 0, 0)}.Encode()
		bad := bytes.Clone(w.Tx(w.Now, 1, 0).Encode())
		bad[len(bad)-1] ^= 1
		foreign := p2p.NewForeignWorld(s)
		request := mustRLP([]rlp.RawValue{
			mustRLP([]any{rlp.RawValue(bad), []rlp.RawValue{}}), good, mustRLP("junk"),
			fastpay.Payment{Tx: foreign.Tx(foreign.Now, 0, 0)}.Encode(),
		})
		stream, err := client.OpenRaw(s.Context(), v.ID(), submitProtocol)
		if err != nil {
			s.Fatal(err)
		}
		defer stream.Close()
		if err := p2p.WriteFrame(stream, request, 1<<20); err != nil {
			s.Fatal(err)
		}
		answer, err := p2p.ReadFrame(stream, 1<<20, func(int) error { return nil })
		if err != nil {
			s.Fatal(err)
		}
		var results []struct {
			ID           fastpay.ID
			Certificates []rlp.RawValue
			Rejects      []struct {
				Code, Text string
				Retryable  bool
			}
		}
		if err := rlp.DecodeBytes(answer, &results); err != nil || len(results) != 4 {
			s.Fatalf("%d results, %v", len(results), err)
		}
		for i, want := range []fastpay.Code{fastpay.InvalidFormat, "", fastpay.InvalidFormat, fastpay.WrongCommittee} {
			r := results[i]
			if want == "" {
				if len(r.Certificates) != 1 || r.ID != w.Tx(w.Now, 0, 0).ID() {
					s.Errorf("result %d is %+v, want a certificate", i, r)
				}
				continue
			}
			if len(r.Rejects) != 1 || r.Rejects[0].Code != string(want) || r.Rejects[0].Retryable {
				s.Errorf("result %d is %+v, want %s", i, r, want)
			}
		}
	})
}

func TestSubmitToWhomDoesNotVote(t *testing.T) {
	play(t, 1, func(s *scene) {
		_, client := pair(s)
		other := s.start("c1", -1, func(c *p2p.Config) { c.Peers = []string{client.host.Addr()} })
		s.ready(other)
		s.until("connected", 5*time.Second, func() bool { return other.peer(client.ID()).State == p2p.PeerReady })
		results, err := other.Submit(s.Context(), client.ID(), s.world.Payments(1))
		if err != nil {
			s.Fatal(err)
		}
		if r := results[0].Reject; !errors.Is(r, fastpay.TemporaryUnavailable) || !r.Retryable {
			s.Errorf("the refusal is %+v", r)
		}
	})
}

// TestFaultyAnswers: what a validator's fault or malice leads to at the client.
func TestFaultyAnswers(t *testing.T) {
	play(t, 1, func(s *scene) {
		v, client := pair(s)
		w, ctx := s.world, s.Context()
		items := w.Payments(2)
		certificate := func(tx *fastpay.Tx) p2p.SubmitResult {
			return p2p.SubmitResult{Certificate: w.Batch(w.Now, 0, tx.ID()).Certificate(0)}
		}
		for _, c := range []struct {
			name   string
			answer []p2p.SubmitResult
			panics bool
			want   error // nil: any
		}{
			{"a certificate of another payment", []p2p.SubmitResult{certificate(items[0].Tx), certificate(items[0].Tx)}, false, p2p.ErrBadAnswer},
			{"a result missing", []p2p.SubmitResult{certificate(items[0].Tx)}, false, nil},
			{"an empty result", []p2p.SubmitResult{certificate(items[0].Tx), {}}, false, nil},
			{"a panic", nil, true, nil},
		} {
			v.rec.SubmitBy(func(context.Context, p2p.PeerID, []fastpay.Payment) []p2p.SubmitResult {
				if c.panics {
					panic("bug")
				}
				return c.answer
			})
			if _, err := client.Submit(ctx, v.ID(), items); err == nil || c.want != nil && !errors.Is(err, c.want) {
				s.Errorf("%s: %v, want %v", c.name, err, c.want)
			}
		}
		v.rec.SubmitBy(nil)
		if r, err := client.Submit(ctx, v.ID(), items); err != nil || !errors.Is(r[0].Reject, fastpay.TemporaryUnavailable) {
			s.Errorf("after all that: %+v, %v", r, err)
		}
		if n := v.count("allegro_submit_served_total", "result", "error"); n != 3 {
			s.Errorf("%v faults of the role are counted, want 3", n)
		}
		if n := client.count("allegro_submit_requests_total", "result", "invalid"); n != 1 {
			s.Errorf("%v invalid answers are counted, want 1", n)
		}
	})
}

func TestRateLimit(t *testing.T) {
	play(t, 1, func(s *scene) {
		v, client := pair(s, func(c *p2p.Config) { c.Limits.SubmitRate = p2p.Rate{PerSecond: 1, Burst: 2} })
		other := s.start("c1", -1)
		s.ready(other)
		ask := func(a *actor) error {
			_, err := a.Submit(s.Context(), v.ID(), s.world.Payments(1))
			return err
		}
		for i := range 2 {
			if err := ask(client); err != nil {
				s.Fatalf("submit %d: %v", i, err)
			}
		}
		if err := ask(client); !errors.Is(err, p2p.ErrRateLimited) {
			s.Errorf("one submit too many: %v, want ErrRateLimited", err)
		}
		if err := ask(other); err != nil {
			s.Errorf("another peer pays for it: %v", err)
		}
		time.Sleep(time.Second)
		if err := ask(client); err != nil {
			s.Errorf("a second later: %v", err)
		}
		if n := client.count("allegro_submit_requests_total", "result", "rate_limited"); n != 1 {
			s.Errorf("%v limited submits are counted, want 1", n)
		}
	})
}

// TestSlowRequester: a peer that does not finish its request is cut off at the
// deadline, to the millisecond.
func TestSlowRequester(t *testing.T) {
	play(t, 1, func(s *scene) {
		v, client := pair(s)
		for _, sent := range [][]byte{nil, {0, 0}, {0, 0, 1, 0, 0xc1}} {
			stream, err := client.OpenRaw(s.Context(), v.ID(), submitProtocol)
			if err != nil {
				s.Fatal(err)
			}
			began := time.Now()
			if _, err := stream.Write(append([]byte(nil), sent...)); err != nil {
				s.Fatal(err)
			}
			_, err = stream.Read(make([]byte, 1))
			var reset *network.StreamError
			if d := time.Since(began); !errors.As(err, &reset) || d < 10*time.Second || d > 10*time.Second+2*roundTrip {
				s.Errorf("after %d bytes: %v after %s, want a reset after 10 s", len(sent), err, d)
			}
		}
	})
}

// TestSlowResponder: a peer that does not answer costs the timeout, or less if the
// caller wants it so.
func TestSlowResponder(t *testing.T) {
	play(t, 1, func(s *scene) {
		v, client := pair(s)
		v.AnswerRaw(submitProtocol, hang)
		began := time.Now()
		if _, err := client.Submit(s.Context(), v.ID(), s.world.Payments(1)); !errors.Is(err, context.DeadlineExceeded) || time.Since(began) != 10*time.Second {
			s.Errorf("%v after %s, want a deadline after 10 s", err, time.Since(began))
		}
		ctx, cancel := context.WithTimeout(s.Context(), time.Second)
		defer cancel()
		began = time.Now()
		if _, err := client.Submit(ctx, v.ID(), s.world.Payments(1)); !errors.Is(err, context.DeadlineExceeded) || time.Since(began) != time.Second {
			s.Errorf("%v after %s, want a deadline after 1 s", err, time.Since(began))
		}
	})
}

// TestBrokenRequests: bytes that are no request reset the stream as a violation.
func TestBrokenRequests(t *testing.T) {
	play(t, 1, func(s *scene) {
		v, client := pair(s)
		for name, c := range map[string]struct {
			protocol string
			wire     []byte
		}{
			"submit above the size":    {submitProtocol, []byte{0, 4, 0, 1}},
			"submit of nothing":        {submitProtocol, []byte{0, 0, 0, 0}},
			"submit without a list":    {submitProtocol, []byte{0, 0, 0, 1, 0x80}},
			"submit of an empty list":  {submitProtocol, []byte{0, 0, 0, 1, 0xc0}},
			"sync above the size":      {syncProtocol, []byte{0, 1, 0, 0}},
			"sync without fields":      {syncProtocol, []byte{0, 0, 0, 1, 0xc0}},
			"hello above the size":     {helloProtocol, []byte{0, 0, 0x20, 1}},
			"hello with wrong nesting": {helloProtocol, []byte{0, 0, 0, 2, 0xc1, 0xc0}},
		} {
			stream, err := client.OpenRaw(s.Context(), v.ID(), c.protocol)
			if err != nil {
				s.Fatal(err)
			}
			if _, err := stream.Write(c.wire); err != nil {
				s.Fatal(err)
			}
			_, err = stream.Read(make([]byte, 1))
			var reset *network.StreamError
			if !errors.As(err, &reset) || reset.ErrorCode != network.StreamProtocolViolation {
				s.Errorf("%s: %v, want a protocol violation", name, err)
			}
		}
		if n := v.count("allegro_submit_served_total", "result", "invalid"); n != 4 {
			s.Errorf("%v broken submits are counted, want 4", n)
		}
	})
}

func TestRequestsWithoutAConnection(t *testing.T) {
	play(t, 1, func(s *scene) {
		_, client := pair(s)
		nobody := s.net.Host("nobody").PeerID()
		if _, err := client.Submit(s.Context(), nobody, s.world.Payments(1)); !errors.Is(err, p2p.ErrNotConnected) {
			s.Errorf("submit: %v, want ErrNotConnected", err)
		}
		if _, err := client.Sync(s.Context(), nobody, p2p.SyncRequest{Kind: p2p.SyncDigests}); !errors.Is(err, p2p.ErrNotConnected) {
			s.Errorf("sync: %v, want ErrNotConnected", err)
		}
		if _, err := client.Ping(s.Context(), nobody); !errors.Is(err, p2p.ErrNotConnected) {
			s.Errorf("ping: %v, want ErrNotConnected", err)
		}
		if err := client.Disconnect(nobody); !errors.Is(err, p2p.ErrNotConnected) {
			s.Errorf("disconnect: %v, want ErrNotConnected", err)
		}
	})
}

func TestSync(t *testing.T) {
	play(t, 2, func(s *scene) {
		all := s.startAll()
		w := s.world
		var asked []p2p.SyncRequest
		tx := w.Tx(w.Now, 0, 0)
		all[0].rec.SyncBy(func(_ context.Context, from p2p.PeerID, req p2p.SyncRequest) (p2p.SyncResponse, error) {
			if from != all[1].ID() {
				s.Errorf("a request of %s, want %s", from, all[1].ID())
			}
			asked = append(asked, req)
			if req.Kind == p2p.SyncDigests {
				return p2p.SyncResponse{Digests: make([]fastpay.ID, p2p.SyncBuckets)}, nil
			}
			return p2p.SyncResponse{Items: []p2p.SyncItem{{
				Tx: tx, Certificates: []*fastpay.Certificate{w.Batch(w.Now, 0, tx.ID()).Certificate(0)}, Stage: fastpay.StageAccepted,
			}}, Next: []byte{1}}, nil
		})
		for _, req := range []p2p.SyncRequest{
			{Kind: p2p.SyncIDs, IDs: []fastpay.ID{tx.ID()}},
			{Kind: p2p.SyncLane, Lane: tx.LaneID(), Limit: 5},
			{Kind: p2p.SyncAccount, Account: tx.Sender(), Limit: 5},
			{Kind: p2p.SyncSince, Cursor: []byte{7}, Limit: 5, Wait: 3 * time.Second},
			{Kind: p2p.SyncBucket, Bucket: tx.LaneID()[0], Limit: 5},
		} {
			began := time.Now()
			resp, err := all[1].Sync(s.Context(), all[0].ID(), req)
			if err != nil || len(resp.Items) != 1 || resp.Items[0].Tx.ID() != tx.ID() || len(resp.Items[0].Certificates) != 1 || resp.Items[0].Stage != fastpay.StageAccepted {
				s.Errorf("%s: %+v, %v", req.Kind, resp, err)
			}
			if d := time.Since(began); d > roundTrip+5*time.Millisecond {
				s.Errorf("%s takes %s, want a round trip of %s", req.Kind, d, roundTrip)
			}
			if n := all[1].count("allegro_sync_requests_total", "kind", req.Kind.String(), "result", "ok"); n != 1 {
				s.Errorf("%v requests by %s are counted", n, req.Kind)
			}
		}
		resp, err := all[1].Sync(s.Context(), all[0].ID(), p2p.SyncRequest{Kind: p2p.SyncDigests})
		if err != nil || len(resp.Digests) != p2p.SyncBuckets {
			s.Errorf("%d digests, %v", len(resp.Digests), err)
		}
		if got := asked[3]; got.Wait != 3*time.Second || !bytes.Equal(got.Cursor, []byte{7}) || got.Limit != 5 {
			s.Errorf("the responder was asked for %+v", got)
		}
		if _, err := all[1].Sync(s.Context(), all[0].ID(), p2p.SyncRequest{Kind: p2p.SyncLane}); err == nil {
			s.Error("a request that the protocol does not allow is sent")
		}
		all[0].rec.SyncBy(func(context.Context, p2p.PeerID, p2p.SyncRequest) (p2p.SyncResponse, error) {
			return p2p.SyncResponse{}, errors.New("no store")
		})
		if _, err := all[1].Sync(s.Context(), all[0].ID(), p2p.SyncRequest{Kind: p2p.SyncSince, Limit: 1}); err == nil {
			s.Error("a fault of the responder makes an answer")
		}
	})
}

// TestSyncWaits: a request may wait beyond the timeout for something new, and a
// stopping node ends the wait at once.
func TestSyncWaits(t *testing.T) {
	play(t, 1, func(s *scene) {
		v, client := pair(s)
		v.rec.SyncBy(func(ctx context.Context, _ p2p.PeerID, req p2p.SyncRequest) (p2p.SyncResponse, error) {
			timer := time.NewTimer(req.Wait)
			defer timer.Stop()
			select {
			case <-timer.C:
			case <-ctx.Done():
			}
			return p2p.SyncResponse{}, nil
		})
		req := p2p.SyncRequest{Kind: p2p.SyncSince, Limit: 1, Wait: p2p.MaxSyncWait}
		began := time.Now()
		if _, err := client.Sync(s.Context(), v.ID(), req); err != nil || time.Since(began) < p2p.MaxSyncWait {
			s.Errorf("%v after %s, want an answer after %s", err, time.Since(began), p2p.MaxSyncWait)
		}
		done := make(chan error)
		go func() {
			_, err := client.Sync(s.Context(), v.ID(), req)
			done <- err
		}()
		time.Sleep(time.Second)
		began = time.Now()
		if err := v.stop(); err != nil {
			s.Fatal(err)
		}
		if d := time.Since(began); d > time.Second {
			s.Errorf("stopping takes %s while a request waits", d)
		}
		<-done
	})
}

// TestSubmitDrains: a stopping validator finishes what it has begun.
func TestSubmitDrains(t *testing.T) {
	play(t, 1, func(s *scene) {
		v, client := pair(s)
		v.rec.SubmitBy(func(_ context.Context, _ p2p.PeerID, items []fastpay.Payment) []p2p.SubmitResult {
			time.Sleep(time.Second)
			return []p2p.SubmitResult{{Certificate: s.world.Batch(s.world.Now, 0, items[0].Tx.ID()).Certificate(0)}}
		})
		done := make(chan error)
		go func() {
			_, err := client.Submit(s.Context(), v.ID(), s.world.Payments(1))
			done <- err
		}()
		time.Sleep(roundTrip)
		go v.stop()
		if err := <-done; err != nil {
			s.Errorf("the submit failed: %v", err)
		}
	})
}
