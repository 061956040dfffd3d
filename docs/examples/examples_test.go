// Package examples_test runs the examples of docs/integrators.md as programs, on a network
// with its chain in the test's process.
package examples_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/allegro-p2p/allegro/aggregator/httpapi"
	"github.com/allegro-p2p/allegro/testnet"
	"github.com/stretchr/testify/require"
)

// patience bounds the whole: blocks take a second, building the programs what it takes.
const patience = 5 * time.Minute

// place is a running network with what an integrator has of it.
type place struct {
	t        *testing.T
	ctx      context.Context
	dir      string // with network.toml, programs and keys
	url      string // of the aggregator
	node     string // URL of the chain
	digest   string // of the network file
	accounts map[string]string
	network  *testnet.Network
}

// newPlace starts a network and builds the programs.
func newPlace(t *testing.T) *place {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	p := &place{t: t, ctx: ctx, dir: t.TempDir(), accounts: make(map[string]string)}
	build := exec.CommandContext(ctx, "go", "build", "-o", p.dir, "./wallet", "./sign", "./receiver", "./shop", "../../cmd/allegro")
	out, err := build.CombinedOutput()
	require.NoError(t, err, string(out))

	cfg := testnet.DefaultConfig()
	cfg.BlockTime, cfg.Dir = time.Second, t.TempDir()
	p.network, err = testnet.Start(ctx, cfg)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, p.network.Close()) })
	require.NoError(t, p.network.WaitReady(ctx))
	urls, stop, err := p.network.ServePages(ctx, 0)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, stop()) })
	p.url = urls["olivia"]
	node := httptest.NewServer(p.network.Chain.Handler())
	t.Cleanup(node.Close)
	p.node = node.URL

	file, err := p.network.File().Encode()
	require.NoError(t, err)
	p.write("network.toml", string(file))
	p.digest = p.network.File().Digest().Hex()
	var demo httpapi.DemoAccounts
	p.get("/api/v1/demo/accounts", &demo)
	for _, a := range demo.Accounts {
		p.write(a.Name+".hex", strings.TrimPrefix(a.PrivateKey, "0x"))
		p.accounts[a.Name] = a.Address
	}
	return p
}

func (p *place) path(name string) string { return filepath.Join(p.dir, name) }

func (p *place) write(name, text string) {
	p.t.Helper()
	require.NoError(p.t, os.WriteFile(p.path(name), []byte(text), 0o600))
}

func (p *place) get(path string, into any) {
	p.t.Helper()
	request, err := http.NewRequestWithContext(p.ctx, http.MethodGet, p.url+path, nil)
	require.NoError(p.t, err)
	response, err := http.DefaultClient.Do(request)
	require.NoError(p.t, err)
	defer response.Body.Close()
	require.Equal(p.t, http.StatusOK, response.StatusCode)
	require.NoError(p.t, json.NewDecoder(response.Body).Decode(into))
}

// command is a program with the built ones in its PATH. What it prints goes to out.
func (p *place) command(out *bytes.Buffer, name string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(p.ctx, name, args...)
	cmd.Env = append(os.Environ(), "PATH="+p.dir+string(os.PathListSeparator)+os.Getenv("PATH"))
	cmd.Stdout, cmd.Stderr = out, out
	return cmd
}

// run runs a program that must succeed, and returns what it prints.
func (p *place) run(name string, args ...string) string {
	p.t.Helper()
	var out bytes.Buffer
	require.NoError(p.t, p.command(&out, name, args...).Run(), "%s", &out)
	p.t.Logf("%s\n%s", name, &out)
	return out.String()
}

// start starts a program, and returns what it prints, by lines.
func start(t *testing.T, program *exec.Cmd) <-chan string {
	t.Helper()
	program.Stdout = nil
	out, err := program.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, program.Start())
	lines := make(chan string, 16)
	go func() {
		defer close(lines)
		for s := bufio.NewScanner(out); s.Scan(); {
			lines <- s.Text()
		}
	}()
	return lines
}

