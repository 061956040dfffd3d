package p2p

import (
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

func TestCrew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var c crew
		leave, ok := c.enter()
		if !ok {
			t.Fatal("an open crew lets nobody in")
		}
		done := false
		c.start(func() { time.Sleep(time.Second); done = true })
		if !c.close() {
			t.Error("a busy crew closes as idle")
		}
		if _, ok := c.enter(); ok {
			t.Error("a closed crew lets somebody in")
		}
		c.start(func() { t.Error("a closed crew starts a goroutine") })
		began := time.Now()
		if c.waitFor(2 * time.Second); time.Since(began) != 2*time.Second {
			t.Errorf("waiting for a busy crew takes %s, want the timeout of 2 s", time.Since(began))
		}
		leave()
		if c.wait(); !done {
			t.Error("the wait ends before the goroutine")
		}
		var idle crew
		if idle.close() {
			t.Error("an idle crew closes as busy")
		}
		idle.wait()
	})
}

func TestSignal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s signal
		s.broadcast() // to nobody
		var woken atomic.Int32
		for range 3 {
			changed := s.wait()
			go func() { <-changed; woken.Add(1) }()
		}
		synctest.Wait()
		if n := woken.Load(); n != 0 {
			t.Errorf("%d waiters wake by themselves", n)
		}
		s.broadcast()
		synctest.Wait()
		if n := woken.Load(); n != 3 {
			t.Errorf("%d of 3 waiters wake", n)
		}
	})
}
