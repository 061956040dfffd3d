package doctor

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"testing"
	"time"

	"github.com/allegro-p2p/allegro/cmd/internal/api"
	"github.com/allegro-p2p/allegro/cmd/internal/home"
	"github.com/allegro-p2p/allegro/p2p"
	"github.com/allegro-p2p/allegro/p2p/document"
	"github.com/allegro-p2p/allegro/p2p/netfile"
	"github.com/allegro-p2p/allegro/tempo"
	"github.com/ethereum/go-ethereum/common"
	"github.com/holiman/uint256"
	"github.com/stretchr/testify/require"
)

// now is the time of the tests.
var now = time.Unix(1_900_000_000, 0).UTC()

var errFault = errors.New("it broke")

// verdict is what a check is to come to: the level, the check and what is
// measured of one of the worst findings, and part of its remedy.
type verdict struct {
	name     string
	findings []Finding
	level    Level
	check    string
	measured string
	remedy   string
}

// one makes a list of one finding.
func one(f Finding) []Finding { return []Finding{f} }

// verify checks that the findings are as bad as they should be, and that the worst one says
// what was measured and what to do.
func verify(t *testing.T, cases []verdict) {
	t.Helper()
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			require.Equal(t, c.level, Worst(c.findings), "%+v", c.findings)
			for _, f := range c.findings {
				require.NotEmpty(t, f.Check)
				require.NotEmpty(t, f.Measured)
				require.Equal(t, f.Level == Green, f.Remedy == nil, "%+v", f)
				if f.Level == c.level && f.Check == c.check && strings.Contains(f.Measured, c.measured) {
					if f.Remedy != nil {
						require.NotEmpty(t, *f.Remedy)
						require.Contains(t, *f.Remedy, c.remedy)
					}
					return
				}
			}
			t.Errorf("no %s finding of %s measured %q: %+v", c.level, c.check, c.measured, c.findings)
		})
	}
}

func TestConfigAndNetworkAreJudged(t *testing.T) {
	verify(t, []verdict{
		{"config", one(Config(nil, "")), Green, "config", "valid", ""},
		{"a fault in the config", one(Config(errFault, " --home h")), Red, "config", "it broke", "allegro config show --origin --home h"},
		{"network", one(Network(&netfile.File{Name: "lab"}, nil)), Green, "network", "lab", ""},
		{"a fault in the network file", one(Network(nil, errFault)), Red, "network", "it broke", "copy the network.toml"},
	})
}

func TestLockIsJudged(t *testing.T) {
	holder := home.Holder{PID: 7, Command: "allegro client run"}
	left := &home.Running{PID: 9, Started: now}
	verify(t, []verdict{
		{"nobody", one(Lock(LockState{})), Green, "lock", "no peer runs", ""},
		{"a peer runs", one(Lock(LockState{Held: true, Holder: holder, Answers: true, Left: left})), Green, "lock", "pid 7 (allegro client run", ""},
		{"a peer that hangs", one(Lock(LockState{Held: true, Holder: holder, NoAnswer: errFault})), Red, "lock", "pid 7 (allegro client run", "end that process"},
		{"what a killed peer left", one(Lock(LockState{Left: left})), Yellow, "lock", "left from pid 9", "start the peer again"},
		{"not to be looked at", one(Lock(LockState{Err: errFault})), Red, "lock", "it broke", "run/"},
	})
}

func TestPermissionsAreJudged(t *testing.T) {
	of := func(mode fs.FileMode, secret bool) []Finding {
		return Permissions([]Private{{Path: "h/x", Secret: secret, Mode: mode}, {Path: "h/y", Secret: true, Mode: 0o600}})
	}
	verify(t, []verdict{
		{"closed", of(0o600, true), Green, "permissions", "2 private files", ""},
		{"a readable key", of(0o640, true), Red, "permissions", "h/x has mode 0640", "chmod 600 h/x"},
		{"a writable key", of(0o602, true), Red, "permissions", "h/x has mode 0602", "chmod 600 h/x"},
		{"an open folder", of(fs.ModeDir|0o755, false), Yellow, "permissions", "h/x has mode 0755", "chmod 700 h/x"},
		{"a readable config", of(0o644, false), Yellow, "permissions", "h/x has mode 0644", "chmod 600 h/x"},
		{"another's file", Permissions([]Private{{Path: "h/x", Err: errFault}}), Red, "permissions", "it broke", "user"},
	})
}

