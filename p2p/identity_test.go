package p2p

import (
	"crypto/rand"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/libp2p/go-libp2p/core/crypto"
)

func TestIdentityFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "p2p.key")
	if _, err := LoadIdentity(path); !errors.Is(err, fs.ErrNotExist) {
		t.Fatalf("loading a missing file: %v, want fs.ErrNotExist", err)
	}
	made, err := NewIdentity()
	if err != nil {
		t.Fatal(err)
	}
	if err := made.Save(path); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("key file has mode %v (%v), want 0600", info.Mode(), err)
	}
	if loaded, err := LoadIdentity(path); err != nil || loaded.PeerID() != made.PeerID() {
		t.Errorf("loading: %s, %v, want %s", loaded.PeerID(), err, made.PeerID())
	}
	if err := made.Save(path); !errors.Is(err, ErrKeyExists) {
		t.Errorf("saving over a key: %v, want ErrKeyExists", err)
	}
	if entries, _ := os.ReadDir(filepath.Dir(path)); len(entries) != 1 {
		t.Errorf("%d files are left, want the key alone", len(entries))
	}
}

func TestLoadIdentityRefuses(t *testing.T) {
	secp, _, err := crypto.GenerateSecp256k1Key(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	other, err := crypto.MarshalPrivateKey(secp)
	if err != nil {
		t.Fatal(err)
	}
	good, err := crypto.MarshalPrivateKey(IdentityFromSeed("a").key)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name string
		data []byte
		mode os.FileMode
		want string
	}{
		{"readable by the group", good, 0o640, "chmod 600"},
		{"readable by others", good, 0o604, "chmod 600"},
		{"garbage", []byte("not a key"), 0o600, "not a libp2p private key"},
		{"empty", nil, 0o600, "not a libp2p private key"},
		{"another kind", other, 0o600, "only Ed25519"},
		{"a large file", make([]byte, maxKeyFile+1), 0o600, "not a key file"},
	} {
		t.Run(c.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "p2p.key")
			if err := os.WriteFile(path, c.data, c.mode); err != nil {
				t.Fatal(err)
			}
			if err := os.Chmod(path, c.mode); err != nil {
				t.Fatal(err)
			}
			if _, err := LoadIdentity(path); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want one with %q", err, c.want)
			}
		})
	}
}

func TestIdentityFromSeed(t *testing.T) {
	// Demonstrations and tests rely on ids that never change.
	const want = "12D3KooW"
	a := IdentityFromSeed("alice")
	if a.PeerID() != IdentityFromSeed("alice").PeerID() || a.PeerID() == IdentityFromSeed("bob").PeerID() {
		t.Error("the seed does not determine the identity")
	}
	if s := a.PeerID().String(); !strings.HasPrefix(s, want) {
		t.Errorf("peer id is %s, want %s…", s, want)
	}
	if id, err := ParsePeerID(a.PeerID().String()); err != nil || id != a.PeerID() {
		t.Errorf("parsing %s: %s, %v", a.PeerID(), id, err)
	}
	if _, err := ParsePeerID("alice"); err == nil {
		t.Error("alice passes for a peer id")
	}
}
