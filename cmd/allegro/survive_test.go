package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/allegro-p2p/allegro/cmd/internal/api"
	"github.com/allegro-p2p/allegro/fastpay"
	"github.com/allegro-p2p/allegro/p2p"
	"github.com/allegro-p2p/allegro/p2p/document"
	"github.com/allegro-p2p/allegro/p2p/netfile"
	"github.com/allegro-p2p/allegro/p2p/p2ptest"
	"github.com/allegro-p2p/allegro/tempo"
	"github.com/allegro-p2p/allegro/testnet"
	"github.com/allegro-p2p/allegro/testnet/processes"
	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"
)

// These tests break networks of real processes: kill -9, stopped and cut off processes,
// a chain that is not reached, a disk that is full.

// patience bounds each step; a machine that is busy is slow.
const patience = time.Minute

// lab is a testnet of processes with blocks of one second.
type lab struct {
	*processes.Net
	t   *testing.T
	ctx context.Context
}

// newLab makes a testnet that is stopped and deleted when the test ends.
func newLab(t *testing.T, validators int, change func(*processes.Spec)) *lab {
	t.Helper()
	program, err := exec.LookPath("allegro")
	require.NoError(t, err)
	return newLabOf(t, program, 3*time.Minute, validators, change)
}

// newLabOf makes one of a program that has some time for all.
func newLabOf(t *testing.T, program string, limit time.Duration, validators int, change func(*processes.Spec)) *lab {
	t.Helper()
	spec := processes.Spec{
		Validators: validators, Clients: testnet.SceneAccounts(2), Lane: netfile.PaymentLane, BlockTime: time.Second, EpochLength: 24 * time.Hour,
		Finality: netfile.Finalized,
	}
	if change != nil {
		change(&spec)
	}
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	n, err := processes.Init(ctx, filepath.Join(t.TempDir(), "net"), program, spec)
	require.NoError(t, err)
	l := &lab{n, t, ctx}
	t.Cleanup(func() {
		defer cancel()
		if t.Failed() {
			l.quoteLogs()
		}
		assert.NoError(t, n.Remove(ctx))
	})
	return l
}

// quoteLogs shows the ends of all logs.
func (l *lab) quoteLogs() {
	for _, name := range append(l.Names(), "chain") {
		path, err := l.Log(name)
		if err != nil {
			continue
		}
		data, err := os.ReadFile(path)
		if err == nil && len(data) > 0 {
			l.t.Logf("log of %s:\n%s", name, data[max(0, len(data)-3000):])
		}
	}
}

func (l *lab) up() {
	l.t.Helper()
	require.NoError(l.t, l.Up(l.ctx, patience))
}

// kill ends a peer as a power cut would, and waits until it is gone.
func (l *lab) kill(name string) {
	l.t.Helper()
	pid, err := l.PID(name)
	require.NoError(l.t, err)
	require.NoError(l.t, syscall.Kill(pid, syscall.SIGKILL))
	require.NoError(l.t, l.Stop(l.ctx, name)) // waits until the lock is free
}

func (l *lab) start(name string) {
	l.t.Helper()
	require.NoError(l.t, l.Start(l.ctx, name))
}

// signal sends a signal to a peer.
func (l *lab) signal(name string, s syscall.Signal) {
	l.t.Helper()
	pid, err := l.PID(name)
	require.NoError(l.t, err)
	require.NoError(l.t, syscall.Kill(pid, s))
}

// command runs a command in a peer's home, which must end with an exit code.
func (l *lab) command(code int, name string, args ...string) (stdout string, failure *processes.CommandError) {
	l.t.Helper()
	out, err := l.Command(l.ctx, name, args...)
	if err != nil {
		require.ErrorAs(l.t, err, &failure)
	}
	got := 0
	if failure != nil {
		got = failure.Code
	}
	require.Equal(l.t, code, got, "allegro %s in the home of %s: %v", strings.Join(args, " "), name, err)
	return string(out), failure
}

