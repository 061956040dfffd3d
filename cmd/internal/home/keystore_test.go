package home

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/allegro-p2p/allegro/p2p"
	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/crypto"
)

// newAccount makes an account and returns its file too.
func newAccount(t *testing.T, h *Home, password string) (common.Address, string) {
	t.Helper()
	address, err := h.NewAccount(password, LightKDF)
	if err != nil {
		t.Fatal(err)
	}
	path, err := h.accountPath(address)
	if err != nil {
		t.Fatal(err)
	}
	return address, path
}

func TestAccounts(t *testing.T) {
	h := newHome(t, p2p.RoleClient)
	if all, err := h.Accounts(); len(all) > 0 || err != nil {
		t.Errorf("a new home has accounts %v, %v", all, err)
	}
	first, path := newAccount(t, h, "secret")
	second, _ := newAccount(t, h, "secret")
	if got := mode(t, path); got != 0o600 {
		t.Errorf("mode is %04o", got)
	}
	if name := filepath.Base(path); !strings.HasPrefix(name, "UTC--") || !strings.HasSuffix(name, strings.ToLower(first.Hex()[2:])) {
		t.Errorf("the file is called %s, other tools want UTC--TIME--ADDRESS", name)
	}
	// What else lies there is no account.
	put(t, filepath.Join(h.Dir(), storeName, "README"), []byte("hello"))
	put(t, filepath.Join(h.Dir(), storeName, "other.json"), []byte(`{"address":"12"}`))
	put(t, filepath.Join(h.Dir(), storeName, ".hidden"), []byte(`{"address":"17605184e34932acec2f404573fdfe7b831c54a9"}`))
	if err := os.Mkdir(filepath.Join(h.Dir(), storeName, "old"), 0o700); err != nil {
		t.Fatal(err)
	}
	all, err := h.Accounts()
	if err != nil || len(all) != 2 || all[0].Cmp(all[1]) >= 0 {
		t.Errorf("accounts are %v, %v", all, err)
	}
	for _, address := range []common.Address{first, second} {
		key, err := h.AccountKey(address, "secret")
		if err != nil || crypto.PubkeyToAddress(key.PublicKey) != address {
			t.Errorf("key of %s: %v", address, err)
		}
		data, err := h.AccountFile(address)
		if err != nil {
			t.Fatal(err)
		}
		if key, err := DecryptKey(data, "secret"); err != nil || crypto.PubkeyToAddress(key.PublicKey) != address {
			t.Errorf("file of %s: %v", address, err)
		}
	}
}

func TestAccountRefuses(t *testing.T) {
	h := newHome(t, p2p.RoleClient)
	unknown := common.HexToAddress("0x17605184e34932acec2f404573fdfe7b831c54a9")
	_, err := h.AccountKey(unknown, "secret")
	wantError(t, err, ErrNoKey, unknown.Hex(), "allegro account new")
	_, err = h.AccountFile(unknown)
	wantError(t, err, ErrNoKey)

	address, path := newAccount(t, h, "secret")
	_, err = h.AccountKey(address, "Secret")
	wantError(t, err, ErrWrongPassword, path)

	// A file under the name of another account.
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	renamed := filepath.Join(h.Dir(), storeName, "renamed")
	put(t, renamed, []byte(strings.ReplaceAll(string(data), strings.ToLower(address.Hex()[2:]), strings.ToLower(unknown.Hex()[2:]))))
	_, err = h.AccountKey(unknown, "secret")
	wantError(t, err, nil, renamed, "holds the key of another account than its name says")

	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	_, err = h.AccountKey(address, "secret")
	wantError(t, err, nil, "has mode 0644, others can read it")

	if err := os.RemoveAll(filepath.Join(h.Dir(), storeName)); err != nil {
		t.Fatal(err)
	}
	_, err = h.Accounts()
	wantError(t, err, os.ErrNotExist, "keystore")
}

