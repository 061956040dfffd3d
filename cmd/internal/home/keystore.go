package home

import (
	"crypto/ecdsa"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/ethereum/go-ethereum/accounts/keystore"
	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/google/uuid"
)

// ErrWrongPassword means that an account's file does not open with the password.
var ErrWrongPassword = errors.New("the password does not open it")

// KDF is what it costs to try a password on an account's file.
type KDF struct{ n, p int }

// The two costs that go-ethereum uses: a second and 256 MiB, or a tenth of a second
// and 4 MiB, for accounts that hold no money.
var (
	StandardKDF = KDF{keystore.StandardScryptN, keystore.StandardScryptP}
	LightKDF    = KDF{keystore.LightScryptN, keystore.LightScryptP}
)

// NewAccount makes an account and puts it into keystore/.
func (h *Home) NewAccount(password string, cost KDF) (common.Address, error) {
	key, err := crypto.GenerateKey()
	if err != nil {
		return common.Address{}, fmt.Errorf("generating account key: %w", err)
	}
	return h.ImportAccount(key, password, cost)
}

// ImportAccount puts a key into keystore/. The error wraps [ErrKeyExists] if it is
// there.
func (h *Home) ImportAccount(key *ecdsa.PrivateKey, password string, cost KDF) (common.Address, error) {
	address := crypto.PubkeyToAddress(key.PublicKey)
	if path, err := h.accountPath(address); err == nil {
		return address, fmt.Errorf("account %s %w", path, ErrKeyExists)
	}
	data, err := EncryptKey(key, password, cost)
	if err != nil {
		return address, err
	}
	name := fmt.Sprintf("UTC--%s--%s", time.Now().UTC().Format("2006-01-02T15-04-05.000000000Z"), hex.EncodeToString(address[:]))
	if err := WriteNew(filepath.Join(h.dir, storeName, name), data); err != nil {
		return address, fmt.Errorf("writing account: %w", err)
	}
	return address, nil
}

// EncryptKey returns a key as a file of keystore v3.
func EncryptKey(key *ecdsa.PrivateKey, password string, cost KDF) ([]byte, error) {
	id, err := uuid.NewRandom()
	if err != nil {
		return nil, fmt.Errorf("encrypting account: %w", err)
	}
	data, err := keystore.EncryptKey(&keystore.Key{Id: id, Address: crypto.PubkeyToAddress(key.PublicKey), PrivateKey: key}, password, cost.n, cost.p)
	if err != nil {
		return nil, fmt.Errorf("encrypting account: %w", err)
	}
	return data, nil
}

// DecryptKey opens a file of keystore v3. The error wraps [ErrWrongPassword] if the
// password is wrong.
func DecryptKey(data []byte, password string) (_ *ecdsa.PrivateKey, err error) {
	// The library panics on a file whose parameters are missing or of another type.
	defer func() {
		if recover() != nil {
			err = errors.New("is no keystore v3 file: its parameters are damaged")
		}
	}()
	key, err := keystore.DecryptKey(data, password)
	if errors.Is(err, keystore.ErrDecrypt) {
		return nil, ErrWrongPassword
	}
	if err != nil {
		return nil, fmt.Errorf("is no keystore v3 file: %w", err)
	}
	return key.PrivateKey, nil
}

// AccountKey opens an account of keystore/.
func (h *Home) AccountKey(address common.Address, password string) (*ecdsa.PrivateKey, error) {
	path, err := h.accountPath(address)
	if err != nil {
		return nil, err
	}
	data, err := ReadPrivate(path)
	if err != nil {
		return nil, fmt.Errorf("account: %w", err)
	}
	key, err := DecryptKey(data, password)
	if err != nil {
		return nil, fmt.Errorf("account %s: %w", path, err)
	}
	if crypto.PubkeyToAddress(key.PublicKey) != address {
		return nil, fmt.Errorf("account %s holds the key of another account than its name says: restore the file", path)
	}
	return key, nil
}

// AccountFile returns the encrypted file of an account.
func (h *Home) AccountFile(address common.Address) ([]byte, error) {
	path, err := h.accountPath(address)
	if err != nil {
		return nil, err
	}
	return ReadPrivate(path)
}

// Accounts returns the accounts in keystore/, ascending.
func (h *Home) Accounts() ([]common.Address, error) {
	files, err := h.accountFiles()
	if err != nil {
		return nil, err
	}
	var out []common.Address
	for address := range files {
		out = append(out, address)
	}
	slices.SortFunc(out, common.Address.Cmp)
	return out, nil
}

// accountPath returns the file of an account. The error wraps [ErrNoKey].
func (h *Home) accountPath(address common.Address) (string, error) {
	files, err := h.accountFiles()
	if err != nil {
		return "", err
	}
	path, ok := files[address]
	if !ok {
		return "", fmt.Errorf("account %s %w in %s: make one with allegro account new, or import it", address, ErrNoKey, filepath.Join(h.dir, storeName))
	}
	return path, nil
}

// accountFiles finds the files of keystore/ by the address that they name.
func (h *Home) accountFiles() (map[common.Address]string, error) {
	dir := filepath.Join(h.dir, storeName)
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("keystore: %w", err)
	}
	out := make(map[common.Address]string)
	for _, e := range entries {
		if e.IsDir() || strings.HasPrefix(e.Name(), ".") {
			continue
		}
		path := filepath.Join(dir, e.Name())
		data, err := os.ReadFile(path)
		if err != nil {
			return nil, fmt.Errorf("keystore: %w", err)
		}
		var file struct {
			Address string `json:"address"`
		}
		if json.Unmarshal(data, &file) != nil {
			continue // something else that was put there
		}
		if raw, err := hex.DecodeString(strings.TrimPrefix(file.Address, "0x")); err == nil && len(raw) == common.AddressLength {
			out[common.BytesToAddress(raw)] = path
		}
	}
	return out, nil
}

// Password reads the password of keystore/ from the file that the config names; ok is
// false if it names none.
func (h *Home) Password() (password string, ok bool, err error) {
	path := h.PasswordPath()
	if path == "" {
		return "", false, nil
	}
	password, err = ReadPassword(path)
	if errors.Is(err, fs.ErrNotExist) {
		err = fmt.Errorf("%w: restore it, or let keystore.password_file name another", err)
	}
	return password, err == nil, err
}

// PasswordPath is the file that the config names for the password; empty if none.
func (h *Home) PasswordPath() string { return h.relative(h.config.Keystore.PasswordFile) }

// ReadPassword reads a password file: its first line, which must not be empty.
func ReadPassword(path string) (string, error) {
	data, err := ReadPrivate(path)
	if err != nil {
		return "", fmt.Errorf("password file: %w", err)
	}
	line, _, _ := strings.Cut(string(data), "\n")
	if line = strings.TrimSuffix(line, "\r"); line == "" {
		return "", fmt.Errorf("password file: the first line of %s is empty: write the password there", path)
	}
	return line, nil
}
