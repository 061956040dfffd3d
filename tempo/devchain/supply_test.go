package devchain_test

import (
	"math/rand/v2"
	"testing"

	"github.com/ethereum/go-ethereum/common"
	"github.com/holiman/uint256"

	"github.com/allegro-p2p/allegro/tempo"
	"github.com/allegro-p2p/allegro/tempo/devchain"
	"github.com/allegro-p2p/allegro/tempo/tx76"
)

// Whatever happens, no token unit appears or vanishes: the supply is the sum
// of the balances, and every account's nonces count its executed transactions.
func TestSupplyIsConserved(t *testing.T) {
	for seed := range uint64(8) {
		c := start(t, withBaseFee(gwei20))
		rng := rand.New(rand.NewPCG(seed, 76))
		people := []account{c.alice, c.bob, c.carol, c.sponsor, devAccount(t)}
		tokens := devchain.Tokens()
		supplies := make(map[common.Address]uint256.Int)
		for _, token := range tokens {
			supplies[token] = *c.supply(token)
		}
		nonces := make(map[common.Address]uint64)
		var sent []*tx76.Transaction
		for range 30 {
			for range rng.IntN(6) {
				from := people[rng.IntN(len(people))]
				tx := priced(draft(nonces[from.address]))
				for range 1 + rng.IntN(3) {
					tx.Calls = append(tx.Calls, randomCall(rng, people, tokens))
				}
				if rng.IntN(4) == 0 {
					tx.Nonce += rng.Uint64N(2) // a gap now and then
				}
				if rng.IntN(2) == 0 {
					c.sponsored(tx, from)
				} else {
					c.sign(tx, from)
				}
				if _, err := c.submit(tx); err == nil { // the poor are refused
					sent = append(sent, tx)
				}
			}
			c.mine()
			for _, p := range people {
				nonces[p.address] = c.nonce(p)
			}
		}
		holders := append([]common.Address{tempo.FeeManager}, devchain.DevAccounts()...)
		for _, p := range people[:4] {
			holders = append(holders, p.address)
		}
		for _, token := range tokens {
			sum := new(uint256.Int)
			for _, holder := range holders {
				sum.Add(sum, c.balance(token, holder))
			}
			want := supplies[token]
			if supply := c.supply(token); !supply.Eq(&want) || !sum.Eq(supply) {
				t.Errorf("seed %d, token %s: supply %s, was %s, balances sum to %s", seed, token, supply, &want, sum)
			}
		}
		if len(sent) < 30 {
			t.Errorf("seed %d: only %d transactions were taken, the test proves little", seed, len(sent))
		}
	}
}

// randomCall is a transfer that may or may not succeed.
func randomCall(rng *rand.Rand, people []account, tokens []common.Address) tx76.Call {
	token := tokens[rng.IntN(len(tokens))]
	to := people[rng.IntN(len(people))].address
	if rng.IntN(8) == 0 {
		to = common.Address{} // invalid
	}
	amount := uint256.NewInt(rng.Uint64N(40_000_000))
	if rng.IntN(2) == 0 {
		return tx76.Call{To: &token, Input: tempo.EncodeTransferWithMemo(to, amount, common.Hash{1})}
	}
	return tx76.Call{To: &token, Input: tempo.EncodeTransfer(to, amount)}
}

func (c *chain) supply(token common.Address) *uint256.Int {
	c.t.Helper()
	x, err := tempo.DecodeUint256(c.call(token, tempo.SelectorTotalSupply[:]))
	if err != nil {
		c.t.Fatal(err)
	}
	return &x
}
