package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/allegro-p2p/allegro/cmd/internal/home"
	"github.com/allegro-p2p/allegro/p2p"
	"github.com/allegro-p2p/allegro/p2p/netfile"
)

// newHome makes a home of a role with an account whose password is "secret".
func newHome(t *testing.T, role p2p.Role) *home.Home {
	t.Helper()
	h, err := home.Create(filepath.Join(t.TempDir(), "home"), home.DefaultConfig(role))
	if err != nil {
		t.Fatal(err)
	}
	if err := furnish(h, nil, "secret", home.LightKDF); err != nil {
		t.Fatal(err)
	}
	if err := home.WriteNew(h.PasswordPath(), []byte("secret\n")); err != nil {
		t.Fatal(err)
	}
	return h
}

func TestHomeErrors(t *testing.T) {
	disk := func(errno syscall.Errno) error {
		return fmt.Errorf("writing: %w", &fs.PathError{Op: "write", Path: "/srv/dave/config.toml", Err: errno})
	}
	for _, c := range []struct {
		err  error
		want int
	}{
		{home.ErrWrongPassword, exitVerify},
		{home.ErrInUse, exitUsage},
		{home.ErrTaken, exitUsage},
		{home.ErrKeyExists, exitUsage},
		{home.ErrNoKey, exitUsage},
		{errors.New("log.level is loud"), exitUsage},
		{disk(syscall.ENOENT), exitUsage},
		{disk(syscall.EACCES), exitUsage},
		{disk(syscall.EEXIST), exitUsage},
		{disk(syscall.ENOTDIR), exitUsage},
		{disk(syscall.ENOSPC), exitInternal},
		{disk(syscall.EROFS), exitInternal},
		{&os.LinkError{Op: "rename", Old: "a", New: "b", Err: syscall.EIO}, exitInternal},
		{fail(exitVerify, "kept: %w", disk(syscall.EIO)), exitVerify},
	} {
		exit := new(exitError)
		if err := homeError(fmt.Errorf("home: %w", c.err)); !errors.As(err, &exit) || exit.code != c.want {
			t.Errorf("%v ends in %d, want %d", c.err, exit.code, c.want)
		}
	}
	if err := homeError(nil); err != nil {
		t.Errorf("no error became %v", err)
	}
	if err := homeError(context.Canceled); err != context.Canceled {
		t.Errorf("an interrupt became %v", err)
	}
}

func TestOpenHome(t *testing.T) {
	h := newHome(t, p2p.RoleClient)
	command(t, nil, "config", "get", "node.role", "--home", h.Dir()).expect(t, exitOK, "client")
	missing := filepath.Join(h.Dir(), "no one's")
	command(t, nil, "config", "get", "node.role", "--home", missing).expect(t, exitUsage,
		missing+" is no home of a peer", "hint: allegro init --role ROLE --home '"+strings.ReplaceAll(missing, "'", `'\''`)+"' makes one there")
	t.Setenv("ALLEGRO_HOME", h.Dir())
	command(t, nil, "config", "get", "node.role").expect(t, exitOK, "client")
	command(t, nil, "config", "get", "node.role", "--home", missing).expect(t, exitUsage, missing)
	// A relative path is shown as what it is from everywhere.
	t.Chdir(h.Dir())
	command(t, nil, "config", "get", "node.role", "--home", "none").expect(t, exitUsage, filepath.Join(h.Dir(), "none"))
}

func TestShellWord(t *testing.T) {
	for text, want := range map[string]string{
		"/srv/dave-2":          "/srv/dave-2",
		"":                     "''",
		"Application Support":  "'Application Support'",
		"it's":                 `'it'\''s'`,
		"$HOME":                "'$HOME'",
		"/srv/a;rm -rf /srv/b": "'/srv/a;rm -rf /srv/b'",
	} {
		if got := shellWord(text); got != want {
			t.Errorf("%q becomes %s, want %s", text, got, want)
		}
	}
}

