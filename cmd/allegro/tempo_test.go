package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/urfave/cli/v3"
)

// runOne runs one top-level command with its arguments.
func runOne(ctx context.Context, c *cli.Command, stderr io.Writer, input io.Reader, args ...string) result {
	var stdout bytes.Buffer
	r := runOneTo(ctx, &stdout, c, stderr, input, args...)
	r.stdout = stdout.String()
	return r
}

// runOneTo is runOne for a command whose standard output is read while it runs.
func runOneTo(ctx context.Context, stdout io.Writer, c *cli.Command, stderr io.Writer, input io.Reader, args ...string) result {
	var printed bytes.Buffer
	root := &cli.Command{
		Name:           "allegro",
		Reader:         input,
		Writer:         stdout,
		ErrWriter:      stderr,
		ExitErrHandler: func(context.Context, *cli.Command, error) {},
		Commands:       []*cli.Command{c},
	}
	err := root.Run(ctx, append([]string{"allegro", c.Name}, args...))
	r := result{exit: exitOK}
	if err != nil {
		printError(&printed, err)
		exit := &exitError{code: exitUsage}
		errors.As(err, &exit)
		r.exit = exit.code
	}
	r.errors = printed.String()
	return r
}

// tempoVector is a golden transaction.
type tempoVector struct {
	Name      string          `json:"name"`
	Kind      string          `json:"kind"`
	Sender    common.Address  `json:"sender"`
	SignHash  common.Hash     `json:"signHash"`
	TxHash    common.Hash     `json:"txHash"`
	Signed    hexutil.Bytes   `json:"signed"`
	Fields    json.RawMessage `json:"fields"`
	Broadcast bool            `json:"broadcastable"`
	FeePayer  *struct {
		Address common.Address `json:"address"`
	} `json:"feePayer"`
}

func tempoVectors(t *testing.T) []tempoVector {
	t.Helper()
	raw, err := os.ReadFile("../../tempo/tx76/testdata/tempo-0x76.json")
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Vectors []tempoVector `json:"vectors"`
	}
	if err := json.Unmarshal(raw, &file); err != nil {
		t.Fatal(err)
	}
	return file.Vectors
}

func TestTempoDecode(t *testing.T) {
	for _, v := range tempoVectors(t) {
		t.Run(v.Name, func(t *testing.T) {
			r := runOne(t.Context(), tempoCommand(), io.Discard, nil, "decode", hexutil.Encode(v.Signed))
			r.expect(t, exitOK)
			var d tempoTxDocument
			decodeOne(t, r.stdout, &d)
			var f struct {
				NonceKeyHex common.Hash
				Nonce       string
				ValidBefore *json.Number
				ValidAfter  *json.Number
				FeeToken    *common.Address
				Sponsored   bool
				Calls       []struct {
					To    *common.Address
					Value string
					Data  hexutil.Bytes
				}
			}
			if err := json.Unmarshal(v.Fields, &f); err != nil {
				t.Fatal(err)
			}
			if d.Schema != "allegro.tempo_tx/v1" || d.Kind != v.Kind || d.ChainID != "31337" || d.Sender != v.Sender || d.SignHash != v.SignHash {
				t.Errorf("document is %+v", d)
			}
			if d.NonceKey != f.NonceKeyHex || d.Nonce != f.Nonce || d.Sponsored != f.Sponsored {
				t.Errorf("nonce or sponsoring: %+v", d)
			}
			sameDecimal(t, "valid_before", d.ValidBefore, f.ValidBefore)
			sameDecimal(t, "valid_after", d.ValidAfter, f.ValidAfter)
			if (d.FeeToken == nil) != (f.FeeToken == nil) || d.FeeToken != nil && *d.FeeToken != *f.FeeToken {
				t.Errorf("fee token %s, want %s", d.FeeToken, f.FeeToken)
			}
			for i, c := range f.Calls {
				if got := d.Calls[i]; *got.To != *c.To || got.Value != c.Value || !bytes.Equal(got.Input, c.Data) {
					t.Errorf("call %d is %+v, want %+v", i, got, c)
				}
			}
			switch {
			case !v.Broadcast && f.Sponsored:
				if d.TxHash != nil || d.FeePayer != nil {
					t.Errorf("half-signed, yet it has hash %s and payer %s", d.TxHash, d.FeePayer)
				}
			case v.FeePayer != nil:
				if *d.FeePayer != v.FeePayer.Address || *d.TxHash != v.TxHash {
					t.Errorf("hash %s, payer %s", d.TxHash, d.FeePayer)
				}
			default:
				if *d.FeePayer != v.Sender || *d.TxHash != v.TxHash {
					t.Errorf("hash %s, payer %s", d.TxHash, d.FeePayer)
				}
			}
		})
	}
}

