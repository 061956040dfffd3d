package home

import (
	"bytes"
	"fmt"
	"strings"
	"time"

	"github.com/allegro-p2p/allegro/client/acceptance"
	"github.com/allegro-p2p/allegro/fastpay"
	"github.com/allegro-p2p/allegro/p2p/netfile"
	"github.com/ethereum/go-ethereum/common"
	"github.com/holiman/uint256"
	"github.com/pelletier/go-toml/v2"
)

// Accept is one rule of a client's policy, as [acceptance.Rule] with amounts as people
// write them. What is empty is no limit.
type Accept struct {
	Asset     string   `toml:"asset,omitempty"`      // symbol or address; without it the network's first
	UpTo      string   `toml:"up_to,omitempty"`      // largest amount in tokens, such as 50 or 0.50; without it any
	At        string   `toml:"at"`                   // certified, included or finalized
	PerPayer  string   `toml:"per_payer,omitempty"`  // most in tokens that one payer may have accepted at certified and in no block
	Total     string   `toml:"total,omitempty"`      // the same of all payers together
	MaxDepth  *uint8   `toml:"max_depth,omitempty"`  // most payments, one upon the other, that a block must have first
	MinMargin Duration `toml:"min_margin,omitempty"` // least time before it may expire, such as 30s
}

// maxAccept bounds the rules: every payment is compared with all of them.
const maxAccept = 64

// stages are what a rule may ask for, as the file names them.
var stages = map[string]fastpay.Stage{
	"certified": fastpay.StageCertified, "included": fastpay.StageIncluded, "finalized": fastpay.StageFinalized,
}

// checkAccept checks what can be checked without the network file.
func (c *Config) checkAccept() error {
	if len(c.Accept) > maxAccept {
		return faulty("accept", " has %d rules: at most %d are possible", len(c.Accept), maxAccept)
	}
	if len(c.Accept) > 0 && !c.uses("accept") {
		return faulty("accept", " has no effect here: this peer's role is %s", c.Node.Role)
	}
	for i, a := range c.Accept {
		if _, known := stages[a.At]; !known {
			return faulty("accept", ": rule %d: at is %q: want certified, included or finalized", i+1, a.At)
		}
	}
	return nil
}

// Policy returns the rules under [[accept]] in the units of a network's assets. The error
// names the rule.
func (h *Home) Policy(f *netfile.File) (acceptance.Policy, error) {
	var policy acceptance.Policy
	for i, a := range h.config.Accept {
		r, err := a.rule(f)
		if err != nil {
			return nil, fmt.Errorf("%s: accept rule %d: %w", h.ConfigPath(), i+1, err)
		}
		policy = append(policy, r)
	}
	if err := policy.Validate(); err != nil {
		return nil, fmt.Errorf("%s: %w", h.ConfigPath(), err)
	}
	return policy, nil
}

// rule is one rule in token units.
func (a *Accept) rule(f *netfile.File) (acceptance.Rule, error) {
	asset, err := f.AssetNamed(a.Asset)
	if err != nil {
		return acceptance.Rule{}, err
	}
	r := acceptance.Rule{Asset: common.Address(asset.Address), At: stages[a.At], MinMargin: time.Duration(a.MinMargin)}
	if a.MaxDepth != nil {
		depth := int(*a.MaxDepth)
		r.MaxDepth = &depth
	}
	for _, amount := range []struct {
		key, text string
		into      **uint256.Int
	}{{"up_to", a.UpTo, &r.UpTo}, {"per_payer", a.PerPayer, &r.PerPayer}, {"total", a.Total, &r.Total}} {
		if amount.text == "" {
			continue
		}
		units, err := netfile.ParseAmount(amount.text, asset.Decimals)
		if err != nil {
			return r, fmt.Errorf("%s: %w", amount.key, err)
		}
		*amount.into = &units
	}
	return r, nil
}

// acceptExample is what a file without rules shows.
const acceptExample = `# Keys: asset is a symbol or address, by default the network's first; up_to the largest
# amount in tokens, by default any; at is certified, included or finalized. Limits for
# certified: per_payer and total bound what was accepted in tokens and is in no block,
# max_depth the payments, one upon the other, that a block must have first, min_margin
# the time before it may expire, 10s if it says less.
#
# [[accept]]
# up_to = "50"
# at = "certified"
# per_payer = "100"
# total = "1000"
# max_depth = 4
# min_margin = "30s"
`

// text is a rule in one line.
func (a *Accept) text() string {
	var parts []string
	add := func(key, value string) {
		if value != "" {
			parts = append(parts, key+"="+value)
		}
	}
	add("asset", a.Asset)
	add("up_to", a.UpTo)
	add("at", a.At)
	add("per_payer", a.PerPayer)
	add("total", a.Total)
	if a.MaxDepth != nil {
		add("max_depth", fmt.Sprint(*a.MaxDepth))
	}
	if a.MinMargin != 0 {
		add("min_margin", a.MinMargin.String())
	}
	return strings.Join(parts, " ")
}

// encodeAccept writes the rules.
func encodeAccept(file *bytes.Buffer, comment string, rules []Accept) error {
	fmt.Fprintf(file, "\n# %s\n%s", comment, acceptExample)
	for _, a := range rules {
		data, err := toml.Marshal(a)
		if err != nil {
			return err
		}
		fmt.Fprintf(file, "\n[[accept]]\n%s", data)
	}
	return nil
}
