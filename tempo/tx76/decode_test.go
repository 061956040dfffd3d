package tx76_test

import (
	"bytes"
	"encoding/hex"
	"errors"
	"strings"
	"testing"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/rlp"
	"github.com/holiman/uint256"

	"github.com/allegro-p2p/allegro/tempo/tx76"
)

// raw is a transaction as a tree: byte strings ([]byte), lists ([]any) and
// finished encodings (rlp.RawValue), so that tests can spell faults.
type raw []any

// Places in the list.
const (
	chainID = iota
	priorityFee
	maxFee
	gasLimit
	calls
	accessList
	nonceKey
	nonce
	validBefore
	validAfter
	feeToken
	feePayer
	authorizations
	signature
)

// sound returns the tree of a transaction that decodes.
func sound() raw {
	none := []byte{}
	return raw{
		chainID:        []byte{0x7a, 0x69},
		priorityFee:    none,
		maxFee:         []byte{0x09},
		gasLimit:       []byte{0x0f, 0x42, 0x40},
		calls:          []any{[]any{address(0xaa), none, []byte{1, 2, 3, 4}}},
		accessList:     []any{},
		nonceKey:       []byte{7},
		nonce:          none,
		validBefore:    []byte{100},
		validAfter:     []byte{99},
		feeToken:       none,
		feePayer:       none,
		authorizations: []any{},
		signature:      make([]byte, 65),
	}
}

func address(b byte) []byte { return bytes.Repeat([]byte{b}, 20) }

// wire encodes a tree.
func (r raw) wire(t testing.TB) []byte {
	t.Helper()
	b, err := rlp.EncodeToBytes([]any(r))
	noError(t, err)
	return append([]byte{tx76.Type}, b...)
}

// with returns the tree with one field replaced.
func (r raw) with(field int, value any) raw {
	r[field] = value
	return r
}

func rawRLP(s string) rlp.RawValue {
	b, err := hex.DecodeString(s)
	if err != nil {
		panic(err)
	}
	return b
}

func TestDecodeSound(t *testing.T) {
	tx, err := tx76.Decode(sound().wire(t))
	noError(t, err)
	equal(t, "wire form", tx.Encode(), sound().wire(t))
}

