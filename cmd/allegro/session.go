package main

import (
	"context"
	"errors"
	"net/url"
	"os"
	"time"

	"github.com/allegro-p2p/allegro/cmd/internal/api"
	"github.com/allegro-p2p/allegro/cmd/internal/daemon"
	"github.com/allegro-p2p/allegro/cmd/internal/home"
	"github.com/allegro-p2p/allegro/fastpay"
	"github.com/allegro-p2p/allegro/p2p"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/ethereum/go-ethereum/common"
	"github.com/urfave/cli/v3"
)

// session is a command's connection to the peer of a home: the running one, or one
// that was started for the moment.
type session struct {
	*api.Client
	cmd  *cli.Command
	home *home.Home
	stop func() error // ends the peer that was started; nil if it runs by itself
}

const (
	// startingTimeout is how long a peer may take from its lock to its API.
	startingTimeout = 10 * time.Second
	// meshTimeout is how long a peer that was started for the moment may look for
	// the others before the command goes on with whom it has.
	meshTimeout = 15 * time.Second
	// drainTimeout is how long a peer that was started for the moment stays for other
	// commands that have found it.
	drainTimeout = 30 * time.Second
)

// openSession connects to the peer of the home that --home names, or starts it for
// this command and waits until it has met the others. It starts no validator: who stopped
// one does not expect it to vote and to settle because somebody looks at it.
func openSession(ctx context.Context, cmd *cli.Command) (*session, error) {
	h, err := openHome(cmd)
	if err != nil {
		return nil, err
	}
	s := &session{cmd: cmd, home: h}
	return s, s.open(ctx)
}

// open connects to the peer that runs, or starts it. Another command may do the same at
// that moment.
func (s *session) open(ctx context.Context) (err error) {
	for range reopens {
		client, derr := dialRunning(ctx, s.home)
		if derr != nil {
			return derr
		}
		if client != nil {
			s.Client = client
			return nil
		}
		if s.home.Config().Node.Role == p2p.RoleValidator {
			return withHint(fail(exitUnreachable, "no peer runs in home %s, and no command starts a validator for the moment: it would vote", s.home.Dir()), runHint(s.home))
		}
		if err = s.start(ctx); !errors.Is(err, home.ErrInUse) {
			return err
		}
	}
	return err // it is not the home that is in use, but its vote key
}

// reopens is how often a session looks for a peer again that is gone.
const reopens = 5

// again runs an exchange, and runs it again with another peer where the one that another
// command had started is gone, as long as retry finds its error harmless.
func (s *session) again(ctx context.Context, retry error, exchange func() error) error {
	for range reopens {
		err := exchange()
		if !errors.Is(err, retry) || s.stop != nil || ctx.Err() != nil {
			return err
		}
		s.Client.Close()
		if err := s.open(ctx); err != nil {
			return err
		}
	}
	return exchange()
}

// Get is [api.Client.Get] with whoever is the home's peer.
func (s *session) Get(ctx context.Context, route, id string, query url.Values, into any) error {
	return s.again(ctx, api.ErrUnreachable, func() error { return s.Client.Get(ctx, route, id, query, into) })
}

// Post is [api.Client.Post] with whoever is the home's peer. What a peer may have seen is
// not sent to another.
func (s *session) Post(ctx context.Context, route, id string, body, into any) error {
	return s.again(ctx, api.ErrNotSent, func() error { return s.Client.Post(ctx, route, id, body, into) })
}

// Delete is [api.Client.Delete] with whoever is the home's peer.
func (s *session) Delete(ctx context.Context, route, id string, into any) error {
	return s.again(ctx, api.ErrNotSent, func() error { return s.Client.Delete(ctx, route, id, into) })
}

// dialRunning connects to the peer that runs in a home; nil if none does.
func dialRunning(ctx context.Context, h *home.Home) (*api.Client, error) {
	ctx, cancel := context.WithTimeout(ctx, startingTimeout)
	defer cancel()
	for {
		holder, running, err := h.Holder()
		if err != nil {
			return nil, fail(exitInternal, "%w", err)
		}
		if !running {
			return nil, nil
		}
		if client := dialNow(ctx, h); client != nil {
			return client, nil
		}
		select {
		case <-time.After(filePause):
		case <-ctx.Done():
			return nil, fail(exitUnreachable, "pid %d (%s) has home %s but its API does not answer", holder.PID, holder.Command, h.Dir())
		}
	}
}

