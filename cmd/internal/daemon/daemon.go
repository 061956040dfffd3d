// Package daemon runs one role from a home as a process: it builds the peer from
// config, network file, keys and node, serves the local API (package api) and the
// metrics, follows the committees through their epochs, and leaves in run/ what
// commands need to find it. It makes no decision of the protocol.
package daemon

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/allegro-p2p/allegro/aggregator"
	"github.com/allegro-p2p/allegro/aggregator/archive"
	"github.com/allegro-p2p/allegro/aggregator/httpapi"
	"github.com/allegro-p2p/allegro/client"
	"github.com/allegro-p2p/allegro/cmd/internal/home"
	"github.com/allegro-p2p/allegro/cmd/internal/otlp"
	"github.com/allegro-p2p/allegro/fastpay"
	"github.com/allegro-p2p/allegro/p2p"
	"github.com/allegro-p2p/allegro/p2p/document"
	"github.com/allegro-p2p/allegro/p2p/netfile"
	"github.com/allegro-p2p/allegro/p2p/replica"
	"github.com/allegro-p2p/allegro/tempo"
	"github.com/allegro-p2p/allegro/validator"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/ethereum/go-ethereum/common"
	log "github.com/ipfs/go-log/v2"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"golang.org/x/sync/errgroup"
)

var logger = log.Logger("allegro/daemon")

// Options are what a daemon needs beside its home.
type Options struct {
	Version string // of the program
	Command string // as locks name it
	// Password returns the password of an account of the home.
	Password func(account common.Address) (string, error)
	// Now is the clock. Its differences matter, and its value is compared with the
	// chain's.
	Now func() time.Time
	// FS is where the database in data/ is.
	FS vfs.FS
}

// Daemon is one peer in this process. Make it with [New] and run it once.
type Daemon struct {
	home     *home.Home
	opts     Options
	file     *netfile.File
	rules    *fastpay.Rules
	registry *prometheus.Registry
	started  time.Time

	locks []*home.Lock
	spans *otlp.Export // nil unless the environment wants spans
	store *replica.Store
	chain *tempo.Chain

	role interface {
		Run(ctx context.Context) error
	}
	node    *p2p.Node
	replica *replica.Replica
	account *common.Address // a client's, or a validator's sponsor
	// One of them is set for a validator or a client.
	validator *validator.Validator
	voteKey   [32]byte // public
	client    *client.Client
	// Both are set for an aggregator.
	aggregator *aggregator.Aggregator
	pages      *httpapi.Server

	shown shown

	describer *document.Describer // of node and replica

	api        *http.Server  // set before serving is closed
	socket     string        // of the API; set before that is served
	metricsURL string        // the same; empty if not served
	httpURL    string        // the same
	serving    chan struct{} // closed when the API is served and the node listens
}

// New locks a home and builds its peer with what its database holds. Nothing listens
// yet. The error wraps [home.ErrInUse] if another process has the home or its vote
// key. End it with [Daemon.Run] or [Daemon.Close].
func New(ctx context.Context, h *home.Home, opts Options) (_ *Daemon, err error) {
	d := &Daemon{home: h, opts: opts, registry: prometheus.NewRegistry(), started: opts.Now(), serving: make(chan struct{})}
	defer func() {
		if err != nil {
			err = errors.Join(err, d.Close())
		}
	}()
	if err := h.Validate(); err != nil {
		return nil, err
	}
	lock, err := h.Lock(opts.Command)
	if err != nil {
		return nil, err
	}
	d.locks = append(d.locks, lock)
	if d.file, err = h.Network(); err != nil {
		return nil, err
	}
	if d.rules, err = d.file.Rules(); err != nil {
		return nil, err
	}
	node := h.Config().Node
	if d.spans, err = otlp.Open(ctx, otlp.Peer{Name: node.Name, Role: string(node.Role), Version: opts.Version}); err != nil {
		return nil, err
	}
	d.registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	if d.store, err = replica.OpenStore(h.DataDir(), opts.FS); err != nil {
		return nil, err
	}
	if node.Role == p2p.RoleAggregator {
		if d.opts.Now, err = archive.Clock(d.store, opts.Now); err != nil {
			return nil, err
		}
	}
	if d.chain, err = tempo.Dial(ctx, h.Config().Chain.RPC, tempo.Options{
		Backups: h.Config().Chain.Backups, Now: d.opts.Now, Registerer: d.registry,
	}); err != nil {
		return nil, err
	}
	if err := d.build(); err != nil {
		return nil, err
	}
	d.shown = memory{d.replica}
	if d.aggregator != nil {
		d.shown = d.aggregator.Archive()
	}
	d.describer = document.NewDescriber(d.file, d.rules, d.node, d.replica)
	return d, nil
}

