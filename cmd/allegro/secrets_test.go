package main

import (
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/allegro-p2p/allegro/cmd/internal/home"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/rogpeppe/go-internal/testscript"
)

// secretless checks that no log of a testnet's peers tells a secret of one of them:
// secretless DIR TEXT…, where each TEXT is one more. Each peer has what it prints, and
// log.ndjson.
func secretless(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 1 {
		ts.Fatalf("usage: secretless DIR TEXT…")
	}
	homes, err := filepath.Glob(filepath.Join(ts.MkAbs(args[0]), "*", "config.toml"))
	ts.Check(err)
	secrets := slices.Clone(args[1:])
	for _, config := range homes {
		s, err := secretsOf(filepath.Dir(config))
		ts.Check(err)
		secrets = append(secrets, s...)
	}
	if len(secrets) < 5*len(homes) {
		ts.Fatalf("%d homes hold %d secrets", len(homes), len(secrets))
	}
	for _, config := range homes {
		for _, name := range []string{filepath.Join("run", "allegro.log"), "log.ndjson"} {
			path := filepath.Join(filepath.Dir(config), name)
			log, err := os.ReadFile(path)
			ts.Check(err)
			for _, secret := range secrets {
				if strings.Contains(string(log), secret) {
					ts.Fatalf("%s tells the secret %s", path, secret)
				}
			}
		}
	}
}

// secretsOf are the secrets of a home in all forms in which a program prints them: keys,
// passwords and the secret of a webhook.
func secretsOf(dir string) (secrets []string, err error) {
	h, err := home.Open(dir, func(string) (string, bool) { return "", false })
	if err != nil {
		return nil, err
	}
	key := func(secret []byte) {
		secrets = append(secrets, string(secret), hex.EncodeToString(secret), strings.ToUpper(hex.EncodeToString(secret)),
			strings.TrimRight(base64.StdEncoding.EncodeToString(secret), "="), strings.Trim(fmt.Sprint(secret), "[]"))
	}
	identity, err := os.ReadFile(h.IdentityPath())
	if err != nil {
		return nil, err
	}
	key(identity[len(identity)-64 : len(identity)-32]) // the seed, before the public key
	vote, err := h.VoteKey()
	switch {
	case err == nil:
		key(vote.Seed())
	case !errors.Is(err, home.ErrNoKey): // a validator's alone
		return nil, err
	}
	for _, path := range []string{h.PasswordPath(), h.SecretPath()} {
		text, err := os.ReadFile(path)
		switch {
		case err == nil:
			secrets = append(secrets, strings.TrimPrefix(strings.TrimSpace(string(text)), "whsec_"))
		case !errors.Is(err, fs.ErrNotExist): // an aggregator has no account, and few have a webhook
			return nil, err
		}
	}
	accounts, err := h.Accounts()
	if err != nil {
		return nil, err
	}
	for _, account := range accounts {
		password, _, err := h.Password()
		if err != nil {
			return nil, err
		}
		private, err := h.AccountKey(account, password)
		if err != nil {
			return nil, err
		}
		key(crypto.FromECDSA(private))
		secrets = append(secrets, new(big.Int).SetBytes(crypto.FromECDSA(private)).String())
	}
	return secrets, nil
}
