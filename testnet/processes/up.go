package processes

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"time"

	"github.com/allegro-p2p/allegro/p2p"
	"golang.org/x/sync/errgroup"
)

// Up starts what does not run and returns when every peer reaches a quorum and gossip
// flows. The error says of each peer what it lacks, or at once which process has ended
// and why.
func (n *Net) Up(ctx context.Context, timeout time.Duration) error {
	processes := n.processes()
	for _, p := range processes {
		running, err := p.running()
		if err != nil {
			return err
		}
		if running {
			if info, err := os.Stat(p.log); err == nil {
				p.begin = info.Size()
			}
			continue
		}
		if err := p.start(ctx, n.program); err != nil {
			return err
		}
	}
	waiting, cancel := context.WithCancel(ctx)
	defer cancel()
	ended := make(chan error, 1)
	go func() {
		defer cancel() // the others would wait for it in vain
		ended <- watch(waiting, processes)
	}()
	errs := n.awaitAll(waiting, timeout)
	if err := errors.Join(errs...); err == nil || ctx.Err() != nil {
		return ctx.Err()
	}
	cancel()
	if err := <-ended; err != nil {
		return err
	}
	return errors.Join(errs...)
}

// watch returns an error about the first of some processes that has ended, or nil after
// the end of ctx if none has.
func watch(ctx context.Context, processes []*process) error {
	for {
		for _, p := range processes {
			running, err := p.running()
			if err != nil {
				return err
			}
			if !running {
				return fmt.Errorf("%s ended soon after it was started: %s", p.name, p.tail())
			}
		}
		if ctx.Err() != nil {
			return nil
		}
		select {
		case <-time.After(pollInterval):
		case <-ctx.Done(): // look once more
		}
	}
}

// awaitAll waits until every peer is ready, and returns what each lacks then.
func (n *Net) awaitAll(ctx context.Context, timeout time.Duration) []error {
	deadline := time.Now().Add(timeout)
	names := n.Names()
	errs := make([]error, len(names))
	var g errgroup.Group
	for i, name := range names {
		g.Go(func() error {
			// First who is needed, so that the error names them; then gossip.
			for _, what := range []string{"quorum", "mesh"} {
				if errs[i] = n.Wait(ctx, name, what, max(time.Until(deadline), time.Second)); errs[i] != nil {
					break
				}
			}
			return nil
		})
	}
	_ = g.Wait() // each has told in its place
	for i, err := range errs {
		if err != nil {
			errs[i] = fmt.Errorf("%s: %w", names[i], err)
		}
	}
	return errs
}

// Start starts one peer that does not run.
func (n *Net) Start(ctx context.Context, name string) error {
	p, err := n.process(name)
	if err != nil {
		return err
	}
	if running, err := p.running(); err != nil || running {
		return err
	}
	return p.start(ctx, n.program)
}

// Stop ends one peer if it runs.
func (n *Net) Stop(ctx context.Context, name string) error {
	p, err := n.process(name)
	if err != nil {
		return err
	}
	return p.stop(ctx)
}

// process is the process of a peer, or of the chain.
func (n *Net) process(name string) (*process, error) {
	if name == chainName {
		return n.chainProcess(), nil
	}
	peers := n.state.Spec.peers()
	at := slices.IndexFunc(peers, func(m member) bool { return m.Name == name })
	if at < 0 {
		_, err := n.Home(name)
		return nil, err
	}
	return n.peerProcess(peers[at]), nil
}

// PID returns the process id of a peer or of the chain; it is an error if that does
// not run.
func (n *Net) PID(name string) (int, error) {
	p, err := n.process(name)
	if err != nil {
		return 0, err
	}
	switch running, err := p.running(); {
	case err != nil:
		return 0, err
	case !running:
		return 0, fmt.Errorf("%s does not run: start it with allegro testnet up", name)
	}
	return p.pid()
}

// Log is the log of a peer, or of the chain.
func (n *Net) Log(name string) (string, error) {
	p, err := n.process(name)
	if err != nil {
		return "", err
	}
	return p.log, nil
}

// Wait returns when a peer is ready for something: see allegro wait.
func (n *Net) Wait(ctx context.Context, name, what string, timeout time.Duration) error {
	_, err := n.Command(ctx, name, "wait", "--for", what, "--timeout", timeout.String())
	return err
}

