package anvil

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

const (
	// startLimit is how long anvil may take until it listens. It needs 0.1 s; a
	// machine under load gets the rest.
	startLimit = 30 * time.Second
	// stopGrace is how long anvil may take to end when it is asked to, before it
	// is killed. It needs a few milliseconds.
	stopGrace = 5 * time.Second
	// maxTail is how much of the end of anvil's output an error quotes, in bytes.
	maxTail = 2 << 10
)

// Options says what chain to start. The zero value is hardfork T0 with free
// transactions in order of arrival, finality two blocks behind the latest, and a
// block whenever evm_mine is called.
type Options struct {
	// Path is the program; empty means the one that [Find] finds.
	Path string

	// Port is the one to listen on, on loopback. 0 takes any that is free.
	Port uint16

	// Hardfork is one of "t0" to "t4"; empty means anvil's default, T0.
	Hardfork string

	// BlockTime is the time from one block to the next. With 0 blocks come from
	// evm_mine alone.
	BlockTime time.Duration

	// GenesisTime is the time of block 0, in whole seconds; zero means now.
	GenesisTime time.Time

	// OwnFees leaves anvil its own fees and order: a base fee that moves as
	// Ethereum's does, and blocks sorted by the most that a transaction offers.
	OwnFees bool

	// OwnFinality leaves anvil its own finality: the finalized block is block 0
	// until there are 65 blocks, and then 64 blocks behind the latest. Whoever
	// reads at the finalized block sees no payment until then.
	OwnFinality bool

	// Output receives what anvil prints, each request included; nil discards it.
	// Only one goroutine writes to it.
	Output io.Writer
}

// args returns the command line.
func (o Options) args() []string {
	args := []string{"--network", "tempo", "--host", "127.0.0.1", "--port", strconv.Itoa(int(o.Port))}
	if o.BlockTime > 0 {
		args = append(args, "--block-time", strconv.FormatFloat(o.BlockTime.Seconds(), 'f', -1, 64))
	} else {
		args = append(args, "--no-mining")
	}
	if o.Hardfork != "" {
		args = append(args, "--hardfork", o.Hardfork)
	}
	if !o.GenesisTime.IsZero() {
		args = append(args, "--timestamp", strconv.FormatInt(o.GenesisTime.Unix(), 10))
	}
	if !o.OwnFees {
		args = append(args, "--order", "fifo", "--block-base-fee-per-gas", "0")
	}
	if !o.OwnFinality {
		args = append(args, "--slots-in-an-epoch", "1")
	}
	return args
}

// Process is a running anvil. Its methods are safe for concurrent use.
type Process struct {
	url    string
	cancel context.CancelFunc
	done   chan struct{} // closed when the process has ended
	err    error         // why it ended unasked, set before done is closed
}

// Start starts anvil and returns when it listens. The process ends with ctx or by
// [Process.Stop], whichever comes first, and one of them must come: it outlives a
// program that ends without. The error is that of [Find], or quotes what anvil
// said if it ended at once.
func Start(ctx context.Context, opts Options) (*Process, error) {
	if opts.Path == "" {
		var err error
		if opts.Path, err = Find(); err != nil {
			return nil, err
		}
	}
	out := &output{next: opts.Output, url: make(chan string, 1)}
	ctx, cancel := context.WithCancel(ctx)
	cmd := exec.CommandContext(ctx, opts.Path, opts.args()...)
	cmd.Stdout, cmd.Stderr = out, out
	// A session of its own: an interrupt of this terminal is not for it, and the
	// script that npm puts in front of the program is ended together with it.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM) }
	cmd.WaitDelay = stopGrace
	if err := cmd.Start(); err != nil {
		cancel()
		return nil, fmt.Errorf("starting anvil: %w", err)
	}
	p := &Process{cancel: cancel, done: make(chan struct{})}
	go func() {
		err := cmd.Wait()
		if ctx.Err() == nil {
			p.err = out.explain(err)
		}
		cancel()
		close(p.done)
	}()
	limit := time.NewTimer(startLimit)
	defer limit.Stop()
	select {
	case p.url = <-out.url:
		return p, nil
	case <-p.done:
		select {
		case p.url = <-out.url: // it has listened before it ended
			return p, nil
		default:
		}
		if p.err != nil {
			return nil, p.err
		}
		return nil, fmt.Errorf("starting anvil: %w", context.Cause(ctx))
	case <-limit.C:
		_ = p.Stop() // the limit is the error
		return nil, fmt.Errorf("anvil does not listen %s after it was started: %s", startLimit, out.end())
	}
}

// URL returns the address of the chain's JSON-RPC over HTTP. WebSocket is at the
// same place.
func (p *Process) URL() string { return p.url }

// Done is closed when the process has ended, asked to or not.
func (p *Process) Done() <-chan struct{} { return p.done }

// Stop ends the process, if it still runs, and returns when it has ended. The error
// tells that it had ended before, unasked, and quotes what it said.
func (p *Process) Stop() error {
	p.cancel()
	<-p.done
	return p.err
}

// output takes what anvil prints: it passes everything on, keeps the end of it, and
// finds the line that says where anvil listens.
type output struct {
	next  io.Writer   // nil for none
	url   chan string // holds one: where anvil listens
	heard bool        // it was sent

	mu   sync.Mutex // guards tail
	tail []byte
}

// Write implements [io.Writer].
func (o *output) Write(data []byte) (int, error) {
	o.mu.Lock()
	o.tail = append(o.tail, data...)
	o.tail = o.tail[max(0, len(o.tail)-maxTail):]
	if !o.heard {
		if address, ok := listening(o.tail); ok {
			o.heard = true
			o.url <- "http://" + address
		}
	}
	o.mu.Unlock()
	if o.next != nil {
		return o.next.Write(data)
	}
	return len(data), nil
}

// listening returns the address from the line that says where anvil listens, once
// the whole of it is there.
func listening(text []byte) (address string, ok bool) {
	_, rest, ok := bytes.Cut(text, []byte("Listening on "))
	if !ok {
		return "", false
	}
	line, _, ok := bytes.Cut(rest, []byte("\n"))
	return strings.TrimSpace(string(line)), ok
}

// end returns the end of what anvil printed.
func (o *output) end() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return string(bytes.TrimSpace(o.tail))
}

// explain returns the error of a process that ended unasked. err is nil if it
// ended well.
func (o *output) explain(err error) error {
	if err == nil {
		err = errors.New("exit status 0")
	}
	return fmt.Errorf("anvil ended by itself (%w): %s", err, o.end())
}
