package doctor

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/allegro-p2p/allegro/cmd/internal/api"
	"github.com/allegro-p2p/allegro/p2p/netfile"
	"github.com/allegro-p2p/allegro/tempo"
)

const (
	// staleBlocks is how many block times without a block are no accident, and
	// deadBlocks how many are an outage.
	staleBlocks = 3
	deadBlocks  = 20
	// slowFinality is how many blocks the newest finalized one may be behind the newest:
	// min_settle_seconds is made for one.
	slowFinality = 3
	// headPatience is how many block times the next block is waited for, and headLook
	// how often it is looked for.
	headPatience = 2
	headLook     = 100 * time.Millisecond
)

// StaleAfter is how long a node may show no block before somebody should look.
func StaleAfter(blockTime time.Duration) time.Duration { return staleBlocks * blockTime }

// ChainState is what the peer's chain node shows: to the peer if it runs, else to this
// program.
type ChainState struct {
	Node       string
	Err        error // why it shows nothing
	Backup     bool  // the peer uses a backup
	ID, WantID uint64
	// Head is the newest block, and HeadSeen when it was first seen; zero if it was there
	// before anybody looked.
	Head      tempo.Header
	HeadSeen  time.Time
	Finalized tempo.Header
	NoFinal   error      // why there is no finalized block
	Forks     []api.Fork // nil if nobody has compared
	Now       time.Time
	BlockTime time.Duration
	MinSettle time.Duration // of the network file
}

// measureChain asks the running peer, or the node of a stopped one.
func (e *examination) measureChain(file *netfile.File) ChainState {
	s := ChainState{
		WantID: file.Chain.ID, BlockTime: time.Duration(file.Chain.BlockTimeSeconds) * time.Second,
		MinSettle: time.Duration(file.Limits.MinSettleSeconds) * time.Second,
	}
	if e.Running != nil {
		s.ofPeer(e.Running)
	} else {
		s.ofNode(e.ctx, e.home.Config().Chain.RPC, tempo.Tag(file.Chain.Finality), e.Now)
	}
	s.Now = e.Now()
	return s
}

// ofPeer fills in what the running peer has been shown.
func (s *ChainState) ofPeer(p *Peer) {
	c := &p.Self.Running.Chain
	s.Node, s.Backup, s.Forks, s.ID = c.Node, c.Backup, p.Self.Running.Forks, s.WantID // a peer ends on another chain
	if c.Height == nil || c.HeadTime == nil || c.FinalizedHeight == nil || c.FinalizedTime == nil || c.HeadSeen == nil {
		s.Err = errors.New("it has shown the peer no block yet")
		return
	}
	var errs [5]error
	var seen uint64
	s.Head.Number, errs[0] = strconv.ParseUint(*c.Height, 10, 64)
	s.Head.Time, errs[1] = strconv.ParseUint(*c.HeadTime, 10, 64)
	s.Finalized.Number, errs[2] = strconv.ParseUint(*c.FinalizedHeight, 10, 64)
	s.Finalized.Time, errs[3] = strconv.ParseUint(*c.FinalizedTime, 10, 64)
	seen, errs[4] = strconv.ParseUint(*c.HeadSeen, 10, 63)
	s.HeadSeen, s.Err = time.UnixMicro(int64(seen)), errors.Join(errs[:]...)
}

// ofNode asks a node, and waits a moment for its next block.
func (s *ChainState) ofNode(ctx context.Context, url string, finality tempo.Tag, now func() time.Time) {
	chain, err := tempo.Dial(ctx, url, tempo.Options{})
	if err != nil {
		s.Err = err
		return
	}
	defer chain.Close()
	s.Node, _ = chain.Node()
	if s.ID, s.Err = chain.ChainID(ctx); s.Err != nil {
		return
	}
	if s.Head, s.Err = chain.Header(ctx, tempo.Latest); s.Err != nil {
		return
	}
	for patience := time.Now(); time.Since(patience) < headPatience*s.BlockTime && s.HeadSeen.IsZero(); {
		select {
		case <-time.After(headLook):
		case <-ctx.Done():
			s.Err = ctx.Err()
			return
		}
		next, err := chain.Header(ctx, tempo.Latest)
		if err != nil {
			s.Err = err
			return
		}
		if next.Number > s.Head.Number {
			s.Head, s.HeadSeen = next, now()
		}
	}
	s.Finalized, s.NoFinal = chain.Header(ctx, finality)
}

