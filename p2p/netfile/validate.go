package netfile

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/holiman/uint256"
)

const (
	// maxLife is the longest max_life_seconds, one day (section 8).
	maxLife = 86_400
	// walletSlack is by how much max_life_seconds must exceed min_settle_seconds:
	// wallets stay five seconds inside either, since clocks and blocks differ
	// (section 5).
	walletSlack = 10
	// maxDecimals is the most decimals with which one token is still below
	// 2^128 units.
	maxDecimals = 38
	// maxName bounds a name or symbol in bytes, so that it fits a table's column.
	maxName = 64
)

// publicChains are the chains whose newest blocks may vanish although they have
// finality: a payment that rests on one could lose its money (section 9j).
var publicChains = map[uint64]string{
	4217:  "Tempo's main network",
	42431: "Tempo's public test network",
}

// Validate reports the first fault of the file, with the table and key it is in
// and the remedy. A valid file has rules and an encoding.
func (f *File) Validate() error {
	if err := f.check(); err != nil {
		return fmt.Errorf("network file: %w", err)
	}
	return nil
}

// check is Validate without the file in the error.
func (f *File) check() error {
	if f.Version != Version {
		return fmt.Errorf("version is %d: this program reads version %d", f.Version, Version)
	}
	if err := checkName("name", f.Name); err != nil {
		return err
	}
	if err := f.Chain.check(); err != nil {
		return err
	}
	if err := checkAssets(f.Assets); err != nil {
		return err
	}
	if err := f.Fees.check(); err != nil {
		return err
	}
	if err := f.Limits.check(f.Chain); err != nil {
		return err
	}
	if err := checkCommittees(f.Committees, f.Chain.Lane); err != nil {
		return err
	}
	_, err := f.rules()
	return err
}

func (c Chain) check() error {
	switch {
	case c.ID == 0:
		return fmt.Errorf("chain.id is missing or 0: want the chain's EIP-155 id")
	case c.BlockTimeSeconds == 0 || c.BlockTimeSeconds > maxLife:
		return fmt.Errorf("chain.block_time_seconds is %d: want between 1 and %d", c.BlockTimeSeconds, maxLife)
	case c.Finality != Finalized && c.Finality != Latest:
		return fmt.Errorf("chain.finality is %q: want %q or, for a development chain without finality, %q", c.Finality, Finalized, Latest)
	case c.Finality == Latest && publicChains[c.ID] != "":
		return fmt.Errorf("chain.finality is %q on %s, whose newest block can vanish: use %q", Latest, publicChains[c.ID], Finalized)
	case c.Lane != PaymentLane && c.Lane != SubBlockLane:
		return fmt.Errorf("chain.lane is %q: want %q or, for Tempo before T4, %q", c.Lane, PaymentLane, SubBlockLane)
	}
	return nil
}

// LeastSettleSeconds is the lowest min_settle_seconds that the chain allows, in
// seconds: three block times, the finality lag (one block time, or none without
// finality) and three seconds (section 8).
func (c Chain) LeastSettleSeconds() uint64 {
	blocks := uint64(3)
	if c.Finality == Finalized {
		blocks++
	}
	return blocks*c.BlockTimeSeconds + 3
}

func checkAssets(assets []Asset) error {
	if len(assets) == 0 {
		return fmt.Errorf("no asset: list a token under [[asset]]")
	}
	symbols, addresses := make(map[string]bool), make(map[Address]bool)
	for _, a := range assets {
		if err := checkName("asset: symbol", a.Symbol); err != nil {
			return err
		}
		symbol := strings.ToLower(a.Symbol)
		switch {
		case symbols[symbol]:
			return fmt.Errorf("asset %s: the symbol stands for two assets: rename one", a.Symbol)
		case a.Address == (Address{}):
			return fmt.Errorf("asset %s: address is missing", a.Symbol)
		case addresses[a.Address]:
			return fmt.Errorf("asset %s: address %s is listed twice: remove one", a.Symbol, a.Address)
		case a.Decimals > maxDecimals:
			return fmt.Errorf("asset %s: decimals is %d: at most %d are possible", a.Symbol, a.Decimals, maxDecimals)
		case a.MinAmount == Amount{}:
			return fmt.Errorf("asset %s: min_amount is missing or 0: want at least \"1\"", a.Symbol)
		case !a.MinAmount.fits():
			return fmt.Errorf("asset %s: min_amount %s is not below 2^%d", a.Symbol, a.MinAmount, maxAmountBits)
		}
		symbols[symbol], addresses[a.Address] = true, true
	}
	return nil
}

func (f Fees) check() error {
	if len(f.MaxFeePerGas) == 0 {
		return fmt.Errorf("fees.max_fee_per_gas is empty: list the values that a payment may name, such as \"0\"")
	}
	seen := make(map[Amount]bool)
	for _, fee := range f.MaxFeePerGas {
		if !fee.fits() {
			return fmt.Errorf("fees.max_fee_per_gas: %s is not below 2^%d", fee, maxAmountBits)
		}
		if seen[fee] {
			return fmt.Errorf("fees.max_fee_per_gas: %s is listed twice: remove one", fee)
		}
		seen[fee] = true
	}
	if f.FeeToken == (Address{}) {
		return fmt.Errorf("fees.fee_token is missing: name the token that sponsors pay fees in")
	}
	return nil
}

func (l Limits) check(c Chain) error {
	least := c.LeastSettleSeconds()
	switch {
	case l.MinSettleSeconds < least:
		return fmt.Errorf("limits.min_settle_seconds is %d: blocks of %d s with finality %q need at least %d", l.MinSettleSeconds, c.BlockTimeSeconds, c.Finality, least)
	case l.DefaultLifeSeconds < l.MinSettleSeconds:
		return fmt.Errorf("limits.default_life_seconds is %d: want at least min_settle_seconds, %d", l.DefaultLifeSeconds, l.MinSettleSeconds)
	case l.MaxLifeSeconds < l.DefaultLifeSeconds:
		return fmt.Errorf("limits.max_life_seconds is %d: want at least default_life_seconds, %d", l.MaxLifeSeconds, l.DefaultLifeSeconds)
	case l.MaxLifeSeconds > maxLife:
		return fmt.Errorf("limits.max_life_seconds is %d: at most %d, one day, is possible", l.MaxLifeSeconds, maxLife)
	case l.MaxLifeSeconds < l.MinSettleSeconds+walletSlack:
		return fmt.Errorf("limits.max_life_seconds is %d: wallets stay 5 s inside it and min_settle_seconds, so that none could pay: want at least %d", l.MaxLifeSeconds, l.MinSettleSeconds+walletSlack)
	case l.SponsoredPerPayerPerHour == 0:
		return fmt.Errorf("limits.sponsored_per_payer_per_hour is missing or 0: no payment would settle, want at least 1")
	}
	return nil
}

// checkName checks what is shown to people: printable, without spaces, so that
// it can stand in a table, a log line and a command.
func checkName(what, s string) error {
	unfit := func(r rune) bool { return !unicode.IsGraphic(r) || unicode.IsSpace(r) }
	switch {
	case s == "":
		return fmt.Errorf("%s is missing", what)
	case len(s) > maxName:
		return fmt.Errorf("%s %q has %d bytes: at most %d are possible", what, s, len(s), maxName)
	case !utf8.ValidString(s) || strings.ContainsFunc(s, unfit):
		return fmt.Errorf("%s %q has a space or an invisible character: remove it", what, s)
	}
	return nil
}

// fits reports whether the amount has at most 16 bytes.
func (a Amount) fits() bool {
	n := uint256.Int(a)
	return n.BitLen() <= maxAmountBits
}
