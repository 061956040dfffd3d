package home

import (
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/allegro-p2p/allegro/client/acceptance"
	"github.com/allegro-p2p/allegro/fastpay"
	"github.com/allegro-p2p/allegro/p2p"
	"github.com/allegro-p2p/allegro/p2p/netfile"
	"github.com/ethereum/go-ethereum/common"
	"github.com/holiman/uint256"
)

// twoAssets is what a policy needs of a network file: six decimals and two.
var twoAssets = &netfile.File{Assets: []netfile.Asset{
	{Symbol: "pathUSD", Address: netfile.Address{1}, Decimals: 6},
	{Symbol: "EUR", Address: netfile.Address{2}, Decimals: 2},
}}

// rulesHome is a client's home whose file has some rules.
func rulesHome(t *testing.T, rules string) *Home {
	t.Helper()
	dir := newHome(t, p2p.RoleClient).Dir()
	file, err := os.ReadFile(dir + "/" + configName)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(dir+"/"+configName, append(file, rules...), 0o600); err != nil {
		t.Fatal(err)
	}
	h, err := Open(dir, noEnv)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

const shopRules = `
[[accept]]
up_to = "50"
at = "certified"
per_payer = "100.5"
total = "1000"
max_depth = 0
min_margin = "30s"
[[accept]]
asset = "eur"
at = "finalized"
`

// Amounts are in tokens of the rule's asset, and rules keep their places.
func TestPolicy(t *testing.T) {
	h := rulesHome(t, shopRules)
	if err := h.Validate(); err != nil {
		t.Fatal(err)
	}
	got, err := h.Policy(twoAssets)
	if err != nil {
		t.Fatal(err)
	}
	none := 0
	want := acceptance.Policy{
		{
			Asset: common.Address{1}, UpTo: uint256.NewInt(50_000_000), At: fastpay.StageCertified, PerPayer: uint256.NewInt(100_500_000),
			Total: uint256.NewInt(1_000_000_000), MaxDepth: &none, MinMargin: 30 * time.Second,
		},
		{Asset: common.Address{2}, At: fastpay.StageFinalized},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("policy is %+v, want %+v", got, want)
	}

	// An edit keeps the rules, and they are shown.
	if err := h.Edit(func(c *Config) error { return c.Set("node.name", "shop") }); err != nil {
		t.Fatal(err)
	}
	again, err := Open(h.Dir(), noEnv)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := again.Policy(twoAssets); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("after an edit the policy is %+v, %v", got, err)
	}
	settings := again.Settings()
	for i, want := range []Setting{
		{"accept.1", "up_to=50 at=certified per_payer=100.5 total=1000 max_depth=0 min_margin=30s", OriginFile},
		{"accept.2", "asset=eur at=finalized", OriginFile},
	} {
		if got := settings[len(settings)-2+i]; got != want {
			t.Errorf("setting %+v, want %+v", got, want)
		}
	}
}

// The example in the file of a new home is one that can be used.
func TestPolicyExample(t *testing.T) {
	var rules []string
	for line := range strings.Lines(acceptExample[strings.Index(acceptExample, "# [[accept]]"):]) {
		rules = append(rules, strings.TrimPrefix(line, "# "))
	}
	policy, err := rulesHome(t, "\n"+strings.Join(rules, "")).Policy(twoAssets)
	if err != nil || len(policy) != 1 || policy[0].At != fastpay.StageCertified {
		t.Errorf("policy is %+v, %v", policy, err)
	}
}

func TestPolicyRefuses(t *testing.T) {
	for rules, want := range map[string]string{
		"[[accept]]\nup_to = '5'\n":                                                                    `accept: rule 1: at is "": want certified, included or finalized`,
		"[[accept]]\nat = 'certified'\n[[accept]]\nat = 'Included'\n":                                  `accept: rule 2: at is "Included"`,
		"[[accept]]\nat = 'certified'\nasset = 'GBP'\n":                                                `config.toml: accept rule 1: asset "GBP" is not in the network file: it has pathUSD, EUR`,
		"[[accept]]\nat = 'certified'\nup_to = '1.234'\nasset = 'EUR'\n":                               "config.toml: accept rule 1: up_to: amount 1.234 has 3 digits behind the point",
		"[[accept]]\nat = 'certified'\ntotal = '-1'\n":                                                 `config.toml: accept rule 1: total: "-1" is not an amount`,
		"[[accept]]\nat = 'included'\nper_payer = '1'\n":                                               "config.toml: accept rule 1: it has a limit that concerns acceptance at certified only",
		"[[accept]]\nat = 'included'\n[[accept]]\nat = 'certified'\n":                                  "config.toml: accept rule 2 is never reached",
		strings.Repeat("[[accept]]\nat = 'included'\n", 65):                                            "accept has 65 rules: at most 64 are possible",
		"[[accept]]\nat = 'included'\n[delivery]\nwebhook = 'https://x.example'\ncommand = ['true']\n": "delivery.command and delivery.webhook are both set",
		"[delivery]\nwebhook = 'https://x.example'\nsecret_file = ''\n":                                "delivery.secret_file is empty",
	} {
		c, err := parseConfig([]byte("[node]\nname = 'shop'\nrole = 'client'\n" + rules))
		if err == nil {
			err = c.Validate()
		}
		if err == nil {
			_, err = rulesHome(t, "\n"+rules).Policy(twoAssets)
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", rules, err, want)
		}
	}
	c := DefaultConfig(p2p.RoleValidator)
	c.Accept = []Accept{{At: "certified"}}
	if err := c.Validate(); err == nil || !strings.Contains(err.Error(), "accept has no effect here: this peer's role is validator") {
		t.Error(err)
	}
	if err := c.Set("accept.up_to", "5"); err == nil || !strings.Contains(err.Error(), "edit config.toml") {
		t.Error(err)
	}
}