// Down ends everything that runs of the testnet, peers before the chain. It is no error
// if nothing runs.
func (n *Net) Down(ctx context.Context) error {
	peers := n.processes()[1:]
	errs := make([]error, len(peers))
	var g errgroup.Group
	for i, p := range peers {
		g.Go(func() error {
			errs[i] = p.stop(ctx)
			return nil
		})
	}
	_ = g.Wait() // each has told in its place
	return errors.Join(append(errs, n.chainProcess().stop(ctx))...)
}

// Remove ends the testnet and deletes it.
func (n *Net) Remove(ctx context.Context) error {
	if err := n.Down(ctx); err != nil {
		return err
	}
	return n.remove()
}

// Row is what the table of a testnet says of one process.
type Row struct {
	Name    string   `json:"name"`
	Role    string   `json:"role"` // "chain" for the chain
	Running bool     `json:"running"`
	PID     *int     `json:"pid"`
	PeerID  *string  `json:"peer_id"`
	Address *string  `json:"address"` // the first multiaddr, or the chain's URL
	API     *string  `json:"api"`     // Unix socket
	Metrics *string  `json:"metrics"` // URL
	HTTP    *string  `json:"http"`    // URL of an aggregator's page and API
	Log     string   `json:"log"`
	Height  *string  `json:"height"`
	Quorum  *string  `json:"quorum"` // "2 of 2, 2 needed"
	Problem []string `json:"problems"`
}

// selfDocument is what a table needs of allegro.id/v1.
type selfDocument struct {
	PeerID    string   `json:"peer_id"`
	Addresses []string `json:"addresses"`
	Running   *struct {
		PID     int     `json:"pid"`
		Metrics *string `json:"metrics"`
		HTTP    *string `json:"http"`
		API     string  `json:"api"`
		Ready   struct {
			Weight    uint64   `json:"weight"`
			Threshold uint64   `json:"threshold"`
			Total     uint64   `json:"total"`
			Waiting   []string `json:"waiting"`
			Missing   []string `json:"missing"`
		} `json:"ready"`
		Chain struct {
			Height   *string `json:"height"`
			HeadSeen *string `json:"head_seen_unix_micros"`
		} `json:"chain"`
		Problems []string `json:"problems"`
	} `json:"running"`
}

// Status describes every process.
func (n *Net) Status(ctx context.Context) ([]Row, error) {
	chain := n.chainProcess()
	url := n.ChainURL()
	row := Row{Name: chainName, Role: chainName, Address: &url, Log: chain.log, Problem: []string{}}
	var err error
	if row.Running, err = chain.running(); err != nil {
		return nil, err
	}
	if pid, err := chain.pid(); row.Running && err == nil {
		row.PID = &pid
	}
	peers := n.state.Spec.peers()
	rows := make([]Row, len(peers))
	g, ctx := errgroup.WithContext(ctx)
	for i, m := range peers {
		g.Go(func() (err error) {
			rows[i], err = n.statusOf(ctx, m)
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	return append([]Row{row}, rows...), nil
}

func (n *Net) statusOf(ctx context.Context, m member) (Row, error) {
	p := n.peerProcess(m)
	row := Row{Name: m.Name, Role: string(m.Role), Log: p.log, Problem: []string{}}
	var self selfDocument
	if err := n.ask(ctx, m.Name, &self, "id"); err != nil {
		return row, err
	}
	row.PeerID = &self.PeerID
	if len(self.Addresses) > 0 {
		row.Address = &self.Addresses[0]
	}
	running, err := p.running()
	if err != nil {
		return row, err
	}
	r := self.Running
	row.Running = running
	if !running || r == nil {
		return row, nil
	}
	quorum := fmt.Sprintf("reaches %d of %d, %d needed", r.Ready.Weight, r.Ready.Total, r.Ready.Threshold)
	row.PID, row.API, row.Metrics, row.HTTP, row.Height, row.Quorum = &r.PID, &r.API, r.Metrics, r.HTTP, r.Chain.Height, &quorum
	row.Problem = append(row.Problem, slices.Concat(r.Problems, r.Ready.Waiting, r.Ready.Missing)...) // never nil
	return row, nil
}

// Pages returns where the aggregators that run serve their pages, by name.
func (n *Net) Pages(ctx context.Context) (map[string]string, error) {
	rows, err := n.Status(ctx)
	if err != nil {
		return nil, err
	}
	pages := make(map[string]string)
	for _, r := range rows {
		if r.HTTP != nil {
			pages[r.Name] = *r.HTTP
		}
	}
	return pages, nil
}

// clients are the names of the clients, in order.
func (n *Net) clients() []string {
	var out []string
	for _, m := range n.state.Spec.peers() {
		if m.Role == p2p.RoleClient {
			out = append(out, m.Name)
		}
	}
	return out
}
