package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/allegro-p2p/allegro/cmd/internal/api"
	"github.com/allegro-p2p/allegro/cmd/internal/home"
	"github.com/allegro-p2p/allegro/p2p"
	"github.com/allegro-p2p/allegro/p2p/netfile"
	"github.com/allegro-p2p/allegro/p2p/netfile/strict"
	"github.com/allegro-p2p/allegro/tempo/devchain"
	"github.com/allegro-p2p/allegro/testnet"
	"github.com/urfave/cli/v3"
)

// maxEpoch bounds how far ahead an epoch may begin, and how long it may last: its
// members cannot be changed before it ends.
const maxEpoch = 400 * 24 * time.Hour

// newCommitteeCommand writes the next committee into a network file.
func newCommitteeCommand() *cli.Command {
	return &cli.Command{
		Name:  "new",
		Usage: "write the next epoch's committee into a network file, or the first one into a new file",
		Description: "Its members are those of the last epoch with what the flags change. ID.json is what allegro init or\n" +
			"allegro id prints on the new member's machine with -o json. The file is written with the comments of a\n" +
			"new one, and only if it is valid. A peer that runs with it does not talk to one that runs with the old\n" +
			"one: start all of them again with it at about the same time, before the epoch begins.\n\n" +
			"--create makes a network: a file for a Tempo chain with blocks of --block-time, whose first committee\n" +
			"begins at once.",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "create", Usage: "make a new file for a network called `NAME`", Local: true},
			&cli.Uint64Flag{Name: "chain-id", Usage: "with --create: the chain's `ID`", Value: devchain.DefaultConfig().ChainID, Local: true},
			&cli.DurationFlag{Name: "block-time", Usage: "with --create: the chain's time between blocks, in whole seconds", Value: devchain.DefaultConfig().BlockTime, Local: true},
			&cli.StringFlag{Name: "network", Usage: "the network `FILE` to read", Value: "network.toml", Sources: cli.EnvVars("ALLEGRO_NETWORK"), Local: true},
			&cli.StringSliceFlag{Name: "add", Usage: "add the validator that `ID.json` describes; can be repeated", Local: true},
			&cli.StringSliceFlag{Name: "remove", Usage: "remove the member `NAME`; can be repeated", Local: true},
			&cli.StringSliceFlag{Name: "replace", Usage: "replace a member by another, with its weight: `NAME=ID.json`; can be repeated", Local: true},
			&cli.StringSliceFlag{Name: "weight", Usage: "give a member a weight: `NAME=W`; can be repeated", Local: true},
			&cli.StringFlag{Name: "start", Usage: "begin at `TIME`: RFC 3339, Unix seconds, now or now+DURATION", DefaultText: "the end of the last epoch", Local: true},
			&cli.DurationFlag{Name: "length", Usage: "end after `DURATION`", Value: 30 * 24 * time.Hour, Local: true},
			&cli.StringFlag{Name: "out", Usage: "write to `FILE`", DefaultText: "the file that was read", Local: true},
			outputFlag(),
		},
		DisableSliceFlagSeparator: true, // a file's name may have a comma
		HideHelpCommand:           true,
		OnUsageError:              usageError,
		Action:                    withOutput(newCommittee),
	}
}

// newCommittee is the action of committee new.
func newCommittee(_ context.Context, cmd *cli.Command, asJSON bool) error {
	if err := takesNothing(cmd); err != nil {
		return err
	}
	path := cmd.String("network")
	network, err := networkToExtend(cmd, path)
	if err != nil {
		return err
	}
	var last netfile.Committee // none yet in a new network
	if n := len(network.Committees); n > 0 {
		last = network.Committees[n-1]
	}
	start, end, err := nextEpoch(network.Limits, last, cmd.String("start"), cmd.Duration("length"), time.Now())
	if err != nil {
		return fail(exitUsage, "%w", err)
	}
	members, err := nextMembers(cmd, last.Members)
	if err != nil {
		return err
	}
	next := netfile.Committee{Epoch: last.Epoch + 1, Start: start, End: end, Members: members}
	network.Committees = append(network.Committees, next)
	data, err := network.Encode() // validates
	if err != nil {
		return fail(exitUsage, "%w", err)
	}
	out := path
	if cmd.IsSet("out") {
		out = cmd.String("out")
	}
	d, err := newCommitteeNewDocument(network, out)
	if err != nil {
		return fail(exitUsage, "%w", err)
	}
	if err := home.WriteFile(out, data, 0o644); err != nil {
		return homeError(err)
	}
	for _, m := range members {
		if len(m.Addresses) == 0 {
			note(cmd, "member %s has no address: it dials others and nobody dials it", m.Name)
		}
	}
	if next.Epoch > 1 {
		note(cmd, "a peer that runs with this file does not talk to one that runs with the old one: start all of them again with it before epoch %d begins", next.Epoch)
	}
	if asJSON {
		return writeJSON(cmd.Root().Writer, d)
	}
	return d.print(cmd.Root().Writer)
}

