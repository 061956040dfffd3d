package home

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/allegro-p2p/allegro/p2p"
)

// Names in keys/.
const (
	identityName = "p2p.key"
	voteKeyName  = "validator.key"
)

// ErrKeyExists means that a key is there already: keys are never overwritten.
var ErrKeyExists = errors.New("is there already: move it away first, nothing else keeps it")

// ErrNoKey means that a home lacks a key.
var ErrNoKey = errors.New("is missing")

func (h *Home) identityPath() string { return filepath.Join(h.dir, keysName, identityName) }

// Identity reads the transport key.
func (h *Home) Identity() (p2p.Identity, error) {
	id, err := p2p.LoadIdentity(h.identityPath())
	if errors.Is(err, fs.ErrNotExist) {
		return id, fmt.Errorf("transport key %s %w: make one with allegro key new --kind p2p, the peer then has a new peer id", h.identityPath(), ErrNoKey)
	}
	return id, err
}

// NewIdentity makes a transport key. The error wraps [ErrKeyExists] if there is one.
func (h *Home) NewIdentity() (p2p.Identity, error) {
	id, err := p2p.NewIdentity()
	if err != nil {
		return id, err
	}
	if err := id.Save(h.identityPath()); errors.Is(err, p2p.ErrKeyExists) {
		return id, fmt.Errorf("transport key %s %w", h.identityPath(), ErrKeyExists)
	} else if err != nil {
		return id, err
	}
	return id, nil
}

// VoteKeyPath is where the vote key is.
func (h *Home) VoteKeyPath() string { return filepath.Join(h.dir, keysName, voteKeyName) }

// pemType is the type of a PEM block with a PKCS #8 key.
const pemType = "PRIVATE KEY"

// VoteKey reads the validator's Ed25519 vote key: a PKCS #8 key in PEM, as OpenSSL
// writes it.
func (h *Home) VoteKey() (ed25519.PrivateKey, error) {
	data, err := readPrivate(h.VoteKeyPath())
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("vote key %s %w: restore it, or make one with allegro key new --kind validator and have it put into the next committee", h.VoteKeyPath(), ErrNoKey)
	}
	if err != nil {
		return nil, fmt.Errorf("vote key: %w", err)
	}
	key, err := parseVoteKey(data)
	if err != nil {
		return nil, fmt.Errorf("vote key %s: %w", h.VoteKeyPath(), err)
	}
	return key, nil
}

func parseVoteKey(data []byte) (ed25519.PrivateKey, error) {
	block, rest := pem.Decode(data)
	if block == nil || block.Type != pemType || len(rest) > 0 {
		return nil, fmt.Errorf("is no key: want one PEM block %q with an Ed25519 key", pemType)
	}
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("is no PKCS #8 key: %w", err)
	}
	key, ok := parsed.(ed25519.PrivateKey)
	if !ok {
		return nil, fmt.Errorf("is a key of type %T: votes are made with Ed25519", parsed)
	}
	return key, nil
}

// NewVoteKey makes a vote key. The error wraps [ErrKeyExists] if there is one.
func (h *Home) NewVoteKey() error {
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return fmt.Errorf("generating vote key: %w", err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return fmt.Errorf("encoding vote key: %w", err)
	}
	return h.writeVoteKey(pem.EncodeToMemory(&pem.Block{Type: pemType, Bytes: der}))
}

// ImportVoteKey takes the vote key in a file. The error wraps [ErrKeyExists] if the
// home has one.
func (h *Home) ImportVoteKey(path string) error {
	data, err := readPrivate(path)
	if err != nil {
		return fmt.Errorf("vote key: %w", err)
	}
	if _, err := parseVoteKey(data); err != nil {
		return fmt.Errorf("vote key %s: %w", path, err)
	}
	return h.writeVoteKey(data)
}

func (h *Home) writeVoteKey(data []byte) error {
	if err := WriteNew(h.VoteKeyPath(), data); errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("vote key %s %w", h.VoteKeyPath(), ErrKeyExists)
	} else if err != nil {
		return fmt.Errorf("writing vote key: %w", err)
	}
	return nil
}

// WriteNew writes a private file that must not exist yet, synced.
func WriteNew(path string, data []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return errors.Join(err, os.Remove(path))
	}
	return nil
}

// maxPrivate bounds what is read of a private file, in bytes: a key or a password.
const maxPrivate = 64 << 10

// readPrivate reads a file that nobody else may read.
func readPrivate(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() || info.Size() > maxPrivate {
		return nil, fmt.Errorf("%s is no key file", path)
	}
	if mode := info.Mode().Perm(); mode&0o077 != 0 {
		return nil, fmt.Errorf("%s has mode %04o, others can read it: chmod 600 %s", path, mode, path)
	}
	return os.ReadFile(path)
}
