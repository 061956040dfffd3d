package tx76_test

import (
	"crypto/ecdsa"
	"encoding/json"
	"errors"
	"os"
	"reflect"
	"strconv"
	"testing"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/holiman/uint256"

	"github.com/allegro-p2p/allegro/tempo/tx76"
)

// vector is one transaction of testdata/tempo-0x76.json, made by an
// independent implementation.
type vector struct {
	Name       string         `json:"name"`
	Kind       string         `json:"kind"`
	PrivateKey hexutil.Bytes  `json:"privateKey"`
	Sender     common.Address `json:"sender"`
	Fields     struct {
		ChainID              uint64       `json:"chainId"`
		MaxPriorityFeePerGas *uint256.Int `json:"maxPriorityFeePerGas"`
		MaxFeePerGas         *uint256.Int `json:"maxFeePerGas"`
		Gas                  string       `json:"gas"`
		Calls                []struct {
			To    *common.Address `json:"to"`
			Value *uint256.Int    `json:"value"`
			Data  hexutil.Bytes   `json:"data"`
		} `json:"calls"`
		NonceKeyHex common.Hash     `json:"nonceKeyHex"`
		Nonce       string          `json:"nonce"`
		ValidBefore *uint64         `json:"validBefore"`
		ValidAfter  *uint64         `json:"validAfter"`
		FeeToken    *common.Address `json:"feeToken"`
		Sponsored   bool            `json:"sponsored"`
		Placeholder bool            `json:"feePayerPlaceholderOnWire"`
	} `json:"fields"`
	SignHash  common.Hash   `json:"signHash"`
	Signature hexutil.Bytes `json:"signature"`
	FeePayer  *struct {
		PrivateKey hexutil.Bytes  `json:"privateKey"`
		Address    common.Address `json:"address"`
		SignHash   common.Hash    `json:"signHash"`
		Signature  hexutil.Bytes  `json:"signature"`
	} `json:"feePayer"`
	Signed hexutil.Bytes `json:"signed"`
	TxHash common.Hash   `json:"txHash"`
}

// vectors reads the golden file.
func vectors(t testing.TB) []vector {
	t.Helper()
	raw, err := os.ReadFile("testdata/tempo-0x76.json")
	noError(t, err)
	var file struct {
		Vectors []vector `json:"vectors"`
	}
	noError(t, json.Unmarshal(raw, &file))
	if len(file.Vectors) == 0 {
		t.Fatal("no vectors in the golden file")
	}
	return file.Vectors
}

// named returns the decoded vector of that name.
func named(t testing.TB, name string) (*tx76.Transaction, vector) {
	t.Helper()
	for _, v := range vectors(t) {
		if v.Name == name {
			tx, err := tx76.Decode(v.Signed)
			noError(t, err)
			return tx, v
		}
	}
	t.Fatalf("no vector %q", name)
	return nil, vector{}
}

// transaction builds the vector's transaction from its fields alone.
func (v vector) transaction(t *testing.T) *tx76.Transaction {
	f := v.Fields
	number := func(s string) uint64 {
		n, err := strconv.ParseUint(s, 10, 64)
		noError(t, err)
		return n
	}
	tx := &tx76.Transaction{
		ChainID:              f.ChainID,
		MaxPriorityFeePerGas: *f.MaxPriorityFeePerGas,
		MaxFeePerGas:         *f.MaxFeePerGas,
		Gas:                  number(f.Gas),
		Nonce:                number(f.Nonce),
		FeeToken:             f.FeeToken,
		Sponsored:            f.Sponsored,
		Signature:            v.Signature,
	}
	tx.NonceKey.SetBytes32(f.NonceKeyHex[:])
	if f.ValidBefore != nil {
		tx.ValidBefore = *f.ValidBefore
	}
	if f.ValidAfter != nil {
		tx.ValidAfter = *f.ValidAfter
	}
	for _, c := range f.Calls {
		tx.Calls = append(tx.Calls, tx76.Call{To: c.To, Value: *c.Value, Input: c.Data})
	}
	if v.FeePayer != nil {
		tx.SponsorSignature = v.FeePayer.Signature
	}
	return tx
}

func TestVectors(t *testing.T) {
	for _, v := range vectors(t) {
		t.Run(v.Name, func(t *testing.T) {
			decoded, err := tx76.Decode(v.Signed)
			noError(t, err)
			equal(t, "fields", decoded, v.transaction(t))
			equal(t, "wire form", decoded.Encode(), []byte(v.Signed))
			equal(t, "transaction hash", decoded.Hash(), v.TxHash)
			equal(t, "sign hash", decoded.SignHash(), v.SignHash)
			equal(t, "hash of what is signed", crypto.Keccak256Hash(decoded.EncodeForSigning()), v.SignHash)

			sender, kind, err := decoded.Sender()
			noError(t, err)
			equal(t, "sender", sender, v.Sender)
			equal(t, "kind", kind.String(), v.Kind)

			if v.FeePayer == nil {
				_, err = decoded.Sponsor()
				errorIs(t, err, tx76.ErrNotSponsored)
				_, err = decoded.SponsorOf(sender)
				errorIs(t, err, tx76.ErrNotSponsored)
				return
			}
			equal(t, "sponsor hash", decoded.SponsorHash(sender), v.FeePayer.SignHash)
			sponsor, err := decoded.Sponsor()
			noError(t, err)
			equal(t, "sponsor", sponsor, v.FeePayer.Address)
		})
	}
}

// Signing is deterministic, so our signatures must be theirs.
func TestVectorsSignedAgain(t *testing.T) {
	for _, v := range vectors(t) {
		t.Run(v.Name, func(t *testing.T) {
			tx := v.transaction(t)
			if v.Kind == "secp256k1" {
				sig, err := tx76.SignSecp256k1(tx.SignHash(), privateKey(t, v.PrivateKey))
				noError(t, err)
				equal(t, "signature", sig, []byte(v.Signature))
				equal(t, "canonical", tx76.IsCanonicalSecp256k1(sig), true)
			}
			if v.FeePayer != nil {
				tx.SponsorSignature = nil
				noError(t, tx.SignSponsor(v.Sender, privateKey(t, v.FeePayer.PrivateKey)))
				equal(t, "wire form", tx.Encode(), []byte(v.Signed))
			}
		})
	}
}

func privateKey(t *testing.T, raw []byte) *ecdsa.PrivateKey {
	t.Helper()
	key, err := crypto.ToECDSA(raw)
	noError(t, err)
	return key
}

func noError(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func errorIs(t testing.TB, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Fatalf("error is %v, want %v", err, want)
	}
}

func equal[T any](t testing.TB, what string, got, want T) {
	t.Helper()
	if !reflect.DeepEqual(got, want) {
		t.Fatalf("%s: got %+v, want %+v", what, got, want)
	}
}
