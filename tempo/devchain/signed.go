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

// verify decodes a transaction and recovers who sent it and who pays for it.
func verify(raw []byte) (*signed, error) {
	tx, err := tx76.Decode(raw)
	if err != nil {
		return nil, err
	}
	sender, kind, err := tx.Sender()
	if err != nil {
		return nil, err
	}
	s := &signed{tx: tx, raw: raw, hash: tx.Hash(), sender: sender, kind: kind, payer: sender}
	if tx.Sponsored {
		if s.payer, err = tx.SponsorOf(sender); err != nil {
			return nil, err
		}
	}
	return s, nil
}