// networkToExtend reads the network file, or makes the one that --create asks for.
func networkToExtend(cmd *cli.Command, path string) (*netfile.File, error) {
	name := cmd.String("create")
	if name == "" {
		network, err := netfile.Load(path)
		if err != nil {
			return nil, withHint(fail(exitUsage, "%w", err), "name the network file with --network, or make one with --create NAME")
		}
		return network, nil
	}
	if _, err := os.Stat(path); err == nil {
		return nil, fail(exitUsage, "--create: %s exists: name a new file with --network", path)
	}
	if t := cmd.Duration("block-time"); t < time.Second || t%time.Second != 0 {
		return nil, fail(exitUsage, "--block-time %s: use whole seconds, at least 1s", t)
	}
	network := testnet.NewFile(netfile.PaymentLane, cmd.Duration("block-time"))
	network.Name = name
	testnet.ForChain(network, cmd.Uint64("chain-id"), netfile.Finalized)
	return network, nil
}

// nextEpoch returns when the epoch after last starts and ends, in Unix seconds.
// startText is when the user wants it to, "" for as soon as the last one has ended.
func nextEpoch(limits netfile.Limits, last netfile.Committee, startText string, length time.Duration, now time.Time) (start, end uint64, err error) {
	latest := uint64(now.Add(maxEpoch).Unix())
	if last.End > latest {
		return 0, 0, fmt.Errorf("epoch %d ends at %s, and an epoch must end before another can begin: "+
			"wait, or make a new network; a testnet starts over with allegro testnet reset", last.Epoch, timeText(last.End))
	}
	start = last.End
	if last.Epoch == 0 {
		start = uint64(now.Unix())
	}
	if startText != "" {
		if start, err = parseTime(startText, now); err != nil {
			return 0, 0, fmt.Errorf("--start: %w", err)
		}
	}
	switch {
	case start > latest:
		return 0, 0, fmt.Errorf("--start is %s, more than %s ahead: until then nobody could vote", timeText(start), maxEpoch)
	case start < last.End:
		return 0, 0, fmt.Errorf("--start is %s, but epoch %d ends at %s and must end before another can begin: let it start then or later",
			timeText(start), last.Epoch, timeText(last.End))
	}
	least := time.Duration(limits.MinSettleSeconds) * time.Second
	switch {
	case length <= least:
		return 0, 0, fmt.Errorf("--length %s is too short: a payment has at least %s to go when it is signed (limits.min_settle_seconds) and ends with the epoch", length, least)
	case length > maxEpoch:
		return 0, 0, fmt.Errorf("--length %s is too long: the members cannot be changed before the epoch ends, at most %s are possible", length, maxEpoch)
	}
	end = start + uint64(length/time.Second)
	if end <= uint64(now.Unix()) {
		return 0, 0, fmt.Errorf("an epoch from %s until %s is over already: begin with --start now", timeText(start), timeText(end))
	}
	return start, end, nil
}

// parseTime reads a point in time, in Unix seconds.
func parseTime(text string, now time.Time) (uint64, error) {
	if rest, relative := strings.CutPrefix(text, "now"); relative {
		if rest == "" {
			return uint64(now.Unix()), nil
		}
		after, err := time.ParseDuration(rest)
		if err != nil || !strings.HasPrefix(rest, "+") {
			return 0, fmt.Errorf("%q is no time: want now+DURATION like now+90m", text)
		}
		return uint64(now.Add(after).Unix()), nil
	}
	if seconds, err := strconv.ParseUint(text, 10, 62); err == nil {
		return seconds, nil
	}
	t, err := time.Parse(time.RFC3339, text)
	if err != nil || t.Unix() < 0 {
		return 0, fmt.Errorf("%q is no time: want one like 2027-01-31T12:00:00Z, Unix seconds, or now+DURATION", text)
	}
	return uint64(t.Unix()), nil
}

