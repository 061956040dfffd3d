package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strings"
	"time"

	"github.com/allegro-p2p/allegro/cmd/internal/api"
	"github.com/allegro-p2p/allegro/cmd/internal/daemon"
	"github.com/allegro-p2p/allegro/cmd/internal/home"
	"github.com/allegro-p2p/allegro/p2p"
	"github.com/allegro-p2p/allegro/p2p/document"
	"github.com/urfave/cli/v3"
)

// roleCommand is the group of a role, whose command run runs its peer.
func roleCommand(role p2p.Role, usage, does string) *cli.Command {
	return &cli.Command{
		Name:  string(role),
		Usage: usage,
		Commands: []*cli.Command{{
			Name:  "run",
			Usage: does,
			Description: "The peer runs until it is interrupted; a second interrupt ends it at once. Flags win over the\n" +
				"environment (ALLEGRO_P2P_LISTEN and so on), that over config.toml. Peers find each other by the\n" +
				"validators' addresses in network.toml; --peer adds others. GOLOG_LOG_LEVEL and GOLOG_LOG_FMT\n" +
				"win over log.level and log.format in config.toml.",
			Flags: append([]cli.Flag{
				homeFlag(), outputFlag(),
				passwordFileFlag("open the account with the password in `FILE`"),
				&cli.BoolFlag{Name: "quiet", Usage: "do not print the banner", Local: true},
			}, overrideFlags(role)...),
			OnUsageError: usageError,
			Action: withOutput(func(ctx context.Context, cmd *cli.Command, asJSON bool) error {
				return runRole(ctx, cmd, role, asJSON)
			}),
		}},
		OnUsageError: usageError,
		Action:       needsCommand,
	}
}

func validatorCommand() *cli.Command {
	return roleCommand(p2p.RoleValidator, "vote on payments and settle them", "run a validator")
}

func clientCommand() *cli.Command {
	return roleCommand(p2p.RoleClient, "pay and be paid", "run a wallet as a peer")
}

func aggregatorCommand() *cli.Command {
	return roleCommand(p2p.RoleAggregator, "mirror what the network has certified", "run an aggregator")
}

// overrides are the config keys that flags of run set, of every role or of one.
var overrides = []struct {
	flag, key, usage string
	role             p2p.Role
}{
	{"listen", "p2p.listen", "listen on `MULTIADDR`, such as /ip4/0.0.0.0/tcp/7101 or /ip4/0.0.0.0/udp/7101/quic-v1; repeatable", ""},
	{"announce", "p2p.announce", "tell others to dial `MULTIADDR`; repeatable", ""},
	{"peer", "p2p.peers", "keep the peer at `MULTIADDR`, which ends in /p2p/ and its id, connected; repeatable", ""},
	{"chain", "chain.rpc", "`URL` of the chain node", ""},
	{"metrics", "metrics.listen", "serve metrics on `HOST:PORT`", ""},
	{"http", "aggregator.listen", "serve the page and the HTTP API on `HOST:PORT`", p2p.RoleAggregator},
	{"log-level", "log.level", "log `LEVEL`s like info or info,p2p=debug", ""},
	{"log-format", "log.format", "log as `FORMAT`: auto, text or json", ""},
	{"log-file", "log.file", "log to `FILE` too, as JSON", ""},
}

func overrideFlags(role p2p.Role) []cli.Flag {
	var flags []cli.Flag
	for _, o := range overrides {
		if o.role != "" && o.role != role {
			continue
		}
		if strings.Contains(o.usage, "repeatable") {
			flags = append(flags, &cli.StringSliceFlag{Name: o.flag, Usage: o.usage, Local: true})
		} else {
			flags = append(flags, &cli.StringFlag{Name: o.flag, Usage: o.usage, Local: true})
		}
	}
	return flags
}

// override takes what flags set into the home's config for this run.
func override(cmd *cli.Command, h *home.Home) error {
	for _, o := range overrides {
		if !cmd.IsSet(o.flag) {
			continue
		}
		text := cmd.String(o.flag)
		if list, ok := cmd.Value(o.flag).([]string); ok {
			text = strings.Join(list, ",")
		}
		if err := h.Override(o.key, text, "--"+o.flag); err != nil {
			return err
		}
	}
	return nil
}