func TestKeysAreJudged(t *testing.T) {
	of := func(role p2p.Role, change func(*KeyState)) []Finding {
		s := KeyState{Role: role, Account: common.Address{1}}
		change(&s)
		return Keys(s, " --home h")
	}
	verify(t, []verdict{
		{"all there", of(p2p.RoleValidator, func(*KeyState) {}), Green, "keys", "validator", ""},
		{"an aggregator needs no account", of(p2p.RoleAggregator, func(s *KeyState) { s.Account = common.Address{} }), Green, "keys", "aggregator", ""},
		{"transport key", of(p2p.RoleClient, func(s *KeyState) { s.Identity = errFault }), Red, "keys", "it broke", "--kind p2p --home h"},
		{"vote key", of(p2p.RoleValidator, func(s *KeyState) { s.VoteKey = errFault }), Red, "keys", "it broke", "next committee"},
		{"no account", of(p2p.RoleClient, func(s *KeyState) { s.Account = common.Address{} }), Red, "keys", "client.account in config.toml names no account", "allegro account new --use --home h"},
		{"no sponsor", of(p2p.RoleValidator, func(s *KeyState) { s.Account = common.Address{} }), Red, "keys", "validator.sponsor in config.toml names no account", "allegro account new"},
		{"password file", of(p2p.RoleClient, func(s *KeyState) { s.Password = errFault }), Red, "keys", "it broke", "keystore.password_file"},
		{"account file", of(p2p.RoleClient, func(s *KeyState) { s.AccountKey = errFault }), Red, "keys", "it broke", "keystore/"},
		{"no password file", of(p2p.RoleClient, func(s *KeyState) { s.NoPassword = true }), Yellow, "keys", "asked for at the terminal", "keystore.password_file"},
		{"an account without file or password", of(p2p.RoleClient, func(s *KeyState) { s.NoPassword, s.AccountKey = true, errFault }), Red, "keys", "it broke", "keystore/"},
	})
}

func TestSeatIsJudged(t *testing.T) {
	const id, other = "12D3KooWown", "12D3KooWother"
	of := func(change func(*SeatState)) []Finding {
		s := SeatState{Now: now, End: now.Add(30 * 24 * time.Hour), Seat: true, PeerID: id, Sponsor: netfile.Address{1}, Entries: []SeatEntry{{
			Epoch: 3, Start: now.Add(-time.Hour), End: now.Add(30 * 24 * time.Hour), Sponsor: netfile.Address{1}, Addresses: []string{"/ip4/192.0.2.1/tcp/1/p2p/" + id},
		}}}
		change(&s)
		return Seat(s, " --home h")
	}
	verify(t, []verdict{
		{"in office", of(func(*SeatState) {}), Green, "seat", "in office in epoch 3", ""},
		{"no validator", of(func(s *SeatState) { *s = SeatState{Now: s.Now, End: s.End} }), Green, "term", "ends at 2030-04-16", ""},
		{"in no committee", of(func(s *SeatState) { s.Entries = nil }), Red, "seat", "in no committee", "allegro id -o json --home h"},
		{"not yet in office", of(func(s *SeatState) { s.Entries[0].Start = now.Add(time.Hour) }), Yellow, "seat", "epoch 3 is from 2030-03-17T18:46:40Z", "wait"},
		{"no more in office", of(func(s *SeatState) { s.Entries[0].End = now }), Yellow, "seat", "not in office", "next committee"},
		{"another sponsor", of(func(s *SeatState) { s.Entries[0].Sponsor = netfile.Address{2} }), Red, "seat", "lists sponsor 0x02", "the same"},
		{"another peer id", of(func(s *SeatState) { s.Entries[0].Addresses = []string{"/ip4/192.0.2.1/tcp/1/p2p/" + other} }), Red, "seat", "sends others for this validator to /ip4/192.0.2.1/tcp/1/p2p/" + other, "transport key"},
		{"no address", of(func(s *SeatState) { s.Entries[0].Addresses = nil }), Yellow, "seat", "nobody can dial it", "allegro committee new"},
		{"the term ends soon", of(func(s *SeatState) { s.End = now.Add(36 * time.Hour) }), Yellow, "term", "in 36h0m0s", "next committee"},
		{"the term is over", of(func(s *SeatState) { s.End = now }), Red, "term", "nothing is certified any more", "next committee"},
	})
}

