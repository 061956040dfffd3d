package tx76

import (
	"sync"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/ethereum/go-ethereum/rlp"
)

// sponsorMagic is the byte before the list a sponsor signs. It keeps a
// sponsor's signature from being read as a sender's.
const sponsorMagic = 0x78

// form selects one of the encodings that differ only in the fee token, the fee
// payer slot and the presence of the sender's signature.
type form uint8

const (
	wireForm    form = iota // what goes over the network
	senderForm              // what the sender signs
	sponsorForm             // what the sponsor signs
)

// Encode returns the signed wire form. A sponsored transaction without a
// sponsor signature is encoded as the half-signed form that is handed to a
// sponsor: an empty fee token and a placeholder in the fee payer slot. That
// form decodes, but no chain includes it.
func (t *Transaction) Encode() []byte {
	return t.appendForm(nil, wireForm, common.Address{})
}

// Hash returns the transaction hash: keccak256 of the wire form. It is final
// only once a sponsored transaction has its sponsor's signature.
func (t *Transaction) Hash() common.Hash {
	return t.hash(wireForm, common.Address{})
}

// SignHash returns the hash the sender signs. It commits to every field but
// the signatures; for a sponsored transaction it commits neither to the fee
// token nor to who the sponsor is.
func (t *Transaction) SignHash() common.Hash {
	return t.hash(senderForm, common.Address{})
}

// EncodeForSigning returns the bytes whose keccak256 is SignHash: what a wallet is shown
// that signs for somebody else's program.
func (t *Transaction) EncodeForSigning() []byte {
	return t.appendForm(nil, senderForm, common.Address{})
}

// SponsorHash returns the hash a sponsor of sender's transaction signs. Unlike
// the sender's it commits to the fee token.
func (t *Transaction) SponsorHash(sender common.Address) common.Hash {
	return t.hash(sponsorForm, sender)
}

// scratch holds buffers for encodings that live only until they are hashed.
var scratch = sync.Pool{New: func() any { return new([]byte) }}

// hash returns keccak256 of one form.
func (t *Transaction) hash(f form, sender common.Address) common.Hash {
	buf := scratch.Get().(*[]byte)
	*buf = t.appendForm((*buf)[:0], f, sender)
	h := crypto.Keccak256Hash(*buf)
	scratch.Put(buf)
	return h
}

// appendForm appends one form to dst. The sender matters to sponsorForm only.
func (t *Transaction) appendForm(dst []byte, f form, sender common.Address) []byte {
	w := rlp.NewEncoderBuffer(nil)
	list := w.List()
	w.WriteUint64(t.ChainID)
	w.WriteUint256(&t.MaxPriorityFeePerGas)
	w.WriteUint256(&t.MaxFeePerGas)
	w.WriteUint64(t.Gas)
	t.writeCalls(w)
	t.writeAccessList(w)
	w.WriteUint256(&t.NonceKey)
	w.WriteUint64(t.Nonce)
	w.WriteUint64(t.ValidBefore)
	w.WriteUint64(t.ValidAfter)
	t.writeFeeToken(w, f)
	t.writeFeePayer(w, f, sender)
	t.writeAuthorizations(w)
	w.Write(t.KeyAuthorization) // raw; nothing at all when absent
	if f == wireForm {
		w.WriteBytes(t.Signature)
	}
	w.ListEnd(list)

	magic := byte(Type)
	if f == sponsorForm {
		magic = sponsorMagic
	}
	dst = w.AppendToBytes(append(dst, magic))
	w.Flush() // gives the buffer back; it has no writer that could fail
	return dst
}

func (t *Transaction) writeCalls(w rlp.EncoderBuffer) {
	list := w.List()
	for i := range t.Calls {
		c := &t.Calls[i]
		item := w.List()
		writeOptionalAddress(w, c.To)
		w.WriteUint256(&c.Value)
		w.WriteBytes(c.Input)
		w.ListEnd(item)
	}
	w.ListEnd(list)
}

func (t *Transaction) writeAccessList(w rlp.EncoderBuffer) {
	list := w.List()
	for i := range t.AccessList {
		item := w.List()
		w.WriteBytes(t.AccessList[i].Address[:])
		keys := w.List()
		for j := range t.AccessList[i].StorageKeys {
			w.WriteBytes(t.AccessList[i].StorageKeys[j][:])
		}
		w.ListEnd(keys)
		w.ListEnd(item)
	}
	w.ListEnd(list)
}

// writeFeeToken writes field 11. The sender of a sponsored transaction leaves
// the token to the sponsor, so its form, and the half-signed form that repeats
// it on the wire, have it empty.
func (t *Transaction) writeFeeToken(w rlp.EncoderBuffer, f form) {
	if t.Sponsored && f == senderForm || t.halfSigned() && f == wireForm {
		writeOptionalAddress(w, nil)
		return
	}
	writeOptionalAddress(w, t.FeeToken)
}

// writeFeePayer writes field 12: the sender's address in the sponsor's form,
// empty when there is no sponsor, a raw zero byte where the sponsor's signature
// is not yet known or not signed for, else [y_parity, r, s].
func (t *Transaction) writeFeePayer(w rlp.EncoderBuffer, f form, sender common.Address) {
	switch {
	case f == sponsorForm:
		w.WriteBytes(sender[:])
	case !t.Sponsored:
		w.WriteBytes(nil)
	case f == senderForm || t.halfSigned():
		w.Write(sponsorPlaceholder)
	default:
		sig := t.SponsorSignature
		item := w.List()
		w.WriteBool(sig[64] == 1 || sig[64] == 28)
		w.WriteBytes(trimZeros(sig[:32]))
		w.WriteBytes(trimZeros(sig[32:64]))
		w.ListEnd(item)
	}
}

// sponsorPlaceholder stands in the fee payer slot while the sponsor's signature
// is missing. As RLP it is the one-byte string 0x00.
var sponsorPlaceholder = []byte{0x00}

func (t *Transaction) writeAuthorizations(w rlp.EncoderBuffer) {
	list := w.List()
	for i := range t.Authorizations {
		a := &t.Authorizations[i]
		item := w.List()
		w.WriteUint256(&a.ChainID)
		w.WriteBytes(a.Address[:])
		w.WriteUint64(a.Nonce)
		w.WriteBytes(a.Signature)
		w.ListEnd(item)
	}
	w.ListEnd(list)
}

// writeOptionalAddress writes 20 bytes, or the empty string for nil.
func writeOptionalAddress(w rlp.EncoderBuffer, a *common.Address) {
	if a == nil {
		w.WriteBytes(nil)
		return
	}
	w.WriteBytes(a[:])
}

// trimZeros returns b without its leading zero bytes: RLP integers are minimal.
func trimZeros(b []byte) []byte {
	for len(b) > 0 && b[0] == 0 {
		b = b[1:]
	}
	return b
}