func runRole(ctx context.Context, cmd *cli.Command, role p2p.Role, asJSON bool) (err error) {
	if err := takesNothing(cmd); err != nil {
		return err
	}
	h, err := openHome(cmd)
	if err != nil {
		return err
	}
	if err := override(cmd, h); err != nil {
		return fail(exitUsage, "%w", err)
	}
	if err := h.Config().Validate(); err != nil {
		return fail(exitUsage, "%w", err)
	}
	if is := h.Config().Node.Role; is != role {
		return withHint(fail(exitUsage, "home %s is %s's, not %s's", h.Dir(), withArticle(is), withArticle(role)), fmt.Sprintf("allegro %s run%s", is, inHome(h.Dir())))
	}
	setupLog(h.Config().Log, cmd.Root().ErrWriter)
	closeLog, err := setupLogFile(h, cmd.Root().ErrWriter)
	if err != nil {
		return fail(exitUsage, "%w", err)
	}
	defer func() { err = errors.Join(err, closeLog()) }()
	d, err := newDaemon(ctx, cmd, h)
	if err != nil {
		return err
	}
	started := time.Now()
	ctx, stop := context.WithCancel(ctx)
	told := make(chan struct{})
	go func() {
		defer close(told)
		if err := tellRunning(ctx, cmd, d, h, asJSON, started); err != nil && ctx.Err() == nil {
			say(cmd.Root().ErrWriter, "allegro: %s\n", printable(err.Error()))
		}
	}()
	context.AfterFunc(ctx, func() {
		if !cmd.Bool("quiet") {
			say(cmd.Root().ErrWriter, "allegro: stopping, a second interrupt ends it at once\n")
		}
	})
	err = d.Run(ctx)
	stop()
	<-told
	if err != nil {
		return fail(exitInternal, "%w", err)
	}
	return nil
}

// bannerWait is how long the banner waits for the mesh before it says how far the
// peer has come.
const bannerWait = 5 * time.Second

// tellRunning says who the peer is once it has met the others: one JSON document, or
// the banner.
func tellRunning(ctx context.Context, cmd *cli.Command, d *daemon.Daemon, h *home.Home, asJSON bool, started time.Time) error {
	select {
	case <-d.Serving():
	case <-ctx.Done():
		return ctx.Err()
	}
	path, err := h.SocketPath()
	if err != nil {
		return err
	}
	client := api.Dial(path)
	defer client.Close()
	var self api.Self
	ready := true
	for _, what := range []string{"quorum", "mesh"} {
		ready = ready && client.Get(ctx, api.RouteWait, "", url.Values{"for": {what}, "timeout": {bannerWait.String()}}, &self) == nil
	}
	if err := client.Get(ctx, api.RouteSelf, "", nil, &self); err != nil {
		return err
	}
	if asJSON {
		return writeJSON(cmd.Root().Writer, &self)
	}
	if !cmd.Bool("quiet") {
		var c document.Committee
		if err := client.Get(ctx, api.RouteCommittee, "", nil, &c); err != nil {
			return err
		}
		banner(cmd.Root().ErrWriter, h, &self, &c, ready, time.Since(started))
	}
	return nil
}

// banner says what runs, where, and whether it can do its work.
func banner(w io.Writer, h *home.Home, self *api.Self, c *document.Committee, ready bool, took time.Duration) {
	r := self.Running
	place := ""
	for _, m := range c.Members {
		if self.ValidatorKey != nil && m.Key == self.ValidatorKey.String() {
			place = fmt.Sprintf(" (you are member %d)", m.Index)
		}
	}
	say(w, "allegro %s  %s %q   committee epoch %s, %d of %d%s\n", self.Version, self.Role, self.Name, c.Epoch, c.Threshold, c.Total, place)
	say(w, "  network   %s\n", r.Network)
	say(w, "  peer id   %s\n", self.PeerID)
	if len(self.Addresses) == 0 {
		say(w, "  listening nowhere: this peer only dials\n")
	}
	for i, a := range self.Addresses {
		say(w, "  %-9s %s\n", map[bool]string{true: "listening"}[i == 0], a)
	}
	if self.Account != nil {
		say(w, "  account   %s%s\n", self.Account, map[bool]string{true: "  (sponsor)"}[self.ValidatorKey != nil])
	}
	chain := "no block seen yet"
	if r.Chain.Height != nil {
		chain = fmt.Sprintf("height %s, finalized %s", *r.Chain.Height, *r.Chain.FinalizedHeight)
	}
	say(w, "  chain     %s at %s, %s\n", r.Chain.ID, r.Chain.Node, chain)
	say(w, "  home      %s\n", self.Home)
	if r.HTTP != nil {
		say(w, "  page      %s\n", *r.HTTP)
	}
	if r.Metrics != nil {
		say(w, "  metrics   %s\n", *r.Metrics)
	}
	state := fmt.Sprintf("reaches %d of %d, %d are needed", r.Ready.Weight, r.Ready.Total, r.Ready.Threshold)
	if ready {
		say(w, "  quorum    %s                        ready in %d ms\n", state, took.Milliseconds())
	} else {
		say(w, "  quorum    %s                        NOT READY\n", state)
	}
	for _, text := range append(append(append([]string{}, r.Problems...), r.Ready.Waiting...), r.Ready.Missing...) {
		say(w, "            %s\n", printable(text))
	}
	say(w, "  next      allegro peers ls%[1]s · allegro top%[1]s · Ctrl-C stops, twice forces\n", inHome(h.Dir()))
}