func TestAStoppedPeerIsJudged(t *testing.T) {
	seat := SeatState{Now: now, Seat: true, Entries: []SeatEntry{{Epoch: 3, Start: now, End: now.Add(time.Hour)}}}
	later := seat
	later.Now = now.Add(time.Hour)
	verify(t, []verdict{
		{"in office", one(Stopped(seat, " --home h")), Red, "running", "in office in epoch 3 and does not run", "allegro validator run --home h"},
		{"no more in office", one(Stopped(later, "")), Green, "running", "no committee in office", ""},
		{"no validator", one(Stopped(SeatState{Now: now}, "")), Green, "running", "no peer runs", ""},
	})
	for _, s := range []LockState{{Held: true}, {Answers: true}, {Err: errFault}} {
		require.False(t, s.free(), "%+v", s)
	}
	require.True(t, (&LockState{Left: &home.Running{}}).free())
}

func TestAddressesAreJudged(t *testing.T) {
	of := func(running, announced bool, all ...AddressState) []Finding {
		return Addresses(AddressesState{Running: running, Announced: announced, Validator: true, All: all})
	}
	good := AddressState{Text: "/ip4/127.0.0.1/tcp/1", Setting: "p2p.listen", Tried: true}
	broken := good
	broken.Err = errFault
	metrics := AddressState{Text: "127.0.0.1:9", Setting: "metrics.listen", Tried: true, Err: errFault}
	untried := AddressState{Text: "/ip4/127.0.0.1/udp/1/quic-v1", Setting: "p2p.listen"}
	verify(t, []verdict{
		{"free", of(false, false, good, good), Green, "listen", "2 addresses can be listened on", ""},
		{"answers", of(true, false, good, untried), Green, "listen", "1 of 2 addresses were tried", ""},
		{"taken", of(false, false, broken), Red, "listen", "/ip4/127.0.0.1/tcp/1 cannot be listened on: it broke", "choose another with p2p.listen"},
		{"metrics taken", of(false, false, good, metrics), Red, "listen", "127.0.0.1:9 cannot be listened on", "choose another with metrics.listen"},
		{"does not answer", of(true, false, broken), Red, "listen", "/ip4/127.0.0.1/tcp/1 cannot be reached", "firewall"},
		{"announced and not reached", of(true, true, broken), Yellow, "listen", "which p2p.announce names", "another machine"},
		{"metrics of a peer with announced addresses", of(true, true, good, metrics), Red, "listen", "127.0.0.1:9 cannot be reached", "firewall"},
		{"a validator that only dials", of(false, false), Yellow, "listen", "listens nowhere", "p2p.listen"},
		{"a client that only dials", Addresses(AddressesState{}), Green, "listen", "0 addresses", ""},
	})
}

func TestDiskIsJudged(t *testing.T) {
	times := func(d ...time.Duration) []Finding { return one(Sync(SyncTimes{Dir: "h/data", Times: d})) }
	space := func(bytes uint64) []Finding { return one(Space(FreeSpace{Dir: "h/data", Bytes: bytes})) }
	verify(t, []verdict{
		{"fast", times(time.Millisecond, 900*time.Millisecond, 2*time.Millisecond), Green, "sync", "2ms in the median, 900ms at worst", ""},
		{"slow", times(20*time.Millisecond, 19*time.Millisecond, 21*time.Millisecond), Yellow, "sync", "20ms in the median", "solid-state"},
		{"stuck", times(2 * time.Second), Red, "sync", "2s in the median", "solid-state"},
		{"not writable", one(Sync(SyncTimes{Dir: "h/data", Err: errFault})), Red, "sync", "h/data cannot be written: it broke", "writable"},
		{"room", space(6 << 30), Green, "space", "6.0 GiB are free for h/data", ""},
		{"little room", space(5<<30 - 1), Yellow, "space", "5.0 GiB", "make room"},
		{"no room", space(1<<30 - 1), Red, "space", "1.0 GiB", "stops for good"},
		{"no disk", one(Space(FreeSpace{Err: errFault})), Red, "space", "it broke", "disk"},
	})
}

