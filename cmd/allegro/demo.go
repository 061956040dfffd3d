package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/allegro-p2p/allegro/fastpay"
	"github.com/allegro-p2p/allegro/p2p/netfile"
	"github.com/allegro-p2p/allegro/tempo/anvil"
	"github.com/allegro-p2p/allegro/testnet"
	"github.com/allegro-p2p/allegro/validator"
	"github.com/urfave/cli/v3"
)

// pagePort is where the page of a demo is served, or on the next port that is free.
const pagePort = 8080

// demoStartTimeout bounds the time until all peers are connected.
const demoStartTimeout = time.Minute

func demoCommand() *cli.Command {
	return &cli.Command{
		Name:  "demo",
		Usage: "run a whole network with its chain on this machine, and let Alice pay Bob pay Carol",
		Description: "Starts after a block, lets each client pay the next one $10 as soon as it holds the QC of the\n" +
			"payment to itself, and says whether the QCs came before the next block. All keys are public.\n" +
			"A page shows it all, and plays it again.\n\n" +
			"Exit codes with --once: 0 both QCs came first and the balances are exact, 4 a block came first,\n" +
			"1 anything else.",
		Flags: []cli.Flag{
			&cli.DurationFlag{Name: "block-time", Value: 5 * time.Second, Usage: "time between blocks, in whole seconds", Local: true},
			&cli.IntFlag{Name: "validators", Value: 2, Usage: "number of validators", Local: true},
			&cli.IntFlag{Name: "hops", Value: 2, Usage: "number of chained payments, through one client more", Local: true},
			laneFlag(),
			&cli.StringFlag{Name: "home", Usage: "keep everything in `DIR`: network file, QC files and the peers' data", Local: true},
			&cli.BoolFlag{Name: "once", Usage: "end after the verdict, and serve no page", Local: true},
			&cli.BoolFlag{Name: "open", Usage: "open the page in a browser", Local: true},
			&cli.StringSliceFlag{Name: "chain", Usage: "settle on `CHAIN` instead of an own one: anvil, which is started, or the URL of a node of a Tempo chain with blocks of --block-time whose development accounts hold money; can be repeated, the peers take the nodes in turn", Local: true},
			finalityFlag(),
			&cli.StringFlag{Name: "anvil", Usage: "with --chain anvil: the program is `PATH`", Local: true},
			&cli.StringFlag{Name: "hardfork", Usage: "with --chain anvil: the chain's `FORK`, t0 to t4", Value: "t4", Local: true},
			&cli.BoolFlag{Name: "processes", Usage: "run each peer and the chain as a process of its own, as allegro testnet does", Local: true},
			outputFlag(),
		},
		Action:       withOutput(runDemo),
		OnUsageError: usageError,
	}
}

