package fastpay

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"math"

	"github.com/allegro-p2p/allegro/tempo/tx76"
	"github.com/ethereum/go-ethereum/common"
	"github.com/holiman/uint256"
)

// Envelope is what a payer authorises (section 1). Its field order is the RLP
// order. Times are chain seconds, amounts token units.
type Envelope struct {
	ChainID     uint64
	CommitteeID common.Hash
	Asset       common.Address
	Sender      common.Address
	Seq         uint64      // position in the lane and 2D nonce of the chain transaction
	Prev        common.Hash // position(Seq-1), the lane's genesis, or a restart
	Recipient   common.Address
	Amount      uint256.Int // below 2^128
	MaxFee      uint256.Int // attodollars per gas, below 2^128
	Parents     []ID        // payments whose credit this one relies on, strictly ascending
	ValidBefore uint64      // the chain refuses the payment from this time on
	Restart     uint64      // generation: 0, or the time of the restart that opened it
	Note        common.Hash // [NoteHash] of the payer's text
}

// NoteHash is a note as a payment carries it: its SHA-256, or zeros for an empty one.
func NoteHash(note string) common.Hash {
	if note == "" {
		return common.Hash{}
	}
	return sha256.Sum256([]byte(note))
}

// ID is H("allegro/v1/tx", rlp(envelope)).
func (e *Envelope) ID() ID { return H(tagTx, encode(e)) }

// Encode returns the envelope's RLP, which a wallet hashes to the tx id.
func (e *Envelope) Encode() []byte { return encode(e) }

// ParseEnvelope decodes an envelope. It says nothing about whether a payment of it
// would be valid: see [Rules.CheckEnvelope] and [Rules.NewTx].
func ParseEnvelope(raw []byte) (Envelope, error) {
	var e Envelope
	return e, decode("envelope", raw, &e)
}

// Lane is the lane the payment stands in.
func (e *Envelope) Lane() Lane { return Lane{e.ChainID, e.Asset, e.Sender} }

// Transaction is the unsigned Tempo transaction that settles the payment. Every
// peer rebuilds it from the envelope; its sign hash is what the payer signs, and
// its memo names the tx id, so that one signature binds both.
func (e *Envelope) Transaction(c *Committee) *tx76.Transaction {
	asset := e.Asset
	return &tx76.Transaction{
		ChainID:      e.ChainID,
		MaxFeePerGas: e.MaxFee,
		Gas:          PaymentGas,
		Calls:        []tx76.Call{{To: &asset, Input: transferWithMemo(e.Recipient, e.Amount, e.ID())}},
		NonceKey:     e.Lane().NonceKey(c),
		Nonce:        e.Seq,
		ValidBefore:  e.ValidBefore,
		Sponsored:    true,
	}
}

// transferWithMemo is the call data of TIP-20's
// transferWithMemo(address,uint256,bytes32).
func transferWithMemo(to common.Address, amount uint256.Int, memo common.Hash) []byte {
	data := make([]byte, 4+3*32)
	binary.BigEndian.PutUint32(data, 0x95777d59)
	copy(data[4+12:], to[:])
	amount.PutUint256(data[4+32:])
	copy(data[4+64:], memo[:])
	return data
}

// Prefixes and infixes of recipients that Tempo never credits (TIP-20,
// TIP-1022): a transfer to a token reverts, a virtual address credits another
// account.
var (
	tip20Prefix  = []byte{0x20, 0xc0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}
	virtualInfix = bytes.Repeat([]byte{0xfd}, 10)
)

// check applies the rules of form that hold on every network.
func (e *Envelope) check(c *Committee) error {
	switch {
	case e.ChainID != c.ChainID():
		return refuse(WrongChain, "payment is for chain %d, this network settles on chain %d", e.ChainID, c.ChainID())
	case e.Seq == math.MaxUint64:
		return invalid("seq %d is above the highest nonce", e.Seq)
	case e.Amount.IsZero():
		return invalid("amount is 0")
	case e.Amount.BitLen() > 128:
		return invalid("amount has more than 16 bytes")
	case e.MaxFee.BitLen() > 128:
		return invalid("max_fee has more than 16 bytes")
	case e.ValidBefore == 0:
		return invalid("valid_before is 0: a payment needs an expiry")
	case e.Recipient == (common.Address{}):
		return invalid("recipient is the zero address")
	case e.Recipient == e.Sender:
		return invalid("recipient %s is the sender", e.Recipient)
	case bytes.HasPrefix(e.Recipient[:], tip20Prefix):
		return invalid("recipient %s is a token", e.Recipient)
	case bytes.Equal(e.Recipient[4:14], virtualInfix):
		return invalid("recipient %s is a virtual address, which credits another account", e.Recipient)
	case len(e.Parents) > MaxParents:
		return invalid("%d parents: at most %d can be cited", len(e.Parents), MaxParents)
	}
	for i := 1; i < len(e.Parents); i++ {
		if e.Parents[i-1].Cmp(e.Parents[i]) >= 0 {
			return invalid("parents do not ascend strictly at %d", i)
		}
	}
	return nil
}
