// Package doctor examines a peer, whether it runs or not: each check measures something
// and judges what it has measured. The judgements are pure, so that tests cause each of
// them.
package doctor

import (
	"context"
	"fmt"
	"time"

	"github.com/allegro-p2p/allegro/cmd/internal/api"
	"github.com/allegro-p2p/allegro/cmd/internal/home"
	"github.com/allegro-p2p/allegro/fastpay"
	"github.com/allegro-p2p/allegro/p2p/document"
	"github.com/allegro-p2p/allegro/p2p/netfile"
)

// Level says how bad a finding is.
type Level string

const (
	Green  Level = "green"  // as it should be
	Yellow Level = "yellow" // payments go on, and somebody should look
	Red    Level = "red"    // the peer does not do its work, or soon will not
)

// Finding is what one check came to.
type Finding struct {
	Check    string  `json:"check"`
	Level    Level   `json:"level"`
	Measured string  `json:"measured"`
	Remedy   *string `json:"remedy"` // null if the level is green
}

func green(check, format string, args ...any) Finding {
	return Finding{Check: check, Level: Green, Measured: fmt.Sprintf(format, args...)}
}

func bad(level Level, check, remedy, format string, args ...any) Finding {
	return Finding{Check: check, Level: level, Measured: fmt.Sprintf(format, args...), Remedy: &remedy}
}

// Peer is what the running peer of a home says of itself.
type Peer struct {
	Self      api.Self
	Peers     document.Peers
	Committee document.Committee
	Topics    document.Topics
}

// Options are what an examination needs beside a home.
type Options struct {
	// Running is what the peer says that runs in the home; nil if none does, or it does
	// not answer, and NoAnswer says why it does not.
	Running  *Peer
	NoAnswer error
	Now      func() time.Time
	Version  string // of this program
	Flag     string // --home, for commands in remedies: empty or with a space before it
}

// Examine examines the peer of a home. Nothing of it is changed; a file is written to its
// data folder for a moment.
func Examine(ctx context.Context, h *home.Home, o Options) []Finding {
	e := &examination{ctx: ctx, home: h, Options: o}
	e.add(Config(h.Validate(), o.Flag))
	file, err := h.Network()
	var rules *fastpay.Rules
	if err == nil {
		rules, err = file.Rules()
	}
	e.add(Network(file, err))
	lock := measureLock(h, o)
	e.add(Lock(lock))
	e.addAll(Permissions(measurePermissions(h)))
	e.addAll(Keys(measureKeys(h), o.Flag))
	if err == nil {
		seat := measureSeat(h, file, o)
		e.addAll(Seat(seat, o.Flag))
		if seat.Known && lock.free() {
			e.add(Stopped(seat, o.Flag))
		}
	}
	e.addAll(Addresses(e.measureAddresses()))
	e.add(Sync(measureSync(h.DataDir(), newScratch)))
	e.add(Space(measureSpace(h.DataDir())))
	if err != nil {
		return e.findings // what follows compares with the network file
	}
	chain := e.measureChain(file)
	e.addAll(Chain(chain, o.Flag))
	e.add(Clock(chain))
	e.addAll(Backups(e.measureBackups(file)))
	e.addAll(Sponsor(e.measureSponsor(file, rules, &chain)))
	e.addAll(Committee(e.measureCommittee(file, rules), o.Flag))
	if o.Running != nil {
		e.addAll(Gossip(measureGossip(o.Running, &chain), o.Flag))
		e.addAll(Versions(o.Running, o.Version))
		e.addAll(Work(&o.Running.Self))
	}
	return e.findings
}

// examination is one in the making.
type examination struct {
	Options
	ctx      context.Context
	home     *home.Home
	findings []Finding
}

func (e *examination) add(f Finding)      { e.findings = append(e.findings, f) }
func (e *examination) addAll(f []Finding) { e.findings = append(e.findings, f...) }

// Config judges the config in force.
func Config(err error, flag string) Finding {
	if err != nil {
		return bad(Red, "config", "allegro config show --origin"+flag+" tells where each value comes from", "%v", err)
	}
	return green("config", "config.toml and the environment are valid")
}

// Network judges the network file.
func Network(f *netfile.File, err error) Finding {
	if err != nil {
		return bad(Red, "network", "copy the network.toml that the others have into the home", "%v", err)
	}
	return green("network", "%s", f)
}

// Worst is the worst level of findings.
func Worst(findings []Finding) Level {
	worst := Green
	for _, f := range findings {
		if f.Level == Red || f.Level == Yellow && worst == Green {
			worst = f.Level
		}
	}
	return worst
}