func runDemo(ctx context.Context, cmd *cli.Command, asJSON bool) (err error) {
	if cmd.Args().Present() {
		return fail(exitUsage, "demo takes no argument, it got %q", cmd.Args().First())
	}
	if cmd.Bool("once") && cmd.Bool("open") {
		return fail(exitUsage, "--once serves no page that --open could open: leave out one of them")
	}
	prose := cmd.Root().Writer
	if asJSON {
		prose = cmd.Root().ErrWriter // standard output is the document's
	}
	cfg, remove, err := demoConfig(cmd)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, remove()) }()
	if slices.Equal(cfg.ChainURLs, []string{chainAnvil}) {
		node, err := startAnvil(ctx, cmd)
		if err != nil {
			return err
		}
		defer func() { _ = node.Stop() }() // what it ends with says nothing about the demo
		cfg.ChainURLs = []string{node.URL()}
	}

	printer := &demoPrinter{out: prose, cfg: cfg, how: "all keys are public: never use them for money"}
	if len(cfg.ChainURLs) > 0 {
		printer.how = "accounts of this run alone, funded by a development account"
	}
	if cmd.Bool("processes") {
		printer.how = "each of them a process"
		return demoOfProcesses(ctx, cmd, cfg, printer, asJSON)
	}
	started := time.Now()
	spans := &demoSpans{version: cfg.Version}
	defer spans.close()
	cfg.Tracer = spans.tracer
	network, err := testnet.Start(ctx, cfg)
	if errors.Is(err, validator.ErrNoSubBlocks) || errors.Is(err, testnet.ErrNoNode) {
		return fail(exitUsage, "--lane %s: %w", cfg.Lane, err)
	}
	if err != nil {
		return fail(exitInternal, "%w", err)
	}
	defer func() {
		if cerr := network.Close(); cerr != nil {
			err = errors.Join(err, fail(exitInternal, "stopping: %w", cerr))
		}
	}()
	urls, stopMetrics, err := network.ServeMetrics()
	if err != nil {
		return fail(exitInternal, "%w", err)
	}
	defer func() { err = errors.Join(err, stopMetrics()) }()

	printer.header(cmd.String("home"))
	ready, cancel := context.WithTimeout(ctx, demoStartTimeout)
	defer cancel()
	if err := network.WaitReady(ready); err != nil {
		return fail(exitInternal, "the peers did not get ready within %s: %w", demoStartTimeout, err)
	}
	printer.ready(network.Committee(), time.Since(started))
	if !cmd.Bool("once") {
		pages, stopPages, perr := network.ServePages(ctx, pagePort)
		if perr != nil {
			return fail(exitInternal, "%w", perr)
		}
		defer func() { err = errors.Join(err, stopPages()) }()
		printer.pages(ctx, cmd, pages)
	}
	printer.waiting()
	result, err := network.Play(ctx, printer.event)
	if err != nil {
		return fail(exitInternal, "%w", err)
	}
	printer.verdict(result)
	if home := cmd.String("home"); home != "" {
		if err := keepDemo(home, network, result); err != nil {
			return fail(exitInternal, "%w", err)
		}
		printer.kept(home, result)
	}
	if asJSON {
		if err := writeJSON(cmd.Root().Writer, newDemoDocument(network.File(), network.Committee(), result)); err != nil {
			return fail(exitInternal, "writing the result: %w", err)
		}
	}
	if !cmd.Bool("once") {
		printer.running(network.Peers, urls)
		<-ctx.Done()
		return nil
	}
	return demoExit(result)
}

// laneFlag names the kind of a network's lanes.
func laneFlag() cli.Flag {
	return &cli.StringFlag{
		Name: "lane", Value: string(netfile.PaymentLane), Local: true,
		Usage: "settle by `LANE`: payment, or subblock, which Tempo had before T4 and no Tempo has now",
	}
}

// demoConfig turns flags into a network. remove deletes what need not be kept.
func demoConfig(cmd *cli.Command) (cfg testnet.Config, remove func() error, err error) {
	cfg = testnet.DefaultConfig()
	cfg.BlockTime = cmd.Duration("block-time")
	cfg.Validators = cmd.Int("validators")
	cfg.Version = buildVersion()
	cfg.Lane = netfile.Lane(cmd.String("lane"))
	// Payments of one home are in one sub-block, in order. Those of several would come
	// one block after the other.
	cfg.OneHome = cfg.Lane == netfile.SubBlockLane
	if cfg.Finality, err = finalityOf(cmd); err != nil {
		return cfg, nil, err
	}
	if cmd.IsSet("chain") {
		cfg.ChainURLs, cfg.Salt = cmd.StringSlice("chain"), rand.Text()
		if len(cfg.ChainURLs) > 1 && slices.Contains(cfg.ChainURLs, chainAnvil) {
			return cfg, nil, fail(exitUsage, "--chain %s is one node that is started: name it alone, or the URLs of nodes", chainAnvil)
		}
	}
	hops := cmd.Int("hops")
	if hops < 1 || hops > fastpay.MaxDepth {
		return cfg, nil, fail(exitUsage, "--hops %d: between 1 and %d chained payments are possible", hops, fastpay.MaxDepth)
	}
	cfg.Clients = testnet.SceneAccounts(hops)
	cfg.Dir = cmd.String("home")
	remove = func() error { return nil }
	if cfg.Dir == "" {
		if cfg.Dir, err = os.MkdirTemp("", "allegro-demo-"); err != nil {
			return cfg, nil, fail(exitInternal, "making a folder for the peers: %w", err)
		}
		remove = func() error { return os.RemoveAll(cfg.Dir) }
	} else if err := emptyFolder(cfg.Dir); err != nil {
		return cfg, nil, err
	}
	if err := cfg.Validate(); err != nil {
		return cfg, nil, errors.Join(fail(exitUsage, "%w", err), remove())
	}
	return cfg, remove, nil
}

