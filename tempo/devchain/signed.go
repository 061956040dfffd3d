package devchain

import (
	"github.com/ethereum/go-ethereum/common"

	"github.com/allegro-p2p/allegro/tempo/tx76"
)

// signed is a transaction whose signatures were verified. It never changes.
type signed struct {
	tx     *tx76.Transaction
	raw    []byte // the wire form
	hash   common.Hash
	sender common.Address
	kind   tx76.Kind
	payer  common.Address // of the fee: the sponsor, or the sender
}

// verify decodes a transaction and recovers who sent it and who pays for it. Like a
// node it keeps the one form that it would encode itself: a v of 0 or 1 becomes 27
// or 28, and the hash is that of the result.
func verify(raw []byte) (*signed, error) {
	tx, err := tx76.Decode(raw)
	if err != nil {
		return nil, err
	}
	sender, kind, err := tx.Sender()
	if err != nil {
		return nil, err
	}
	if v := len(tx.Signature) - 1; kind == tx76.Secp256k1 && tx.Signature[v] < 27 {
		tx.Signature[v] += 27
		raw = tx.Encode()
	}
	s := &signed{tx: tx, raw: raw, hash: tx.Hash(), sender: sender, kind: kind, payer: sender}
	if tx.Sponsored {
		if s.payer, err = tx.SponsorOf(sender); err != nil {
			return nil, err
		}
	}
	return s, nil
}
