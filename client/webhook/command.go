package webhook

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"github.com/allegro-p2p/allegro/client/orders"
	"github.com/allegro-p2p/allegro/fastpay"
	log "github.com/ipfs/go-log/v2"
)

var logger = log.Logger("allegro/webhook")

// What a command finds in its environment, beside the peer's own.
const (
	EnvMessageID = "ALLEGRO_MESSAGE_ID"
	EnvTxID      = "ALLEGRO_TX_ID"
	EnvKind      = "ALLEGRO_KIND"
)

// outputGrace is how long a command's output is waited for once the command has ended:
// what it leaves running may hold it open.
const outputGrace = time.Second

// Command tells messages by running a program, with the message on its standard input.
// Make it with [NewCommand]. Safe for concurrent use, and so must the program be: messages
// of different payers are told at once. One that runs as the peer is killed goes on, and the
// peer's next run tells the same message: it locks what it changes.
type Command struct {
	path    string
	args    []string
	timeout time.Duration
}

var _ orders.Deliverer = (*Command)(nil)

// NewCommand returns a command of a program and its arguments. No shell is asked: a word is
// one argument whatever it holds. The error says that there is no such program.
func NewCommand(words []string) (*Command, error) {
	if len(words) == 0 {
		return nil, errors.New("order command: want a program and its arguments")
	}
	path, err := exec.LookPath(words[0])
	if err == nil {
		path, err = filepath.Abs(path)
	}
	if err != nil {
		return nil, fmt.Errorf("order command: %w", err)
	}
	return &Command{path, words[1:], Timeout}, nil
}

// Deliver implements [orders.Deliverer]. Exit code 0 acknowledges the message. The error
// says how else the program ended, and the end of what it printed. A program that takes
// longer than [Timeout], or than ctx, is killed with what it has started.
func (c *Command) Deliver(ctx context.Context, id fastpay.ID, m orders.Message) error {
	ctx, cancel := context.WithTimeoutCause(ctx, c.timeout, fmt.Errorf("it did not end within %s and was killed", c.timeout))
	defer cancel()
	cmd := exec.CommandContext(ctx, c.path, c.args...)
	cmd.Env = append(os.Environ(), EnvMessageID+"="+orders.MessageID(id, m.Kind), EnvTxID+"="+id.Hex(), EnvKind+"="+string(m.Kind))
	cmd.Stdin = bytes.NewReader(m.Body)
	var out tail
	cmd.Stdout, cmd.Stderr = &out, &out
	// A session of its own: an interrupt of this terminal is not for it, and its children
	// end with it.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = outputGrace
	err := cmd.Run()
	// It may have ended well as it was about to be killed, or have left something behind
	// that holds its output: its exit code is what counts.
	if cmd.ProcessState != nil && cmd.ProcessState.Success() {
		logger.Debugw("a command has taken a message", "tx", id, "kind", m.Kind, "output", out.String())
		return nil
	}
	if cause := context.Cause(ctx); cause != nil {
		err = cause
	}
	if out.whole == 0 {
		return fmt.Errorf("order command: %w", err)
	}
	return fmt.Errorf("order command: %w: %s", err, &out)
}