// read runs a command that prints a JSON document and must succeed.
func (l *lab) read(name string, into any, args ...string) {
	l.t.Helper()
	out, _ := l.command(0, name, append(args, "-o", "json")...)
	require.NoError(l.t, json.Unmarshal([]byte(out), into), out)
}

func (l *lab) wait(name, what string) {
	l.t.Helper()
	require.NoError(l.t, l.Wait(l.ctx, name, what, patience))
}

// pay makes a payment and waits for a stage of it.
func (l *lab) pay(from, to, amount, stage string) (p document.Payment) {
	l.t.Helper()
	l.read(from, &p, "pay", "--to", to, "--amount", amount, "--wait", stage, "--timeout", patience.String())
	return p
}

// reach waits until a peer sees a stage of a payment.
func (l *lab) reach(name, id, stage string) (p document.Payment) {
	l.t.Helper()
	l.read(name, &p, "tx", "show", id, "--wait", stage, "--timeout", patience.String())
	return p
}

// requireBalances checks what accounts hold on the chain, once their peers have seen the
// blocks that others have.
func (l *lab) requireBalances(want map[string]string) {
	l.t.Helper()
	for name, units := range want {
		var b document.Balance
		for {
			l.read(name, &b, "balance")
			if b.Confirmed == units && b.CertifiedIn == "0" && b.CertifiedOut == "0" {
				break
			}
			require.NoError(l.t, l.ctx.Err(), "%s holds %+v, not %s", name, b, units)
			l.wait(name, "block")
		}
	}
}

// A client is killed after it has journaled a payment that nobody has seen. Started
// again it goes on with the same bytes.
func TestClientKilledBeforeAnybodySawItsPayment(t *testing.T) {
	t.Parallel()
	l := newLab(t, 2, nil)
	l.up()
	require.NoError(t, l.Stop(l.ctx, "dave"))
	require.NoError(t, l.Stop(l.ctx, "edgar"))
	_, failure := l.command(exitDeadline, "alice", "pay", "--to", "bob", "--amount", "10", "--timeout", "2s")
	require.Contains(t, failure.Stderr, "dave: not reached")
	require.Contains(t, failure.Stderr, "edgar: not reached")
	var before document.Payments
	l.read("alice", &before, "tx", "list")
	require.Len(t, before.Payments, 1)
	l.kill("alice")

	l.start("dave")
	l.start("edgar")
	l.start("alice")
	after := l.reach("bob", before.Payments[0].TxID, "finalized")
	require.Equal(t, before.Payments[0].Raw, after.Raw)
	l.requireBalances(map[string]string{"alice": "5000000", "bob": "15000000"})
}

// A validator is killed between two payments. It comes back as the same peer at the same
// address, votes as it has voted, and the second payment certifies on the first.
func TestValidatorKilledBetweenPayments(t *testing.T) {
	t.Parallel()
	l := newLab(t, 2, nil)
	l.up()
	t1 := l.pay("alice", "bob", "10", "certified")
	var was, is api.Self
	l.read("dave", &was, "id")
	vote := l.submitTo("dave", t1.Raw)

	l.kill("dave")
	l.start("dave")
	l.wait("dave", "quorum")
	l.read("dave", &is, "id")
	require.Equal(t, was.PeerID, is.PeerID)
	require.Equal(t, was.Addresses, is.Addresses)
	require.NotEqual(t, was.Running.PID, is.Running.PID)
	require.Equal(t, vote, l.submitTo("dave", t1.Raw), "the vote is another one")

	l.pay("bob", "carol", "10", "finalized")
	l.requireBalances(map[string]string{"alice": "5000000", "bob": "5000000", "carol": "15000000"})
}

