package webhook

import (
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
)

const (
	secretPrefix = "whsec_"
	// minSecret and maxSecret bound a secret, in bytes, as Standard Webhooks does.
	minSecret = 24
	maxSecret = 64
	// maxSecretFile bounds what is read of a file with a secret, in bytes.
	maxSecretFile = 1 << 10
)

// Secret is what a peer and a receiver share, to sign messages and to check signatures.
// Make it with [ParseSecret] or [LoadSecret]. It never prints what it is.
type Secret struct{ key []byte }

// Format implements [fmt.Formatter], so that no verb prints the secret.
func (Secret) Format(f fmt.State, _ rune) {
	fmt.Fprint(f, secretPrefix+"…")
}

// ParseSecret reads a secret: whsec_ and the base64 of 24 to 64 bytes. The error does not
// quote it.
func ParseSecret(text string) (Secret, error) {
	encoded, ok := strings.CutPrefix(text, secretPrefix)
	if !ok {
		return Secret{}, errors.New("webhook secret does not start with " + secretPrefix)
	}
	key, err := base64.StdEncoding.Strict().DecodeString(encoded)
	if err != nil {
		return Secret{}, errors.New("webhook secret is not base64 behind " + secretPrefix)
	}
	if len(key) < minSecret || len(key) > maxSecret {
		return Secret{}, fmt.Errorf("webhook secret has %d bytes: want %d to %d", len(key), minSecret, maxSecret)
	}
	return Secret{key}, nil
}

// LoadSecret reads a file with a secret, white space around it aside. It refuses a file
// that the group or others can read. The error wraps [fs.ErrNotExist] if there is no file.
func LoadSecret(path string) (_ Secret, err error) {
	f, err := os.Open(path)
	if err != nil {
		return Secret{}, fmt.Errorf("webhook secret: %w", err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	info, err := f.Stat()
	if err != nil {
		return Secret{}, fmt.Errorf("webhook secret: %w", err)
	}
	if !info.Mode().IsRegular() || info.Size() > maxSecretFile {
		return Secret{}, fmt.Errorf("webhook secret: %s is no file with a secret", path)
	}
	if mode := info.Mode().Perm(); mode&0o077 != 0 {
		return Secret{}, fmt.Errorf("webhook secret %s has mode %04o, others can read it: chmod 600 %s", path, mode, path)
	}
	data, err := io.ReadAll(io.LimitReader(f, maxSecretFile))
	if err != nil {
		return Secret{}, fmt.Errorf("webhook secret: %w", err)
	}
	s, err := ParseSecret(strings.TrimSpace(string(data)))
	if err != nil {
		return Secret{}, fmt.Errorf("%s: %w", path, err)
	}
	return s, nil
}
