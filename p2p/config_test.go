package p2p

import (
	"context"
	"strings"
	"testing"

	"github.com/allegro-p2p/allegro/fastpay"
	"github.com/ethereum/go-ethereum/common"
	"github.com/libp2p/go-libp2p"
)

func TestConfigValidate(t *testing.T) {
	w := NewWorld(t, 2)
	good := func(i int) Config {
		cfg := w.Config(i)
		cfg.Identity = IdentityFromSeed("config")
		cfg.Sink, cfg.Responder = nopRole{}, nopRole{}
		return cfg
	}
	for _, i := range []int{-1, 0} {
		cfg := good(i)
		if err := cfg.Validate(); err != nil {
			t.Fatal(err)
		}
	}
	for want, change := range map[string]func(c *Config){
		"has no identity":               func(c *Config) { c.Identity = Identity{} },
		"role \"king\" is unknown":      func(c *Config) { c.Role = "king" },
		"version has 0 bytes":           func(c *Config) { c.Version = "" },
		"has no rules":                  func(c *Config) { c.Rules = nil },
		"is not in the network file":    func(c *Config) { c.Committee = common.Hash{7} },
		"needs a sink":                  func(c *Config) { c.Sink = nil },
		"sink and a responder":          func(c *Config) { c.Responder = nil },
		"has no jitter":                 func(c *Config) { c.Jitter = nil },
		"nobody else":                   func(c *Config) { c.Role = RoleClient },
		"validator key has 3 bytes":     func(c *Config) { c.ValidatorKey = []byte{1, 2, 3} },
		"signs hellos":                  func(c *Config) { c.SignHello = nil },
		"listen address":                func(c *Config) { c.Listen = []string{"/ip4/1"} },
		"announce address":              func(c *Config) { c.Announce = []string{"/ip4/0.0.0.0/tcp/1"} },
		"exclude each other":            func(c *Config) { c.Browser, c.Transport = true, []libp2p.Option{libp2p.NoTransports} },
		"peer address":                  func(c *Config) { c.Peers = []string{"/ip4/1.2.3.4/tcp/1"} },
		"member \"dave\": key":          func(c *Config) { c.Members = []Member{{Name: "dave"}} },
		"member \"dave\": address":      func(c *Config) { c.Members = []Member{{Name: "dave", Key: w.Now.Key(0), Addrs: []string{"x"}}} },
		"queue length is 0":             func(c *Config) { c.Limits.Queue = 0 },
		"dial timeout is 0s":            func(c *Config) { c.Limits.DialTimeout = 0 },
		"redial minimum is 0s":          func(c *Config) { c.Limits.RedialMin = 0 },
		"redial maximum 1ns is below":   func(c *Config) { c.Limits.RedialMax = 1 },
		"hello timeout is 0s":           func(c *Config) { c.Limits.HelloTimeout = 0 },
		"submit timeout is 0s":          func(c *Config) { c.Limits.SubmitTimeout = 0 },
		"sync timeout is 0s":            func(c *Config) { c.Limits.SyncTimeout = 0 },
		"drain timeout is 0s":           func(c *Config) { c.Limits.DrainTimeout = 0 },
		"connection grace is 0s":        func(c *Config) { c.Limits.ConnGrace = 0 },
		"hello rate of 0":               func(c *Config) { c.Limits.HelloRate.PerSecond = 0 },
		"submit rate of 500 per second": func(c *Config) { c.Limits.SubmitRate.Burst = 0 },
		"sync rate of -1":               func(c *Config) { c.Limits.SyncRate.PerSecond = -1 },
		"connection marks 128 and 128":  func(c *Config) { c.Limits.ConnLow = 128 },
	} {
		cfg := good(0)
		change(&cfg)
		if err := cfg.Validate(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want one with %q", err, want)
		}
		if _, err := New(cfg); err == nil {
			t.Errorf("a node with a config of error %q is built", want)
		}
	}
}

// nopRole is a sink and responder without a mind.
type nopRole struct{}

func (nopRole) GossipPayment(PeerID, fastpay.Payment) error    { return nil }
func (nopRole) GossipBatch(PeerID, *fastpay.Batch) error       { return nil }
func (nopRole) GossipHead(PeerID, *fastpay.Head) error         { return nil }
func (nopRole) GossipEvidence(PeerID, *fastpay.Evidence) error { return nil }

func (nopRole) Submit(context.Context, PeerID, []fastpay.Payment) []SubmitResult { return nil }

func (nopRole) Sync(context.Context, PeerID, SyncRequest) (SyncResponse, error) {
	return SyncResponse{}, nil
}