// submitTo hands a payment to a validator as a stranger and returns its vote.
func (l *lab) submitTo(name, raw string) []byte {
	l.t.Helper()
	file, err := l.File()
	require.NoError(l.t, err)
	rules, err := file.Rules()
	require.NoError(l.t, err)
	bytes, err := hexutil.Decode(raw)
	require.NoError(l.t, err)
	tx, err := rules.ParseTx(bytes)
	require.NoError(l.t, err)
	cfg := p2p.DefaultConfig(p2p.RoleClient)
	cfg.Identity, err = p2p.NewIdentity()
	require.NoError(l.t, err)
	heard := &p2ptest.Recorder{}
	cfg.Version, cfg.Rules, cfg.NetworkDigest, cfg.Committee = "test", rules, file.Digest(), tx.CommitteeID()
	cfg.Sink, cfg.Responder = heard, heard
	node, err := p2p.New(cfg)
	require.NoError(l.t, err)
	stop := p2ptest.Run(node)
	defer func() { require.NoError(l.t, stop()) }()
	<-node.Listening()
	var self api.Self
	l.read(name, &self, "id")
	require.NoError(l.t, node.Connect(l.ctx, self.Addresses[0]))
	id, err := p2p.ParsePeerID(self.PeerID)
	require.NoError(l.t, err)
	results, err := node.Submit(l.ctx, id, []fastpay.Payment{{Tx: tx}})
	require.NoError(l.t, err)
	require.Nil(l.t, results[0].Reject)
	return results[0].Certificate.Encode()
}

// Three of four validators are enough, and the fourth is named.
func TestOneOfFourIsDownThroughout(t *testing.T) {
	t.Parallel()
	l := newLab(t, 4, nil)
	l.up()
	l.kill("frank")
	result, err := l.Play(l.ctx, t.TempDir(), func(testnet.Event) {})
	require.NoError(t, err)
	// On a busy machine blocks of a second may come before a QC.
	require.NotEqual(t, testnet.Failed, result.Verdict, result.Reason)
	for { // a connection over QUIC shows only by pings that the other end is gone
		var c document.Committee
		l.read("carol", &c, "committee", "show")
		missing := 0
		for _, m := range c.Members {
			if !*m.Reached {
				missing++
				require.Equal(t, "frank", m.Name)
			}
		}
		if missing == 1 {
			return
		}
		require.NoError(t, l.ctx.Err())
		l.wait("carol", "block")
	}
}

// An aggregator with an empty disk that comes late shows what everybody shows.
func TestAggregatorJoinsLate(t *testing.T) {
	t.Parallel()
	l := newLab(t, 2, func(s *processes.Spec) { s.Aggregators = 1 })
	l.up()
	require.NoError(t, l.Stop(l.ctx, "olivia"))
	home, err := l.Home("olivia")
	require.NoError(t, err)
	require.NoError(t, os.RemoveAll(filepath.Join(home, "data")))
	t1 := l.pay("alice", "bob", "10", "finalized")
	t2 := l.pay("bob", "carol", "10", "certified")

	l.start("olivia")
	for _, id := range []string{t1.TxID, t2.TxID} {
		seen, known := l.reach("olivia", id, "finalized"), l.reach("carol", id, "finalized")
		require.Equal(t, known.Raw, seen.Raw)
		require.Equal(t, known.Stage, seen.Stage)
		require.Equal(t, known.ChainTxHash, seen.ChainTxHash)
	}
}

// An aggregator is killed after it has shown payments. It shows them again with the same
// times, at the same heights, and catches up with what it has missed.
func TestAggregatorKilledShowsWhatItShowed(t *testing.T) {
	t.Parallel()
	l := newLab(t, 2, func(s *processes.Spec) { s.Aggregators = 1 })
	l.up()
	t1 := l.pay("alice", "bob", "10", "finalized")
	l.reach("olivia", t1.TxID, "finalized")
	shown := map[string]document.Payment{t1.TxID: l.paymentOnPage(t1.TxID)}
	t2 := l.pay("bob", "carol", "10", "certified")
	l.reach("olivia", t2.TxID, "certified")
	shown[t2.TxID] = l.paymentOnPage(t2.TxID)
	l.kill("olivia")
	missed := l.pay("carol", "alice", "1", "certified")

	l.start("olivia")
	for id, before := range shown {
		told := l.reach("olivia", id, "finalized")
		after := l.paymentOnPage(id)
		require.Equal(t, told.Timeline, after.Timeline, "commands and programs are told the same")
		require.Subset(t, after.Timeline, before.Timeline)
		require.Equal(t, before.FirstSeenMicros, after.FirstSeenMicros)
		require.Equal(t, before.CertifiedMicros, after.CertifiedMicros)
		require.NotNil(t, after.CertifiedMicros)
		require.Equal(t, before.HeightAtQC, after.HeightAtQC)
		require.Equal(t, before.Signers, after.Signers)
		if before.LeadMicros != nil {
			require.Equal(t, before.LeadMicros, after.LeadMicros)
		}
	}
	late := l.reach("olivia", missed.TxID, "finalized")
	require.Equal(t, missed.Raw, late.Raw)
}

