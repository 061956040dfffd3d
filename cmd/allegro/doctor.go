package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"github.com/allegro-p2p/allegro/cmd/internal/api"
	"github.com/allegro-p2p/allegro/cmd/internal/doctor"
	"github.com/allegro-p2p/allegro/cmd/internal/home"
	"github.com/urfave/cli/v3"
)

func doctorCommand() *cli.Command {
	return &cli.Command{
		Name:  "doctor",
		Usage: "examine a peer, and say what to mend",
		Description: "Looks at the config, the network file and the committee's term, who has the home, whether a validator in\n" +
			"office runs, keys and who can read them, addresses, the time of a synced write and the free space of\n" +
			"data/, the chain node with its backups and finality, the clock, what a validator's sponsor can still pay,\n" +
			"whom of the committee this peer reaches and how many it may lose, and, of a peer that runs, whether\n" +
			"gossip gets to it, versions, and whether it does its work. A peer that does not run is not started: the\n" +
			"chain node is then asked from here, which takes up to two block times, and validators are tried over TCP.\n" +
			"green: as it should be. yellow: payments go on, and somebody should look. red: the peer does not do its\n" +
			"work, or soon will not. Exit code 1 if anything is red.",
		Flags:        []cli.Flag{homeFlag(), outputFlag()},
		OnUsageError: usageError,
		Action:       withOutput(examine),
	}
}

// doctorDocument is what an examination came to.
type doctorDocument struct {
	Schema   string           `json:"schema"`
	Home     string           `json:"home"`
	Running  bool             `json:"running"` // a peer runs in the home and answers
	Level    doctor.Level     `json:"level"`   // the worst of the findings
	Findings []doctor.Finding `json:"findings"`
}

// examine is the action of doctor.
func examine(ctx context.Context, cmd *cli.Command, asJSON bool) error {
	if err := takesNothing(cmd); err != nil {
		return err
	}
	dir, err := homeDir(cmd)
	if err != nil {
		return err
	}
	doc := doctorDocument{Schema: "allegro.doctor/v1", Home: dir}
	switch h, err := openHome(cmd); {
	case errors.Is(err, home.ErrNoHome):
		return err
	case err != nil:
		// What a home cannot be opened for is a finding: nothing else can be looked at.
		doc.Findings = []doctor.Finding{doctor.Config(err, inHome(dir))}
	default:
		setupLog(home.Log{Level: "error", Format: h.Config().Log.Format}, cmd.Root().ErrWriter)
		o := doctor.Options{Now: time.Now, Version: buildVersion(), Flag: inHome(dir)}
		o.Running, o.NoAnswer = runningPeer(ctx, h)
		doc.Running = o.Running != nil
		doc.Findings = doctor.Examine(ctx, h, o)
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	doc.Level = doctor.Worst(doc.Findings)
	if asJSON {
		err = writeJSON(cmd.Root().Writer, &doc)
	} else {
		err = doc.print(cmd.Root().Writer)
	}
	if err == nil && doc.Level == doctor.Red {
		return fail(exitInternal, "%s red", countLevel(doc.Findings, doctor.Red))
	}
	return err
}

// runningPeer asks the peer that runs in a home about itself; nil if none does.
func runningPeer(ctx context.Context, h *home.Home) (*doctor.Peer, error) {
	client, err := dialRunning(ctx, h)
	if client == nil {
		return nil, err
	}
	defer client.Close()
	var p doctor.Peer
	err = errors.Join(client.Get(ctx, api.RouteSelf, "", nil, &p.Self), client.Get(ctx, api.RoutePeers, "", nil, &p.Peers),
		client.Get(ctx, api.RouteCommittee, "", nil, &p.Committee), client.Get(ctx, api.RouteTopics, "", nil, &p.Topics))
	if err == nil && p.Self.Running == nil {
		err = errors.New("it does not say how it is: it may be of another version than this command")
	}
	if err != nil {
		return nil, err
	}
	return &p, nil
}

// print writes the findings for people, each with its remedy.
func (d *doctorDocument) print(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, f := range d.Findings {
		say(t, "%s\t%s\t%s\n", f.Level, f.Check, printable(f.Measured))
		if f.Remedy != nil {
			say(t, "\t\t→ %s\n", printable(*f.Remedy))
		}
	}
	if err := t.Flush(); err != nil {
		return fmt.Errorf("printing: %w", err)
	}
	running := "does not run"
	if d.Running {
		running = "runs"
	}
	say(w, "the peer in %s %s: %s red, %d yellow\n", d.Home, running, countLevel(d.Findings, doctor.Red), count(d.Findings, doctor.Yellow))
	return nil
}

// countLevel says how many findings are of a level, up to the level.
func countLevel(findings []doctor.Finding, level doctor.Level) string {
	n := count(findings, level)
	verb := "are"
	if n == 1 {
		verb = "is"
	}
	return fmt.Sprintf("%d of %s %s", n, plural(len(findings), "finding"), verb)
}

func count(findings []doctor.Finding, level doctor.Level) (n int) {
	for _, f := range findings {
		if f.Level == level {
			n++
		}
	}
	return n
}
