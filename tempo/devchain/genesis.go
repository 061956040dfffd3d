package devchain

import (
	"fmt"
	"maps"
	"slices"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/state"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/holiman/uint256"

	"github.com/allegro-p2p/allegro/tempo"
)

// maxBalanceBits bounds one balance at genesis, so that no supply overflows.
// Tempo caps a token's supply at 128 bits.
const maxBalanceBits = 128

// DevAccounts returns the ten accounts of the public mnemonic "test test test
// test test test test test test test test junk", which every development chain
// funds. Everybody has their keys.
func DevAccounts() []common.Address {
	return []common.Address{
		common.HexToAddress("0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266"),
		common.HexToAddress("0x70997970C51812dc3A010C7d01b50e0d17dc79C8"),
		common.HexToAddress("0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC"),
		common.HexToAddress("0x90F79bf6EB2c4f870365E785982E1f101E93b906"),
		common.HexToAddress("0x15d34AAf54267DB7D7c367839AAf71A00a2C6A65"),
		common.HexToAddress("0x9965507D1a55bcC2695C58ba16FB37d819B0A4dc"),
		common.HexToAddress("0x976EA74026E726554dB657fA54763abd0C3a0aa9"),
		common.HexToAddress("0x14dC79964da2C08b23698B3D3cc7Ca32193d9955"),
		common.HexToAddress("0x23618e81E3f5cdF7f54C3d65f7FBc0aBf5B21E8f"),
		common.HexToAddress("0xa0Ee7A142d267C1f36714E4a8F75612F20a79720"),
	}
}

// tokenNames are the tokens of this chain and what they call themselves; name
// and symbol are the same.
var tokenNames = map[common.Address]string{
	tempo.PathUSD:  "PathUSD",
	tempo.AlphaUSD: "AlphaUSD",
	tempo.BetaUSD:  "BetaUSD",
	tempo.ThetaUSD: "ThetaUSD",
}

// nameOf returns a token's name, or false if this chain has no such token.
func nameOf(token common.Address) (string, bool) {
	name, ok := tokenNames[token]
	return name, ok
}

// devBalance is what each development account holds of each token: 2^64-1
// units, as on anvil.
const devBalance = 1<<64 - 1

// precompileCode is the code of everything that is part of the chain itself.
var precompileCode = []byte{0xef}

// genesis builds block 0 and commits its state to db.
func genesis(cfg Config, db state.Database) (*block, error) {
	statedb, err := state.New(types.EmptyRootHash, db)
	if err != nil {
		return nil, fmt.Errorf("devchain: opening an empty state: %w", err)
	}
	w := world{statedb}
	w.setPrecompile(tempo.NoncePrecompile)
	w.setPrecompile(tempo.FeeManager)
	for token := range tokenNames {
		w.setPrecompile(token)
		balances := make(map[common.Address]*uint256.Int)
		for _, account := range DevAccounts() {
			balances[account] = uint256.NewInt(devBalance)
		}
		maps.Copy(balances, cfg.Alloc[token])
		var supply uint256.Int
		for account, amount := range balances {
			w.setBalance(token, account, amount)
			supply.Add(&supply, amount)
		}
		w.setSupply(token, &supply)
	}
	// Their fees do not touch pathUSD, so that balances in tests stay exact.
	for _, account := range DevAccounts() {
		w.setPreferredFeeToken(account, tempo.AlphaUSD)
	}
	header := newHeader(cfg)
	header.Time = uint64(cfg.GenesisTime.Unix())
	return seal(cfg, header, w, nil)
}

// Tokens returns the addresses of the tokens of every development chain, in
// ascending order.
func Tokens() []common.Address {
	return slices.SortedFunc(maps.Keys(tokenNames), common.Address.Cmp)
}
