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
	"slices"
	"strings"
	"time"

	"github.com/allegro-p2p/allegro/p2p"
	"github.com/allegro-p2p/allegro/p2p/netfile"
	"github.com/allegro-p2p/allegro/tempo/devchain"
	"github.com/allegro-p2p/allegro/testnet"
)

// Spec says what a network is made of.
type Spec struct {
	Validators  int               `json:"validators"`
	Clients     []testnet.Account `json:"clients"`
	Aggregators int               `json:"aggregators"`
	BlockTime   time.Duration     `json:"block_time_nanos"` // whole seconds
	Lane        netfile.Lane      `json:"lane"`
	// ChainURLs are nodes of another's chain, which the peers take in turn; BlockTime is
	// that chain's then. Empty: a development chain of the network's own.
	ChainURLs []string `json:"chain_urls,omitempty"`
	// Finality says which blocks of the chain count as final.
	Finality netfile.Finality `json:"finality"`
	// EpochLength is how long the first committee is in office. The next one can
	// begin when it ends.
	EpochLength time.Duration `json:"epoch_length_nanos"`
}

// maxPeers bounds each kind of peer: each is a process of its own.
const maxPeers = 20

// Validate reports the first thing that a network cannot be made of.
func (s *Spec) Validate() error {
	switch {
	case s.Validators < 1 || s.Validators > maxPeers:
		return fmt.Errorf("%d validators: between 1 and %d processes are possible", s.Validators, maxPeers)
	case len(s.Clients) > maxPeers || s.Aggregators < 0 || s.Aggregators > maxPeers:
		return fmt.Errorf("%d clients and %d aggregators: at most %d each are possible", len(s.Clients), s.Aggregators, maxPeers)
	case s.BlockTime < time.Second || s.BlockTime%time.Second != 0:
		return fmt.Errorf("block time %s: use whole seconds, at least 1s", s.BlockTime)
	case s.Lane != netfile.PaymentLane && s.Lane != netfile.SubBlockLane:
		return fmt.Errorf("lane %q is unknown: use %q or %q", s.Lane, netfile.PaymentLane, netfile.SubBlockLane)
	case s.Lane == netfile.SubBlockLane && len(s.ChainURLs) > 0:
		return errors.New("sub-block lanes want a chain before T4 with a node for each validator: leave out the nodes of another's chain")
	case s.Finality != netfile.Finalized && s.Finality != netfile.Latest:
		return fmt.Errorf("finality %q: use %s or %s", s.Finality, netfile.Finalized, netfile.Latest)
	case s.EpochLength < time.Minute:
		return fmt.Errorf("epoch length %s: use at least a minute", s.EpochLength)
	}
	seen := make(map[string]bool)
	for _, m := range s.peers() {
		if m.Name == "" || m.Name == chainName || strings.ContainsAny(m.Name, "/\\. \t\n") {
			return fmt.Errorf("a peer cannot be called %q", m.Name)
		}
		if seen[m.Name] {
			return fmt.Errorf("two peers are called %s", m.Name)
		}
		seen[m.Name] = true
	}
	return nil
}

// member is a peer of a network.
type member struct {
	Name string
	Role p2p.Role
}

// peers are the network's peers: validators, then clients, then aggregators.
func (s *Spec) peers() []member {
	var out []member
	for i := range s.Validators {
		out = append(out, member{testnet.ValidatorName(i), p2p.RoleValidator})
	}
	for _, c := range s.Clients {
		out = append(out, member{c.Name, p2p.RoleClient})
	}
	for i := range s.Aggregators {
		out = append(out, member{testnet.AggregatorName(i), p2p.RoleAggregator})
	}
	return out
}

// Net is a testnet in a folder. Its methods are not safe for concurrent use.
type Net struct {
	dir     string // absolute
	program string // the allegro binary
	state   state
}

// state is testnet.json.
type state struct {
	Version   int    `json:"version"`
	Spec      Spec   `json:"spec"`
	ChainAddr string `json:"chain_address,omitempty"` // HOST:PORT of the JSON-RPC of the network's own chain
	Funded    bool   `json:"funded,omitempty"`        // the accounts have their money on another's chain
	// NodeKeys are the keys of the validators' chain nodes by name, with sub-block lanes.
	NodeKeys map[string]netfile.Key `json:"node_keys,omitempty"`
}

const (
	stateVersion = 2
	stateName    = "testnet.json"
	networkName  = "network.toml"
	allocName    = "alloc.json"
	targetsName  = "prometheus.json"
	chainName    = "chain"
)

