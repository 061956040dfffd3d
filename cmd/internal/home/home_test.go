package home

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/allegro-p2p/allegro/p2p"
	"github.com/allegro-p2p/allegro/p2p/netfile"
	"github.com/holiman/uint256"
)

// noEnv is an environment in which nothing is set.
func noEnv(string) (string, bool) { return "", false }

// env is an environment.
func env(vars map[string]string) func(string) (string, bool) {
	return func(name string) (string, bool) {
		text, set := vars[name]
		return text, set
	}
}

// newHome makes a home of a role.
func newHome(t *testing.T, role p2p.Role) *Home {
	t.Helper()
	h, err := Create(filepath.Join(t.TempDir(), "home"), DefaultConfig(role))
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// wantError checks that an error wraps a sentinel, if one is named, and says some
// things.
func wantError(t *testing.T, err, sentinel error, says ...string) {
	t.Helper()
	if err == nil {
		t.Errorf("no error, want one that says %q", says)
		return
	}
	if sentinel != nil && !errors.Is(err, sentinel) {
		t.Errorf("error %q does not wrap %q", err, sentinel)
	}
	for _, s := range says {
		if !strings.Contains(err.Error(), s) {
			t.Errorf("error is %q, want one that says %q", err, s)
		}
	}
}

// mode returns the permissions of a file of a home.
func mode(t *testing.T, path string) fs.FileMode {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	return info.Mode().Perm()
}

func TestCreateAndOpen(t *testing.T) {
	for _, role := range roles {
		made := newHome(t, role)
		for name, want := range map[string]fs.FileMode{
			"": 0o700, keysName: 0o700, storeName: 0o700, dataName: 0o700, runName: 0o700,
			configName: 0o600, keysName + "/" + identityName: 0o600,
		} {
			if got := mode(t, filepath.Join(made.Dir(), name)); got != want {
				t.Errorf("%s: %s has mode %04o, want %04o", role, name, got, want)
			}
		}
		h, err := Open(made.Dir(), noEnv)
		if err != nil {
			t.Fatal(err)
		}
		if h.Config().Node.Role != role || h.Dir() != made.Dir() || h.DataDir() != filepath.Join(h.Dir(), "data") {
			t.Errorf("%s: opened a home of role %s in %s with data in %s", role, h.Config().Node.Role, h.Dir(), h.DataDir())
		}
		if err := h.Validate(); err != nil {
			t.Errorf("%s: %v", role, err)
		}
		if _, err := h.Identity(); err != nil {
			t.Errorf("%s: %v", role, err)
		}
		if _, err := h.VoteKey(); (err == nil) != (role == p2p.RoleValidator) {
			t.Errorf("%s: vote key: %v", role, err)
		}
	}
}

func TestCreateRefuses(t *testing.T) {
	full := t.TempDir()
	if err := os.WriteFile(filepath.Join(full, "notes.txt"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := Create(full, DefaultConfig(p2p.RoleClient))
	wantError(t, err, ErrTaken, full, "is not empty", "--home")

	existing := newHome(t, p2p.RoleValidator)
	before, err := existing.VoteKey()
	if err != nil {
		t.Fatal(err)
	}
	_, err = Create(existing.Dir(), DefaultConfig(p2p.RoleValidator))
	wantError(t, err, ErrTaken)
	if after, err := existing.VoteKey(); err != nil || !after.Equal(before) {
		t.Errorf("the vote key of the home that was there changed: %v", err)
	}

	_, err = Create(filepath.Join(full, "notes.txt"), DefaultConfig(p2p.RoleClient))
	wantError(t, err, nil, "making home", "notes.txt")

	bad := DefaultConfig(p2p.RoleClient)
	bad.P2P.Listen = []string{"here"}
	dir := filepath.Join(full, "bad")
	_, err = Create(dir, bad)
	wantError(t, err, nil, "p2p.listen")
	if _, err := os.Stat(dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a config that is not valid left %s: %v", dir, err)
	}
}

// An error in the middle leaves nothing, except a folder that was there before.
func TestCreateLeavesNothingBehind(t *testing.T) {
	there := t.TempDir()
	for _, dir := range []string{there, filepath.Join(t.TempDir(), "new")} {
		h, err := Create(dir, DefaultConfig(p2p.RoleValidator))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := h.NewAccount("password", LightKDF); err != nil {
			t.Fatal(err)
		}
		if err := h.Discard(); err != nil {
			t.Fatal(err)
		}
		switch entries, err := os.ReadDir(dir); {
		case dir == there && (err != nil || len(entries) > 0):
			t.Errorf("left %v in the folder that was there, %v", entries, err)
		case dir != there && !errors.Is(err, fs.ErrNotExist):
			t.Errorf("left the folder: %v %v", entries, err)
		}
	}
}

func TestDiscardKeepsAnOpenedHome(t *testing.T) {
	h, err := Open(newHome(t, p2p.RoleClient).Dir(), noEnv)
	if err != nil {
		t.Fatal(err)
	}
	if err := h.Discard(); err != nil {
		t.Fatal(err)
	}
	if _, err := h.Identity(); err != nil {
		t.Errorf("the home's key is gone: %v", err)
	}
}

// Of several that make the same home at once, one succeeds and no other one harms it.
func TestCreateAtOnce(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "home")
	var wg sync.WaitGroup
	errs := make([]error, 8)
	for i := range errs {
		wg.Go(func() { _, errs[i] = Create(dir, DefaultConfig(p2p.RoleValidator)) })
	}
	wg.Wait()
	made := 0
	for _, err := range errs {
		if err == nil {
			made++
		} else if !errors.Is(err, ErrTaken) {
			t.Error(err)
		}
	}
	if made != 1 {
		t.Errorf("%d homes were made", made)
	}
	h, err := Open(dir, noEnv)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := h.VoteKey(); err != nil {
		t.Error(err)
	}
}

func TestOpenRefuses(t *testing.T) {
	empty := t.TempDir()
	_, err := Open(empty, noEnv)
	wantError(t, err, ErrNoHome, empty, "allegro init", "--home")
	_, err = Open(filepath.Join(empty, "none"), noEnv)
	wantError(t, err, ErrNoHome)

	path := filepath.Join(empty, configName)
	if err := os.WriteFile(path, []byte("[log]\nlevl = 'info'\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err = Open(empty, noEnv)
	wantError(t, err, nil, path, "line 2: key log.levl is unknown: did you mean level?")
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(path, 0o700); err != nil {
		t.Fatal(err)
	}
	_, err = Open(empty, noEnv)
	wantError(t, err, nil, "config: ", path)
}

func TestDefaultDir(t *testing.T) {
	for _, c := range []struct {
		vars map[string]string
		want string
	}{
		{map[string]string{"ALLEGRO_HOME": "/srv/dave", "XDG_DATA_HOME": "/data"}, "/srv/dave"},
		{map[string]string{"XDG_DATA_HOME": "/data"}, "/data/allegro/default"},
	} {
		if got, err := DefaultDir(func(name string) string { return c.vars[name] }); got != c.want || err != nil {
			t.Errorf("%v: %s, %v", c.vars, got, err)
		}
	}
	if runtime.GOOS != "linux" {
		return
	}
	t.Setenv("HOME", "/users/dave")
	none := func(string) string { return "" }
	if got, err := DefaultDir(none); got != "/users/dave/.local/share/allegro/default" || err != nil {
		t.Errorf("%s, %v", got, err)
	}
	t.Setenv("HOME", "")
	_, err := DefaultDir(none)
	wantError(t, err, nil, "there is no default home, name one with --home")
}

// Validate names what set the value that is wrong.
func TestValidateNamesTheOrigin(t *testing.T) {
	made := newHome(t, p2p.RoleClient)
	h, err := Open(made.Dir(), env(map[string]string{"ALLEGRO_LOG_FORMAT": "xml"}))
	if err != nil {
		t.Fatal(err)
	}
	if err := h.Validate(); err == nil || !strings.HasPrefix(err.Error(), `ALLEGRO_LOG_FORMAT: log.format is "xml"`) {
		t.Error(err)
	}
	made.Config().Log.Format = "yaml"
	if err := made.Validate(); err == nil || !strings.HasPrefix(err.Error(), made.ConfigPath()+": log.format") {
		t.Error(err)
	}
}

// What the environment or a flag sets never gets into the file by an edit.
func TestEdit(t *testing.T) {
	dir := newHome(t, p2p.RoleClient).Dir()
	h, err := Open(dir, env(map[string]string{"ALLEGRO_CHAIN_RPC": "https://secret.example", "ALLEGRO_LOG_LEVEL": "debug"}))
	if err != nil {
		t.Fatal(err)
	}
	if err := h.Override("node.name", "mallory", "--name"); err != nil {
		t.Fatal(err)
	}
	edit := func(key, text string) error {
		return h.Edit(func(c *Config) error { return c.Set(key, text) })
	}
	if err := edit("log.format", "json"); err != nil {
		t.Fatal(err)
	}
	wantError(t, edit("log.format", "xml"), nil, "log.format is")
	wantError(t, edit("log.formt", "xml"), nil, "did you mean log.format?")
	plain, err := Open(dir, noEnv)
	if err != nil {
		t.Fatal(err)
	}
	want := DefaultConfig(p2p.RoleClient)
	if c := plain.Config(); c.Log != (Log{"info", "json", ""}) || !reflect.DeepEqual(c.Chain, want.Chain) || c.Node != want.Node {
		t.Errorf("the file says %+v", c)
	}
	if c := h.Config(); c.Log != (Log{"debug", "auto", ""}) {
		t.Errorf("the config in force changed: %+v", c.Log)
	}

	if err := os.WriteFile(h.ConfigPath(), []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	wantError(t, edit("log.format", "json"), nil, h.ConfigPath(), "line 1")
	if err := os.Remove(h.ConfigPath()); err != nil {
		t.Fatal(err)
	}
	wantError(t, edit("log.format", "json"), fs.ErrNotExist)
}

func TestNetworkFile(t *testing.T) {
	h := newHome(t, p2p.RoleClient)
	_, err := h.Network()
	wantError(t, err, fs.ErrNotExist, "copy it from another peer")

	amount := func(n uint64) netfile.Amount { return netfile.Amount(*uint256.NewInt(n)) }
	f := &netfile.File{
		Version: netfile.Version,
		Name:    "test",
		Chain:   netfile.Chain{ID: 31337, BlockTimeSeconds: 5, Finality: netfile.Finalized, Lane: netfile.PaymentLane},
		Assets:  []netfile.Asset{{Symbol: "pathUSD", Address: netfile.Address{1}, Decimals: 6, MinAmount: amount(1)}},
		Fees:    netfile.Fees{MaxFeePerGas: []netfile.Amount{amount(0)}, FeeToken: netfile.Address{1}},
		Limits:  netfile.Limits{MinSettleSeconds: 60, MaxLifeSeconds: 3600, DefaultLifeSeconds: 600, SponsoredPerPayerPerHour: 1},
		Committees: []netfile.Committee{{Epoch: 1, End: 1000, Members: []netfile.Member{
			{Name: "dave", Key: netfile.Key{1}, Weight: 1, Sponsor: netfile.Address{2}},
		}}},
	}
	if err := h.SaveNetwork(f); err != nil {
		t.Fatal(err)
	}
	if got, err := h.Network(); err != nil || got.Digest() != f.Digest() {
		t.Errorf("read %v, %v", got, err)
	}
	f.Version = 2
	wantError(t, h.SaveNetwork(f), nil, "version is 2")
	if got, err := h.Network(); err != nil || got.Version != netfile.Version {
		t.Errorf("a file that is not valid replaced the one there: %v, %v", got, err)
	}
}
