package tempo

import (
	"context"
	"errors"
	"strings"
)

// ForkSchedule is the hardforks of the node's chain.
type ForkSchedule struct {
	// Active is the name of the newest hardfork that is active at the head,
	// for example "T4".
	Active string `json:"active"`
	// Forks are Tempo's hardforks in their order.
	Forks []Fork `json:"schedule"`
}

// Fork is one hardfork of Tempo.
type Fork struct {
	Name           string `json:"name"`
	ActivationTime uint64 `json:"activationTime"` // seconds since 1970
	Active         bool   `json:"active"`         // at the head
}

// Reached tells whether the named hardfork is active. Since "T4" a chain has
// no sub-block lane.
func (s ForkSchedule) Reached(name string) bool {
	for _, fork := range s.Forks {
		if strings.EqualFold(fork.Name, name) {
			return fork.Active
		}
	}
	return false
}

// ForkSchedule asks which hardforks are active. known is false, without an
// error, on a node that cannot tell, as development chains cannot.
func (c *Chain) ForkSchedule(ctx context.Context) (schedule ForkSchedule, known bool, err error) {
	err = c.call(ctx, query{"tempo_forkSchedule", nil, &schedule})
	if errors.Is(err, errUnsupported) {
		return ForkSchedule{}, false, nil
	}
	return schedule, err == nil, err
}