// paymentOnPage is a payment as Olivia's HTTP API has it.
func (l *lab) paymentOnPage(id string) (p document.Payment) {
	l.t.Helper()
	pages, err := l.Pages(l.ctx)
	require.NoError(l.t, err)
	request, err := http.NewRequestWithContext(l.ctx, http.MethodGet, pages["olivia"]+"/api/v1/payments/"+id, nil)
	require.NoError(l.t, err)
	response, err := http.DefaultClient.Do(request)
	require.NoError(l.t, err)
	defer response.Body.Close()
	require.Equal(l.t, http.StatusOK, response.StatusCode)
	require.NoError(l.t, json.NewDecoder(response.Body).Decode(&p))
	return p
}

// gate is a TCP relay that can be shut: the network between peers and a server.
type gate struct {
	target string
	listen net.Listener

	mu    sync.Mutex // guards shut and conns
	shut  bool
	conns map[net.Conn]struct{}
}

func newGate(t *testing.T, target string) *gate {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	g := &gate{target: target, listen: listener, conns: make(map[net.Conn]struct{})}
	go g.serve()
	t.Cleanup(func() {
		listener.Close()
		g.set(true)
	})
	return g
}

func (g *gate) serve() {
	for {
		conn, err := g.listen.Accept()
		if err != nil {
			return
		}
		go g.relay(conn)
	}
}

func (g *gate) relay(in net.Conn) {
	defer in.Close()
	if !g.note(in) {
		return
	}
	out, err := net.Dial("tcp", g.target)
	if err != nil {
		return
	}
	defer out.Close()
	if !g.note(out) {
		return
	}
	go func() {
		_, _ = io.Copy(out, in)
		out.Close()
	}()
	_, _ = io.Copy(in, out)
}

// note remembers a connection, and reports false if the gate is shut.
func (g *gate) note(c net.Conn) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.conns[c] = struct{}{}
	return !g.shut
}

// set shuts or opens the gate; shutting ends every connection.
func (g *gate) set(shut bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.shut = shut
	if shut {
		for c := range g.conns {
			c.Close()
		}
		clear(g.conns)
	}
}

// Nobody reaches the chain node for twelve blocks. What was certified before reaches the
// chain when it is back; what needs the node meanwhile is refused with the cause, and
// nothing is lost by that.
func TestChainNodeIsAwayForTwelveBlocks(t *testing.T) {
	t.Parallel()
	l := newLab(t, 2, nil)
	target, err := url.Parse(l.ChainURL())
	require.NoError(t, err)
	g := newGate(t, target.Host)
	for _, name := range l.Names() {
		l.command(0, name, "config", "set", "chain.rpc", "http://"+g.listen.Addr().String())
	}
	l.up()
	t1 := l.pay("alice", "bob", "10", "certified")

	g.set(true)
	height := l.chainHeight()
	_, failure := l.command(exitRejected, "bob", "pay", "--to", "carol", "--amount", "10")
	require.Contains(t, failure.Stderr, "TEMPORARY_UNAVAILABLE")
	require.Contains(t, failure.Stderr, "check that it runs")
	require.Eventually(t, func() bool { return l.chainHeight() >= height+12 }, patience, 200*time.Millisecond)
	var self api.Self
	l.read("dave", &self, "id")
	require.NotNil(t, self.Running, "dave has ended")
	require.NotEmpty(t, self.Running.Problems)
	require.Contains(t, self.Running.Problems[0], "has shown no new block")

	g.set(false)
	l.reach("carol", t1.TxID, "finalized")
	l.pay("bob", "carol", "10", "finalized")
	l.requireBalances(map[string]string{"alice": "5000000", "bob": "5000000", "carol": "15000000"})
}

