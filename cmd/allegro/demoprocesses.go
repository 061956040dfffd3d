package main

import (
	"context"
	"errors"
	"os"
	"time"

	"github.com/allegro-p2p/allegro/testnet"
	"github.com/allegro-p2p/allegro/testnet/processes"
	"github.com/urfave/cli/v3"
)

// demoEpoch is how long the committee of a demo is in office.
const demoEpoch = 24 * time.Hour

// demoOfProcesses plays the scene on a testnet of processes, which it stops and, unless
// it has a home, deletes.
func demoOfProcesses(ctx context.Context, cmd *cli.Command, cfg testnet.Config, printer *demoPrinter, asJSON bool) (err error) {
	program, err := os.Executable()
	if err != nil {
		return fail(exitInternal, "finding this program: %w", err)
	}
	spec := processes.Spec{
		Validators: cfg.Validators, Clients: cfg.Clients, Aggregators: cfg.Aggregators, Lane: cfg.Lane, BlockTime: cfg.BlockTime, EpochLength: demoEpoch,
		ChainURLs: cfg.ChainURLs, Finality: cfg.Finality,
	}
	if err := spec.Validate(); err != nil {
		return fail(exitUsage, "%w", err)
	}
	printer.header(cmd.String("home"))
	started := time.Now()
	net, err := processes.Init(ctx, cfg.Dir, program, spec)
	if err != nil {
		return fail(exitInternal, "%w", err)
	}
	defer func() {
		// Also when this was interrupted: nothing may stay behind.
		if derr := net.Down(context.WithoutCancel(ctx)); derr != nil {
			err = errors.Join(err, fail(exitInternal, "stopping: %w", derr))
		}
	}()
	if err := net.Up(ctx, demoStartTimeout); err != nil {
		return fail(exitInternal, "%w", err)
	}
	file, err := net.File()
	if err != nil {
		return fail(exitInternal, "%w", err)
	}
	rules, err := file.Rules()
	if err != nil {
		return fail(exitInternal, "%w", err)
	}
	committee := rules.Committees()[0]
	printer.ready(committee, time.Since(started))
	if !cmd.Bool("once") {
		pages, err := net.Pages(ctx)
		if err != nil {
			return fail(exitInternal, "%w", err)
		}
		printer.pages(ctx, cmd, pages)
	}
	printer.waiting()
	result, err := net.Play(ctx, cfg.Dir, printer.event)
	if err != nil {
		return fail(exitInternal, "%w", err)
	}
	printer.verdict(result)
	if home := cmd.String("home"); home != "" {
		printer.kept(home, result)
	}
	if asJSON {
		if err := writeJSON(cmd.Root().Writer, newDemoDocument(file, committee, result)); err != nil {
			return fail(exitInternal, "writing the result: %w", err)
		}
	}
	if !cmd.Bool("once") {
		printer.runningProcesses(net)
		<-ctx.Done()
		return nil
	}
	return demoExit(result)
}

func (p *demoPrinter) runningProcesses(net *processes.Net) {
	say(p.out, "\n  The network keeps running until Ctrl-C. In another terminal:\n")
	for _, command := range []string{"status", "exec " + p.cfg.Clients[0].Name + " -- top", "exec " + p.cfg.Clients[0].Name + " -- balance", "exec " + p.cfg.Clients[0].Name + " -- pay --to " + p.cfg.Clients[1].Name + " --amount 1"} {
		say(p.out, "    allegro testnet --dir %s %s\n", net.Dir(), command)
	}
}