// wallet is the command line of the example peer of an account.
func (p *place) wallet(name string, args ...string) []string {
	return append([]string{
		"-network", p.path("network.toml"), "-node", p.node, "-key", p.path(name + ".hex"), "-data", p.path(name),
	}, args...)
}

// need skips a test without a program, and fails it in CI.
func need(t *testing.T, path, remedy string) string {
	t.Helper()
	found, err := exec.LookPath(path)
	if err == nil {
		return found
	}
	if os.Getenv("CI") == "true" {
		t.Fatalf("%v: %s", err, remedy)
	}
	t.Skipf("SKIPPED: %v: the example is not run; %s", err, remedy)
	return ""
}

func TestExamples(t *testing.T) {
	p := newPlace(t)

	t.Run("Receiver", func(t *testing.T) { testReceiver(t, p) })

	// Each account has one wallet at a time: those of the network's own process end first.
	t.Run("Go", func(t *testing.T) {
		for _, name := range []string{"alice", "bob"} {
			require.NoError(t, p.network.Peer(name).Stop())
		}
		var received bytes.Buffer
		shop := p.command(&received, p.path("wallet"), p.wallet("bob", "receive", "2.50", "invoice 7")...)
		require.NoError(t, shop.Start())
		paid := p.run(p.path("wallet"), p.wallet("alice", "pay", p.accounts["bob"], "2.50", "invoice 7")...)
		require.Regexp(t, `^signed 0x[0-9a-f]{64}\n(CERTIFIED|INCLUDED) 2\.50 pathUSD to 0x`, paid)
		again := p.run(p.path("wallet"), p.wallet("alice", "pay", p.accounts["bob"], "2.50", "invoice 7")...)
		require.Contains(t, again, strings.Replace(strings.SplitN(paid, "\n", 2)[0], "signed", "paid already as", 1))
		require.NoError(t, shop.Wait(), "%s", &received)
		require.Regexp(t, `(?s)CERTIFIED 0x[0-9a-f]{64}, hand over the coffee.*FINALIZED.*hand over the car\n$`, received.String())

		var refused bytes.Buffer
		require.Error(t, p.command(&refused, p.path("wallet"), p.wallet("alice", "pay", p.accounts["bob"], "1000", "invoice 8")...).Run())
		require.Contains(t, refused.String(), "INSUFFICIENT_FUNDS")
	})

	// The wallet of above pays what the shop's request asks for. The shop has been killed
	// meanwhile, and the same command goes on.
	t.Run("Shop", func(t *testing.T) {
		var problems bytes.Buffer
		open := func() (*exec.Cmd, *bufio.Scanner) {
			shop := p.command(&problems, p.path("shop"), p.path("network.toml"), p.node, p.path("bob.hex"), p.path("bob"), "invoice 9")
			shop.Stdout = nil
			out, err := shop.StdoutPipe()
			require.NoError(t, err)
			require.NoError(t, shop.Start())
			sold := bufio.NewScanner(out)
			require.True(t, sold.Scan(), "%s", &problems)
			require.Regexp(t, `^allegro:0x.*&note=invoice%209`, sold.Text())
			return shop, sold
		}
		shop, _ := open()
		require.NoError(t, shop.Process.Kill())
		require.Error(t, shop.Wait())
		paid := p.run(p.path("wallet"), p.wallet("alice", "pay", p.accounts["bob"], "2.50", "invoice 9")...)
		id := strings.TrimPrefix(strings.SplitN(paid, "\n", 2)[0], "signed ")
		shop, sold := open()
		var told []string
		for !slices.Contains(told, "final "+id+` exact "invoice 9"`) {
			require.True(t, sold.Scan(), "it told %q", told)
			told = append(told, sold.Text())
		}
		require.Contains(t, told, "accepted "+id+` exact "invoice 9"`)
		require.NoError(t, shop.Process.Signal(os.Interrupt))
		require.NoError(t, shop.Wait(), "%s", &problems)
	})

	t.Run("HTTP", func(t *testing.T) {
		need(t, "curl", "install the Debian package curl")
		need(t, "jq", "install the Debian package jq")
		var problems bytes.Buffer
		shop := p.command(&problems, "./receive.sh", p.url, p.path("network.toml"), p.accounts["bob"], "1000000")
		sold := start(t, shop)
		require.Equal(t, "waiting for 1000000 units at "+p.accounts["bob"], next(t, p, sold), "%s", &problems)
		out := p.run("./http.sh", p.url, p.path("network.toml"), p.path("carol.hex"), p.accounts["carol"], p.accounts["bob"], "1000000")
		require.Contains(t, out, "VALID: the quorum certificate of payment 0x")
		require.Regexp(t, `\{"stage":"FINALIZED","tempo_tx_hash":"0x[0-9a-f]{64}"\}\n$`, out)
		require.Regexp(t, "^CERTIFIED 0x[0-9a-f]{64}: 1000000 units from "+strings.ToLower(p.accounts["carol"])+"$", next(t, p, sold), "%s", &problems)
		require.NoError(t, shop.Wait(), "%s", &problems)

		// Somebody who waits misses nothing that becomes final before the first stream opens.
		early := p.busyOnce(func() {
			p.run("./http.sh", p.url, p.path("network.toml"), p.path("carol.hex"), p.accounts["carol"], p.accounts["bob"], "1000001")
		})
		require.Regexp(t, "\nCERTIFIED 0x[0-9a-f]{64}: 1000001 units from ",
			p.run("./receive.sh", early, p.path("network.toml"), p.accounts["bob"], "1000001"))

		// A plan for somebody else's money, or to somebody else, is not signed.
		plan := p.plan(p.accounts["carol"], p.accounts["bob"], "1000000")
		for _, args := range [][]string{
			{"-key", p.path("alice.hex"), "-to", p.accounts["bob"], "-amount", "1000000"},
			{"-key", p.path("carol.hex"), "-to", p.accounts["alice"], "-amount", "1000000"},
			{"-key", p.path("carol.hex"), "-to", p.accounts["bob"], "-amount", "999999"},
		} {
			var refused bytes.Buffer
			cmd := p.command(&refused, p.path("sign"), append(args, "-network", p.path("network.toml"))...)
			cmd.Stdin = strings.NewReader(plan)
			require.Error(t, cmd.Run())
			require.Contains(t, refused.String(), "nothing was signed")
		}
	})

	t.Run("TypeScript", func(t *testing.T) {
		const web = "../../aggregator/web/"
		const remedy = "run npm ci --ignore-scripts in aggregator/web"
		node := need(t, web+"node_modules/.bin/node", remedy)
		if _, err := os.Stat(web + "node_modules/viem"); err != nil {
			need(t, web+"node_modules/viem/package.json", remedy) // tells so
		}
		for _, units := range []string{"", "-1", "0x10", "010", "10.00"} {
			var refused bytes.Buffer
			require.Error(t, p.command(&refused, node, web+"examples/receive.ts", p.url, p.digest, p.accounts["bob"], units).Run())
			require.Contains(t, refused.String(), "UNITS are the token's smallest units", units)
		}
		pay := func(units string) string {
			out := p.run(node, web+"examples/pay.ts", p.url, p.digest, p.path("carol.hex"), p.accounts["bob"], units)
			require.Regexp(t, `verified here: dave, edgar signed, weight 2 of 2, good for `+units+` units\n$`, out)
			return strings.TrimPrefix(strings.SplitN(out, "\n", 2)[0], "signed ")
		}
		var problems bytes.Buffer
		shop := p.command(&problems, node, web+"examples/receive.ts", p.url, p.digest, p.accounts["bob"], "500000")
		sold := start(t, shop)
		require.Equal(t, "waiting for 500000 units at "+p.accounts["bob"], next(t, p, sold))
		little := pay("499999")
		require.Regexp(t, "^not taken: "+little+", 499999 units of 0x20c0", next(t, p, sold))
		enough := pay("500000")
		require.Equal(t, "CERTIFIED "+enough+": 500000 units from "+strings.ToLower(p.accounts["carol"]), next(t, p, sold))
		require.Regexp(t, `^verified here: dave, edgar signed, weight 2 of 2, \d+ s left for the chain to take it$`, next(t, p, sold))
		require.NoError(t, shop.Wait(), "%s", &problems)

		early := p.busyOnce(func() { pay("500001") })
		require.Regexp(t, "\nCERTIFIED 0x[0-9a-f]{64}: 500001 units from ", p.run(node, web+"examples/receive.ts", early, p.digest, p.accounts["bob"], "500001"))
	})
}

