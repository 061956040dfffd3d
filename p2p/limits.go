package p2p

import (
	"fmt"
	"time"

	"golang.org/x/time/rate"
)

// Rate is a token bucket for the requests of one peer.
type Rate struct {
	PerSecond rate.Limit
	Burst     int
}

// Limits are a node's numbers. A peer that sets them otherwise stays compatible;
// what decides validity stands in package fastpay.
type Limits struct {
	// Queue is the length of each gossip queue: validation, and outbound per peer.
	// A full queue drops silently but for a counter; the library's 32 lose messages
	// at a fifth of the rate that two cores can verify. Worst case: 1,024 messages
	// of 256 KiB, 256 MiB, for validation and for each neighbour that stops
	// reading; a message of 64 payments has about 16 KiB.
	Queue int

	// DialTimeout bounds one attempt to connect: two round trips to anywhere on
	// earth and one lost packet.
	DialTimeout time.Duration
	// RedialMin is the delay before the first redial. A restarted validator is
	// back within a second or two.
	RedialMin time.Duration
	// RedialMax is what the delay doubles up to. A longer one would keep a healed
	// partition apart for longer than payments take.
	RedialMax time.Duration

	// HelloTimeout bounds a hello, SubmitTimeout a submit, SyncTimeout a sync
	// beside the time it may wait. A validator answers a submit after one sync of
	// its disk; the rest is network, and queues under load.
	HelloTimeout  time.Duration
	SubmitTimeout time.Duration
	SyncTimeout   time.Duration
	// DrainTimeout is how long a stopping node lets open submits finish.
	DrainTimeout time.Duration

	// HelloRate is one per new connection, with room for reconnects.
	HelloRate Rate
	// SubmitRate is per peer. A gateway that sends each payment of 500 a second by
	// itself gets through; a faster one puts up to 64 into one submit.
	SubmitRate Rate
	// SyncRate is per peer: a replica pages through a backlog 256 items at a time.
	SyncRate Rate

	// ConnLow and ConnHigh are the connection manager's marks: above ConnHigh
	// connections it closes unprotected ones older than ConnGrace down to ConnLow.
	// Committee members and configured peers are protected. A wallet needs the
	// committee only.
	ConnLow, ConnHigh int
	ConnGrace         time.Duration
}

// DefaultLimits returns the limits of a role.
func DefaultLimits(role Role) Limits {
	l := Limits{
		Queue:         1024,
		DialTimeout:   5 * time.Second,
		RedialMin:     time.Second,
		RedialMax:     10 * time.Second,
		HelloTimeout:  5 * time.Second,
		SubmitTimeout: 10 * time.Second,
		SyncTimeout:   10 * time.Second,
		DrainTimeout:  2 * time.Second,
		HelloRate:     Rate{PerSecond: 1, Burst: 10},
		SubmitRate:    Rate{PerSecond: 500, Burst: 1000},
		SyncRate:      Rate{PerSecond: 50, Burst: 100},
		ConnLow:       96,
		ConnHigh:      128,
		ConnGrace:     30 * time.Second,
	}
	if role == RoleClient {
		l.ConnLow, l.ConnHigh = 8, 16
	}
	return l
}

// validate reports the first limit that a node cannot run with.
func (l *Limits) validate() error {
	for _, d := range []struct {
		name  string
		value time.Duration
	}{
		{"dial timeout", l.DialTimeout}, {"redial minimum", l.RedialMin}, {"redial maximum", l.RedialMax},
		{"hello timeout", l.HelloTimeout}, {"submit timeout", l.SubmitTimeout}, {"sync timeout", l.SyncTimeout},
		{"drain timeout", l.DrainTimeout}, {"connection grace", l.ConnGrace},
	} {
		if d.value <= 0 {
			return fmt.Errorf("p2p: %s is %s: it must be positive", d.name, d.value)
		}
	}
	for _, r := range []struct {
		name  string
		value Rate
	}{{"hello rate", l.HelloRate}, {"submit rate", l.SubmitRate}, {"sync rate", l.SyncRate}} {
		if r.value.PerSecond <= 0 || r.value.Burst < 1 {
			return fmt.Errorf("p2p: %s of %g per second, burst %d, lets nobody through", r.name, float64(r.value.PerSecond), r.value.Burst)
		}
	}
	switch {
	case l.Queue < 1:
		return fmt.Errorf("p2p: queue length is %d: it must be positive", l.Queue)
	case l.RedialMax < l.RedialMin:
		return fmt.Errorf("p2p: redial maximum %s is below the minimum %s", l.RedialMax, l.RedialMin)
	case l.ConnLow < 1 || l.ConnHigh <= l.ConnLow:
		return fmt.Errorf("p2p: connection marks %d and %d: the high one must be above the low one", l.ConnLow, l.ConnHigh)
	}
	return nil
}