// The document's fields and their order are what other programs read.
func TestIDDocument(t *testing.T) {
	for _, role := range []p2p.Role{p2p.RoleValidator, p2p.RoleClient, p2p.RoleAggregator} {
		h := newHome(t, role)
		h.Config().P2P.Listen = []string{"/ip4/127.0.0.1/tcp/7101", "/ip4/127.0.0.1/tcp/0", "/ip4/0.0.0.0/tcp/7102"}
		d, err := newSelf(h)
		if err != nil {
			t.Fatal(err)
		}
		identity, err := h.Identity()
		if err != nil {
			t.Fatal(err)
		}
		key, account := "null", "null"
		if role == p2p.RoleValidator {
			public, err := votePublicKey(h)
			if err != nil {
				t.Fatal(err)
			}
			key = `"` + public.String() + `"`
		}
		if role != p2p.RoleAggregator {
			accounts, err := h.Accounts()
			if err != nil || len(accounts) != 1 {
				t.Fatal(accounts, err)
			}
			account = `"` + netfile.Address(accounts[0]).String() + `"`
		}
		want := fmt.Sprintf(`{
  "schema": "allegro.id/v1",
  "name": %q,
  "role": %q,
  "peer_id": %q,
  "addresses": [
    "/ip4/127.0.0.1/tcp/7101/p2p/%s"
  ],
  "validator_key": %s,
  "account": %s,
  "home": %q,
  "network_digest": null,
  "version": %q,
  "running": null
}
`, role, role, identity.PeerID(), identity.PeerID(), key, account, h.Dir(), buildVersion())
		var got strings.Builder
		if err := writeJSON(&got, d); err != nil {
			t.Fatal(err)
		}
		if got.String() != want {
			t.Errorf("document is\n%swant\n%s", &got, want)
		}
	}
	// Without addresses the list is empty, not null; without an account it is null.
	h := newHome(t, p2p.RoleClient)
	h.Config().Client.Account = netfile.Address{}
	d, err := newSelf(h)
	if err != nil || d.Addresses == nil || d.Account != nil {
		t.Errorf("document is %+v, %v", d, err)
	}
}

// A home in which a process runs keeps its keys.
func TestKeysOfARunningPeer(t *testing.T) {
	h := newHome(t, p2p.RoleValidator)
	lock, err := h.Lock("allegro validator run")
	if err != nil {
		t.Fatal(err)
	}
	copied := filepath.Join(t.TempDir(), "vote.pem")
	command(t, nil, "key", "export", "--kind", "validator", "--out", copied, "--home", h.Dir()).expect(t, exitOK)
	if err := os.Remove(h.VoteKeyPath()); err != nil {
		t.Fatal(err)
	}
	held := []string{"is in use by pid", "(allegro validator run, since", "stop it"}
	command(t, nil, "key", "new", "--kind", "validator", "--home", h.Dir()).expect(t, exitUsage, held...)
	command(t, nil, "key", "import", "--kind", "validator", "--home", h.Dir(), copied).expect(t, exitUsage, held...)
	command(t, nil, "key", "new", "--kind", "p2p", "--home", h.Dir()).expect(t, exitUsage, held...)
	r := command(t, nil, "config", "set", "log.level", "debug", "--home", h.Dir())
	r.expect(t, exitOK, "log.level = debug")
	if !strings.Contains(r.stderr, "(allegro validator run, since") || !strings.Contains(r.stderr, "when it is started again") {
		t.Errorf("standard error says %q", r.stderr)
	}
	if err := lock.Free(); err != nil {
		t.Fatal(err)
	}
	command(t, nil, "key", "import", "--kind", "validator", "--home", h.Dir(), copied).expect(t, exitOK, "imported the validator key")
	command(t, nil, "key", "show", "--home", h.Dir()).expect(t, exitOK, "vote key")
}

// What goes wrong in the middle of init leaves nothing.
func TestInitLeavesNoHalfHome(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "home")
	h, err := home.Create(dir, home.DefaultConfig(p2p.RoleClient))
	if err != nil {
		t.Fatal(err)
	}
	// The keystore cannot be written.
	if err := os.RemoveAll(filepath.Join(dir, "keystore")); err != nil {
		t.Fatal(err)
	}
	if err := furnish(h, nil, "", home.LightKDF); err == nil {
		t.Error("an account without a keystore")
	}
	if err := h.Discard(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%s is left: %v", dir, err)
	}
}
