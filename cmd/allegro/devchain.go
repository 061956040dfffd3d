package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	"github.com/allegro-p2p/allegro/tempo/devchain"
	"github.com/urfave/cli/v3"
	"golang.org/x/sync/errgroup"
)

// devchainCommand runs the development chain alone.
func devchainCommand() *cli.Command {
	defaults := devchain.DefaultConfig()
	return &cli.Command{
		Name:  "devchain",
		Usage: "run a Tempo chain for development, in memory and without money",
		Description: "It serves JSON-RPC over HTTP and WebSocket on one port. Everything is forgotten when it ends.\n" +
			"What it leaves out of Tempo it refuses by name.",
		Flags: []cli.Flag{
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
				Name:    "alloc",
				Usage:   "begin with the balances of `FILE`: {\"0xTOKEN\": {\"0xACCOUNT\": \"UNITS\"}}",
				Sources: cli.EnvVars("ALLEGRO_DEVCHAIN_ALLOC"),
				Local:   true,
			},
			&cli.BoolFlag{
				Name:    "dev-rpc",
				Usage:   "serve evm_mine and anvil_setStorageAt: whoever reaches the port can print tokens",
				Sources: cli.EnvVars("ALLEGRO_DEVCHAIN_DEV_RPC"),
				Local:   true,
			},
		},
		OnUsageError: usageError,
		Action:       runDevchain,
	}
}

// runDevchain is the action of devchain. It ends without an error when ctx
// does.
func runDevchain(ctx context.Context, cmd *cli.Command) error {
	if cmd.Args().Present() {
		return fail(exitUsage, "devchain takes no arguments, it got %q", cmd.Args().First())
	}
	cfg := devchain.DefaultConfig()
	cfg.BlockTime = cmd.Duration("block-time")
	cfg.ChainID = cmd.Uint64("chain-id")
	cfg.FinalityLag = cmd.Uint64("finality-lag")
	cfg.BaseFee = cmd.Uint64("base-fee")
	cfg.DevRPC = cmd.Bool("dev-rpc")
	if path := cmd.String("alloc"); path != "" {
		var err error
		if cfg.Alloc, err = readAlloc(path); err != nil {
			return fail(exitUsage, "--alloc: %w", err)
		}
	}
	if err := cfg.Validate(); err != nil {
		return fail(exitUsage, "%w", err)
	}
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", cmd.String("listen"))
	if err != nil {
		return fail(exitUsage, "devchain cannot listen on %s, choose another address with --listen: %w", cmd.String("listen"), err)
	}
	chain, err := devchain.New(cfg)
	if err != nil {
		listener.Close()
		return fail(exitInternal, "%w", err)
	}
	devchainBanner(cmd.Root().ErrWriter, cfg, listener.Addr())
	return serveDevchain(ctx, chain, listener)
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
			return err
		}
		return nil
	})
	group.Go(func() error {
		<-ctx.Done()
		// WebSockets first: the server does not know about them any more.
		closed := chain.Close()
		limited, cancel := context.WithTimeout(context.WithoutCancel(ctx), devchainStopTimeout)
		defer cancel()
		return errors.Join(closed, server.Shutdown(limited))
	})
	if err := group.Wait(); err != nil {
		return fail(exitInternal, "devchain: %w", err)
	}
	return nil
}

// devchainBanner says what is running and where.
func devchainBanner(w io.Writer, cfg devchain.Config, addr net.Addr) {
	fmt.Fprintf(w, "allegro devchain: a chain for development. It holds no real money and forgets everything when it ends.\n\n")
	fmt.Fprintf(w, "  chain id      %d\n", cfg.ChainID)
	fmt.Fprintf(w, "  block time    %s\n", cfg.BlockTime)
	fmt.Fprintf(w, "  finalized     %d blocks behind the latest\n", cfg.FinalityLag)
	fmt.Fprintf(w, "  base fee      %d\n", cfg.BaseFee)
	if cfg.DevRPC {
		fmt.Fprintf(w, "  dev rpc       on: whoever reaches this port can print tokens\n")
	}
	fmt.Fprintf(w, "\n  prefunded accounts, whose keys are public (mnemonic test test test test test test test test test test test junk):\n")
	for _, account := range devchain.DevAccounts() {
		fmt.Fprintf(w, "    %s\n", account)
	}
	fmt.Fprintf(w, "\n  each with 18446744073709551615 units of every token, unless --alloc says otherwise:\n")
	for _, token := range devchain.Tokens() {
		fmt.Fprintf(w, "    %s\n", token)
	}
	fmt.Fprintf(w, "\nlistening on http://%s and ws://%s\n", addr, addr)
}
