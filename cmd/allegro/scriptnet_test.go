package main

import (
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/allegro-p2p/allegro/client/request"
	"github.com/allegro-p2p/allegro/cmd/internal/api"
	"github.com/allegro-p2p/allegro/p2p/document"
	"github.com/allegro-p2p/allegro/p2p/netfile"
	"github.com/allegro-p2p/allegro/testnet"
	"github.com/allegro-p2p/allegro/testnet/processes"
	"github.com/ethereum/go-ethereum/common"
	"github.com/rogpeppe/go-internal/testscript"
)

// Commands of scripts that work on networks of processes.

// stopTestnet stops what a script has left running.
func stopTestnet(t *testing.T, dir string) {
	program, err := exec.LookPath("allegro")
	if err != nil {
		t.Error(err)
		return
	}
	n, err := processes.Open(dir, program)
	if err != nil {
		return // the script had none
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := n.Down(ctx); err != nil {
		t.Error(err)
	}
}

// firstTx sets TX to the first payment of the list that the last command printed:
// firsttx FILE, which keeps the list.
func firstTx(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: firsttx FILE")
	}
	list := ts.ReadFile("stdout")
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(list), 0o644))
	var doc document.Payments
	ts.Check(json.Unmarshal([]byte(list), &doc))
	if len(doc.Payments) == 0 {
		ts.Fatalf("the list is empty")
	}
	ts.Setenv("TX", doc.Payments[0].TxID)
}

// flip changes one digit of the QC in a QC file: flip FILE.
func flip(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: flip FILE")
	}
	text := []byte(ts.ReadFile(args[0]))
	at := strings.Index(string(text), `"qc": "0x`) + len(`"qc": "0x`) + 400
	text[at] ^= 1 // a hex digit stays one
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), text, 0o644))
}

// kill9 kills a peer of a testnet as a power cut would: kill9 DIR NAME.
func kill9(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: kill9 DIR NAME")
	}
	program, err := exec.LookPath("allegro")
	ts.Check(err)
	n, err := processes.Open(ts.MkAbs(args[0]), program)
	ts.Check(err)
	pid, err := n.PID(args[1])
	ts.Check(err)
	ts.Check(syscall.Kill(pid, syscall.SIGKILL))
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	ts.Check(n.Stop(ctx, args[1])) // returns when it is gone
}

// target sets TARGET to where the file that Prometheus reads says that a peer serves its
// metrics: target DIR NAME.
func target(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: target DIR NAME")
	}
	var entries []struct {
		Targets []string
		Labels  map[string]string
	}
	ts.Check(json.Unmarshal([]byte(ts.ReadFile(filepath.Join(args[0], "prometheus.json"))), &entries))
	for _, e := range entries {
		if e.Labels["instance"] == args[1] && len(e.Targets) == 1 {
			ts.Setenv("TARGET", e.Targets[0])
			return
		}
	}
	ts.Fatalf("no target is %s in %v", args[1], entries)
}

// requested reads the payment request that the last command printed: requested. URI is what
// it is, HASH its note's; OTHERNETWORK and OTHERTOKEN are URIs that ask for something else.
func requested(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 0 {
		ts.Fatalf("usage: requested")
	}
	var doc api.PaymentRequest
	ts.Check(json.Unmarshal([]byte(ts.ReadFile("stdout")), &doc))
	r, err := request.Parse(doc.URI)
	ts.Check(err)
	ts.Setenv("URI", r.String())
	ts.Setenv("HASH", doc.NoteHash)
	other := r
	other.Network = common.Hash{}
	ts.Setenv("OTHERNETWORK", other.String())
	other = r
	other.Asset = common.HexToAddress("0x20c0000000000000000000000000000000000009")
	ts.Setenv("OTHERTOKEN", other.String())
}

// shorten makes the payments of a testnet that has not run live for seconds: shorten DIR.
func shorten(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: shorten DIR")
	}
	dir := ts.MkAbs(args[0])
	network, err := netfile.Load(filepath.Join(dir, "network.toml"))
	ts.Check(err)
	network.Limits.MinSettleSeconds, network.Limits.DefaultLifeSeconds = network.Chain.LeastSettleSeconds(), 15
	data, err := network.Encode()
	ts.Check(err)
	copies, err := filepath.Glob(filepath.Join(dir, "*", "network.toml"))
	ts.Check(err)
	for _, path := range append(copies, filepath.Join(dir, "network.toml")) {
		ts.Check(os.WriteFile(path, data, 0o644))
	}
}

// impoverish takes the sponsors' money in a testnet that has not run, so that nothing
// reaches the chain: impoverish DIR.
func impoverish(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: impoverish DIR")
	}
	path := filepath.Join(ts.MkAbs(args[0]), "alloc.json")
	var alloc map[string]map[string]string
	ts.Check(json.Unmarshal([]byte(ts.ReadFile(path)), &alloc))
	for sponsor := range alloc[common.Address(testnet.FeeToken).Hex()] {
		alloc[common.Address(testnet.FeeToken).Hex()][sponsor] = "0"
	}
	changed, err := json.Marshal(alloc)
	ts.Check(err)
	ts.Check(os.WriteFile(path, changed, 0o644))
}
