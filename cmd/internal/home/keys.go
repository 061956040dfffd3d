package home

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
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

// IdentityPath is where the transport key is.
func (h *Home) IdentityPath() string { return filepath.Join(h.dir, keysName, identityName) }

// Identity reads the transport key.
func (h *Home) Identity() (p2p.Identity, error) {
	id, err := p2p.LoadIdentity(h.IdentityPath())
	if errors.Is(err, fs.ErrNotExist) {
		return id, fmt.Errorf("transport key %s %w: make one with allegro key new --kind p2p, the peer then has a new peer id", h.IdentityPath(), ErrNoKey)
	}
	return id, err
}

// NewIdentity makes a transport key. The error wraps [ErrKeyExists] if there is one.
func (h *Home) NewIdentity() (p2p.Identity, error) {
	id, err := p2p.NewIdentity()
	if err != nil {
		return id, err
	}
	return id, h.saveIdentity(id)
}

// ImportIdentity takes the transport key in a file. The error wraps [ErrKeyExists] if
// the home has one.
func (h *Home) ImportIdentity(path string) (p2p.Identity, error) {
	id, err := p2p.LoadIdentity(path)
	if err != nil {
		return id, err
	}
	return id, h.saveIdentity(id)
}

func (h *Home) saveIdentity(id p2p.Identity) error {
	err := id.Save(h.IdentityPath())
	if errors.Is(err, p2p.ErrKeyExists) {
		return fmt.Errorf("transport key %s %w", h.IdentityPath(), ErrKeyExists)
	}
	return err
}

// VoteKeyPath is where the vote key is.
func (h *Home) VoteKeyPath() string { return filepath.Join(h.dir, keysName, voteKeyName) }

// pemType is the type of a PEM block with a PKCS #8 key.
const pemType = "PRIVATE KEY"

// VoteKey reads the validator's Ed25519 vote key: a PKCS #8 key in PEM, as OpenSSL
// writes it.
func (h *Home) VoteKey() (ed25519.PrivateKey, error) {
	data, err := ReadPrivate(h.VoteKeyPath())
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
	if block == nil || block.Type != pemType || len(bytes.TrimSpace(rest)) > 0 {
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
	data, err := ReadPrivate(path)
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