// Chain judges the chain node.
func Chain(s ChainState, flag string) []Finding {
	const check = "chain"
	look := "look at the chain node, and whether chain.rpc in config.toml names it: allegro config get chain.rpc" + flag
	if s.Err != nil {
		return []Finding{bad(Red, check, look, "the node at %s gives no answer: %v", s.Node, s.Err)}
	}
	if s.ID != s.WantID {
		return []Finding{bad(Red, check, "let chain.rpc name a node of the network's chain", "the node at %s is of chain %d, network.toml is for chain %d", s.Node, s.ID, s.WantID)}
	}
	out := []Finding{head(s, look)}
	if s.Backup {
		out = append(out, bad(Yellow, "backup", look, "the peer's own node gives no answer or is behind, the backup at %s is used", s.Node))
	}
	out = append(out, finality(s, look))
	if s.Forks != nil {
		out = append(out, fork(s))
	}
	return out
}

// head judges the age of the newest block.
func head(s ChainState, remedy string) Finding {
	const check = "chain"
	since, how := s.HeadSeen, "came"
	if since.IsZero() { // it was there before; by the two clocks
		since, how = timeOf(s.Head.Time), "is dated"
	}
	age := s.Now.Sub(since)
	measured := fmt.Sprintf("the node at %s is of chain %d and at height %d, whose block %s %s ago", s.Node, s.ID, s.Head.Number, how, max(age, 0).Round(100*time.Millisecond))
	switch {
	case age > deadBlocks*s.BlockTime:
		return bad(Red, check, remedy, "%s", measured)
	case age > StaleAfter(s.BlockTime):
		return bad(Yellow, check, remedy, "%s", measured)
	}
	return green(check, "%s", measured)
}

// finality judges how far finality is behind: votes are given on finalized blocks.
func finality(s ChainState, look string) Finding {
	const check = "finality"
	if s.NoFinal != nil {
		return bad(Red, check, look, "the node at %s names no finalized block: %v", s.Node, s.NoFinal)
	}
	blocks := max(s.Head.Number, s.Finalized.Number) - s.Finalized.Number
	behind := timeOf(max(s.Head.Time, s.Finalized.Time)).Sub(timeOf(s.Finalized.Time))
	measured := fmt.Sprintf("finalized block %d is behind the newest by %d in height and %s in time", s.Finalized.Number, blocks, behind)
	remedy := "look at the chain's validators: Allegro's decide on finalized blocks only"
	switch {
	case behind >= s.MinSettle:
		return bad(Red, check, remedy, "%s: nothing that is certified now could be counted on to settle", measured)
	case blocks > slowFinality:
		return bad(Yellow, check, remedy, "%s", measured)
	}
	return green(check, "%s", measured)
}

// fork judges whether validators' nodes have other final blocks.
func fork(s ChainState) Finding {
	const check = "fork"
	if len(s.Forks) == 0 {
		return green(check, "no validator is known to have another final block")
	}
	var parts []string
	for _, f := range s.Forks {
		parts = append(parts, fmt.Sprintf("%s has %s at height %s, this peer's node has %s", f.Validator, f.Hash, f.Height, f.OwnHash))
	}
	return bad(Red, check, "compare both with a third node: one of them follows a fork, or the validator lies; do not accept payments before you know", "%s", strings.Join(parts, "; "))
}

// BackupState is a node that takes the place of the own one.
type BackupState struct {
	Node       string
	Err        error
	ID, WantID uint64
}

// measureBackups asks each backup by itself.
func (e *examination) measureBackups(file *netfile.File) (out []BackupState) {
	for _, url := range e.home.Config().Chain.Backups {
		s := BackupState{WantID: file.Chain.ID}
		chain, err := tempo.Dial(e.ctx, url, tempo.Options{})
		if err != nil {
			s.Err = err // a URL that cannot be used, which the config's check tells too
		} else {
			s.Node, _ = chain.Node()
			s.ID, s.Err = chain.ChainID(e.ctx)
			chain.Close()
		}
		out = append(out, s)
	}
	return out
}

// Backups judges the nodes that take the place of the own one.
func Backups(all []BackupState) []Finding {
	const check = "backup"
	var out []Finding
	for _, s := range all {
		switch {
		case s.Err != nil:
			out = append(out, bad(Yellow, check, "look at that node, or take it out of chain.backups", "backup node %s gives no answer: %v", s.Node, s.Err))
		case s.ID != s.WantID:
			out = append(out, bad(Red, check, "take it out of chain.backups", "backup node %s is of chain %d, network.toml is for chain %d", s.Node, s.ID, s.WantID))
		}
	}
	if len(out) == 0 && len(all) > 0 {
		out = append(out, green(check, "%d backup nodes answer", len(all)))
	}
	return out
}
