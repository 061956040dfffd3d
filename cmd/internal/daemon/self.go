package daemon

import (
	"fmt"
	"os"
	"strconv"
	"time"

	"github.com/allegro-p2p/allegro/cmd/internal/api"
	"github.com/allegro-p2p/allegro/cmd/internal/doctor"
	"github.com/allegro-p2p/allegro/fastpay"
	"github.com/allegro-p2p/allegro/p2p/document"
	"github.com/allegro-p2p/allegro/p2p/netfile"
	"github.com/ethereum/go-ethereum/common"
)

// self describes this peer.
func (d *Daemon) self() api.Self {
	cfg := d.home.Config()
	doc := api.Self{
		Schema: api.SelfSchema, Name: cfg.Node.Name, Role: cfg.Node.Role, PeerID: d.node.ID().String(),
		Addresses: document.List(d.node.Addrs()), Home: d.home.Dir(),
		NetworkDigest: new(d.file.Digest().Hex()), Version: d.opts.Version,
	}
	if d.account != nil {
		doc.Account = new(netfile.Address(*d.account))
	}
	running := &api.Running{
		PID: os.Getpid(), API: d.socket, Since: document.Micros(d.started), Metrics: document.OrNull(d.metricsURL), HTTP: document.OrNull(d.httpURL), Network: d.file.String(),
		Ready: d.describer.Readiness(d.current()), Chain: d.chainDocument(), Forks: d.forks(), Store: document.OrNull(d.storeFailure()), Problems: d.problems(),
	}
	if d.validator != nil {
		signing, why := d.signing()
		running.Signing, running.WhyNot = &signing, document.OrNull(why)
		doc.ValidatorKey = new(netfile.Key(d.voteKey))
	}
	doc.Running = running
	return doc
}

// chainDocument describes what the peer's own node has shown, and which that is.
func (d *Daemon) chainDocument() api.Chain {
	doc := api.Chain{Chain: d.describer.Chain()}
	doc.Node, doc.Backup = d.chain.Node()
	d.replica.Read(func(b *fastpay.Board) {
		if b.Latest().Hash != (common.Hash{}) {
			doc.HeadTime = document.Decimal(b.Latest().Time)
		}
	})
	return doc
}

// forks are the validators in office whose node has another final block.
func (d *Daemon) forks() []api.Fork {
	forks := []api.Fork{}
	c := d.current()
	names := d.file.MembersOf(c.ID())
	for _, f := range d.replica.Forks(c.ID()) {
		forks = append(forks, api.Fork{
			Validator: names[f.Signer].Name, Height: strconv.FormatUint(f.Height, 10), Hash: f.Theirs.Hex(), OwnHash: f.Own.Hex(),
		})
	}
	return forks
}

// storeFailure says why evidence is not kept on disk any more; empty while it is.
func (d *Daemon) storeFailure() string {
	err := d.replica.Failed()
	if d.aggregator != nil && err == nil {
		err = d.aggregator.Archive().Failed()
	}
	if err == nil {
		err = d.store.Failed() // before evidence comes that it does not take
	}
	if err == nil {
		return ""
	}
	return err.Error()
}

// signing reports whether this validator signs for the committee in office, and why not.
func (d *Daemon) signing() (bool, string) {
	if _, reason := d.validator.MaySign(d.current().ID()); reason != nil {
		return false, reason.Error()
	}
	return true, ""
}

// problems are what an operator should look at.
func (d *Daemon) problems() []string {
	problems := []string{}
	if d.validator != nil {
		if signing, why := d.signing(); !signing {
			problems = append(problems, "this validator does not sign: "+why)
		}
	}
	if failure := d.storeFailure(); failure != "" {
		problems = append(problems, failure)
	}
	host, backup := d.chain.Node()
	if backup {
		problems = append(problems, fmt.Sprintf("this peer's own chain node gives no answer or is behind, the backup at %s is used: look at the own node", host))
	}
	seen := d.replica.BlocksSeen()
	if len(seen) == 0 {
		return append(problems, fmt.Sprintf("the chain node at %s has shown no block yet: is it running, and is chain.rpc in config.toml right?", host))
	}
	last := seen[len(seen)-1]
	blockTime := d.blockTime()
	if age := d.opts.Now().Sub(last.Seen); age > doctor.StaleAfter(blockTime) {
		problems = append(problems, fmt.Sprintf("the chain node at %s has shown no new block for %s: look at the node", host, age.Round(time.Second)))
	}
	if skew := last.Seen.Sub(time.Unix(int64(last.Block.Time), 0)); doctor.ClockOff(skew, blockTime) {
		problems = append(problems, fmt.Sprintf("this machine's clock is %s %s the chain's: set it, for example with a time server", skew.Abs().Round(time.Second), map[bool]string{true: "ahead of", false: "behind"}[skew > 0]))
	}
	return problems
}

// blockTime is that of the network's chain.
func (d *Daemon) blockTime() time.Duration {
	return time.Duration(d.file.Chain.BlockTimeSeconds) * time.Second
}

// stale reports whether the node has shown no block for so long that it is no accident.
func (d *Daemon) stale() bool {
	seen := d.replica.BlocksSeen()
	return len(seen) == 0 || d.opts.Now().Sub(seen[len(seen)-1].Seen) > doctor.StaleAfter(d.blockTime())
}