// chainState is a node that is as it should be.
func chainState(change func(*ChainState)) ChainState {
	s := ChainState{
		Node: "127.0.0.1:8545", ID: 31337, WantID: 31337, BlockTime: 5 * time.Second, MinSettle: 10 * time.Minute, Now: now, HeadSeen: now.Add(-2 * time.Second),
		Head: tempo.Header{Number: 50, Time: uint64(now.Unix()) - 3}, Finalized: tempo.Header{Number: 49, Time: uint64(now.Unix()) - 8}, Forks: []api.Fork{},
	}
	change(&s)
	return s
}

func TestChainIsJudged(t *testing.T) {
	of := func(change func(*ChainState)) []Finding { return Chain(chainState(change), " --home h") }
	verify(t, []verdict{
		{"as it should be", of(func(*ChainState) {}), Green, "chain", "at height 50, whose block came 2s ago", ""},
		{"nobody has compared", of(func(s *ChainState) { s.Forks = nil }), Green, "finality", "finalized block 49", ""},
		{"no answer", of(func(s *ChainState) { s.Err = errFault }), Red, "chain", "127.0.0.1:8545 gives no answer: it broke", "allegro config get chain.rpc --home h"},
		{"another chain", of(func(s *ChainState) { s.ID = 1 }), Red, "chain", "is of chain 1, network.toml is for chain 31337", "chain.rpc"},
		{"no block for a while", of(func(s *ChainState) { s.HeadSeen = now.Add(-16 * time.Second) }), Yellow, "chain", "came 16s ago", "chain node"},
		{"an outage", of(func(s *ChainState) { s.HeadSeen = now.Add(-101 * time.Second) }), Red, "chain", "came 1m41s ago", "chain node"},
		{"an old block and no new one", of(func(s *ChainState) { s.HeadSeen, s.Head.Time = time.Time{}, uint64(now.Unix())-200 }), Red, "chain", "is dated 3m20s ago", "chain node"},
		{"a backup is used", of(func(s *ChainState) { s.Backup = true }), Yellow, "backup", "the backup at 127.0.0.1:8545 is used", "chain node"},
		{"finality is slow", of(func(s *ChainState) { s.Finalized.Number = 46 }), Yellow, "finality", "by 4 in height", "chain's validators"},
		{"finality stands", of(func(s *ChainState) { s.Finalized.Time -= 600 }), Red, "finality", "by 1 in height and 10m5s in time", "chain's validators"},
		{"no finality", of(func(s *ChainState) { s.NoFinal = errFault }), Red, "finality", "it broke", "chain node"},
		{"a fork", of(func(s *ChainState) {
			s.Forks = []api.Fork{{Validator: "edgar", Height: "48", Hash: "0xb", OwnHash: "0xa"}}
		}), Red, "fork", "edgar has 0xb at height 48, this peer's node has 0xa", "do not accept payments"},
	})
}

func TestClockIsJudged(t *testing.T) {
	seen := func(d time.Duration) []Finding {
		return one(Clock(chainState(func(s *ChainState) { s.HeadSeen = timeOf(s.Head.Time).Add(d) })))
	}
	verify(t, []verdict{
		{"right", seen(3 * time.Second), Green, "clock", "came 3s after the time it bears", ""},
		{"a little behind", seen(-time.Minute), Green, "clock", "came 1m0s before", ""},
		{"ahead", seen(66 * time.Second), Yellow, "clock", "came 1m6s after", "time server"},
		{"behind", seen(-61 * time.Second), Yellow, "clock", "came 1m1s before", "time server"},
		{"of another time", seen(-2 * time.Hour), Red, "clock", "came 2h0m0s before", "time server"},
		{"no block came", one(Clock(chainState(func(s *ChainState) { s.HeadSeen = time.Time{} }))), Yellow, "clock", "could not be compared", "chain node"},
		{"no answer", one(Clock(chainState(func(s *ChainState) { s.Err = errFault }))), Yellow, "clock", "could not be compared", "chain node"},
	})
}

func TestBackupsAreJudged(t *testing.T) {
	good := BackupState{Node: "a:1", ID: 5, WantID: 5}
	require.Empty(t, Backups(nil))
	verify(t, []verdict{
		{"answers", Backups([]BackupState{good, good}), Green, "backup", "2 backup nodes answer", ""},
		{"no answer", Backups([]BackupState{good, {Node: "b:1", Err: errFault}}), Yellow, "backup", "b:1 gives no answer: it broke", "chain.backups"},
		{"another chain", Backups([]BackupState{{Node: "b:1", ID: 6, WantID: 5}}), Red, "backup", "b:1 is of chain 6", "chain.backups"},
	})
}

