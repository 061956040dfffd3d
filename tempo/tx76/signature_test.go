package tx76_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"math/big"
	"strings"
	"testing"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/crypto"

	"github.com/allegro-p2p/allegro/tempo/tx76"
)

var digest = common.HexToHash("0x5e1f00000000000000000000000000000000000000000000000000000000c0de")

// flipS replaces s by n-s, which verifies just as well.
func flipS(sig []byte, at int, order *big.Int) {
	s := new(big.Int).SetBytes(sig[at : at+32])
	s.Sub(order, s).FillBytes(sig[at : at+32])
}

func mustRecover(t *testing.T, sig []byte, want common.Address, kind tx76.Kind) {
	t.Helper()
	got, k, err := tx76.Recover(digest, sig)
	noError(t, err)
	equal(t, "signer", got, want)
	equal(t, "kind", k, kind)
}

func mustRefuse(t *testing.T, sig []byte, want string) {
	t.Helper()
	_, _, err := tx76.Recover(digest, sig)
	errorIs(t, err, tx76.ErrSignature)
	if !strings.Contains(err.Error(), want) {
		t.Errorf("error %q does not say %q", err, want)
	}
}

func TestSecp256k1(t *testing.T) {
	key, err := crypto.GenerateKey()
	noError(t, err)
	owner := crypto.PubkeyToAddress(key.PublicKey)
	good, err := tx76.SignSecp256k1(digest, key)
	noError(t, err)
	mustRecover(t, good, owner, tx76.Secp256k1)
	equal(t, "canonical", tx76.IsCanonicalSecp256k1(good), true)

	parity := bytes.Clone(good)
	parity[64] -= 27
	mustRecover(t, parity, owner, tx76.Secp256k1)
	equal(t, "v 0/1 canonical", tx76.IsCanonicalSecp256k1(parity), false)

	high := bytes.Clone(good)
	flipS(high, 32, crypto.S256().Params().N)
	high[64] ^= 27 ^ 28
	mustRefuse(t, high, "above half of the group order")
	equal(t, "high s canonical", tx76.IsCanonicalSecp256k1(high), false)

	odd := bytes.Clone(good)
	odd[64] = 29
	mustRefuse(t, odd, "recovery value v is 29")

	for name, sig := range map[string][]byte{
		"zero r": append(make([]byte, 32), good[32:]...),
		"zero s": append(append(bytes.Clone(good[:32]), make([]byte, 32)...), good[64]),
		"big r":  append(bytes.Repeat([]byte{0xff}, 32), good[32:]...),
	} {
		t.Run(name, func(t *testing.T) { mustRefuse(t, sig, "no key made this signature") })
	}
	equal(t, "short canonical", tx76.IsCanonicalSecp256k1(good[:64]), false)
}

// p256Key is a browser's key.
type p256Key struct {
	*ecdsa.PrivateKey
}

func newP256(t *testing.T) p256Key {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	noError(t, err)
	return p256Key{key}
}

// public returns x ‖ y.
func (k p256Key) public() []byte {
	point, err := k.PublicKey.Bytes()
	if err != nil {
		panic(err)
	}
	return point[1:]
}

func (k p256Key) address() common.Address {
	return common.BytesToAddress(crypto.Keccak256(k.public())[12:])
}

// rsxy signs a digest with low s.
func (k p256Key) rsxy(t *testing.T, digest []byte) []byte {
	r, s, err := ecdsa.Sign(rand.Reader, k.PrivateKey, digest)
	noError(t, err)
	if n := k.Params().N; s.Cmp(new(big.Int).Rsh(n, 1)) > 0 {
		s.Sub(n, s)
	}
	out := make([]byte, 64)
	r.FillBytes(out[:32])
	s.FillBytes(out[32:])
	return append(out, k.public()...)
}

func TestP256(t *testing.T) {
	key := newP256(t)
	plain := append(append([]byte{1}, key.rsxy(t, digest[:])...), 0)
	mustRecover(t, plain, key.address(), tx76.P256)

	sum := sha256.Sum256(digest[:])
	hashed := append(append([]byte{1}, key.rsxy(t, sum[:])...), 1)
	mustRecover(t, hashed, key.address(), tx76.P256)

	change := func(at int, b byte) []byte {
		sig := bytes.Clone(plain)
		sig[at] ^= b
		return sig
	}
	mustRefuse(t, change(129, 1), "does not verify") // hashed as if a browser had signed
	mustRefuse(t, change(129, 2), "pre-hash flag is 2")
	mustRefuse(t, change(10, 1), "does not verify")
	mustRefuse(t, change(70, 1), "public key")
	high := bytes.Clone(plain)
	flipS(high, 33, key.Params().N)
	mustRefuse(t, high, "above half of the group order")
	mustRefuse(t, append(append([]byte{1}, append(make([]byte, 64), key.public()...)...), 0), "does not verify")
}

// assertion returns a WebAuthn signature with a chosen authenticator and
// client data.
func (k p256Key) assertion(t *testing.T, authData []byte, clientData string) []byte {
	clientHash := sha256.Sum256([]byte(clientData))
	signed := sha256.Sum256(append(bytes.Clone(authData), clientHash[:]...))
	sig := append([]byte{2}, authData...)
	sig = append(sig, clientData...)
	return append(sig, k.rsxy(t, signed[:])...)
}

func authData(flags byte) []byte {
	data := make([]byte, 37)
	data[32] = flags
	return data
}