// build makes the role.
func (d *Daemon) build() error {
	cfg := d.home.Config()
	node, err := d.nodeConfig()
	if err != nil {
		return err
	}
	var tokens []common.Address
	for _, a := range d.file.Assets {
		tokens = append(tokens, common.Address(a.Address))
	}
	heads, err := tempo.NewFollower(d.chain, tempo.FollowerConfig{Tokens: tokens, Finality: tempo.Tag(d.file.Chain.Finality)})
	if err != nil {
		return err
	}
	follower := &rightChain{heads, d.chain, d.store, d.rules.ChainID()}
	var boot [8]byte
	rand.Read(boot[:]) // never fails
	switch cfg.Node.Role {
	case p2p.RoleValidator:
		return d.buildValidator(node, follower, boot)
	case p2p.RoleClient:
		return d.buildClient(node, follower, boot)
	default:
		return d.buildAggregator(node, follower, boot)
	}
}

// nodeConfig is the peer's place in the network.
func (d *Daemon) nodeConfig() (p2p.Config, error) {
	cfg := d.home.Config()
	node := p2p.DefaultConfig(cfg.Node.Role)
	identity, err := d.home.Identity()
	if err != nil {
		return node, err
	}
	node.Identity, node.Version = identity, d.opts.Version
	node.NetworkDigest = d.file.Digest()
	node.Committee = d.rules.CommitteeAt(uint64(d.opts.Now().Unix())).ID()
	node.Listen, node.Announce, node.Browser = cfg.P2P.Listen, cfg.P2P.Announce, cfg.P2P.Browser
	node.Peers, node.Public = cfg.P2P.Peers, cfg.P2P.Public
	node.Members = members(d.file)
	return node, nil
}

// members are the validators of all committees, each once, by the newest entry that
// has addresses.
func members(f *netfile.File) []p2p.Member {
	var out []p2p.Member
	at := make(map[netfile.Key]int)
	for _, c := range f.Committees {
		for _, m := range c.Members {
			i, known := at[m.Key]
			if !known {
				i = len(out)
				at[m.Key] = i
				out = append(out, p2p.Member{Key: append([]byte(nil), m.Key[:]...)})
			}
			out[i].Name = m.Name
			if len(m.Addresses) > 0 {
				out[i].Addrs = append([]string(nil), m.Addresses...)
			}
		}
	}
	return out
}

func (d *Daemon) buildValidator(node p2p.Config, follower *rightChain, boot [8]byte) error {
	key, err := d.home.VoteKey()
	if err != nil {
		return err
	}
	signer := validator.NewKeySigner(key)
	d.voteKey = signer.Key()
	lock, err := d.home.LockVoteKey(d.voteKey[:], d.opts.Command)
	if err != nil {
		return err
	}
	d.locks = append(d.locks, lock)
	sponsor := common.Address(d.home.Config().Validator.Sponsor)
	if err := d.checkSponsor(sponsor); err != nil {
		return err
	}
	password, err := d.opts.Password(sponsor)
	if err != nil {
		return err
	}
	sponsorKey, err := d.home.AccountKey(sponsor, password)
	if err != nil {
		return err
	}
	d.validator, err = validator.New(validator.Config{
		Rules: d.rules, Signer: signer, Node: node, Store: d.store, Chain: d.chain, Follower: follower,
		Settlement: validator.Settlement{
			Sponsor: sponsorKey, FeeToken: common.Address(d.file.Fees.FeeToken), InOrder: d.file.Chain.FIFO,
			BlockTime: time.Duration(d.file.Chain.BlockTimeSeconds) * time.Second,
			PerPayer:  int(d.file.Limits.SponsoredPerPayerPerHour),
		},
		Limits: validator.DefaultLimits(), Now: d.opts.Now, Jitter: node.Jitter, Boot: boot, Registerer: d.registry, Tracer: d.spans.Tracer(),
	})
	if err != nil {
		return err
	}
	d.account = &sponsor
	d.role, d.node, d.replica = d.validator, d.validator.Node(), d.validator.Replica()
	return nil
}

// checkSponsor refuses a sponsor that the network file does not list: peers would
// take a payment of its account for an ordinary one, and its balance with it.
func (d *Daemon) checkSponsor(sponsor common.Address) error {
	for _, c := range d.file.Committees {
		for _, m := range c.Members {
			if m.Key == netfile.Key(d.voteKey) && m.Sponsor != netfile.Address(sponsor) {
				return fmt.Errorf("%s lists sponsor %s for this validator, config.toml has %s: make the two the same",
					d.home.NetworkPath(), m.Sponsor, sponsor)
			}
		}
	}
	return nil
}

func (d *Daemon) buildClient(node p2p.Config, follower *rightChain, boot [8]byte) error {
	account := common.Address(d.home.Config().Client.Account)
	if account == (common.Address{}) {
		return errors.New("client.account in config.toml names no account: make one with allegro account new --use")
	}
	password, err := d.opts.Password(account)
	if err != nil {
		return err
	}
	key, err := d.home.AccountKey(account, password)
	if err != nil {
		return err
	}
	policy, err := d.home.Policy(d.file)
	if err != nil {
		return err
	}
	deliverer, err := d.deliverer()
	if err != nil {
		return err
	}
	d.client, err = client.New(client.Config{
		Rules: d.rules, Key: key, Node: node, Store: d.store, Chain: d.chain, Follower: follower, Policy: policy, Deliverer: deliverer,
		Now: d.opts.Now, Jitter: node.Jitter, Boot: boot, Registerer: d.registry, Tracer: d.spans.Tracer(),
	})
	if err != nil {
		return err
	}
	d.account = &account
	d.role, d.node, d.replica = d.client, d.client.Node(), d.client.Replica()
	return nil
}

