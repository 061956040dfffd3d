package devchain_test

import (
	"strings"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/holiman/uint256"

	"github.com/allegro-p2p/allegro/tempo"
	"github.com/allegro-p2p/allegro/tempo/devchain"
)

func TestDefaultConfigIsValid(t *testing.T) {
	if err := devchain.DefaultConfig().Validate(); err != nil {
		t.Error(err)
	}
}

func TestConfigRefused(t *testing.T) {
	tooMuch := new(uint256.Int).Lsh(uint256.NewInt(1), 128)
	alloc := func(token common.Address, amount *uint256.Int) map[common.Address]map[common.Address]*uint256.Int {
		return map[common.Address]map[common.Address]*uint256.Int{token: {{1}: amount}}
	}
	for want, edit := range map[string]func(*devchain.Config){
		"chain id is 0":                     func(c *devchain.Config) { c.ChainID = 0 },
		"block time is 0s":                  func(c *devchain.Config) { c.BlockTime = 0 },
		"no clock":                          func(c *devchain.Config) { c.Now = nil },
		"is before 1970":                    func(c *devchain.Config) { c.GenesisTime = time.Unix(-1, 0) },
		"raise RetainBlocks":                func(c *devchain.Config) { c.RetainBlocks, c.FinalityLag = 5, 5 },
		"-1 blocks are retained":            func(c *devchain.Config) { c.RetainBlocks = -1 },
		"0 transactions are retained":       func(c *devchain.Config) { c.RetainTransactions = 0 },
		`hardfork "t2" is unknown`:          func(c *devchain.Config) { c.Fork = "t2" },
		"1 validators are given, but":       func(c *devchain.Config) { c.Validators = make([][32]byte, 1) },
		"51 validators are given: at most":  func(c *devchain.Config) { c.Fork, c.Validators = devchain.T3, make([][32]byte, 51) },
		"cannot tell them apart":            func(c *devchain.Config) { c.Fork, c.Validators = devchain.T3, [][32]byte{{14: 1}, {14: 1, 15: 2}} },
		"the pool holds 0":                  func(c *devchain.Config) { c.PoolLimit = 0 },
		"Alloc names token 0xfeEC00":        func(c *devchain.Config) { c.Alloc = alloc(tempo.FeeManager, usd(1)) },
		"is missing or above 128 bits":      func(c *devchain.Config) { c.Alloc = alloc(tempo.PathUSD, tooMuch) },
		"0x0100000000000000000000000000000": func(c *devchain.Config) { c.Alloc = alloc(tempo.PathUSD, nil) },
	} {
		cfg := devchain.DefaultConfig()
		edit(&cfg)
		if _, err := devchain.New(cfg); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error is %v, want %q", err, want)
		}
	}
}

// Each field has an effect.
func TestConfigFields(t *testing.T) {
	c := start(t, func(cfg *devchain.Config) {
		cfg.ChainID = 99
		cfg.BaseFee = 7
		cfg.FinalityLag = 2
		cfg.GenesisTime = genesisTime.Add(-time.Hour)
	})
	ctx := t.Context()
	for range 3 {
		c.mine()
	}
	if id, err := c.client.ChainID(ctx); err != nil || id.Uint64() != 99 {
		t.Errorf("chain id %s, %v", id, err)
	}
	if price, err := c.client.SuggestGasPrice(ctx); err != nil || price.Uint64() != 7 {
		t.Errorf("gas price %s, %v", price, err)
	}
	genesis := must[*types.Header](t)(c.client.HeaderByNumber(ctx, common.Big0))
	if genesis.Time != uint64(genesisTime.Unix())-3600 || genesis.BaseFee.Uint64() != 7 {
		t.Errorf("genesis %+v", genesis)
	}
	if n := c.finalized(); n != 1 {
		t.Errorf("finalized block %d, want 1", n)
	}

	same := start(t, func(cfg *devchain.Config) { cfg.GenesisTime = genesisTime.Add(-time.Hour); cfg.BaseFee = 7 })
	other := must[*types.Header](t)(same.client.HeaderByNumber(ctx, common.Big0))
	if other.Hash() == genesis.Hash() {
		t.Error("chains with different ids have one genesis")
	}
}

// finalized returns the number of the finalized block.
func (c *chain) finalized() uint64 {
	c.t.Helper()
	var header types.Header
	if err := c.rpc.Call(&header, "eth_getBlockByNumber", "finalized", false); err != nil {
		c.t.Fatal(err)
	}
	return header.Number.Uint64()
}
