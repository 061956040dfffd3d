package aggregator

import (
	"context"
	"testing"
	"time"

	"github.com/allegro-p2p/allegro/aggregator/archive"
	"github.com/allegro-p2p/allegro/fastpay"
	"github.com/allegro-p2p/allegro/p2p/replica"
	"github.com/allegro-p2p/allegro/tempo"
	"github.com/stretchr/testify/require"
)

// TestConfigNamesWhatIsMissing: a mirror is not made with a part missing, and the
// error says which.
func TestConfigNamesWhatIsMissing(t *testing.T) {
	good := Config{
		Rules: new(fastpay.Rules), Store: new(replica.Store), Chain: new(tempo.Chain), Follower: noFollower{},
		Limits: DefaultLimits(), Retention: archive.DefaultRetention(), Now: time.Now, Jitter: func() float64 { return 0 },
	}
	require.NoError(t, good.Validate())
	for _, tc := range []struct {
		want string
		edit func(*Config)
	}{
		{"no rules", func(c *Config) { c.Rules = nil }},
		{"no store", func(c *Config) { c.Store = nil }},
		{"no chain", func(c *Config) { c.Chain = nil }},
		{"no chain", func(c *Config) { c.Follower = nil }},
		{"no clock", func(c *Config) { c.Now = nil }},
		{"no jitter", func(c *Config) { c.Jitter = nil }},
		{"retention time", func(c *Config) { c.Retention.Time = 0 }},
		{"retention size", func(c *Config) { c.Retention.Bytes = 0 }},
	} {
		cfg := good
		tc.edit(&cfg)
		require.ErrorContains(t, cfg.Validate(), tc.want)
		_, err := New(cfg)
		require.ErrorContains(t, err, tc.want)
	}
}

// TestMirrorsKeepMore: a mirror is asked about the past, and promises no more room
// than others to what anybody can make for free.
func TestMirrorsKeepMore(t *testing.T) {
	mirror, other := DefaultLimits(), fastpay.DefaultBoardLimits()
	require.Greater(t, mirror.Settled, other.Settled)
	mirror.Settled = other.Settled
	require.Equal(t, other, mirror)
}

type noFollower struct{}

func (noFollower) Run(ctx context.Context, _ func(tempo.Update) error) error {
	<-ctx.Done()
	return ctx.Err()
}
