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
	"github.com/ethereum/go-ethereum/common"
	"github.com/urfave/cli/v3"
)

// session is a command's connection to the peer of a home: the running one, or one
// that was started for the moment.
type session struct {
	*api.Client
	home *home.Home
	stop func() error // ends the peer that was started; nil if it runs by itself
}

const (
	// startingTimeout is how long a peer may take from its lock to its API.
	startingTimeout = 10 * time.Second
	// meshTimeout is how long a peer that was started for the moment may look for
	// the others before the command goes on with whom it has.
	meshTimeout = 15 * time.Second
)

// openSession connects to the peer of the home that --home names, or starts it for
// this command and waits until it has met the others.
func openSession(ctx context.Context, cmd *cli.Command) (*session, error) {
	h, err := openHome(cmd)
	if err != nil {
		return nil, err
	}
	client, err := dialRunning(ctx, h)
	if err != nil {
		return nil, err
	}
	s := &session{Client: client, home: h}
	if client != nil {
		return s, nil
	}
	return s, s.start(ctx, cmd)
}

// dialRunning connects to the peer that runs in a home; nil if none does.
func dialRunning(ctx context.Context, h *home.Home) (*api.Client, error) {
	holder, running, err := h.Holder()
	if err != nil {
		return nil, fail(exitInternal, "%w", err)
	}
	if !running {
		return nil, nil
	}
	r, err := awaitRunning(ctx, h)
	if err != nil {
		return nil, fail(exitUnreachable, "pid %d (%s) has home %s but its API does not answer: %w", holder.PID, holder.Command, h.Dir(), err)
	}
	return api.Dial(r.API), nil
}

// awaitRunning waits until a process that has the home has told where its API is.
func awaitRunning(ctx context.Context, h *home.Home) (home.Running, error) {
	ctx, cancel := context.WithTimeout(ctx, startingTimeout)
	defer cancel()
	for {
		if r, err := h.Running(); err == nil {
			c := api.Dial(r.API)
			err := c.Get(ctx, api.RouteWait, "", url.Values{"for": {"api"}}, new(api.Self))
			c.Close()
			if err == nil {
				return r, nil
			}
		}
		select {
		case <-time.After(50 * time.Millisecond): // another process's files cannot be waited for otherwise
		case <-ctx.Done():
			return home.Running{}, ctx.Err()
		}
	}
}

// start runs the peer in this process until the session ends.
func (s *session) start(ctx context.Context, cmd *cli.Command) error {
	setupLog(home.Log{Level: "error", Format: s.home.Config().Log.Format}, cmd.Root().ErrWriter)
	s.home.Config().Metrics.Listen = "" // nobody reads them in a moment
	d, err := newDaemon(ctx, cmd, s.home)
	if err != nil {
		return err
	}
	running, cancel := context.WithCancel(context.WithoutCancel(ctx))
	done := make(chan error, 1)
	go func() { done <- d.Run(running) }()
	s.stop = func() error {
		cancel()
		return <-done
	}
	select {
	case <-d.Serving():
	case err := <-done:
		cancel()
		s.stop = nil
		return fail(exitInternal, "%w", err)
	case <-ctx.Done():
		return errors.Join(ctx.Err(), s.stop())
	}
	path, err := s.home.SocketPath()
	if err != nil {
		return errors.Join(fail(exitInternal, "%w", err), s.stop())
	}
	s.Client = api.Dial(path)
	err = s.Get(ctx, api.RouteWait, "", url.Values{"for": {"mesh"}, "timeout": {meshTimeout.String()}}, new(api.Self))
	if err != nil && ctx.Err() == nil {
		say(cmd.Root().ErrWriter, "allegro: this peer goes on without everybody: %s\n", printable(err.Error()))
	}
	return nil
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
		Version: buildVersion(), Command: home.CommandName(os.Args), Now: time.Now,
		Password: func(common.Address) (string, error) { return accountPassword(ctx, cmd, h, false) },
	})
	if err != nil {
		return nil, homeError(err)
	}
	return d, nil
}