// chainHeight asks the chain itself.
func (l *lab) chainHeight() uint64 {
	chain, err := tempo.Dial(l.ctx, l.ChainURL(), tempo.Options{})
	require.NoError(l.t, err)
	defer chain.Close()
	head, err := chain.Header(l.ctx, tempo.Latest)
	require.NoError(l.t, err)
	return head.Number
}

// A validator is cut off: it hangs as if packets were lost. The payment waits, since two
// of two are needed, the command says who is missing, and it certifies when the cut heals.
func TestCutOffValidatorComesBack(t *testing.T) {
	t.Parallel()
	l := newLab(t, 2, nil)
	l.up()
	l.signal("edgar", syscall.SIGSTOP)
	_, failure := l.command(exitDeadline, "alice", "pay", "--to", "bob", "--amount", "10", "--timeout", "4s")
	require.Contains(t, failure.Stderr, "1 of 2 votes, 2 are needed")
	require.Contains(t, failure.Stderr, "edgar")
	require.NotContains(t, failure.Stderr, "dave:")
	l.signal("edgar", syscall.SIGCONT)
	var list document.Payments
	l.read("alice", &list, "tx", "list")
	l.reach("bob", list.Payments[0].TxID, "finalized")
	l.requireBalances(map[string]string{"alice": "5000000", "bob": "15000000"})
}

// A validator's disk is full: it never signs again, says so, and still answers.
func TestFullDiskStopsTheSigner(t *testing.T) {
	t.Parallel()
	l := newLab(t, 4, nil)
	l.up()
	require.NoError(t, l.Stop(l.ctx, "dave"))
	home, err := l.Home("dave")
	require.NoError(t, err)
	// No file of this process may grow beyond 256 KiB: what a full disk says, this says.
	program, err := exec.LookPath("allegro")
	require.NoError(t, err)
	full := exec.CommandContext(l.ctx, "sh", "-c", `ulimit -f 512; exec "$0" validator run --quiet`, program)
	full.Env = append(os.Environ(), "ALLEGRO_HOME="+home)
	log, err := os.Create(filepath.Join(home, "run", "full.log"))
	require.NoError(t, err)
	defer log.Close()
	full.Stderr = log
	require.NoError(t, full.Start())
	defer func() {
		require.NoError(t, full.Process.Signal(syscall.SIGTERM))
		require.Error(t, full.Wait())
		require.Equal(t, exitInternal, full.ProcessState.ExitCode())
		said, err := os.ReadFile(log.Name())
		require.NoError(t, err)
		require.Contains(t, string(said), "this validator has stopped signing")
		require.Contains(t, string(said), "file too large")
	}()
	l.wait("dave", "quorum")

	// Pay until dave's log is full; the other three go on.
	var self api.Self
	paid := 0
	for ; ; paid++ {
		require.Less(t, paid, 3000, "the disk never got full")
		l.pay("alice", "bob", "0.0001", "certified")
		if paid%10 != 0 {
			continue
		}
		l.read("dave", &self, "id")
		if !*self.Running.Signing {
			break
		}
	}
	t.Logf("paid %d times", paid)
	require.Contains(t, *self.Running.WhyNot, "check the disk")
	require.Contains(t, strings.Join(self.Running.Problems, "\n"), "does not sign")
	last := l.pay("alice", "bob", "0.0001", "certified")
	require.NotContains(t, last.Signers, "dave")
	l.reach("dave", last.TxID, "certified")
}

