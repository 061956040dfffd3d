package validator

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/ethereum/go-ethereum/common"
)

// ErrNoSeat means that this validator is no member of a committee.
var ErrNoSeat = errors.New("this validator is no member of the committee")

// gates tell others for which committees this validator signs. The engine decides and
// sets them. Safe for concurrent use.
type gates struct {
	mu      sync.Mutex            // guards what follows
	reasons map[common.Hash]error // why nothing is signed, by committee; nil: it is
	changed chan struct{}         // closed at the next change
}

func newGates() *gates {
	return &gates{reasons: make(map[common.Hash]error), changed: make(chan struct{})}
}

// set says why nothing is signed for a committee, nil that it is.
func (g *gates) set(committee common.Hash, reason error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.reasons[committee] = reason
	close(g.changed)
	g.changed = make(chan struct{})
}

// MaySign returns nil if this validator signs for a committee, else why it does not: it
// still recovers, abstains, has stopped for good, or the error wraps [ErrNoSeat]. changed
// is closed when that may be different.
func (v *Validator) MaySign(committee common.Hash) (changed <-chan struct{}, reason error) {
	v.gates.mu.Lock()
	defer v.gates.mu.Unlock()
	reason, seated := v.gates.reasons[committee]
	switch halted := v.halt.get(); {
	case halted != nil:
		reason = halted
	case !seated:
		reason = ErrNoSeat
	}
	return v.gates.changed, reason
}

// AwaitSigning returns when this validator signs for a committee. The error says why it
// does not: at once if that is for good, else when ctx ends.
func (v *Validator) AwaitSigning(ctx context.Context, committee common.Hash) error {
	for {
		changed, reason := v.MaySign(committee)
		switch {
		case reason == nil:
			return nil
		case !errors.Is(reason, errRecovering):
			return fmt.Errorf("this validator does not sign: %w", reason)
		}
		select {
		case <-changed:
		case <-v.halt.stopped:
		case <-ctx.Done():
			return fmt.Errorf("this validator does not sign yet: %w: %w", reason, ctx.Err())
		}
	}
}