func TestSponsorIsJudged(t *testing.T) {
	of := func(held, fee uint64, err error) []Finding {
		return Sponsor(&SponsorState{Account: common.Address{1}, Token: common.Address{2}, Block: 7, Held: *uint256.NewInt(held), Fee: uint256.NewInt(fee), Err: err})
	}
	verify(t, []verdict{
		{"rich", of(25_000, 100, nil), Green, "sponsor", "can pay for 250 payments at block 7", ""},
		{"low", of(24_999, 100, nil), Yellow, "sponsor", "holds 24999 units", "give it fee tokens"},
		{"one left", of(100, 100, nil), Yellow, "sponsor", "enough for 1 payments", "give it fee tokens"},
		{"dry", of(99, 100, nil), Red, "sponsor", "cannot pay for a payment, which needs 100", "other validators have to settle"},
		{"free", of(0, 0, nil), Green, "sponsor", "cost nothing", ""},
		{"not read", of(0, 100, errFault), Yellow, "sponsor", "it broke", "fee_token"},
	})
	if got := Sponsor(nil); got != nil {
		t.Errorf("of a peer without a sponsor: %+v", got)
	}
}

func TestCommitteeIsJudged(t *testing.T) {
	of := func(threshold uint64, reached ...bool) []Finding {
		s := CommitteeState{Running: true, Epoch: 2, Threshold: threshold}
		for i, r := range reached {
			s.Members = append(s.Members, MemberState{Name: string(rune('a' + i)), Weight: 1, Self: i == 0, Reached: r, Problem: "connection refused"})
		}
		return Committee(s, " --home h")
	}
	stopped := CommitteeState{Epoch: 2, Threshold: 1, Members: []MemberState{{Name: "a", Weight: 1, Reached: true}}}
	own := CommitteeState{Epoch: 2, Threshold: 2, Members: []MemberState{{Name: "a", Weight: 1, Reached: true}, {Name: "b", Weight: 1, Self: true}}}
	verify(t, []verdict{
		{"all", of(3, true, true, true, true), Green, "quorum", "weight 4 of 4 is reached, 3 is needed: margin 1", ""},
		{"all of two", of(2, true, true), Green, "quorum", "margin 0", ""},
		{"all, by TCP", Committee(stopped, ""), Green, "committee", "answer at a TCP address", ""},
		{"who is stopped is not reached", Committee(own, ""), Red, "quorum", "weight 1 of 2 is reached, 2 is needed", "weight 1 more"},
		{"one is away", of(5, true, true, true, true, true, true, false), Yellow, "committee", "g (weight 1) is not reached: connection refused", "allegro committee show --home h"},
		{"no margin is left", of(3, true, true, true, false), Yellow, "quorum", "margin 0, the next one that is lost stops certifying", "missing validators"},
		{"no quorum", of(3, true, true, false, false), Red, "quorum", "weight 2 of 4 is reached, 3 is needed", "validators of weight 1 more"},
	})
	// A member that is heavier than the margin is a risk, lighter ones are not.
	s := CommitteeState{Threshold: 7, Members: []MemberState{{Name: "a", Weight: 5, Reached: true}, {Name: "b", Weight: 4, Reached: true}, {Name: "c", Weight: 1}}}
	require.Contains(t, Committee(s, "")[1].Measured, "margin 2, the next one")
	require.Equal(t, Yellow, Committee(s, "")[1].Level)
	require.Equal(t, Green, Committee(CommitteeState{Threshold: 3, Members: []MemberState{
		{Name: "a", Weight: 1, Reached: true}, {Name: "b", Weight: 1, Reached: true}, {Name: "c", Weight: 1, Reached: true}, {Name: "d", Weight: 1, Reached: true}, {Name: "e"},
	}}, "")[1].Level)
}

func TestGossipIsJudged(t *testing.T) {
	of := func(change func(*GossipState)) []Finding {
		var s GossipState
		change(&s)
		return Gossip(s, " --home h")
	}
	verify(t, []verdict{
		{"meshed", of(func(s *GossipState) { s.Missing = []string{"c"} }), Green, "gossip", "neighbours forward all joined topics", ""},
		{"no room in meshes", of(func(s *GossipState) { s.Alone = []string{"cert"} }), Green, "gossip", "nobody forwards cert to this peer; all other members are connected", ""},
		{"cut off from one", of(func(s *GossipState) { s.Alone, s.Missing = []string{"tx", "cert"}, []string{"b", "c"} }), Yellow, "gossip", "nobody forwards tx, cert to this peer, so that it hears late what others hear from b, c", "allegro peers connect --home h MULTIADDR"},
		{"not told by one", of(func(s *GossipState) { s.Silent, s.Patience = []string{"b"}, 20*time.Second }), Yellow, "gossip", "for more than 20s nothing was heard from b", "pubsub scores"},
	})
}

