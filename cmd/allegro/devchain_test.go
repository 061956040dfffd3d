package main

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"net"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/allegro-p2p/allegro/tempo"
	"github.com/allegro-p2p/allegro/tempo/devchain"
	"github.com/allegro-p2p/allegro/tempo/tx76"
	"github.com/ethereum/go-ethereum"
	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/ethereum/go-ethereum/ethclient"
	"github.com/holiman/uint256"
)

// The command serves what its flags say, produces blocks and ends cleanly,
// with a subscriber connected.
func TestDevchain(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	banner, stderr := io.Pipe()
	ended := make(chan result, 1)
	go func() {
		ended <- runOne(ctx, devchainCommand(), stderr, nil,
			"--listen", "127.0.0.1:0", "--block-time", "50ms", "--chain-id", "4242", "--finality-lag", "3", "--base-fee", "9", "--dev-rpc")
	}()

	var printed strings.Builder
	address := ""
	for lines := bufio.NewScanner(banner); address == "" && lines.Scan(); {
		printed.WriteString(lines.Text() + "\n")
		if rest, ok := strings.CutPrefix(lines.Text(), "listening on http://"); ok {
			address, _, _ = strings.Cut(rest, " ")
		}
	}
	for _, says := range []string{"no real money and forgets everything", "4242", "50ms", "3 blocks behind", "print tokens", devchain.DevAccounts()[9].Hex(), devchain.Tokens()[3].Hex()} {
		if !strings.Contains(printed.String(), says) {
			t.Errorf("the banner does not say %q:\n%s", says, &printed)
		}
	}

	client, err := ethclient.Dial("ws://" + address)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	if id, err := client.ChainID(ctx); err != nil || id.Uint64() != 4242 {
		t.Errorf("chain id %s, %v", id, err)
	}
	if price, err := client.SuggestGasPrice(ctx); err != nil || price.Uint64() != 9 {
		t.Errorf("gas price %s, %v", price, err)
	}
	var zero string
	if err := client.Client().Call(&zero, "evm_mine"); err != nil {
		t.Errorf("evm_mine: %v", err)
	}
	heads := make(chan *types.Header, 100)
	if _, err := client.SubscribeNewHead(ctx, heads); err != nil {
		t.Fatal(err)
	}
	for range 4 {
		select {
		case <-heads:
		case <-time.After(10 * time.Second):
			t.Fatal("no block")
		}
	}
	var latest, final types.Header
	for tag, h := range map[string]*types.Header{"latest": &latest, "finalized": &final} {
		if err := client.Client().Call(h, "eth_getBlockByNumber", tag, false); err != nil {
			t.Fatal(err)
		}
	}
	if lag := latest.Number.Uint64() - final.Number.Uint64(); lag < 2 || lag > 4 { // a block may come between
		t.Errorf("finalized is %d behind", lag)
	}

	cancel()
	select {
	case r := <-ended:
		r.expect(t, exitOK)
	case <-time.After(20 * time.Second):
		t.Fatal("devchain does not end")
	}
}

func TestDevchainRefuses(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	for want, args := range map[string][]string{
		"takes no arguments":        {"now"},
		"block time is 0s":          {"--block-time", "0s"},
		"chain id is 0":             {"--chain-id", "0"},
		"raise RetainBlocks":        {"--finality-lag", "100000"},
		"choose another address":    {"--listen", taken.Addr().String()},
		"not on a multiaddr":        {"--listen", "/ip4/127.0.0.1/tcp/8545"},
		"invalid value \"x\"":       {"--base-fee", "x"},
		"flag provided but not de":  {"--accounts", "1"},
		"format \"xml\" is unknown": {"-o", "xml"},
		`hardfork "t9" is unknown`:  {"--fork", "t9"},
		"lanes ended with T4":       {"--validator", "0x" + strings.Repeat("11", 32)},
		"\"0x11\" is not a key":     {"--fork", "t3", "--validator", "0x11"},
		"no such file":              {"--alloc", filepath.Join(t.TempDir(), "none.json")},
	} {
		runOne(t.Context(), devchainCommand(), io.Discard, nil, args...).expect(t, exitUsage, want)
	}
}

// written is a writer that hands over what each call of Write gives it.
type written chan string

// Write implements [io.Writer].
func (w written) Write(p []byte) (int, error) {
	w <- string(p)
	return len(p), nil
}

// runningDevchain is a devchain command that runs.
type runningDevchain struct {
	devchainDocument
	*ethclient.Client
	t      *testing.T
	stdout written
	stop   context.CancelFunc
	ended  chan result
}

