package netfile

import (
	"bytes"
	"errors"
	"flag"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/allegro-p2p/allegro/p2p/netfile/strict"
)

var update = flag.Bool("update", false, "write testdata anew")

const golden = "testdata/network.toml"

// requireGolden fails unless a file of testdata is what the code makes, and writes it anew
// with -update.
func requireGolden(t *testing.T, file string, data []byte) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(data, want) {
		t.Errorf("%s is not this, run the test with -update and read the difference:\n%s", file, data)
	}
}

// The written form is stable, commented and read back as it was.
func TestEncode(t *testing.T) {
	data, err := sample().Encode()
	if err != nil {
		t.Fatal(err)
	}
	requireGolden(t, golden, data)
	f, err := Load(golden)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(f, sample()) {
		t.Errorf("read back as %+v", f)
	}
}

// Every key is explained where it stands; those of lists are explained once, by
// the comment of their table.
func TestEncodeComments(t *testing.T) {
	for _, table := range []any{File{}, Chain{}, Fees{}, Limits{}} {
		for i := range reflect.TypeOf(table).NumField() {
			if f := reflect.TypeOf(table).Field(i); f.Tag.Get("comment") == "" {
				t.Errorf("key %s of %T has no comment", strict.KeyOf(f), table)
			}
		}
	}
	members, _ := reflect.TypeFor[Committee]().FieldByName("Members")
	if members.Tag.Get("comment") == "" {
		t.Error("key committee.member has no comment")
	}
}

func TestEncodeRefusesInvalid(t *testing.T) {
	f := sample()
	f.Chain.ID = 0
	if _, err := f.Encode(); err == nil {
		t.Error("a file without a chain id was written")
	}
	f = sample()
	f.Chain.ID = 1 << 63
	if _, err := f.Encode(); err == nil {
		t.Error("a chain id that TOML cannot express was written")
	}
}