func sameDecimal(t *testing.T, field string, got *string, want *json.Number) {
	t.Helper()
	if (got == nil) != (want == nil) || got != nil && *got != want.String() {
		t.Errorf("%s is %v, want %v", field, got, want)
	}
}

// Scripts read the document's text: null where nothing is known, hex in lower
// case.
func TestTempoDecodeText(t *testing.T) {
	for _, v := range tempoVectors(t) {
		if v.Name != "fee-payer-placeholder" {
			continue
		}
		r := runOne(t.Context(), tempoCommand(), io.Discard, strings.NewReader(hexutil.Encode(v.Signed)+"\n"), "decode", "-")
		r.expect(t, exitOK, `"tx_hash": null`, `"fee_payer": null`, `"valid_before": null`, `"fee_token": null`, `"sponsored": true`,
			`"nonce_key": "0x000000000000000000000000000000000000000000000000000000000000000c"`,
			`"sender": "0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266"`, `"to": "0x20c0000000000000000000000000000000000000"`)
		return
	}
	t.Fatal("no half-signed vector")
}

func TestTempoDecodeRefuses(t *testing.T) {
	good := hexutil.Encode(tempoVectors(t)[0].Signed)
	sponsored := ""
	for _, v := range tempoVectors(t) {
		if v.Name == "fee-payer-signed-with-token" {
			sponsored = hexutil.Encode(v.Signed)
		}
	}
	broken := func(s string, at int) string { // another digit near the end
		b := []byte(s)
		b[at] = map[bool]byte{true: '1', false: '0'}[b[at] == '0']
		return string(b)
	}
	for name, c := range map[string]struct {
		args  []string
		input io.Reader
		exit  int
		says  string
	}{
		"no command":        {nil, nil, exitUsage, "wants one of its commands"},
		"unknown command":   {[]string{"encode"}, nil, exitUsage, `has no command "encode"`},
		"unknown flag":      {[]string{"decode", "--frobnicate"}, nil, exitUsage, "frobnicate"},
		"no argument":       {[]string{"decode"}, nil, exitUsage, "it got 0 arguments"},
		"two arguments":     {[]string{"decode", good, good}, nil, exitUsage, "it got 2 arguments"},
		"odd hex":           {[]string{"decode", good[:len(good)-1]}, nil, exitUsage, "an odd number"},
		"no hex":            {[]string{"decode", "0x76zz"}, nil, exitUsage, "digit 3 of 4 is none"},
		"empty":             {[]string{"decode", "0x"}, nil, exitUsage, "no bytes"},
		"another type":      {[]string{"decode", "0x02c0"}, nil, exitUsage, "type byte 0x02, want 0x76"},
		"trailing byte":     {[]string{"decode", good + "00"}, nil, exitUsage, "after the transaction at byte"},
		"truncated":         {[]string{"decode", good[:len(good)-2]}, nil, exitUsage, "transaction at byte 1"},
		"missing fields":    {[]string{"decode", "0x76c20180"}, nil, exitUsage, "max_fee_per_gas at byte 4: missing"},
		"sender's s broken": {[]string{"decode", broken(good, len(good)-1)}, nil, exitVerify, "the sender's signature is wrong"},
		"empty input":       {[]string{"decode", "-"}, strings.NewReader(""), exitUsage, "no bytes"},
		"input fails":       {[]string{"decode", "-"}, iotest.ErrReader(errors.New("gone")), exitUsage, "standard input: gone"},
		"endless input":     {[]string{"decode", "-"}, endless{}, exitUsage, "longer than"},
		// The sponsor's parity: 0x80 becomes 0x01, so that another key signed.
		"sponsor's list broken": {[]string{"decode", strings.Replace(sponsored, "f84380a0", "f84381a0", 1)}, nil, exitUsage, "fee_payer"},
	} {
		t.Run(name, func(t *testing.T) {
			runOne(t.Context(), tempoCommand(), io.Discard, c.input, c.args...).expect(t, c.exit, c.says)
		})
	}
}

// endless is input that never ends.
type endless struct{}

func (endless) Read(b []byte) (int, error) {
	for i := range b {
		b[i] = '0'
	}
	return len(b), nil
}