func (d *Daemon) buildAggregator(node p2p.Config, follower *rightChain, boot [8]byte) (err error) {
	d.aggregator, err = aggregator.New(aggregator.Config{
		Rules: d.rules, Node: node, Store: d.store, Limits: aggregator.DefaultLimits(), Retention: d.retention(), Chain: d.chain, Follower: follower,
		Now: d.opts.Now, Jitter: node.Jitter, Boot: boot, Registerer: d.registry, Tracer: d.spans.Tracer(),
	})
	if err != nil {
		return err
	}
	d.role, d.node, d.replica = d.aggregator, d.aggregator.Node(), d.aggregator.Replica()
	if d.home.Config().Aggregator.Listen == "" {
		return nil
	}
	d.pages, err = d.aggregator.HTTP(d.httpConfig())
	return err
}

// retention is how long an aggregator keeps payments.
func (d *Daemon) retention() archive.Retention {
	cfg := d.home.Config().Aggregator
	return archive.Retention{Time: time.Duration(cfg.RetentionTime), Bytes: uint64(cfg.RetentionSize)}
}

// httpConfig is how an aggregator's page and API are served.
func (d *Daemon) httpConfig() aggregator.HTTPConfig {
	cfg := d.home.Config().Aggregator
	return aggregator.HTTPConfig{File: d.file, Version: d.opts.Version, Hosts: cfg.Hosts, Origins: cfg.CORS, Gatherer: d.registry}
}

// Run takes part in the network and serves the API until ctx ends or the peer does,
// and returns why. It closes the daemon.
func (d *Daemon) Run(ctx context.Context) (err error) {
	defer func() { err = errors.Join(err, d.Close()) }()
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error {
		if err := d.role.Run(ctx); err != nil {
			return err
		}
		if ctx.Err() == nil {
			return errors.New("the peer ended by itself")
		}
		return nil
	})
	g.Go(func() error { return d.serve(ctx) })
	g.Go(func() error { return d.followEpochs(ctx) })
	if err := g.Wait(); err != nil && !errors.Is(err, context.Canceled) {
		return err
	}
	return nil
}

// Serving is closed once the peer listens and its API answers.
func (d *Daemon) Serving() <-chan struct{} { return d.serving }

// Drain takes no further commands and returns when those under way have their answer, or
// ctx ends. A peer that one command has started for the moment serves others meanwhile.
func (d *Daemon) Drain(ctx context.Context) error {
	if err := d.home.ForgetRunning(); err != nil {
		return err
	}
	return d.api.Shutdown(ctx)
}

// Close frees what the daemon holds. Run calls it.
func (d *Daemon) Close() error {
	var errs []error
	if d.node != nil {
		errs = append(errs, d.node.Close())
	}
	if d.chain != nil {
		d.chain.Close()
	}
	if d.store != nil {
		errs = append(errs, d.store.Close())
	}
	d.spans.Close()
	for _, lock := range d.locks {
		errs = append(errs, lock.Free())
	}
	d.node, d.chain, d.store, d.spans, d.locks = nil, nil, nil, nil, nil
	return errors.Join(errs...)
}

// Epochs overlap for a while: the next committee's topics are joined before it takes
// office, and the last one's are left when nobody has anything to say in them.
const (
	joinBefore = 30 // seconds of chain time
	leaveAfter = 60
)

// followEpochs joins the committees as their time comes.
func (d *Daemon) followEpochs(ctx context.Context) error {
	joined := map[common.Hash]bool{d.current().ID(): true}
	for {
		changed := d.replica.Changed()
		for _, c := range d.rules.Committees() {
			now, known := d.chainTime()
			if !known {
				break
			}
			inOffice := c.Start() <= now+joinBefore && now < c.End()+leaveAfter
			var err error
			switch {
			case inOffice && !joined[c.ID()]:
				err = d.node.Join(c.ID())
				logger.Infow("joined committee", "epoch", c.Epoch(), "committee", c.ID())
			case !inOffice && joined[c.ID()] && c.ID() != d.current().ID():
				err = d.node.Leave(c.ID())
				logger.Infow("left committee", "epoch", c.Epoch(), "committee", c.ID())
			default:
				continue
			}
			if err != nil {
				return err
			}
			joined[c.ID()] = inOffice
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// chainTime is the time of the newest finalized block.
func (d *Daemon) chainTime() (seconds uint64, known bool) {
	d.replica.Read(func(b *fastpay.Board) { seconds, known = b.Finalized().Time, b.Finalized().Number > 0 })
	return seconds, known
}

// current is the committee in office.
func (d *Daemon) current() *fastpay.Committee {
	if now, known := d.chainTime(); known {
		return d.rules.CommitteeAt(now)
	}
	return d.rules.CommitteeAt(uint64(d.opts.Now().Unix()))
}