func TestImportAccount(t *testing.T) {
	h := newHome(t, p2p.RoleClient)
	key, err := crypto.HexToECDSA("ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80")
	if err != nil {
		t.Fatal(err)
	}
	address, err := h.ImportAccount(key, "secret", LightKDF)
	if err != nil || address != common.HexToAddress("0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266") {
		t.Errorf("imported %s, %v", address, err)
	}
	_, err = h.ImportAccount(key, "secret", LightKDF)
	wantError(t, err, ErrKeyExists)
	if got, err := h.AccountKey(address, "secret"); err != nil || !got.Equal(key) {
		t.Errorf("the key in the home is another one: %v", err)
	}
}

// No file can crash the program, whatever of it is damaged.
func TestDecryptDamagedKey(t *testing.T) {
	key, err := crypto.GenerateKey()
	if err != nil {
		t.Fatal(err)
	}
	data, err := EncryptKey(key, "secret", LightKDF)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := DecryptKey(data, "secret"); err != nil || !got.Equal(key) {
		t.Fatalf("the whole file: %v", err)
	}
	for _, text := range []string{"", "hello", "{}", "[]", "null", string(data[:len(data)/2])} {
		_, err := DecryptKey([]byte(text), "secret")
		wantError(t, err, nil, "is no keystore v3 file")
	}
	for _, path := range [][]string{
		{"version"}, {"crypto"}, {"id"}, {"crypto", "kdf"}, {"crypto", "cipher"}, {"crypto", "mac"}, {"crypto", "kdfparams"},
		{"crypto", "kdfparams", "n"}, {"crypto", "kdfparams", "salt"}, {"crypto", "kdfparams", "dklen"}, {"crypto", "cipherparams", "iv"},
	} {
		for _, value := range []any{nil, "x", 0, -1, []int{}} {
			var doc map[string]any
			if err := json.Unmarshal(data, &doc); err != nil {
				t.Fatal(err)
			}
			table := doc
			for _, name := range path[:len(path)-1] {
				table = table[name].(map[string]any)
			}
			table[path[len(path)-1]] = value
			damaged, err := json.Marshal(doc)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := DecryptKey(damaged, "secret"); err == nil {
				t.Errorf("%v = %v was taken", path, value)
			}
		}
	}
}

func TestPassword(t *testing.T) {
	h := newHome(t, p2p.RoleClient)
	path := filepath.Join(h.Dir(), passwordFile)
	if got := h.PasswordPath(); got != path {
		t.Errorf("the password is in %s", got)
	}
	_, ok, err := h.Password()
	wantError(t, err, os.ErrNotExist, path, "keystore.password_file")
	if ok {
		t.Error("there is a password without a file")
	}
	put(t, path, []byte("correct horse\nbattery\n"))
	if got, ok, err := h.Password(); got != "correct horse" || !ok || err != nil {
		t.Errorf("%q %v %v", got, ok, err)
	}
	h.Config().Keystore.PasswordFile = "/run/secrets/password"
	if got := h.PasswordPath(); got != "/run/secrets/password" {
		t.Errorf("the password is in %s", got)
	}
	h.Config().Keystore.PasswordFile = ""
	if got, ok, err := h.Password(); got != "" || ok || err != nil {
		t.Errorf("%q %v %v", got, ok, err)
	}
}

func TestReadPassword(t *testing.T) {
	path := filepath.Join(t.TempDir(), "password")
	for text, want := range map[string]string{"a": "a", "a\n": "a", "a\r\n": "a", " a \nb": " a ", "ä\n\n": "ä"} {
		put(t, path, []byte(text))
		if got, err := ReadPassword(path); got != want || err != nil {
			t.Errorf("%q is read as %q, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "\n", "\r\nsecret"} {
		put(t, path, []byte(text))
		_, err := ReadPassword(path)
		wantError(t, err, nil, "the first line of "+path+" is empty")
	}
	put(t, path, []byte("secret"))
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	_, err := ReadPassword(path)
	wantError(t, err, nil, "password file", "has mode 0644, others can read it")
	if strings.Contains(err.Error(), "secret") {
		t.Error("the error tells the password")
	}
}