func TestDecodeRefuses(t *testing.T) {
	create := []any{[]byte{}, []byte{}, []byte{}}
	call := []any{address(0xaa), []byte{}, []byte{}}
	auth := []any{[]byte{}, address(1), []byte{}, []byte{}}
	keychain := func(version byte, inner []byte) []byte {
		return append(append([]byte{version}, address(9)...), inner...)
	}
	for _, c := range []struct {
		name string
		tree raw
		want string
	}{
		{"chain id with a leading zero", sound().with(chainID, []byte{0, 1}), "chain_id at byte"},
		{"chain id zero as a byte", sound().with(chainID, rawRLP("00")), "chain_id at byte 3: integer with a leading zero byte"},
		{"chain id of nine bytes", sound().with(chainID, bytes.Repeat([]byte{1}, 9)), "chain_id at byte 4: integer of 9 bytes, at most 8 fit"},
		{"chain id as list", sound().with(chainID, []any{}), "chain_id at byte 3: want a byte string, have a list"},
		{"small integer with a header", sound().with(nonceKey, rawRLP("8107")), "nonce_key"},
		{"long length for a short string", sound().with(nonceKey, rawRLP("b80107")), "nonce_key"},
		{"tip of 17 bytes", sound().with(priorityFee, bytes.Repeat([]byte{1}, 17)), "max_priority_fee_per_gas"},
		{"fee of 17 bytes", sound().with(maxFee, bytes.Repeat([]byte{1}, 17)), "max_fee_per_gas"},
		{"gas of nine bytes", sound().with(gasLimit, bytes.Repeat([]byte{1}, 9)), "gas_limit"},
		{"calls as string", sound().with(calls, []byte{}), "calls at byte"},
		{"no calls", sound().with(calls, []any{}), "calls: empty"},
		{"call as string", sound().with(calls, []any{[]byte{1}}), "calls[0] at byte"},
		{"callee of 19 bytes", sound().with(calls, []any{[]any{address(1)[1:], []byte{}, []byte{}}}), "calls[0].to at byte"},
		{"call without input", sound().with(calls, []any{[]any{address(1), []byte{}}}), "calls[0].input at byte 36: missing"},
		{"call with a fourth item", sound().with(calls, []any{append(call, []byte{1})}), "calls[0] at byte"},
		{"call value of 33 bytes", sound().with(calls, []any{[]any{address(1), bytes.Repeat([]byte{1}, 33), []byte{}}}), "calls[0].value"},
		{"second call wrong", sound().with(calls, []any{call, []any{}}), "calls[1].to at byte"},
		{"creation not first", sound().with(calls, []any{call, create}), "calls[1].to: contract creation must be the first call"},
		{"creation with authorizations", sound().with(calls, []any{create}).with(authorizations, []any{auth}), "calls[0].to: contract creation together with authorizations"},
		{"access list entry of one item", sound().with(accessList, []any{[]any{address(1)}}), "access_list[0].storage_keys at byte"},
		{"storage key of 31 bytes", sound().with(accessList, []any{[]any{address(1), []any{address(1)}}}), "access_list[0].storage_keys at byte"},
		{"access list address short", sound().with(accessList, []any{[]any{[]byte{1, 2}, []any{}}}), "access_list[0].address at byte"},
		{"nonce key of 33 bytes", sound().with(nonceKey, bytes.Repeat([]byte{1}, 33)), "nonce_key"},
		{"nonce of nine bytes", sound().with(nonce, bytes.Repeat([]byte{1}, 9)), "nonce at byte"},
		{"empty window", sound().with(validAfter, []byte{100}), "valid_before: 100 is not after valid_after 100"},
		{"fee token of 21 bytes", sound().with(feeToken, bytes.Repeat([]byte{1}, 21)), "fee_token"},
		{"fee payer slot 0x01", sound().with(feePayer, []byte{1}), "fee_payer at byte"},
		{"placeholder with a fee token", sound().with(feePayer, []byte{0}).with(feeToken, address(2)), "leaves fee_token empty"},
		{"sponsor parity 2", sound().with(feePayer, []any{[]byte{2}, []byte{1}, []byte{1}}), "fee_payer.y_parity at byte"},
		{"sponsor r with a leading zero", sound().with(feePayer, []any{[]byte{}, []byte{0, 1}, []byte{1}}), "fee_payer.r"},
		{"sponsor s of 33 bytes", sound().with(feePayer, []any{[]byte{}, []byte{1}, bytes.Repeat([]byte{1}, 33)}), "fee_payer.s"},
		{"sponsor signature of four items", sound().with(feePayer, []any{[]byte{}, []byte{1}, []byte{1}, []byte{1}}), "fee_payer at byte"},
		{"authorizations as string", sound().with(authorizations, []byte{}), "authorizations at byte"},
		{"authorization without signature", sound().with(authorizations, []any{auth[:3]}), "authorizations[0].signature at byte"},
		{"authorization address short", sound().with(authorizations, []any{[]any{[]byte{}, []byte{1}, []byte{}, []byte{}}}), "authorizations[0].address"},
		{"key authorization of one item", append(sound()[:signature], []any{[]any{}}, make([]byte, 65)), "key_authorization.signature at byte"},
		{"key authorization of three items", append(sound()[:signature], []any{[]any{}, []byte{}, []byte{}}, make([]byte, 65)), "key_authorization at byte"},
		{"key authorization of a string", append(sound()[:signature], []any{[]byte{1}, []byte{}}, make([]byte, 65)), "key_authorization.authorization at byte"},
		{"no signature", sound()[:signature], "signature at byte 48: missing"},
		{"empty signature", sound().with(signature, []byte{}), "signature at byte 48: empty"},
		{"signature as list", sound().with(signature, []any{}), "key_authorization.authorization at byte"},
		{"signature of 64 bytes", sound().with(signature, make([]byte, 64)), "unknown form: 64 bytes that begin with 0x00"},
		{"p256 one byte short", sound().with(signature, append([]byte{1}, make([]byte, 128)...)), "p256 signature of 129 bytes, want 130"},
		{"webauthn too long", sound().with(signature, append([]byte{2}, make([]byte, 2049)...)), "webauthn signature of 2049 bytes"},
		{"webauthn too short", sound().with(signature, append([]byte{2}, make([]byte, 127)...)), "webauthn signature of 127 bytes"},
		{"keychain version 1", sound().with(signature, keychain(3, make([]byte, 65))), "keychain signature of version 1"},
		{"keychain without inner", sound().with(signature, keychain(4, nil)), "no inner signature"},
		{"keychain in keychain", sound().with(signature, keychain(4, keychain(4, make([]byte, 65)))), "keychain signature inside"},
		{"keychain with inner of no form", sound().with(signature, keychain(4, []byte{7, 7})), "inner signature: unknown form"},
		{"item after the signature", append(sound(), []byte{1}), "after the signature at byte"},
	} {
		t.Run(c.name, func(t *testing.T) {
			refuses(t, c.tree.wire(t), c.want)
		})
	}
}

