package fastpay

import (
	"errors"
	"flag"
	"maps"
	"slices"
	"testing"
)

var histories = flag.Int("histories", 100, "random histories per configuration of the property tests")

// historyConfigs are the networks of the property tests.
var historyConfigs = map[string]historyConfig{
	"one of four Byzantine":    {weights: equalWeights(4), byzantine: 1, steps: 160},
	"two of seven Byzantine":   {weights: equalWeights(7), byzantine: 2, steps: 160},
	"a light one is Byzantine": {weights: []uint64{3, 2, 2, 1, 2}, byzantine: 1, steps: 160},
	"nobody is Byzantine":      {weights: equalWeights(3), steps: 160},
	"foreign transactions":     {weights: equalWeights(4), byzantine: 1, foreign: true, steps: 160},
	"all votes signed":         {weights: equalWeights(4), byzantine: 1, signed: true, steps: 100},
}

// historyEvents must happen in the histories for them to show anything.
var historyEvents = []string{
	"certified", "certified restarts", "certified above a restart", "certified on a pending prefix", "certified on a pending credit",
	"several pending parents", "chains of credits", "cycles of credits", "counted parents included", "votes from different heights",
	"certified although votes were split", "executed", "expired", "failed", "reverts", "foreign outflow", "foreign transaction in a lane",
	"executed without a QC", "accounts unharmed beside foreign traffic", "members convicted", "payers convicted", "members restarted", "twins compared",
}

// I1, I2, I3, I4 and I10, and that no certified payment fails if those it
// stands on are executed first: whatever members learn, and when.
func TestInvariantsHoldInRandomHistories(t *testing.T) {
	t.Parallel()
	seen, ran := newCoverage(), 0
	for name, cfg := range historyConfigs {
		t.Run(name, func(t *testing.T) {
			ran++
			n := newNetwork(t, cfg.weights...)
			runs := *histories
			if cfg.signed {
				runs = max(1, runs/15)
			}
			for seed := range uint64(runs) {
				if err := newHistory(t, n, cfg, seed, seen).run(); err != nil {
					t.Fatalf("history %d: %v", seed, err)
				}
			}
		})
	}
	if ran < len(historyConfigs) {
		return // some were not asked for: the coverage says nothing
	}
	for _, code := range Codes() {
		t.Logf("%6d %s", seen.codes[code], code)
		if seen.codes[code] == 0 {
			t.Errorf("vacuous: no member answered %s", code)
		}
	}
	for _, event := range slices.Sorted(maps.Keys(seen.events)) {
		t.Logf("%6d %s", seen.events[event], event)
	}
	for _, event := range historyEvents {
		if seen.events[event] == 0 {
			t.Errorf("vacuous: no %s", event)
		}
	}
}

// What a Board keeps up to date with each change, digests and buckets for one, is
// what its payments make it after any history, at whoever has heard what.
func TestIndexesFollowRandomHistories(t *testing.T) {
	t.Parallel()
	cfg := historyConfigs["foreign transactions"]
	n := newNetwork(t, cfg.weights...)
	removed := 0
	for seed := range uint64(10) {
		h := newHistory(t, n, cfg, seed, newCoverage())
		h.watcher.limits.Open, h.watcher.limits.Settled = 12, 4
		for range h.steps {
			noError(t, h.step())
			removed += len(h.watcher.TakeRemoved())
			checkBoard(t, h.watcher.Board)
		}
		for _, m := range h.honest {
			checkBoard(t, m.board)
		}
	}
	if removed == 0 {
		t.Error("vacuous: nothing was removed")
	}
}

// The histories are strong enough to find each loss of section 9 that a rule of
// signing prevents: with the rule off, an adversary of the right manner breaks
// an invariant.
func TestHistoriesFindTheLossOfEachMissingRule(t *testing.T) {
	t.Parallel()
	patient := manner{focus: 100, asks: 70, greedy: 100, thrift: 80, gossip: 25, newest: 100, blocks: 3, settles: 1}
	restarts := manner{focus: 95, rivals: 3, stale: 80, reopens: 60, greedy: 95, thrift: 60, asks: 90, tells: 90, hides: 100, gossip: 1, blocks: 25}
	splits := manner{focus: 50, rivals: 40, greedy: 50, thrift: 60, asks: 70, tells: 15, gossip: 10, blocks: 8, settles: 3}
	for _, c := range []struct {
		name    string
		without rule
		manner  manner
	}{
		{"9c predecessor not named", ruleLink, splits},
		{"9d prefix not known in full", rulePrefix, patient},
		{"9e included parent counted twice", ruleExecuted, splits},
		{"9f void payments stay positions", ruleVoid | ruleMargin, restarts},
		{"9l slots above a voided one stay", ruleTogether, restarts},
	} {
		t.Run(c.name, func(t *testing.T) {
			const enough = 1_000
			cfg := historyConfigs["one of four Byzantine"]
			cfg.without = c.without
			n := newNetwork(t, cfg.weights...)
			for seed := range uint64(enough) {
				h := newHistory(t, n, cfg, seed, newCoverage())
				h.manner = c.manner
				if err := h.run(); errors.Is(err, errLoss) {
					t.Logf("history %d: %v", seed, err)
					return
				} else if err != nil {
					t.Fatalf("history %d: %v", seed, err)
				}
			}
			t.Errorf("%d histories lost nothing without the rule", enough)
		})
	}
}
