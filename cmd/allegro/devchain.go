package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/allegro-p2p/allegro/p2p/netfile"
	"github.com/allegro-p2p/allegro/tempo/devchain"
	"github.com/ethereum/go-ethereum/common"
	"github.com/urfave/cli/v3"
	"golang.org/x/sync/errgroup"
)

// devchainCommand runs the development chain alone.
func devchainCommand() *cli.Command {
	defaults := devchain.DefaultConfig()
	return &cli.Command{
		Name:  "devchain",
		Usage: "run a Tempo chain for development, without money",
		Description: "It serves JSON-RPC over HTTP and WebSocket on one port. Everything is forgotten when it ends,\n" +
			"unless --data names a folder: with the same folder it goes on later. Transactions that wait\n" +
			"for a block are not kept. What it leaves out of Tempo it refuses by name.\n\n" +
			"With -o json, standard output has one document once the chain listens, and the chain runs on.",
		Flags: []cli.Flag{
			&cli.StringFlag{
				Name:    "data",
				Usage:   "keep the blocks in `DIR` and go on with those that are there",
				Sources: cli.EnvVars("ALLEGRO_DEVCHAIN_DATA"),
				Local:   true,
			},
			&cli.StringFlag{
				Name:    "alloc",
				Usage:   "begin a new chain with the balances of `FILE`: {\"0xTOKEN\": {\"0xACCOUNT\": \"UNITS\"}}",
				Sources: cli.EnvVars("ALLEGRO_DEVCHAIN_ALLOC"),
				Local:   true,
			},
			&cli.StringSliceFlag{
				Name:  "fund",
				Usage: "begin a new chain with `ACCOUNT=TOKENS`, so many of each token; repeatable",
				Local: true,
			},
			&cli.StringFlag{
				Name:    "listen",
				Usage:   "serve on `ADDRESS`",
				Value:   "127.0.0.1:8545",
				Sources: cli.EnvVars("ALLEGRO_DEVCHAIN_LISTEN"),
				Local:   true,
			},
			&cli.DurationFlag{
				Name:    "block-time",
				Usage:   "produce a block every `DURATION`",
				Value:   defaults.BlockTime,
				Sources: cli.EnvVars("ALLEGRO_DEVCHAIN_BLOCK_TIME"),
				Local:   true,
			},
			&cli.Uint64Flag{
				Name:    "chain-id",
				Usage:   "take transactions signed for chain `ID`",
				Value:   defaults.ChainID,
				Sources: cli.EnvVars("ALLEGRO_DEVCHAIN_CHAIN_ID"),
				Local:   true,
			},
			&cli.Uint64Flag{
				Name:    "finality-lag",
				Usage:   "keep the finalized block `N` blocks behind the latest",
				Value:   defaults.FinalityLag,
				Sources: cli.EnvVars("ALLEGRO_DEVCHAIN_FINALITY_LAG"),
				Local:   true,
			},
			&cli.Uint64Flag{
				Name:    "base-fee",
				Usage:   "charge `PRICE` per gas, in 10^-18 USD; Tempo's was 20000000000",
				Value:   defaults.BaseFee,
				Sources: cli.EnvVars("ALLEGRO_DEVCHAIN_BASE_FEE"),
				Local:   true,
			},
			&cli.StringFlag{
				Name:    "fork",
				Usage:   "be at hardfork `FORK`: t4, or t3, which has the sub-block lanes of before",
				Value:   string(defaults.Fork),
				Sources: cli.EnvVars("ALLEGRO_DEVCHAIN_FORK"),
				Local:   true,
			},
			&cli.StringSliceFlag{
				Name:  "validator",
				Usage: "with --fork t3: have a sub-block lane for the validator with Ed25519 `KEY`, at /validator/KEY; repeatable",
				Local: true,
			},
			&cli.BoolFlag{
				Name:    "dev-rpc",
				Usage:   "serve evm_mine and anvil_setStorageAt: whoever reaches the port can print tokens",
				Sources: cli.EnvVars("ALLEGRO_DEVCHAIN_DEV_RPC"),
				Local:   true,
			},
			outputFlag(),
		},
		OnUsageError: usageError,
		Action:       withOutput(runDevchain),
	}
}

