package processes

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/allegro-p2p/allegro/p2p/netfile"
	"github.com/allegro-p2p/allegro/tempo/devchain"
	"github.com/allegro-p2p/allegro/testnet"
	"github.com/gofrs/flock"
)

const (
	// pollInterval is how often another process's files are looked at: nothing tells
	// when they change.
	pollInterval = 20 * time.Millisecond
	// stopGrace is how long a process may take to end well.
	stopGrace = 15 * time.Second
	// maxTail is how much of a log an error quotes, in bytes.
	maxTail = 2 << 10
)

// process is one process of the testnet, running or not.
type process struct {
	name string
	args []string // of the program
	home string   // ALLEGRO_HOME
	lock string   // the file that it holds a lock on while it runs
	log  string   // its standard error
	out  string   // its standard output; empty: thrown away
	pid  func() (int, error)

	begin int64 // where in its log this start of it began
}

// chainProcess is the development chain of a network that has one of its own.
func (n *Net) chainProcess() *process {
	dir := filepath.Join(n.dir, chainName)
	p := &process{
		name: chainName, home: dir, lock: filepath.Join(dir, "lock"), log: filepath.Join(dir, "chain.log"), out: filepath.Join(dir, "chain.json"),
		args: []string{"devchain", "--listen", n.state.ChainAddr, "--data", dir, "--alloc", filepath.Join(n.dir, allocName),
			"--block-time", n.state.Spec.BlockTime.String(), "--base-fee", fmt.Sprint(uint64(testnet.BaseFee)), "-o", "json"},
	}
	if n.state.Spec.Lane == netfile.SubBlockLane {
		p.args = append(p.args, "--fork", string(devchain.T3))
		for i := range n.state.Spec.Validators {
			p.args = append(p.args, "--validator", n.state.NodeKeys[testnet.ValidatorName(i)].String())
		}
	}
	p.pid = func() (int, error) { return pidIn(p.out) }
	return p
}

// peerProcess is a peer.
func (n *Net) peerProcess(m member) *process {
	home := filepath.Join(n.dir, m.Name)
	p := &process{
		name: m.Name, home: home, lock: filepath.Join(home, "run", "node.lock"), log: filepath.Join(home, "run", "allegro.log"),
		args: []string{string(m.Role), "run", "--quiet"},
	}
	p.pid = func() (int, error) { return pidIn(p.lock) }
	return p
}

// processes are all of them in the order in which they start.
func (n *Net) processes() []*process {
	var all []*process
	if n.ownChain() {
		all = append(all, n.chainProcess())
	}
	return append(all, n.peerProcesses()...)
}

// peerProcesses are those of the peers.
func (n *Net) peerProcesses() []*process {
	var all []*process
	for _, m := range n.state.Spec.peers() {
		all = append(all, n.peerProcess(m))
	}
	return all
}

// pidIn reads the pid that a JSON file names.
func pidIn(path string) (int, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return 0, err
	}
	var holder struct {
		PID int `json:"pid"`
	}
	if err := json.Unmarshal(data, &holder); err != nil || holder.PID <= 0 {
		return 0, fmt.Errorf("%s names no pid yet", path)
	}
	return holder.PID, nil
}

// running reports whether the process runs: whether its lock is held.
func (p *process) running() (bool, error) {
	if _, err := os.Stat(p.lock); errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	file := flock.New(p.lock)
	free, err := file.TryLock()
	if err != nil {
		return false, fmt.Errorf("looking at %s: %w", p.lock, err)
	}
	if free {
		return false, file.Unlock()
	}
	return true, nil
}

// start starts the process, which outlives this one, and returns when it holds its
// lock. The error quotes the end of its log if it ended instead.
func (p *process) start(ctx context.Context, program string) error {
	log, err := os.OpenFile(p.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("starting %s: %w", p.name, err)
	}
	defer log.Close()
	if p.begin, err = log.Seek(0, 2); err != nil {
		return fmt.Errorf("starting %s: %w", p.name, err)
	}
	cmd := exec.Command(program, p.args...)
	cmd.Env = homeEnv(p.home)
	cmd.Stderr = log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true} // an interrupt of this terminal is not for it
	if p.out != "" {
		out, err := os.Create(p.out)
		if err != nil {
			return fmt.Errorf("starting %s: %w", p.name, err)
		}
		defer out.Close()
		cmd.Stdout = out
	}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("starting %s: %w", p.name, err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	for {
		if pid, err := p.pid(); err == nil && pid == cmd.Process.Pid {
			return nil
		}
		select {
		case err := <-ended:
			return fmt.Errorf("%s ended as soon as it was started (%v): %s", p.name, err, p.tail())
		case <-time.After(pollInterval):
		case <-ctx.Done():
			return fmt.Errorf("starting %s: %w", p.name, ctx.Err())
		}
	}
}

// tail is the end of what this start of the process has logged.
func (p *process) tail() string {
	data, err := os.ReadFile(p.log)
	if err != nil {
		return err.Error()
	}
	data = bytes.TrimSpace(data[min(int(p.begin), len(data)):])
	if len(data) > maxTail {
		data = data[len(data)-maxTail:]
	}
	return strings.TrimPrefix(string(data), "allegro: ")
}

// stop ends the process if it runs, well if it can be, and returns when its lock is
// free.
func (p *process) stop(ctx context.Context) error {
	asked := time.Time{}
	for {
		running, err := p.running()
		if err != nil || !running {
			return err
		}
		pid, err := p.pid()
		if err == nil {
			signal := syscall.SIGTERM
			if !asked.IsZero() && time.Since(asked) > stopGrace {
				signal = syscall.SIGKILL
			}
			if asked.IsZero() || signal == syscall.SIGKILL {
				asked = time.Now()
				if err := syscall.Kill(pid, signal); err != nil && !errors.Is(err, syscall.ESRCH) {
					return fmt.Errorf("stopping %s (pid %d): %w", p.name, pid, err)
				}
			}
		}
		select {
		case <-time.After(pollInterval):
		case <-ctx.Done():
			return fmt.Errorf("stopping %s: %w", p.name, ctx.Err())
		}
	}
}