// chainAnvil is the --chain that the demo starts itself.
const chainAnvil = "anvil"

// startAnvil starts the chain of --chain anvil.
func startAnvil(ctx context.Context, cmd *cli.Command) (*anvil.Process, error) {
	node, err := anvil.Start(ctx, anvil.Options{Path: cmd.String("anvil"), Hardfork: cmd.String("hardfork"), BlockTime: cmd.Duration("block-time")})
	if err != nil {
		return nil, fail(exitUsage, "--chain anvil: %w", err)
	}
	return node, nil
}

// finalityFlag says which blocks of a chain count as final; finalityOf reads it.
func finalityFlag() cli.Flag {
	return &cli.StringFlag{Name: "finality", Usage: "`BLOCKS` that count as final: finalized, or latest for a development chain that finalizes nothing", Value: string(netfile.Finalized), Local: true}
}

func finalityOf(cmd *cli.Command) (netfile.Finality, error) {
	switch f := netfile.Finality(cmd.String("finality")); f {
	case netfile.Finalized, netfile.Latest:
		return f, nil
	default:
		return "", fail(exitUsage, "--finality %q: want %s or %s", f, netfile.Finalized, netfile.Latest)
	}
}

// emptyFolder makes a folder, or accepts one in which nothing is.
func emptyFolder(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fail(exitUsage, "--home: %w", err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return fail(exitUsage, "--home: %w", err)
	}
	if len(entries) > 0 {
		return fail(exitUsage, "--home %s is not empty: the demo starts a fresh chain, name a new folder", dir)
	}
	return nil
}

// keepDemo writes the network file and the QCs as the last client holds them.
func keepDemo(home string, network *testnet.Network, result *testnet.Result) error {
	data, err := network.File().Encode()
	if err != nil {
		return fmt.Errorf("writing the network file: %w", err)
	}
	if err := os.WriteFile(filepath.Join(home, networkFileName), data, 0o644); err != nil {
		return fmt.Errorf("writing the network file: %w", err)
	}
	clients := network.Clients()
	last := clients[len(clients)-1].Client
	for _, hop := range result.Hops {
		qc, err := last.QC(hop.ID)
		if err != nil {
			continue // not certified: the verdict says so
		}
		var file bytes.Buffer
		if err := writeJSON(&file, qc.File()); err != nil {
			return fmt.Errorf("writing the QC of %s: %w", hop.Name, err)
		}
		if err := os.WriteFile(filepath.Join(home, qcFileName(hop)), file.Bytes(), 0o644); err != nil {
			return fmt.Errorf("writing the QC of %s: %w", hop.Name, err)
		}
	}
	return nil
}

// networkFileName is the network file in a home.
const networkFileName = "network.toml"

// qcFileName is the file of a payment's QC in a home.
func qcFileName(hop *testnet.Hop) string { return fmt.Sprintf("qc-%s.json", hop.Name) }

// demoExit is the command's end for a verdict.
func demoExit(result *testnet.Result) error {
	switch result.Verdict {
	case testnet.Pass:
		return nil
	case testnet.BlockFirst:
		return fail(exitDeadline, "%s", result.Reason)
	default:
		return fail(exitInternal, "%s", result.Reason)
	}
}

// say prints prose. A terminal that is gone does not stop the demo.
func say(w io.Writer, format string, args ...any) {
	_, _ = fmt.Fprintf(w, format, args...)
}
