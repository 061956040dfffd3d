package document

import (
	"strconv"

	"github.com/allegro-p2p/allegro/fastpay"
	"github.com/allegro-p2p/allegro/p2p/netfile"
	"github.com/ethereum/go-ethereum/common"
)

// BalanceOf describes what an account holds in an asset at a height.
func BalanceOf(owner common.Address, asset *netfile.Asset, f *fastpay.Funds, height uint64) Balance {
	return Balance{
		Schema: BalanceSchema, Account: owner.Hex(), Asset: asset.Address.String(), Symbol: asset.Symbol, Decimals: asset.Decimals,
		Confirmed: f.Confirmed.Dec(), CertifiedIn: f.CertifiedIn.String(), CertifiedOut: f.CertifiedOut.String(),
		Spendable: f.Spendable.String(), Height: strconv.FormatUint(height, 10),
	}
}
