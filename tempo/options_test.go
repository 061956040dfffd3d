package tempo

import (
	"errors"
	"reflect"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/allegro-p2p/allegro/tempo/tx76"
)

// Every field that has a default gets it, from zero and from a negative value.
func TestDefaults(t *testing.T) {
	without := map[string]bool{"FirstBlock": true, "Registerer": true, "Tokens": true, "Start": true, "Anchor": true, "Backups": true}
	check := func(v any) {
		for _, field := range reflect.VisibleFields(reflect.TypeOf(v)) {
			if !without[field.Name] {
				require.False(t, reflect.ValueOf(v).FieldByIndex(field.Index).IsZero(), field.Name)
			}
		}
	}
	check(Options{}.withDefaults())
	cfg, err := FollowerConfig{}.withDefaults()
	require.NoError(t, err)
	check(cfg)

	require.Equal(t, defaultRequestTimeout, Options{RequestTimeout: -1}.withDefaults().RequestTimeout)
	require.Equal(t, defaultOutcomeCache, Options{OutcomeCache: -1}.withDefaults().OutcomeCache)
	cfg, err = FollowerConfig{PollInterval: -1, MinBackoff: -1, MaxBackoff: -1, MaxRange: -1, MaxUnfinalized: -1}.withDefaults()
	require.NoError(t, err)
	require.Equal(t, defaultPollInterval, cfg.PollInterval)
	require.Equal(t, defaultMinBackoff, cfg.MinBackoff)
	require.Equal(t, defaultMaxBackoff, cfg.MaxBackoff)
	require.Equal(t, defaultMaxRange, cfg.MaxRange)
	require.Equal(t, defaultMaxUnfinalized, cfg.MaxUnfinalized)
}

// What is set is used as it is.
func TestOptionsTakeEffect(t *testing.T) {
	core, logs := observer.New(zap.DebugLevel)
	epoch := time.Unix(1_800_000_000, 0)
	opts := Options{
		RequestTimeout: 3 * time.Second, SwitchAfter: time.Second, Backups: []string{"http://127.0.0.1:1"}, LogRange: 7, FirstBlock: 11, OutcomeCache: 2,
		Now: func() time.Time { return epoch }, Registerer: prometheus.NewRegistry(), Logger: zap.New(core).Sugar(),
	}
	for _, field := range reflect.VisibleFields(reflect.TypeOf(opts)) {
		require.False(t, reflect.ValueOf(opts).FieldByIndex(field.Index).IsZero(), "set %s here", field.Name)
	}
	synctest.Test(t, func(t *testing.T) {
		n := newFakeNode(t)
		c := n.inProcess(t, opts)
		c.remember([]tx76.Outcome{{Nonce: 1}, {Nonce: 2}, {Nonce: 3}}, 0)
		require.Equal(t, 2, c.outcomes.Len())

		n.fail = failing(errors.New("down"))
		f, err := NewFollower(c, FollowerConfig{})
		require.NoError(t, err)
		done := make(chan error, 1)
		go func() {
			done <- f.Run(t.Context(), func(u Update) error { require.Equal(t, epoch, u.LatestSeen); return errStop })
		}()
		settle()
		require.Equal(t, 1, logs.FilterMessage("chain cannot be followed").Len(), "an outage is logged once")
		require.Equal(t, epoch, f.Status().DownSince)
		n.script(func() { n.fail = nil })
		require.ErrorIs(t, <-done, errStop)
		require.Equal(t, 1, logs.FilterMessage("chain is followed again").Len())
	})
	require.Panics(t, func() { New(nil, opts) }, "one registerer takes one Chain")
}

// errStop ends a run.
var errStop = errors.New("seen enough")
