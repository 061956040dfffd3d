package orders

import (
	"github.com/allegro-p2p/allegro/client/acceptance"
	"github.com/allegro-p2p/allegro/fastpay"
	"github.com/ethereum/go-ethereum/common"
	"github.com/holiman/uint256"
)

// tally is what is outstanding of an asset.
type tally struct {
	total  uint256.Int
	payers map[common.Address]*uint256.Int
}

// outstandingOf is what a decision on a payer's payment depends on.
func (b *Book) outstandingOf(asset, payer common.Address) (out acceptance.Outstanding) {
	t := b.outstanding[asset]
	if t == nil {
		return out
	}
	out.Total = t.total
	if sum := t.payers[payer]; sum != nil {
		out.Payer = *sum
	}
	return out
}

// count keeps an order in what is outstanding while it was accepted at CERTIFIED and no
// block has it.
func (b *Book) count(o *openOrder, stage fastpay.Stage) {
	counts := o.State == Accepted && o.At == fastpay.StageCertified && stage.Rank() < fastpay.StageIncluded.Rank()
	if counts == o.counted {
		return
	}
	o.counted = counts
	t := b.outstanding[o.Asset]
	if t == nil {
		t = &tally{payers: make(map[common.Address]*uint256.Int)}
		b.outstanding[o.Asset] = t
	}
	sum := t.payers[o.Payer]
	if sum == nil {
		sum = new(uint256.Int)
		t.payers[o.Payer] = sum
	}
	if counts {
		t.total.Add(&t.total, o.Amount)
		sum.Add(sum, o.Amount)
		return
	}
	t.total.Sub(&t.total, o.Amount)
	if sum.Sub(sum, o.Amount).IsZero() {
		delete(t.payers, o.Payer)
	}
}