// startDevchain runs the command on a free port until it listens.
func startDevchain(t *testing.T, stderr io.Writer, args ...string) *runningDevchain {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	d := &runningDevchain{t: t, stdout: make(written, 10), stop: stop, ended: make(chan result, 1)}
	go func() {
		d.ended <- runOneTo(ctx, d.stdout, devchainCommand(), stderr, nil,
			append([]string{"--listen", "127.0.0.1:0", "-o", "json"}, args...)...)
	}()
	select {
	case document := <-d.stdout:
		decodeOne(t, document, &d.devchainDocument)
	case r := <-d.ended:
		t.Fatalf("devchain ends with exit code %d: %s", r.exit, r.errors)
	}
	var err error
	if d.Client, err = ethclient.Dial(d.HTTP); err != nil {
		t.Fatal(err)
	}
	return d
}

// end stops the command, which must end well and have printed one document.
func (d *runningDevchain) end() {
	d.t.Helper()
	d.Close()
	d.stop()
	r := <-d.ended
	r.expect(d.t, exitOK)
	if len(d.stdout) > 0 {
		d.t.Errorf("more than one document: %s", <-d.stdout)
	}
}

// pay sends one unit of a token from the first development account to an
// address and returns the transaction's hash.
func (d *runningDevchain) pay(token, to common.Address) common.Hash {
	d.t.Helper()
	key, err := crypto.HexToECDSA("ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80")
	if err != nil {
		d.t.Fatal(err)
	}
	tx := &tx76.Transaction{
		ChainID: 31337, Gas: 1_000_000, NonceKey: *uint256.NewInt(7),
		Calls: []tx76.Call{{To: &token, Input: tempo.EncodeTransfer(to, uint256.NewInt(1))}},
	}
	if tx.Signature, err = tx76.SignSecp256k1(tx.SignHash(), key); err != nil {
		d.t.Fatal(err)
	}
	var hash common.Hash
	if err := d.Client.Client().Call(&hash, "eth_sendRawTransaction", hexutil.Bytes(tx.Encode())); err != nil {
		d.t.Fatal(err)
	}
	return hash
}

// units returns what an account holds of a token at the latest block.
func (d *runningDevchain) units(token, account common.Address) uint64 {
	d.t.Helper()
	out, err := d.CallContract(d.t.Context(), ethereum.CallMsg{To: &token, Data: tempo.EncodeBalanceOf(account)}, nil)
	if err != nil {
		d.t.Fatal(err)
	}
	amount, err := tempo.DecodeUint256(out)
	if err != nil {
		d.t.Fatal(err)
	}
	return amount.Uint64()
}

