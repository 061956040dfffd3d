package home

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"os"
	"path/filepath"
	"testing"

	"github.com/allegro-p2p/allegro/p2p"
)

// privatePEM returns a key as OpenSSL writes it.
func privatePEM(t *testing.T, key any) []byte {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: pemType, Bytes: der})
}

// put writes a private file of a home anew.
func put(t *testing.T, path string, data []byte) {
	t.Helper()
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestVoteKeyFile(t *testing.T) {
	h := newHome(t, p2p.RoleValidator)
	path := h.VoteKeyPath()
	_, good, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	foreign, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	file := privatePEM(t, good)
	for _, c := range []struct {
		name string
		data []byte
		want string
	}{
		{"whole", file, ""},
		{"blank lines at the end", append(append([]byte(nil), file...), "\n \n"...), ""},
		{"empty", nil, "is no key: want one PEM block"},
		{"cut", file[:len(file)/2], "is no key"},
		{"two keys", append(append([]byte(nil), file...), file...), "is no key"},
		{"certificate", pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: []byte("x")}), "is no key"},
		{"damaged", pem.EncodeToMemory(&pem.Block{Type: pemType, Bytes: []byte("x")}), "is no PKCS #8 key"},
		{"another kind", privatePEM(t, foreign), "is a key of type *ecdsa.PrivateKey: votes are made with Ed25519"},
	} {
		put(t, path, c.data)
		key, err := h.VoteKey()
		if c.want == "" {
			if err != nil || !key.Equal(good) {
				t.Errorf("%s: %v", c.name, err)
			}
			continue
		}
		wantError(t, err, nil, path, c.want)
	}

	put(t, path, file)
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	_, err = h.VoteKey()
	wantError(t, err, nil, "has mode 0644, others can read it: chmod 600 "+path)
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	_, err = h.VoteKey()
	wantError(t, err, ErrNoKey, path, "allegro key new --kind validator")
}

func TestVoteKeyIsNeverOverwritten(t *testing.T) {
	h := newHome(t, p2p.RoleValidator)
	before, err := h.VoteKey()
	if err != nil {
		t.Fatal(err)
	}
	_, other, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "vote.pem")
	put(t, file, privatePEM(t, other))
	wantError(t, h.NewVoteKey(), ErrKeyExists, h.VoteKeyPath(), "move it away")
	wantError(t, h.ImportVoteKey(file), ErrKeyExists)
	if after, err := h.VoteKey(); err != nil || !after.Equal(before) {
		t.Errorf("the key changed: %v", err)
	}

	if err := os.Remove(h.VoteKeyPath()); err != nil {
		t.Fatal(err)
	}
	if err := h.ImportVoteKey(file); err != nil {
		t.Fatal(err)
	}
	if got, err := h.VoteKey(); err != nil || !got.Equal(other) {
		t.Errorf("the imported key is another one: %v", err)
	}
	if got := mode(t, h.VoteKeyPath()); got != 0o600 {
		t.Errorf("mode is %04o", got)
	}
}

func TestImportVoteKeyRefuses(t *testing.T) {
	h := newHome(t, p2p.RoleClient)
	file := filepath.Join(t.TempDir(), "vote.pem")
	wantError(t, h.ImportVoteKey(file), os.ErrNotExist, "vote key")
	put(t, file, []byte("0x01"))
	wantError(t, h.ImportVoteKey(file), nil, file, "is no key")
	if err := os.Chmod(file, 0o604); err != nil {
		t.Fatal(err)
	}
	wantError(t, h.ImportVoteKey(file), nil, "others can read it")
	if _, err := os.Stat(h.VoteKeyPath()); err == nil {
		t.Error("a key that was refused is in the home")
	}
}

func TestIdentityFile(t *testing.T) {
	h := newHome(t, p2p.RoleClient)
	before, err := h.Identity()
	if err != nil {
		t.Fatal(err)
	}
	_, err = h.NewIdentity()
	wantError(t, err, ErrKeyExists, h.IdentityPath())
	if after, err := h.Identity(); err != nil || after.PeerID() != before.PeerID() {
		t.Errorf("the transport key changed: %v", err)
	}

	if err := os.Chmod(h.IdentityPath(), 0o644); err != nil {
		t.Fatal(err)
	}
	_, err = h.Identity()
	wantError(t, err, nil, "has mode 0644, others can read it")
	put(t, h.IdentityPath(), []byte("no key"))
	_, err = h.Identity()
	wantError(t, err, nil, "not a libp2p private key")

	if err := os.Remove(h.IdentityPath()); err != nil {
		t.Fatal(err)
	}
	_, err = h.Identity()
	wantError(t, err, ErrNoKey, "allegro key new --kind p2p")
	id, err := h.NewIdentity()
	if err != nil || id.PeerID() == before.PeerID() {
		t.Errorf("new identity %s, %v", id.PeerID(), err)
	}
}

func TestImportIdentity(t *testing.T) {
	h, from := newHome(t, p2p.RoleClient), newHome(t, p2p.RoleClient)
	_, err := h.ImportIdentity(from.IdentityPath())
	wantError(t, err, ErrKeyExists)
	if err := os.Remove(h.IdentityPath()); err != nil {
		t.Fatal(err)
	}
	_, err = h.ImportIdentity(filepath.Join(h.Dir(), configName))
	wantError(t, err, nil, "not a libp2p private key")
	id, err := h.ImportIdentity(from.IdentityPath())
	if err != nil {
		t.Fatal(err)
	}
	if got, err := h.Identity(); err != nil || got.PeerID() != id.PeerID() {
		t.Errorf("imported %s, have %s, %v", id.PeerID(), got.PeerID(), err)
	}
}
