package p2p

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/libp2p/go-libp2p/core/crypto"
	"github.com/libp2p/go-libp2p/core/peer"
)

// PeerID names a peer: the hash or inlined form of its transport key. It prints
// as 12D3KooW… and is a comparable value.
type PeerID = peer.ID

// ParsePeerID parses the printed form of a peer id.
func ParsePeerID(s string) (PeerID, error) {
	id, err := peer.Decode(s)
	if err != nil {
		return "", fmt.Errorf("%q is not a peer id: want one like 12D3KooW…, as `allegro id` prints it", s)
	}
	return id, nil
}

// Identity is a peer's Ed25519 transport key. It is neither the validator's vote
// key nor an account key: a peer may get a new identity without losing either.
// Immutable; safe for concurrent use. The zero Identity is not usable.
type Identity struct {
	key crypto.PrivKey
	id  PeerID
}

// ErrKeyExists says that a key file is there already and was left alone.
var ErrKeyExists = errors.New("key file exists")

// maxKeyFile bounds what is read of a key file, in bytes: a marshalled Ed25519
// key has 68.
const maxKeyFile = 4 << 10

// NewIdentity returns a random identity.
func NewIdentity() (Identity, error) {
	key, _, err := crypto.GenerateEd25519Key(rand.Reader)
	if err != nil {
		return Identity{}, fmt.Errorf("generating transport key: %w", err)
	}
	return newIdentity(key)
}

// IdentityFromSeed returns the identity that a public text determines. It is for
// tests and demonstrations: whoever knows the text has the key.
func IdentityFromSeed(seed string) Identity {
	digest := sha256.Sum256([]byte("allegro/p2p/identity/" + seed))
	key, _, err := crypto.GenerateEd25519Key(bytes.NewReader(digest[:]))
	if err != nil {
		panic("p2p: 32 bytes do not make an ed25519 key: " + err.Error())
	}
	i, err := newIdentity(key)
	if err != nil {
		panic("p2p: ed25519 key without a peer id: " + err.Error())
	}
	return i
}

func newIdentity(key crypto.PrivKey) (Identity, error) {
	id, err := peer.IDFromPrivateKey(key)
	if err != nil {
		return Identity{}, fmt.Errorf("deriving peer id of transport key: %w", err)
	}
	return Identity{key, id}, nil
}

// PeerID is the name under which others know the holder of the key.
func (i Identity) PeerID() PeerID { return i.id }

// LoadIdentity reads a key file as [Identity.Save] writes it. It refuses a file
// that the group or others can read. The error wraps [fs.ErrNotExist] if there is
// no file.
func LoadIdentity(path string) (Identity, error) {
	info, err := os.Stat(path)
	if err != nil {
		return Identity{}, fmt.Errorf("transport key: %w", err)
	}
	if !info.Mode().IsRegular() || info.Size() > maxKeyFile {
		return Identity{}, fmt.Errorf("transport key %s: not a key file: move it away and create a new one", path)
	}
	if mode := info.Mode().Perm(); mode&0o077 != 0 {
		return Identity{}, fmt.Errorf("transport key %s has mode %04o, others can read it: chmod 600 %s", path, mode, path)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return Identity{}, fmt.Errorf("transport key: %w", err)
	}
	key, err := crypto.UnmarshalPrivateKey(data)
	if err != nil {
		return Identity{}, fmt.Errorf("transport key %s: not a libp2p private key (%w): restore it or create a new one", path, err)
	}
	if key.Type() != crypto.Ed25519 {
		return Identity{}, fmt.Errorf("transport key %s is of type %s: only Ed25519 keys are used", path, key.Type())
	}
	return newIdentity(key)
}

// Save writes the key to a new file of mode 0600: libp2p's protobuf form, so that
// other tools read it too. The file appears whole or not at all. The directory
// must exist. The error wraps [ErrKeyExists] if path is taken: a key is never
// overwritten.
func (i Identity) Save(path string) error {
	data, err := crypto.MarshalPrivateKey(i.key)
	if err != nil {
		return fmt.Errorf("encoding transport key: %w", err)
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".key-*") // of mode 0600
	if err != nil {
		return fmt.Errorf("writing transport key: %w", err)
	}
	defer os.Remove(f.Name())
	_, err = f.Write(data)
	if err == nil {
		err = f.Sync()
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		return fmt.Errorf("writing transport key: %w", err)
	}
	// A link fails where a rename would overwrite a key that another process made.
	if err := os.Link(f.Name(), path); err != nil {
		if errors.Is(err, fs.ErrExist) {
			return fmt.Errorf("transport key %s: %w: move it away first", path, ErrKeyExists)
		}
		return fmt.Errorf("writing transport key: %w", err)
	}
	return nil
}