// awaitRunning waits until a peer runs in a home and answers.
func awaitRunning(ctx context.Context, h *home.Home) (*api.Client, error) {
	for {
		if client := dialNow(ctx, h); client != nil {
			return client, nil
		}
		select {
		case <-time.After(filePause):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// filePause is how often the files of a home are looked at: nothing tells when another
// process changes them.
const filePause = 50 * time.Millisecond

// dialNow connects to the API of the peer that runs in a home; nil if it does not answer.
func dialNow(ctx context.Context, h *home.Home) *api.Client {
	r, err := h.Running()
	if err != nil {
		return nil
	}
	c := api.Dial(r.API)
	if err := c.Get(ctx, api.RouteWait, "", url.Values{"for": {"api"}}, new(api.Self)); err != nil {
		c.Close()
		return nil
	}
	return c
}

// start runs the peer in this process until the session ends.
func (s *session) start(ctx context.Context) error {
	cmd := s.cmd
	setupLog(home.Log{Level: "error", Format: s.home.Config().Log.Format}, cmd.Root().ErrWriter)
	// Nobody reads them in a moment.
	s.home.Config().Metrics.Listen, s.home.Config().Aggregator.Listen = "", ""
	d, err := newDaemon(ctx, cmd, s.home)
	if err != nil {
		return err
	}
	running, cancel := context.WithCancel(context.WithoutCancel(ctx))
	done := make(chan error, 1)
	go func() { done <- d.Run(running) }()
	s.stop = func() error {
		// Other commands may have found this peer.
		drained, over := context.WithTimeout(context.WithoutCancel(ctx), drainTimeout)
		defer over()
		err := d.Drain(drained)
		cancel()
		return errors.Join(ignoreDeadline(err), <-done)
	}
	select {
	case <-d.Serving():
	case err := <-done:
		cancel()
		s.stop = nil
		return fail(exitInternal, "%w", err)
	case <-ctx.Done():
		cancel()
		s.stop = nil
		return errors.Join(ctx.Err(), <-done)
	}
	path, err := s.home.SocketPath()
	if err != nil {
		return errors.Join(fail(exitInternal, "%w", err), s.stop())
	}
	s.Client = api.Dial(path)
	err = s.Get(ctx, api.RouteWait, "", url.Values{"for": {"mesh"}, "timeout": {s.meshTimeout().String()}}, new(api.Self))
	if err != nil && ctx.Err() == nil {
		say(cmd.Root().ErrWriter, "allegro: this peer goes on without everybody: %s\n", printable(err.Error()))
	}
	return nil
}

// meshTimeout is how long the start of a peer may take: not longer than the command has.
func (s *session) meshTimeout() time.Duration {
	if own := s.cmd.Duration("timeout"); own > 0 {
		return min(own, meshTimeout)
	}
	return meshTimeout
}

// ignoreDeadline drops the error of a wait that was given up.
func ignoreDeadline(err error) error {
	if errors.Is(err, context.DeadlineExceeded) {
		return nil
	}
	return err
}

// close ends the session.
func (s *session) close() error {
	s.Client.Close()
	if s.stop == nil {
		return nil
	}
	if err := s.stop(); err != nil {
		return fail(exitInternal, "stopping the peer: %w", err)
	}
	return nil
}

// inSession makes the action of a command that talks to the peer of a home.
func inSession(run func(ctx context.Context, cmd *cli.Command, s *session, asJSON bool) error) cli.ActionFunc {
	return withOutput(func(ctx context.Context, cmd *cli.Command, asJSON bool) error {
		return inOpenSession(ctx, cmd, func(s *session) error { return run(ctx, cmd, s, asJSON) })
	})
}

// inOpenSession runs what talks to the peer of a home.
func inOpenSession(ctx context.Context, cmd *cli.Command, run func(s *session) error) (err error) {
	s, err := openSession(ctx, cmd)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	return apiError(run(s))
}

// apiError gives an error of the API its exit code and hint.
func apiError(err error) error {
	var told *api.Error
	switch {
	case errors.As(err, &told):
		return withHint(&exitError{exitOf(told), err}, told.Hint)
	case errors.Is(err, api.ErrUnreachable):
		return &exitError{exitUnreachable, err}
	}
	return err
}

// exitOf is the exit code of an error of the API.
func exitOf(e *api.Error) int {
	switch e.Code {
	case api.CodeUsage, api.CodeWrongRole, api.CodeNotFound:
		return exitUsage
	case api.CodeDeadline:
		return exitDeadline
	case api.CodeUnreachable:
		return exitUnreachable
	case api.CodeInternal:
		return exitInternal
	}
	return fastpay.Classify(e).Exit
}

// newDaemon builds the peer of a home. A fault of the home ends the command as a
// usage error.
func newDaemon(ctx context.Context, cmd *cli.Command, h *home.Home) (*daemon.Daemon, error) {
	d, err := daemon.New(ctx, h, daemon.Options{
		Version: buildVersion(), Command: home.CommandName(os.Args), Now: time.Now, FS: vfs.Default,
		Password: func(common.Address) (string, error) { return accountPassword(ctx, cmd, h, false) },
	})
	if err != nil {
		return nil, homeError(err)
	}
	return d, nil
}