func TestLoadErrors(t *testing.T) {
	missing := filepath.Join(t.TempDir(), "network.toml")
	if _, err := Load(missing); !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), missing) {
		t.Errorf("missing file: %v", err)
	}
	if _, err := Load(t.TempDir()); err == nil {
		t.Error("a directory was loaded")
	}
	large := filepath.Join(t.TempDir(), "large.toml")
	if err := os.WriteFile(large, bytes.Repeat([]byte("#\n"), maxSize), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Load(large); err == nil || !strings.Contains(err.Error(), "is not a network file") {
		t.Errorf("large file: %v", err)
	}
	bad := filepath.Join(t.TempDir(), "bad.toml")
	if err := os.WriteFile(bad, []byte("version = 2\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Load(bad); err == nil || !strings.Contains(err.Error(), bad) {
		t.Errorf("bad file: error does not name it: %v", err)
	}
}

// What a slip in the text is answered with: the line, the key and the remedy.
func TestParseErrors(t *testing.T) {
	data, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	text := string(data)
	for _, c := range []struct {
		name, old, new string
		want           []string
	}{
		{"key", "\nblock_time_seconds =", "\nblocktime_seconds =", []string{"line ", "key chain.blocktime_seconds is unknown: did you mean block_time_seconds?"}},
		{"table", "\n[limits]", "\n[limit]", []string{"key limit is unknown: did you mean limits?"}},
		{"list of tables", "[[committee.member]]", "[[committee.members]]", []string{"key committee.members is unknown: did you mean member?"}},
		{"key of a member", "\nweight =", "\nwieght =", []string{"key committee.member.wieght is unknown: did you mean weight?"}},
		{"key in the wrong table", "\nversion = 1", "\nversion = 1\nfee_token = '0x'", []string{"key fee_token is unknown: did you mean fees.fee_token?"}},
		{"key like none", "\nfee_token =", "\ngas_price_oracle =", []string{"key fees.gas_price_oracle is unknown: the keys there are max_fee_per_gas, fee_token"}},
		{"keys below a number", "\nversion = 1", "\nversion.major = 1", []string{"version"}},
		{"type", "\nid = 31337", "\nid = '31337'", []string{"key chain.id wants a whole number from 0 to 2^63-1"}},
		{"negative", "\nid = 31337", "\nid = -1", []string{"key chain.id wants a whole number"}},
		{"small type", "\ndecimals = 6", "\ndecimals = 256", []string{"key asset.decimals wants a whole number from 0 to 255"}},
		{"bool", "\nfifo = true", "\nfifo = 1", []string{"key chain.fifo wants true or false"}},
		{"text", "\nname = 'demo'", "\nname = 5", []string{"key name wants a text in quotes"}},
		{"syntax", "\nversion = 1", "\nversion = [", []string{"line "}},
		{"checksum", "73706f6e736F72206f66206564676172", "73706F6e736F72206f66206564676172", []string{"key committee.member.sponsor: address 0x", "has a wrong checksum"}},
		{"short address", "fee_token = '0x20C0", "fee_token = '0x20", []string{"line ", "key fees.fee_token: \"0x20", "is not an address: want 0x and 40 hex digits"}},
		{"key text", "\nkey = '0x", "\nkey = '", []string{"key committee.member.key: \"", "is not a key: want 0x and 64 hex digits"}},
		{"amount", "min_amount = '1'", "min_amount = '1.5'", []string{"key asset.min_amount: \"1.5\" is not an amount"}},
		{"hex amount", "min_amount = '1'", "min_amount = '0x1'", []string{"\"0x1\" is not an amount"}},
		{"amount as a float", "min_amount = '1'", "min_amount = 1.0", []string{"\"1.0\" is not an amount"}},
		{"amount in a list", "['0', ", "['zero', ", []string{"key fees.max_fee_per_gas: \"zero\" is not an amount"}},
		{"large amount", "min_amount = '1'", "min_amount = '340282366920938463463374607431768211456'", []string{"is too large"}},
		{"version", "\nversion = 1", "\nversion = 2", []string{"version is 2: this program reads version 1"}},
	} {
		changed := strings.Replace(text, c.old, c.new, 1)
		if changed == text {
			t.Errorf("%s: the file has no %q", c.name, c.old)
			continue
		}
		_, err := Parse([]byte(changed))
		if err == nil {
			t.Errorf("%s: accepted", c.name)
			continue
		}
		for _, want := range append(c.want, "network file: ") {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%s: error %q does not say %q", c.name, err, want)
			}
		}
	}
}

// The line in an error is that of the fault.
func TestParseErrorLine(t *testing.T) {
	_, err := Parse([]byte("version = 1\n\n[chain]\nid = 1\n# comment\nnope_nope = 2\n"))
	if err == nil || !strings.Contains(err.Error(), "line 6: ") {
		t.Errorf("error is %v, want line 6", err)
	}
}

// Parse never fails in another way than by an error, and what it accepts is
// written and read back with the same meaning.
func FuzzParse(f *testing.F) {
	data, err := os.ReadFile(golden)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	sub := sample()
	subBlock(sub)
	sub.Chain.Finality = Latest
	if data, err = sub.Encode(); err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	for _, seed := range []string{"", "version = 1", "[[committee]]\n[[committee.member]]\n", "a.b.c = 1", "version = {}", "committee = [{epoch = 1, member = [{nam = 'x'}]}]", "\xff", "version = 1 # \x00"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		first, err := Parse(data)
		if err != nil {
			return
		}
		written, err := first.Encode()
		if err != nil {
			t.Fatalf("accepted but not written: %v", err)
		}
		second, err := Parse(written)
		if err != nil {
			t.Fatalf("written but not accepted: %v", err)
		}
		if first.Digest() != second.Digest() {
			t.Error("the digest changed on the way")
		}
		again, err := second.Encode()
		if err != nil || !bytes.Equal(written, again) {
			t.Errorf("written differently the second time: %v", err)
		}
		if _, err := first.Rules(); err != nil {
			t.Errorf("accepted without rules: %v", err)
		}
	})
}