func TestDecodeRefusesBytes(t *testing.T) {
	good := sound().wire(t)
	for _, c := range []struct {
		name string
		wire []byte
		want string
	}{
		{"nothing", nil, "no bytes"},
		{"another type", append([]byte{0x02}, good[1:]...), "type byte 0x02, want 0x76"},
		{"the type alone", []byte{tx76.Type}, "transaction at byte 1: missing"},
		{"no list", []byte{tx76.Type, 0x80}, "transaction at byte 1: want a list"},
		{"an empty list", []byte{tx76.Type, 0xc0}, "chain_id at byte 2: missing"},
		{"a trailing byte", append(bytes.Clone(good), 0), "after the transaction at byte 116: 1 bytes too many"},
		{"a truncated list", good[:len(good)-1], "transaction at byte 1"},
		{"a list length that is not minimal", append([]byte{tx76.Type, 0xf9, 0x00}, good[2:]...), "transaction at byte 1"},
		{"a length beyond memory", []byte{tx76.Type, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, "transaction at byte 1"},
	} {
		t.Run(c.name, func(t *testing.T) { refuses(t, c.wire, c.want) })
	}
}

// Every prefix of a good transaction is refused.
func TestDecodePrefixes(t *testing.T) {
	for _, v := range vectors(t) {
		for i := range v.Signed {
			if _, err := tx76.Decode(v.Signed[:i]); !errors.Is(err, tx76.ErrMalformed) {
				t.Fatalf("%s: prefix of %d bytes: %v", v.Name, i, err)
			}
		}
	}
}

func refuses(t *testing.T, wire []byte, want string) {
	t.Helper()
	tx, err := tx76.Decode(wire)
	errorIs(t, err, tx76.ErrMalformed)
	if tx != nil {
		t.Error("a transaction came with the error")
	}
	if !strings.Contains(err.Error(), want) {
		t.Errorf("error %q does not say %q", err, want)
	}
}

func TestDecodeDoesNotAlias(t *testing.T) {
	wire := sound().wire(t)
	tx, err := tx76.Decode(wire)
	noError(t, err)
	clear(wire)
	equal(t, "wire form", tx.Encode(), sound().wire(t))
}

// Fields that no vector carries survive the round trip.
func TestRoundTripOfRareFields(t *testing.T) {
	to := common.BytesToAddress(address(3))
	tx := &tx76.Transaction{
		ChainID: 1<<64 - 1,
		Calls: []tx76.Call{
			{Input: []byte{0x60}},
			{To: &to, Value: *uint256.NewInt(0).SetAllOne(), Input: []byte{0}},
		},
		AccessList: []tx76.AccessTuple{
			{Address: to, StorageKeys: []common.Hash{{1}, {}}},
			{Address: common.Address{}},
		},
		NonceKey:         *uint256.NewInt(0).SetAllOne(),
		Nonce:            1<<64 - 1,
		ValidBefore:      1<<64 - 1,
		ValidAfter:       1,
		FeeToken:         &to,
		Sponsored:        true,
		SponsorSignature: append(make([]byte, 31), append([]byte{1}, append(make([]byte, 32), 28)...)...),
		KeyAuthorization: rawRLP("c2c080"),
		Signature:        append([]byte{4}, append(address(5), make([]byte, 65)...)...),
	}
	got, err := tx76.Decode(tx.Encode())
	noError(t, err)
	equal(t, "transaction", got, tx)

	// Authorizations rule out contract creation.
	tx.Calls = tx.Calls[1:]
	tx.Authorizations = []tx76.Authorization{
		{ChainID: *uint256.NewInt(9), Address: to, Nonce: 4, Signature: []byte{1, 2}},
		{},
	}
	got, err = tx76.Decode(tx.Encode())
	noError(t, err)
	tx.Authorizations[1].Signature = []byte{}
	equal(t, "transaction", got, tx)
}

// The sender's hash leaves the fee token and the sponsor to be chosen later;
// the sponsor's commits to the token and the sender.
func TestWhatTheHashesCommitTo(t *testing.T) {
	tx, v := named(t, "fee-payer-signed-with-token")
	other := *tx
	other.FeeToken, other.SponsorSignature = nil, nil
	equal(t, "sign hash", other.SignHash(), tx.SignHash())
	if other.SponsorHash(v.Sender) == tx.SponsorHash(v.Sender) {
		t.Error("the sponsor does not commit to the fee token")
	}
	if tx.SponsorHash(v.Sender) == tx.SponsorHash(common.Address{1}) {
		t.Error("the sponsor does not commit to the sender")
	}
	other = *tx
	other.Sponsored = false
	if other.SignHash() == tx.SignHash() {
		t.Error("self-paid and sponsored forms have one hash")
	}
}

// A half-signed transaction keeps its fee token to itself until it is signed.
func TestHalfSigned(t *testing.T) {
	tx, v := named(t, "fee-payer-signed-with-token")
	tx.SponsorSignature = nil
	half, err := tx76.Decode(tx.Encode())
	noError(t, err)
	equal(t, "sponsored", half.Sponsored, true)
	if half.FeeToken != nil || half.SponsorSignature != nil {
		t.Error("the half-signed form names a fee token or a sponsor")
	}
	_, err = half.Sponsor()
	errorIs(t, err, tx76.ErrNotSponsored)

	half.FeeToken = v.Fields.FeeToken
	noError(t, half.SignSponsor(v.Sender, privateKey(t, v.FeePayer.PrivateKey)))
	equal(t, "wire form", half.Encode(), []byte(v.Signed))
	half.SponsorSignature[64] -= 27
	equal(t, "wire form with v 0 or 1", half.Encode(), []byte(v.Signed))
}

func TestSelfPaidTakesNoSponsor(t *testing.T) {
	tx, v := named(t, "user-key-1-nonce-0")
	errorIs(t, tx.SignSponsor(v.Sender, privateKey(t, v.PrivateKey)), tx76.ErrNotSponsored)
}