// Who is silent has been connected for a while, and in office, and has told no Head since.
func TestSilenceIsMeasured(t *testing.T) {
	const second = 1_000_000 // µs
	chain := &ChainState{BlockTime: 5 * time.Second, Head: tempo.Header{Time: 140}, Finalized: tempo.Header{Time: 100}, Now: time.Unix(1000, 0)}
	silent := func(change func(m *document.Member, p *Peer)) bool {
		m := document.Member{Name: "b", PeerID: new("12D3"), Reached: new(true)}
		p := &Peer{Peers: document.Peers{Peers: []document.Peer{{PeerID: "12D3", SinceMicros: new(fmt.Sprint(900 * second))}}}}
		p.Committee.Start = "0"
		change(&m, p)
		p.Committee.Members = []document.Member{m}
		return len(measureGossip(p, chain).Silent) > 0
	}
	told := func(m *document.Member, at string) { m.Head = &document.Head{Time: at} }
	justCame := func(p *Peer) { p.Peers.Peers[0].SinceMicros = new(fmt.Sprint(981 * second)) }
	require.True(t, silent(func(*document.Member, *Peer) {}), "it has told nothing")
	require.True(t, silent(func(m *document.Member, _ *Peer) { told(m, "79") }))
	require.False(t, silent(func(m *document.Member, _ *Peer) { told(m, "80") }), "20 s ago")
	require.False(t, silent(func(_ *document.Member, p *Peer) { justCame(p) }))
	require.False(t, silent(func(m *document.Member, p *Peer) { told(m, "1"); justCame(p) }), "it was away, and has just come back")
	require.False(t, silent(func(_ *document.Member, p *Peer) { p.Committee.Start = "90" }), "it has just taken office")
	require.False(t, silent(func(m *document.Member, _ *Peer) { m.Reached = new(false) }), "it is missing, which is another finding")
	require.False(t, silent(func(_ *document.Member, p *Peer) { p.Self.PeerID = "12D3" }), "it is this peer")
}

func TestARunningPeerIsJudged(t *testing.T) {
	peer := func(change func(*Peer)) *Peer {
		p := &Peer{Self: api.Self{Version: "v1", Running: &api.Running{}}}
		p.Peers.Peers = []document.Peer{{PeerID: "12D3", Name: new("dave"), Version: new("v1")}, {PeerID: "12D4"}}
		change(p)
		return p
	}
	work := func(change func(*api.Running)) []Finding {
		self := api.Self{Running: &api.Running{Signing: new(true)}}
		change(self.Running)
		return Work(&self)
	}
	verify(t, []verdict{
		{"one version", Versions(peer(func(*Peer) {}), "v1"), Green, "version", "v1, and so have all that have told theirs: 1", ""},
		{"another validator's version", Versions(peer(func(p *Peer) { p.Peers.Peers[0].Version = new("v2") }), "v1"), Yellow, "version", "this peer has v1, dave has v2", "agree"},
		{"a stranger's version", Versions(peer(func(p *Peer) { p.Peers.Peers[1].Version = new("v2") }), "v1"), Yellow, "version", "12D4 has v2", "agree"},
		{"an older process", Versions(peer(func(*Peer) {}), "v2"), Yellow, "version", "of version v1, this program of v2", "start the peer again"},
		{"signs", work(func(*api.Running) {}), Green, "signing", "signs", ""},
		{"does not sign", work(func(r *api.Running) { r.Signing, r.WhyNot = new(false), new("it recovers") }), Red, "signing", "does not sign: it recovers", "recovers"},
		{"does not say why", work(func(r *api.Running) { r.Signing = new(false) }), Red, "signing", "no reason", "recovers"},
		{"stores nothing", work(func(r *api.Running) { r.Store = new("the disk is full") }), Red, "store", "the disk is full", "disk"},
		{"a client", work(func(r *api.Running) { r.Signing = nil }), Green, "store", "stored", ""},
	})
}