// A chain with a folder is stopped and started again: it is the same chain,
// with the block that was mined, and it goes on.
func TestDevchainData(t *testing.T) {
	payee, funded := common.Address{0xbb}, common.HexToAddress("0xB0b0000000000000000000000000000000000000")
	alloc := write(t, "alloc.json", []byte(`{"`+tempo.BetaUSD.Hex()+`": {"`+funded.Hex()+`": "12345"}}`))
	dir := filepath.Join(t.TempDir(), "chain")
	args := []string{"--data", dir, "--block-time", "2h", "--finality-lag", "0", "--dev-rpc"}
	var banner bytes.Buffer

	first := startDevchain(t, &banner, append(args, "--alloc", alloc)...)
	hash := first.pay(tempo.PathUSD, payee)
	if err := first.Client.Client().Call(new(string), "evm_mine"); err != nil {
		t.Fatal(err)
	}
	mined, err := first.HeaderByNumber(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	genesis, err := first.HeaderByNumber(t.Context(), common.Big0)
	if err != nil {
		t.Fatal(err)
	}
	first.end()
	if want := (devchainDocument{
		Schema: "allegro.devchain/v1", ChainID: "31337", HTTP: first.HTTP, WS: "ws" + strings.TrimPrefix(first.HTTP, "http"),
		GenesisHash: genesis.Hash(), Height: "0", BlockTimeSeconds: 7200, FinalityLag: 0, Fork: "t4", PID: os.Getpid(),
		Validators: []devchainValidator{},
	}); !reflect.DeepEqual(first.devchainDocument, want) {
		t.Errorf("document %+v, want %+v", first.devchainDocument, want)
	}
	for _, says := range []string{"keeps its blocks in " + dir, genesis.Hash().Hex(), "height        0"} {
		if !strings.Contains(banner.String(), says) {
			t.Errorf("the banner does not say %q:\n%s", says, &banner)
		}
	}

	second := startDevchain(t, io.Discard, args...)
	if second.Height != "1" || second.GenesisHash != first.GenesisHash {
		t.Errorf("document %+v", second.devchainDocument)
	}
	again, err := second.HeaderByHash(t.Context(), mined.Hash())
	if err != nil || again.Number.Uint64() != 1 || again.Hash() != mined.Hash() {
		t.Errorf("block %v, %v", again, err)
	}
	receipt, err := second.TransactionReceipt(t.Context(), hash)
	if err != nil || receipt.Status != 1 || receipt.BlockHash != mined.Hash() {
		t.Errorf("receipt %+v, %v", receipt, err)
	}
	if got := second.units(tempo.PathUSD, payee); got != 1 {
		t.Errorf("the payee holds %d", got)
	}
	if got := second.units(tempo.BetaUSD, funded); got != 12345 {
		t.Errorf("the account of the alloc holds %d", got)
	}
	runOne(t.Context(), devchainCommand(), io.Discard, nil, append(args, "--listen", "127.0.0.1:0")...).
		expect(t, exitUsage, "in use by another chain", dir, "--data")
	if err := second.Client.Client().Call(new(string), "evm_mine"); err != nil {
		t.Fatal(err)
	}
	second.end()

	third := startDevchain(t, io.Discard, append(args, "--alloc", alloc)...) // the alloc that it began with
	if third.Height != "2" {
		t.Errorf("height %s", third.Height)
	}
	third.end()

	other := write(t, "other.json", []byte(`{}`))
	for _, refused := range []struct {
		args []string
		says string
	}{
		{[]string{"--chain-id", "7"}, "the chain in " + dir + " runs with --chain-id 31337, not 7: "},
		{[]string{"--fork", "t3"}, "the chain in " + dir + " runs with --fork t4, not t3: "},
		{[]string{"--base-fee", "9"}, "the chain in " + dir + " runs with --base-fee 0, not 9: "},
		{[]string{"--alloc", other}, "those of --alloc and --fund, which only apply to a new chain: leave them out"},
		{[]string{"--data", other}, "--data: devchain: making a folder"},
	} {
		runOne(t.Context(), devchainCommand(), io.Discard, nil, append(append(args, "--listen", "127.0.0.1:0"), refused.args...)...).
			expect(t, exitUsage, refused.says)
	}
}

// A chain before T4 serves the node of each validator under a path, says so, and goes
// on with the same ones only.
func TestDevchainBeforeT4(t *testing.T) {
	key := func(digits string) string { return "0x" + strings.Repeat(digits, 32) }
	dir := filepath.Join(t.TempDir(), "chain")
	args := []string{"--data", dir, "--block-time", "2h", "--fork", "t3"}
	var banner bytes.Buffer
	d := startDevchain(t, &banner, append(args, "--validator", key("22"), "--validator", key("11"))...)
	if d.Fork != "t3" || len(d.Validators) != 2 {
		t.Fatalf("document %+v", d.devchainDocument)
	}
	for i, digits := range []string{"22", "11"} {
		v := d.Validators[i]
		if v.HTTP != d.HTTP+"/validator/"+strings.Repeat(digits, 32) || !strings.Contains(banner.String(), v.HTTP) {
			t.Errorf("validator at %s, banner:\n%s", v.HTTP, &banner)
		}
		for _, url := range []string{v.HTTP, v.WS} {
			client, err := ethclient.Dial(url)
			if err != nil {
				t.Fatal(err)
			}
			if id, err := client.ChainID(t.Context()); err != nil || id.Uint64() != 31337 {
				t.Errorf("chain id %s at %s, %v", id, url, err)
			}
			client.Close()
		}
	}
	if !strings.Contains(banner.String(), "historical, no Tempo has them since T4") {
		t.Errorf("banner:\n%s", &banner)
	}
	d.end()
	runOne(t.Context(), devchainCommand(), io.Discard, nil, append(args, "--listen", "127.0.0.1:0", "--validator", key("11"))...).
		expect(t, exitUsage, "the chain in "+dir+" runs with the validators ["+key("11")+" "+key("22")+"], not ["+key("11")+"]: ")
}

// A standard output that takes nothing ends the command.
func TestDevchainOutputClosed(t *testing.T) {
	closed, w := io.Pipe()
	closed.Close()
	runOneTo(t.Context(), w, devchainCommand(), io.Discard, nil, "--listen", "127.0.0.1:0", "-o", "json").
		expect(t, exitInternal, "closed pipe")
}

// Every flag has its environment variable.
func TestDevchainEnvironment(t *testing.T) {
	none := filepath.Join(t.TempDir(), "none")
	t.Setenv("ALLEGRO_DEVCHAIN_ALLOC", none)
	runOne(t.Context(), devchainCommand(), io.Discard, nil).expect(t, exitUsage, none)
	t.Setenv("ALLEGRO_DEVCHAIN_ALLOC", "")
	t.Setenv("ALLEGRO_DEVCHAIN_LISTEN", "127.0.0.1:0")
	file := write(t, "file", nil)
	t.Setenv("ALLEGRO_DEVCHAIN_DATA", file)
	runOne(t.Context(), devchainCommand(), io.Discard, nil).expect(t, exitUsage, file)
	t.Setenv("ALLEGRO_DEVCHAIN_FORK", "t9")
	runOne(t.Context(), devchainCommand(), io.Discard, nil).expect(t, exitUsage, `hardfork "t9"`)
	t.Setenv("ALLEGRO_DEVCHAIN_CHAIN_ID", "0")
	runOne(t.Context(), devchainCommand(), io.Discard, nil).expect(t, exitUsage, "chain id is 0")
}