// ErrNoNet means that a folder holds no testnet.
var ErrNoNet = errors.New("holds no testnet: make one with allegro testnet init")

// Open returns the testnet in a folder. program is the allegro binary to run.
func Open(dir, program string) (*Net, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("testnet folder: %w", err)
	}
	data, err := os.ReadFile(filepath.Join(dir, stateName))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s %w", dir, ErrNoNet)
	}
	if err != nil {
		return nil, fmt.Errorf("testnet: %w", err)
	}
	n := &Net{dir: dir, program: program}
	if err := json.Unmarshal(data, &n.state); err != nil || n.state.Version != stateVersion {
		return nil, fmt.Errorf("%s is not of version %d: make the testnet anew in another folder", filepath.Join(dir, stateName), stateVersion)
	}
	return n, nil
}

// Dir is the testnet's folder.
func (n *Net) Dir() string { return n.dir }

// Names are the names of the peers: validators, then clients, then aggregators.
func (n *Net) Names() []string {
	var out []string
	for _, m := range n.state.Spec.peers() {
		out = append(out, m.Name)
	}
	return out
}

// Home is the home of a peer. The error lists the names.
func (n *Net) Home(name string) (string, error) {
	if !slices.Contains(n.Names(), name) {
		return "", fmt.Errorf("there is no peer %q: this testnet has %s", name, strings.Join(n.Names(), ", "))
	}
	return filepath.Join(n.dir, name), nil
}

// NetworkPath is the network file.
func (n *Net) NetworkPath() string { return filepath.Join(n.dir, networkName) }

// ChainURL is the JSON-RPC of the network's own chain, or of the first node of another's.
func (n *Net) ChainURL() string {
	if !n.ownChain() {
		return n.state.Spec.ChainURLs[0]
	}
	return "http://" + n.state.ChainAddr
}

// nodeURL is the JSON-RPC of the node that the i-th peer uses. The network's own chain
// has one for each validator with sub-block lanes.
func (n *Net) nodeURL(i int, name string) string {
	if urls := n.state.Spec.ChainURLs; len(urls) > 0 {
		return urls[i%len(urls)]
	}
	if key, own := n.state.NodeKeys[name]; own {
		return n.ChainURL() + devchain.ValidatorPath(key)
	}
	return n.ChainURL()
}

// ownChain reports whether a process of the network is the chain.
func (n *Net) ownChain() bool { return len(n.state.Spec.ChainURLs) == 0 }

// CommandError is a command of the program that failed.
type CommandError struct {
	Args   []string
	Code   int    // exit code, -1 if it did not exit by itself
	Stderr string // trimmed
}

// Error names the command and says what it said.
func (e *CommandError) Error() string {
	return fmt.Sprintf("allegro %s ended with exit code %d: %s", strings.Join(e.Args, " "), e.Code, e.Stderr)
}

// Command runs a command of the program in the home of a peer and returns what it
// printed. The error is a [*CommandError] if the command failed.
func (n *Net) Command(ctx context.Context, name string, args ...string) ([]byte, error) {
	home, err := n.Home(name)
	if err != nil {
		return nil, err
	}
	return run(ctx, n.program, home, args...)
}

// run runs a command of the program with a home.
func run(ctx context.Context, program, home string, args ...string) ([]byte, error) {
	var stdout, stderr bytes.Buffer
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Env = homeEnv(home)
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	var exit *exec.ExitError
	switch {
	case ctx.Err() != nil:
		return nil, fmt.Errorf("allegro %s: %w", strings.Join(args, " "), ctx.Err())
	case errors.As(err, &exit):
		return stdout.Bytes(), &CommandError{args, exit.ExitCode(), strings.TrimSpace(stderr.String())}
	case err != nil:
		return nil, fmt.Errorf("running allegro %s: %w", strings.Join(args, " "), err)
	}
	return stdout.Bytes(), nil
}

// homeEnv is this process's environment with a home, and without settings that would
// go over every home's config.
func homeEnv(home string) []string {
	var env []string
	for _, v := range os.Environ() {
		if !strings.HasPrefix(v, "ALLEGRO_") || strings.HasPrefix(v, "ALLEGRO_TEST") {
			env = append(env, v)
		}
	}
	return append(env, "ALLEGRO_HOME="+home)
}

// ask runs a command that prints a JSON document.
func (n *Net) ask(ctx context.Context, name string, into any, args ...string) error {
	out, err := n.Command(ctx, name, append(args, "-o", "json")...)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(out, into); err != nil {
		return fmt.Errorf("reading the answer of allegro %s: %w", strings.Join(args, " "), err)
	}
	return nil
}