func TestWebAuthn(t *testing.T) {
	key := newP256(t)
	challenge := base64.RawURLEncoding.EncodeToString(digest[:])
	good := fmt.Sprintf(`{"type":"webauthn.get","challenge":"%s","origin":"https://pay.example"}`, challenge)

	for name, flags := range map[string]byte{"present": 0x01, "verified": 0x04, "both, backed up": 0x1d} {
		t.Run(name, func(t *testing.T) {
			mustRecover(t, key.assertion(t, authData(flags), good), key.address(), tx76.WebAuthn)
		})
	}
	for name, clientData := range map[string]string{
		"other order":      fmt.Sprintf(`{"challenge":"%s","type":"webauthn.get"}`, challenge),
		"further members":  fmt.Sprintf(`{"type":"webauthn.get","a":[1,{"type":"x"}],"challenge":"%s","b":null}`, challenge),
		"white space":      fmt.Sprintf(" { \"type\" : \"webauthn.get\",\n\"challenge\":\"%s\" } ", challenge),
		"case differs too": fmt.Sprintf(`{"Type":"x","type":"webauthn.get","challenge":"%s"}`, challenge),
	} {
		t.Run(name, func(t *testing.T) {
			mustRecover(t, key.assertion(t, authData(1), clientData), key.address(), tx76.WebAuthn)
		})
	}

	for _, c := range []struct{ name, clientData, want string }{
		{"another challenge", strings.Replace(good, challenge, "AAAA", 1), `member "challenge" is not`},
		{"padded challenge", strings.Replace(good, challenge, challenge+"=", 1), `member "challenge" is not`},
		{"registration", strings.Replace(good, "webauthn.get", "webauthn.create", 1), `member "type" is not`},
		{"no type", fmt.Sprintf(`{"challenge":"%s"}`, challenge), "missing"},
		{"no challenge", `{"type":"webauthn.get"}`, "missing"},
		{"name in another case", strings.Replace(good, `"challenge"`, `"Challenge"`, 1), "missing"},
		{"challenge twice", strings.Replace(good, `"origin"`, `"challenge":"AAAA","origin"`, 1), `member "challenge" twice`},
		{"type as number", strings.Replace(good, `"webauthn.get"`, `7`, 1), `member "type" is not`},
		{"nested only", `{"a":` + good + `}`, "missing"},
		{"escape", strings.Replace(good, "https:", `https:\/`, 1), "escape sequences"},
		{"not JSON", good + "}", "not JSON"},
		{"two documents", good + good, "not JSON"},
		{"array", "[" + good + "]", "not a JSON object"},
		{"deep", strings.Replace(good, `"https://pay.example"`, strings.Repeat("[", 17)+strings.Repeat("]", 17), 1), "nested deeper than 16"},
		{"not UTF-8", strings.Replace(good, "pay", "\xff", 1), "not UTF-8"},
		{"empty", "", "hold no authenticator data"},
	} {
		t.Run(c.name, func(t *testing.T) {
			mustRefuse(t, key.assertion(t, authData(1), c.clientData), c.want)
		})
	}

	for name, c := range map[string]struct {
		flags byte
		want  string
	}{
		"nobody there":         {0x00, "neither user presence nor verification"},
		"attested credentials": {0x41, "attested credentials"},
		"extensions":           {0x81, "extensions"},
	} {
		t.Run(name, func(t *testing.T) { mustRefuse(t, key.assertion(t, authData(c.flags), good), c.want) })
	}

	tampered := key.assertion(t, authData(1), good)
	tampered[1] ^= 1 // the hash of the relying party
	mustRefuse(t, tampered, "does not verify")
}

func TestKeychain(t *testing.T) {
	root := common.HexToAddress("0x70997970c51812dc3a010c7d01b50e0d17dc79c8")
	bound := crypto.Keccak256Hash([]byte{4}, digest[:], root[:])
	wrap := func(account common.Address, inner []byte) []byte {
		return append(append([]byte{4}, account[:]...), inner...)
	}
	secp, err := crypto.GenerateKey()
	noError(t, err)
	inner, err := tx76.SignSecp256k1(bound, secp)
	noError(t, err)
	mustRecover(t, wrap(root, inner), root, tx76.Keychain)

	key := newP256(t)
	mustRecover(t, wrap(root, append(append([]byte{1}, key.rsxy(t, bound[:])...), 0)), root, tx76.Keychain)
	mustRefuse(t, wrap(root, append(append([]byte{1}, key.rsxy(t, digest[:])...), 0)), "does not verify")
	high := bytes.Clone(inner)
	flipS(high, 32, crypto.S256().Params().N)
	mustRefuse(t, wrap(root, high), "above half")
	mustRefuse(t, append([]byte{3}, wrap(root, inner)[1:]...), "version 1")
}

func TestKindNames(t *testing.T) {
	for kind, want := range map[tx76.Kind]string{
		tx76.Secp256k1: "secp256k1", tx76.P256: "p256", tx76.WebAuthn: "webauthn", tx76.Keychain: "keychain", 9: "kind 9",
	} {
		equal(t, "name", kind.String(), want)
	}
}

func TestSponsorRefusals(t *testing.T) {
	tx, _ := named(t, "fee-payer-signed-with-token")
	good := bytes.Clone(tx.SponsorSignature)
	flipS(tx.SponsorSignature, 32, crypto.S256().Params().N)
	_, err := tx.Sponsor()
	errorIs(t, err, tx76.ErrSignature)

	tx.SponsorSignature = good
	tx.Signature[64] = 99
	_, err = tx.Sponsor()
	errorIs(t, err, tx76.ErrSignature)
}
