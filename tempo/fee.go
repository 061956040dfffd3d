package tempo

import "github.com/holiman/uint256"

// priceScale is how many of the price's units make one token unit: prices
// count 10^-18 USD and tokens 10^-6.
var priceScale = uint256.NewInt(1_000_000_000_000)

// Fee returns the fee for an amount of gas in units of the fee token, rounded up: it
// is never less than 1 unless the price is 0. A transaction's payer must hold that of
// its gas limit and MaxFeePerGas. Prices have at most 129 bits, so nothing overflows.
func Fee(gas uint64, price *uint256.Int) *uint256.Int {
	fee := new(uint256.Int).Mul(uint256.NewInt(gas), price)
	fee.Add(fee, priceScale)
	fee.SubUint64(fee, 1)
	return fee.Div(fee, priceScale)
}