// nextMembers returns the members of the last epoch with what the flags change.
func nextMembers(cmd *cli.Command, last []netfile.Member) ([]netfile.Member, error) {
	members := slices.Clone(last)
	for _, text := range cmd.StringSlice("replace") {
		name, file, ok := strings.Cut(text, "=")
		if !ok {
			return nil, fail(exitUsage, "--replace %q: want NAME=ID.json", text)
		}
		i, err := findMember(members, "--replace", name)
		if err != nil {
			return nil, err
		}
		weight := members[i].Weight
		if members[i], err = readMember(file); err != nil {
			return nil, fail(exitUsage, "--replace %s: %w", name, err)
		}
		members[i].Weight = weight
	}
	for _, name := range cmd.StringSlice("remove") {
		i, err := findMember(members, "--remove", name)
		if err != nil {
			return nil, err
		}
		members = slices.Delete(members, i, i+1)
	}
	for _, file := range cmd.StringSlice("add") {
		m, err := readMember(file)
		if err != nil {
			return nil, fail(exitUsage, "--add: %w", err)
		}
		members = append(members, m)
	}
	for _, text := range cmd.StringSlice("weight") {
		name, number, _ := strings.Cut(text, "=")
		i, err := findMember(members, "--weight", name)
		if err != nil {
			return nil, err
		}
		if members[i].Weight, err = strconv.ParseUint(number, 10, 64); err != nil {
			return nil, fail(exitUsage, "--weight %q: want NAME=W with a whole number", text)
		}
	}
	return members, nil
}

// findMember returns the place of a member. flag is the one that named it.
func findMember(members []netfile.Member, flag, name string) (int, error) {
	var names []string
	for i, m := range members {
		if strings.EqualFold(m.Name, name) {
			return i, nil
		}
		names = append(names, m.Name)
	}
	if near := strict.Nearest(name, names); near != "" {
		return 0, fail(exitUsage, "%s: no member is called %q: did you mean %s?", flag, name, near)
	}
	return 0, fail(exitUsage, "%s: no member is called %q: there are %s", flag, name, strings.Join(names, ", "))
}

// maxIDFile bounds what is read of the description of a peer, in bytes.
const maxIDFile = 64 << 10

// readMember reads the description of a validator and makes it a member of weight 1.
func readMember(path string) (netfile.Member, error) {
	f, err := os.Open(path)
	if err != nil {
		return netfile.Member{}, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxIDFile))
	if err != nil {
		return netfile.Member{}, err
	}
	var d api.Self
	if err := json.Unmarshal(data, &d); err != nil {
		return netfile.Member{}, fmt.Errorf("%s is not what allegro init or allegro id prints with -o json: %w", path, err)
	}
	switch {
	case d.Schema != api.SelfSchema:
		return netfile.Member{}, fmt.Errorf("%s has schema %q: want %s, which allegro init and allegro id print with -o json", path, d.Schema, api.SelfSchema)
	case d.Role != p2p.RoleValidator || d.ValidatorKey == nil:
		return netfile.Member{}, fmt.Errorf("%s describes %s, a peer with role %s: only a validator can be a member", path, d.Name, d.Role)
	case d.Account == nil:
		return netfile.Member{}, fmt.Errorf("%s describes %s, which has no sponsor: name one there with allegro account new --use", path, d.Name)
	}
	return netfile.Member{Name: d.Name, Key: *d.ValidatorKey, Weight: 1, Sponsor: *d.Account, Addresses: p2p.ForPeers(d.Addresses)}, nil
}

// committeeNewDocument says what the next committee is, and which one it follows.
type committeeNewDocument struct {
	Schema   string         `json:"schema"`
	Network  string         `json:"network"`
	File     string         `json:"file"`
	Digest   string         `json:"digest"` // of the network file as it is now
	Epoch    epochDocument  `json:"epoch"`
	Previous *epochDocument `json:"previous"` // null in a new network
}