// Two processes with one home, or with one vote key: the second refuses, and says who the
// first is.
func TestSecondProcessRefuses(t *testing.T) {
	t.Parallel()
	l := newLab(t, 2, nil)
	home, err := l.Home("dave")
	require.NoError(t, err)
	copied := filepath.Join(t.TempDir(), "dave")
	require.NoError(t, os.CopyFS(copied, os.DirFS(home)))
	l.up()
	_, failure := l.command(exitUsage, "dave", "validator", "run")
	pid, err := l.PID("dave")
	require.NoError(t, err)
	require.Contains(t, failure.Stderr, fmt.Sprintf("is in use by pid %d (allegro validator run, since", pid))

	// A copy of the home, as somebody makes it who moves a validator and forgets to
	// stop the old one.
	for _, pattern := range []string{"keys/*", "keystore/*"} {
		private, err := filepath.Glob(filepath.Join(copied, pattern))
		require.NoError(t, err)
		for _, path := range private {
			require.NoError(t, os.Chmod(path, 0o600)) // CopyFS opens them to all
		}
	}
	program, err := exec.LookPath("allegro")
	require.NoError(t, err)
	second := exec.CommandContext(l.ctx, program, "validator", "run", "--home", copied, "--listen", "/ip4/127.0.0.1/tcp/0")
	out, err := second.CombinedOutput()
	require.Error(t, err)
	require.Equal(t, exitUsage, second.ProcessState.ExitCode(), string(out))
	require.Contains(t, string(out), "one key votes in one process only")
	require.Contains(t, string(out), fmt.Sprintf("pid %d", pid))

	l.pay("alice", "bob", "10", "certified")
}

// One signal lets a peer end well; the second ends it at once.
func TestSignalsStopAPeer(t *testing.T) {
	t.Parallel()
	l := newLab(t, 2, nil)
	require.NoError(t, l.Start(l.ctx, "chain"))
	require.NoError(t, l.signalled("dave", 1), "a single signal")
	for range 10 { // the peer may be quicker than the second signal
		err := l.signalled("dave", 2)
		if err == nil {
			continue
		}
		exit := new(exec.ExitError)
		require.ErrorAs(t, err, &exit)
		require.Equal(t, syscall.SIGTERM, exit.Sys().(syscall.WaitStatus).Signal())
		return
	}
	t.Fatal("the second signal never ended it")
}

// signalled runs a validator, sends it a number of signals once it is up, each when the
// one before has been taken, and returns how it ended.
func (l *lab) signalled(name string, signals int) error {
	l.t.Helper()
	home, err := l.Home(name)
	require.NoError(l.t, err)
	program, err := exec.LookPath("allegro")
	require.NoError(l.t, err)
	cmd := exec.CommandContext(l.ctx, program, "validator", "run", "--home", home)
	stderr, err := cmd.StderrPipe()
	require.NoError(l.t, err)
	require.NoError(l.t, cmd.Start())
	l.wait(name, "api")
	require.NoError(l.t, cmd.Process.Signal(syscall.SIGTERM))
	lines := bufio.NewScanner(stderr)
	for lines.Scan() {
		if signals > 1 && strings.Contains(lines.Text(), "a second interrupt ends it at once") {
			_ = cmd.Process.Signal(syscall.SIGTERM) // it may have ended
		}
	}
	return cmd.Wait()
}

// Commands that come at once in a home where no peer runs use the peer that one of them
// has started, and none of them suffers from its end.
func TestCommandsAtOnceInAHomeAtRest(t *testing.T) {
	t.Parallel()
	l := newLab(t, 2, nil)
	l.up()
	require.NoError(t, l.Stop(l.ctx, "alice"))
	const commands = 8
	var g errgroup.Group
	for range commands {
		g.Go(func() error {
			_, err := l.Command(l.ctx, "alice", "pay", "--to", "bob", "--amount", "1", "--timeout", patience.String())
			return err
		})
	}
	require.NoError(t, g.Wait())
	var list document.Payments
	l.read("alice", &list, "tx", "list")
	require.Len(t, list.Payments, commands)
	l.start("alice")
	l.requireBalances(map[string]string{"alice": "7000000", "bob": "13000000"})
}