// busyOnce is the URL of the aggregator, which is too busy for the first event stream that
// somebody asks for there. Before it says so it calls meanwhile.
func (p *place) busyOnce(meanwhile func()) string {
	target, err := url.Parse(p.url)
	require.NoError(p.t, err)
	forward := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(target) }, ErrorLog: log.New(io.Discard, "", 0)}
	var first sync.Once
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		busy := false
		if r.URL.Path == "/api/v1/events" {
			first.Do(func() { busy = true })
		}
		if !busy {
			forward.ServeHTTP(w, r)
			return
		}
		meanwhile()
		w.WriteHeader(http.StatusServiceUnavailable)
		_, _ = w.Write([]byte(`{"code":"BUSY","error":"not now"}`))
	}))
	p.t.Cleanup(server.Close)
	return server.URL
}

// The scripts refuse what they cannot be sure of before they ask anybody.
func TestScriptsRefuse(t *testing.T) {
	const usage = "UNITS are the token's smallest units"
	empty := filepath.Join(t.TempDir(), "network.toml")
	require.NoError(t, os.WriteFile(empty, []byte("name = \"testnet\"\n"), 0o600))
	for _, test := range []struct {
		args []string
		want string
	}{
		{[]string{"./receive.sh"}, usage},
		{[]string{"./receive.sh", "URL", "net.toml", "0xb0b"}, usage},
		{[]string{"./receive.sh", "URL", "net.toml", "0xb0b", "10.00"}, usage},
		{[]string{"./receive.sh", "URL", "net.toml", "0xb0b", "-1"}, usage},
		{[]string{"./receive.sh", "URL", "net.toml", "0xb0b", "010"}, usage},
		{[]string{"./receive.sh", "URL", "net.toml", "0xb0b", "0x10"}, usage},
		{[]string{"./receive.sh", "URL", "net.toml", "0xb0b", "1 2"}, usage},
		{[]string{"./receive.sh", "URL", "net.toml", "0xb0b", "10", "20"}, usage},
		{[]string{"./receive.sh", "URL", empty + ".none", "0xb0b", "10"}, "network.toml.none"},
		{[]string{"./receive.sh", "URL", empty, "0xb0b", "10"}, "has no min_settle_seconds"},
		{[]string{"./http.sh"}, usage},
		{[]string{"./http.sh", "URL", "net.toml", "key.hex", "0xa11ce", "0xb0b", "10.00"}, usage},
	} {
		out, err := exec.CommandContext(t.Context(), test.args[0], test.args[1:]...).CombinedOutput()
		var exit *exec.ExitError
		require.ErrorAs(t, err, &exit, "%q", test.args)
		require.Equal(t, 2, exit.ExitCode(), "%q: %s", test.args, out)
		require.Contains(t, string(out), test.want, "%q", test.args)
	}
}

// plan asks the aggregator for a payment to sign.
func (p *place) plan(from, to, amount string) string {
	p.t.Helper()
	body, err := json.Marshal(map[string]string{"from": from, "to": to, "amount": amount, "asset": "pathUSD"})
	require.NoError(p.t, err)
	request, err := http.NewRequestWithContext(p.ctx, http.MethodPost, p.url+"/api/v1/payments/prepare", bytes.NewReader(body))
	require.NoError(p.t, err)
	request.Header.Set("Content-Type", "application/json")
	response, err := http.DefaultClient.Do(request)
	require.NoError(p.t, err)
	defer response.Body.Close()
	var plan bytes.Buffer
	_, err = plan.ReadFrom(response.Body)
	require.NoError(p.t, err)
	require.Equal(p.t, http.StatusOK, response.StatusCode, plan.String())
	return plan.String()
}