// epochDocument describes the committee of one epoch.
type epochDocument struct {
	Epoch       string           `json:"epoch"`
	CommitteeID string           `json:"committee_id"`
	Start       string           `json:"start"` // Unix seconds
	StartTime   string           `json:"start_time"`
	End         string           `json:"end"`
	EndTime     string           `json:"end_time"`
	Threshold   uint64           `json:"threshold"` // weight that a QC needs
	Total       uint64           `json:"total"`
	MayMiss     int              `json:"may_miss"` // how many members, whichever, can be missing without stopping payments
	Members     []memberDocument `json:"members"`  // by signer index
}

// memberDocument describes a member of a committee.
type memberDocument struct {
	Name      string          `json:"name"`
	Key       netfile.Key     `json:"key"`
	Weight    uint64          `json:"weight"`
	Sponsor   netfile.Address `json:"sponsor"`
	Addresses []string        `json:"addresses"`
}

// newCommitteeNewDocument describes the last two committees of a network file.
func newCommitteeNewDocument(network *netfile.File, file string) (*committeeNewDocument, error) {
	rules, err := network.Rules()
	if err != nil {
		return nil, err
	}
	d := &committeeNewDocument{
		Schema:  "allegro.committee_new/v1",
		Network: network.Name,
		File:    file,
		Digest:  network.Digest().Hex(),
	}
	committees := rules.Committees()
	epochs := []*epochDocument{&d.Epoch}
	if len(committees) > 1 {
		d.Previous = &epochDocument{}
		epochs = append(epochs, d.Previous)
	}
	for back, epoch := range epochs {
		c := committees[len(committees)-1-back]
		*epoch = epochDocument{
			Epoch:       strconv.FormatUint(c.Epoch(), 10),
			CommitteeID: c.ID().Hex(),
			Start:       strconv.FormatUint(c.Start(), 10),
			StartTime:   rfc3339(c.Start()),
			End:         strconv.FormatUint(c.End(), 10),
			EndTime:     rfc3339(c.End()),
			Threshold:   c.Quorum(),
			Total:       c.Total(),
		}
		var weights []uint64
		for _, m := range network.MembersOf(c.ID()) {
			epoch.Members = append(epoch.Members, memberDocument{m.Name, m.Key, m.Weight, m.Sponsor, append([]string{}, m.Addresses...)})
			weights = append(weights, m.Weight)
		}
		epoch.MayMiss = mayMiss(weights, c.Total()-c.Quorum())
	}
	return d, nil
}

// mayMiss returns how many members, be it the heaviest, can be missing if spare weight
// can.
func mayMiss(weights []uint64, spare uint64) int {
	slices.Sort(weights)
	n := 0
	for _, w := range slices.Backward(weights) {
		if w > spare {
			break
		}
		spare -= w
		n++
	}
	return n
}

// timeText writes Unix seconds as a date, or as they are if there is none.
func timeText(seconds uint64) string {
	if date := rfc3339(seconds); date != "" {
		return date
	}
	return strconv.FormatUint(seconds, 10)
}

// print writes the document for people.
func (d *committeeNewDocument) print(w io.Writer) error {
	err := printRows(w, fmt.Sprintf("epoch %s of network %s in %s", d.Epoch.Epoch, printable(d.Network), printable(d.File)), d.Epoch.rows())
	if err != nil || d.Previous == nil {
		return err
	}
	return printRows(w, fmt.Sprintf("follows epoch %s", d.Previous.Epoch), d.Previous.rows())
}

// rows describes the committee for people.
func (e *epochDocument) rows() []row {
	var members []string
	for _, m := range e.Members {
		members = append(members, fmt.Sprintf("%s (%d)", m.Name, m.Weight))
	}
	missing := "all of them are needed"
	if e.MayMiss > 0 {
		missing = "any " + plural(e.MayMiss, "member") + " may be missing"
	}
	return []row{
		{"from", e.StartTime},
		{"until", e.EndTime},
		{"members", strings.Join(members, ", ")},
		{"threshold", fmt.Sprintf("%d of %d: %s", e.Threshold, e.Total, missing)},
		{"committee", e.CommitteeID},
	}
}
