package main

import (
	"context"
	"encoding/json"
	"errors"
	"net/url"
	"os"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/allegro-p2p/allegro/cmd/internal/api"
	"github.com/urfave/cli/v3"
	"golang.org/x/term"
)

func topCommand() *cli.Command {
	return &cli.Command{
		Name:  "top",
		Usage: "watch a running peer: chain, peers, mesh, payments and their QCs",
		Description: "Keys: q ends it, t shows the topics one after the other, p the peers, f freezes what is shown, / filters\n" +
			"payments and peers, the arrows choose a payment and enter inspects it down to each vote, esc goes back.\n" +
			"Round trips are measured every ten seconds. NO_COLOR is respected.\n\n" +
			"If standard output is no terminal, or with --plain, each line is one document of schema\n" +
			"allegro.snapshot/v1.",
		Flags: []cli.Flag{
			&cli.DurationFlag{Name: "interval", Value: time.Second, Usage: "look at the peer every `DURATION`", Local: true},
			&cli.BoolFlag{Name: "plain", Usage: "print one document a line", Local: true},
			&cli.DurationFlag{Name: "timeout", Value: 5 * time.Second, Usage: "wait for the peer no longer than this `DURATION`", Local: true},
			homeFlag(),
		},
		OnUsageError: usageError,
		Action:       runTop,
	}
}

// measureEvery is how often top has round trips measured: a peer that this one has not
// dialed has none else.
const measureEvery = 10 * time.Second

// runTop watches the peer that runs in the home. One that was started for the moment
// would show its own start only.
func runTop(ctx context.Context, cmd *cli.Command) error {
	if err := takesNothing(cmd); err != nil {
		return err
	}
	interval, timeout := cmd.Duration("interval"), cmd.Duration("timeout")
	if interval <= 0 || timeout <= 0 {
		return fail(exitUsage, "interval %s and timeout %s must be positive", interval, timeout)
	}
	h, err := openHome(cmd)
	if err != nil {
		return err
	}
	contacts, err := h.Contacts()
	if err != nil {
		return fail(exitUsage, "%w", err)
	}
	waiting, cancel := context.WithTimeout(ctx, timeout)
	client, err := awaitRunning(waiting, h)
	cancel()
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil {
		return notRunning(h, timeout)
	}
	defer client.Close()
	snapshots := &snapshotReader{client: client, interval: interval, timeout: timeout}
	if out, ok := cmd.Root().Writer.(*os.File); cmd.Bool("plain") || !ok || !term.IsTerminal(int(out.Fd())) {
		return printSnapshots(ctx, cmd, snapshots)
	}
	return showSnapshots(ctx, cmd, snapshots, newTopModel(contacts))
}

// snapshotReader asks a peer for its snapshot again and again.
type snapshotReader struct {
	client            *api.Client
	interval, timeout time.Duration
}

// each calls tell with every snapshot, or why there is none, until ctx ends or tell
// fails, whose error it returns.
func (r *snapshotReader) each(ctx context.Context, tell func(*api.Snapshot, error) error) error {
	ticks := time.NewTicker(r.interval)
	defer ticks.Stop()
	var measured time.Time
	for {
		query := url.Values{}
		if time.Since(measured) >= measureEvery {
			measured = time.Now()
			query.Set("measure", "true")
		}
		s, err := r.one(ctx, query)
		if ctx.Err() != nil {
			return nil // watching ends when it is interrupted
		}
		if err := tell(s, err); err != nil {
			return err
		}
		select {
		case <-ticks.C:
		case <-ctx.Done():
			return nil
		}
	}
}

func (r *snapshotReader) one(ctx context.Context, query url.Values) (*api.Snapshot, error) {
	limited, cancel := context.WithTimeout(ctx, r.timeout)
	defer cancel()
	s := new(api.Snapshot)
	if err := r.client.Get(limited, api.RouteSnapshot, "", query, s); err != nil {
		return nil, err
	}
	return s, nil
}

// printSnapshots writes one document a line.
func printSnapshots(ctx context.Context, cmd *cli.Command, r *snapshotReader) error {
	out := json.NewEncoder(cmd.Root().Writer)
	out.SetEscapeHTML(false)
	return r.each(ctx, func(s *api.Snapshot, err error) error {
		if errors.Is(err, context.DeadlineExceeded) {
			return fail(exitUnreachable, "the peer does not answer within %s", r.timeout)
		}
		if err != nil {
			return apiError(err)
		}
		return out.Encode(s)
	})
}

// showSnapshots runs the display until a key or an interrupt ends it.
func showSnapshots(ctx context.Context, cmd *cli.Command, r *snapshotReader, m topModel) error {
	reading, stop := context.WithCancel(ctx)
	p := tea.NewProgram(m, tea.WithContext(ctx), tea.WithInput(cmd.Root().Reader), tea.WithOutput(cmd.Root().Writer), tea.WithoutSignalHandler())
	read := make(chan error, 1)
	go func() {
		read <- r.each(reading, func(s *api.Snapshot, err error) error {
			if err != nil {
				p.Send(topFailed{err})
			} else {
				p.Send(topSnapshot{s})
			}
			return nil
		})
	}()
	_, err := p.Run()
	stop()
	err = errors.Join(err, <-read)
	if ctx.Err() != nil {
		return nil // watching ends when it is interrupted
	}
	if err != nil {
		return fail(exitInternal, "the display ended: %w", err)
	}
	return nil
}