// runDevchain is the action of devchain. It ends without an error when ctx
// does.
func runDevchain(ctx context.Context, cmd *cli.Command, asJSON bool) error {
	if cmd.Args().Present() {
		return fail(exitUsage, "devchain takes no arguments, it got %q", cmd.Args().First())
	}
	cfg := devchain.DefaultConfig()
	cfg.BlockTime = cmd.Duration("block-time")
	cfg.ChainID = cmd.Uint64("chain-id")
	cfg.FinalityLag = cmd.Uint64("finality-lag")
	cfg.BaseFee = cmd.Uint64("base-fee")
	cfg.Fork = devchain.Fork(cmd.String("fork"))
	for _, text := range cmd.StringSlice("validator") {
		var key netfile.Key
		if err := key.UnmarshalText([]byte(text)); err != nil {
			return fail(exitUsage, "--validator: %w", err)
		}
		cfg.Validators = append(cfg.Validators, key)
	}
	cfg.DevRPC = cmd.Bool("dev-rpc")
	cfg.Dir = cmd.String("data")
	if path := cmd.String("alloc"); path != "" {
		var err error
		if cfg.Alloc, err = readAlloc(path); err != nil {
			return fail(exitUsage, "--alloc: %w", err)
		}
	}
	for _, text := range cmd.StringSlice("fund") {
		if cfg.Alloc == nil {
			cfg.Alloc = make(allocation)
		}
		if err := fund(cfg.Alloc, text); err != nil {
			return fail(exitUsage, "--fund: %w", err)
		}
	}
	address := cmd.String("listen")
	switch {
	case cfg.BlockTime <= 0:
		return fail(exitUsage, "block time is %s: give --block-time a time such as 5s", cfg.BlockTime)
	case cfg.ChainID == 0:
		return fail(exitUsage, "chain id is 0: give --chain-id a number such as %d", devchain.DefaultConfig().ChainID)
	case strings.HasPrefix(address, "/"):
		return fail(exitUsage, "--listen %s: the chain listens on HOST:PORT such as 127.0.0.1:8545, not on a multiaddr", address)
	}
	if err := cfg.Validate(); err != nil {
		return fail(exitUsage, "%w", err)
	}
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", address)
	if err != nil {
		return fail(exitUsage, "devchain cannot listen on %s, choose another address with --listen: %w", address, err)
	}
	chain, err := devchain.New(cfg)
	if err != nil {
		listener.Close()
		return devchainRefused(cfg, err)
	}
	devchainBanner(cmd.Root().ErrWriter, cfg, chain, listener.Addr())
	if asJSON {
		if err := writeJSON(cmd.Root().Writer, newDevchainDocument(cfg, chain, listener.Addr())); err != nil {
			listener.Close()
			return fail(exitInternal, "writing where the chain listens: %w", errors.Join(err, chain.Close()))
		}
	}
	return serveDevchain(ctx, chain, listener)
}

// devchainRefused is the command's error for one of devchain.New.
func devchainRefused(cfg devchain.Config, err error) error {
	if cfg.Dir == "" {
		return fail(exitInternal, "%w", err)
	}
	// From here on it is about what the flags name: the folder and what is in it.
	var mismatch *devchain.MismatchError
	if !errors.As(err, &mismatch) {
		return fail(exitUsage, "--data: %w", err)
	}
	flag := ""
	kept, given := mismatch.Kept, mismatch.Given
	switch mismatch.Field {
	case "ChainID":
		flag = "--chain-id"
	case "BaseFee":
		flag = "--base-fee"
	case "Fork":
		flag = "--fork"
	case "Validators":
		return fail(exitUsage, "the chain in %s runs with the validators %s, not %s: name those with --validator, or a new folder with --data", cfg.Dir, kept, given)
	default:
		return fail(exitUsage, "the chain in %s began with other balances than those of --alloc and --fund, which only apply to a new chain: leave them out, or name a new folder with --data", cfg.Dir)
	}
	return fail(exitUsage, "the chain in %s runs with %s %s, not %s: give it that, or name a new folder with --data", cfg.Dir, flag, kept, given)
}

// Time limits of the server: a development machine is never that slow.
const (
	devchainHeaderTimeout = 10 * time.Second
	devchainStopTimeout   = 5 * time.Second
)

// serveDevchain runs the chain and its server until ctx ends or one of them
// fails, and closes both.
func serveDevchain(ctx context.Context, chain *devchain.Chain, listener net.Listener) error {
	server := &http.Server{Handler: chain.Handler(), ReadHeaderTimeout: devchainHeaderTimeout}
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return chain.Run(ctx) })
	group.Go(func() error {
		if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			return fmt.Errorf("devchain: serving: %w", err)
		}
		return nil
	})
	group.Go(func() error {
		<-ctx.Done()
		// WebSockets first: the server does not know about them any more.
		closed := chain.Close()
		limited, cancel := context.WithTimeout(context.WithoutCancel(ctx), devchainStopTimeout)
		defer cancel()
		if err := server.Shutdown(limited); err != nil {
			return errors.Join(closed, fmt.Errorf("devchain: stopping the server: %w", err))
		}
		return closed
	})
	if err := group.Wait(); err != nil {
		return fail(exitInternal, "%w", err)
	}
	return nil
}

// devchainDocument says where a chain listens and which one it is.
type devchainDocument struct {
	Schema           string      `json:"schema"`
	ChainID          string      `json:"chain_id"`
	HTTP             string      `json:"http"`
	WS               string      `json:"ws"`
	GenesisHash      common.Hash `json:"genesis_hash"`
	Height           string      `json:"height"` // of the latest block when it began to listen
	BlockTimeSeconds float64     `json:"block_time_seconds"`
	FinalityLag      uint64      `json:"finality_lag"` // blocks
	Fork             string      `json:"fork"`
	PID              int         `json:"pid"`

	// Validators are those with a sub-block lane, which no chain since T4 has.
	Validators []devchainValidator `json:"validators"`
}

// devchainValidator says where the node of a validator is.
type devchainValidator struct {
	Key  netfile.Key `json:"key"`
	HTTP string      `json:"http"`
	WS   string      `json:"ws"`
}

func newDevchainDocument(cfg devchain.Config, chain *devchain.Chain, addr net.Addr) devchainDocument {
	d := devchainDocument{
		Schema:           "allegro.devchain/v1",
		ChainID:          strconv.FormatUint(cfg.ChainID, 10),
		HTTP:             "http://" + addr.String(),
		WS:               "ws://" + addr.String(),
		GenesisHash:      chain.GenesisHash(),
		Height:           strconv.FormatUint(chain.Height(), 10),
		BlockTimeSeconds: cfg.BlockTime.Seconds(),
		FinalityLag:      cfg.FinalityLag,
		Fork:             string(cfg.Fork),
		PID:              os.Getpid(),
		Validators:       []devchainValidator{},
	}
	for _, key := range cfg.Validators {
		path := devchain.ValidatorPath(key)
		d.Validators = append(d.Validators, devchainValidator{key, d.HTTP + path, d.WS + path})
	}
	return d
}

// devchainBanner says what is running and where.
func devchainBanner(w io.Writer, cfg devchain.Config, chain *devchain.Chain, addr net.Addr) {
	memory := "forgets everything when it ends (--data DIR keeps it)"
	if cfg.Dir != "" {
		memory = "keeps its blocks in " + cfg.Dir
	}
	fmt.Fprintf(w, "allegro devchain: a chain for development. It holds no real money and %s.\n\n", memory)
	fmt.Fprintf(w, "  chain id      %d\n", cfg.ChainID)
	fmt.Fprintf(w, "  genesis       %s\n", chain.GenesisHash())
	fmt.Fprintf(w, "  height        %d\n", chain.Height())
	fmt.Fprintf(w, "  block time    %s\n", cfg.BlockTime)
	blocks := "blocks"
	if cfg.FinalityLag == 1 {
		blocks = "block"
	}
	fmt.Fprintf(w, "  finalized     %d %s behind the latest\n", cfg.FinalityLag, blocks)
	fmt.Fprintf(w, "  base fee      %d\n", cfg.BaseFee)
	if cfg.Fork == devchain.T3 {
		fmt.Fprintf(w, "  hardfork      %s, with sub-block lanes: historical, no Tempo has them since T4\n", cfg.Fork)
	} else {
		fmt.Fprintf(w, "  hardfork      %s\n", cfg.Fork)
	}
	for _, key := range cfg.Validators {
		fmt.Fprintf(w, "  validator     http://%s%s\n", addr, devchain.ValidatorPath(key))
	}
	if cfg.DevRPC {
		fmt.Fprintf(w, "  dev rpc       on: whoever reaches this port can print tokens\n")
	}
	fmt.Fprintf(w, "\n  prefunded accounts, whose keys are public (mnemonic test test test test test test test test test test test junk):\n")
	for _, account := range devchain.DevAccounts() {
		fmt.Fprintf(w, "    %s\n", account)
	}
	fmt.Fprintf(w, "\n  each began with 18446744073709551615 units of every token, unless --alloc or --fund said otherwise:\n")
	for _, token := range devchain.Tokens() {
		fmt.Fprintf(w, "    %s\n", token)
	}
	fmt.Fprintf(w, "\nlistening on http://%s and ws://%s\n", addr, addr)
}
