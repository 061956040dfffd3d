package devchain

import (
	"errors"
	"fmt"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/holiman/uint256"
)

// Config describes one development chain. Take DefaultConfig and change what
// differs.
type Config struct {
	// ChainID is the id that transactions must be signed for.
	ChainID uint64

	// BlockTime is the time from one block to the next while Run runs. With
	// less than a second several blocks have the same timestamp, which counts
	// seconds.
	BlockTime time.Duration

	// Manual leaves block production to Mine: Run then only waits.
	Manual bool

	// FinalityLag is how many blocks the finalized and the safe block are
	// behind the latest. 0 makes every block final at once.
	FinalityLag uint64

	// BaseFee is the price of gas in 10^-18 USD. It never moves. With 0,
	// transactions that offer no tip are free.
	BaseFee uint64

	// Fork is the hardfork that the chain is at from its first block on. Before T4
	// it has the sub-block lanes of that time, which no current Tempo has.
	Fork Fork

	// Validators are the Ed25519 keys of the validators whose nodes a chain before
	// T4 plays: each has a sub-block lane, which takes transactions only through
	// ValidatorClient or the validator's path of Handler. A block has their
	// sub-blocks in the order of the keys; the order of this list does not matter.
	Validators [][32]byte

	// Alloc sets token balances at genesis, in token units: token → account →
	// balance. It goes over what the development accounts hold anyway. nil
	// takes what is kept in Dir.
	Alloc map[common.Address]map[common.Address]*uint256.Int

	// GenesisTime is the time of block 0 and the edge that block times are
	// counted from. Zero means that of the chain in Dir, or else the moment New
	// is called.
	GenesisTime time.Time

	// Dir is the folder that keeps the blocks: a chain that is started with it
	// again goes on where the last one ended, be it by Close, by a crash or by a
	// power cut. Every block is on disk before anybody hears of it.
	// Transactions that wait for a block are not kept: submit them again. The
	// time in between produces no blocks. ChainID, BaseFee, Fork,
	// Validators, GenesisTime and Alloc must stay what they were, everything else may change. One chain at a
	// time can have a folder. Empty keeps everything in memory only.
	Dir string

	// Now is the clock. It must agree with the timers of package time, as
	// time.Now does, inside a testing/synctest bubble too.
	Now func() time.Time

	// RetainBlocks and RetainTransactions bound the memory: the oldest blocks
	// are forgotten, with their state, receipts and logs, while more blocks or
	// more transactions than this are held.
	RetainBlocks       int
	RetainTransactions int

	// PoolLimit is the number of transactions that may wait for a block.
	PoolLimit int

	// DevRPC serves evm_mine and anvil_setStorageAt. Whoever reaches the
	// endpoint can then print tokens.
	DevRPC bool
}

// DefaultConfig returns a chain with anvil's id, a block every 5 seconds,
// finality one block behind, free transactions and hardfork T4.
func DefaultConfig() Config {
	return Config{
		ChainID:     31337,
		BlockTime:   5 * time.Second,
		FinalityLag: 1,
		Fork:        T4,
		Now:         time.Now,
		// Over five days of 5-second blocks; a payment takes about 3 KiB with
		// its receipt, so that the transactions stay near 300 MiB.
		RetainBlocks:       100_000,
		RetainTransactions: 100_000,
		// Two full blocks of payments.
		PoolLimit: 16_384,
	}
}

// Validate reports the first field that has no meaning.
func (c Config) Validate() error {
	switch {
	case c.ChainID == 0:
		return errors.New("devchain: chain id is 0: set ChainID, for example to 31337")
	case !c.Manual && c.BlockTime <= 0:
		return fmt.Errorf("devchain: block time is %s: set BlockTime to more than 0, or Manual", c.BlockTime)
	case c.Fork != T3 && c.Fork != T4:
		return fmt.Errorf("devchain: hardfork %q is unknown: set Fork to %q or %q", c.Fork, T3, T4)
	case c.Now == nil:
		return errors.New("devchain: no clock: set Now, for example to time.Now")
	case c.GenesisTime.Unix() < 0 && !c.GenesisTime.IsZero():
		return fmt.Errorf("devchain: genesis time %s is before 1970", c.GenesisTime)
	case uint64(c.RetainBlocks) <= c.FinalityLag || c.RetainBlocks < 0:
		return fmt.Errorf("devchain: %d blocks are retained, finality needs more than its lag of %d: raise RetainBlocks", c.RetainBlocks, c.FinalityLag)
	case c.RetainTransactions <= 0:
		return fmt.Errorf("devchain: %d transactions are retained: set RetainTransactions to more than 0", c.RetainTransactions)
	case c.PoolLimit <= 0:
		return fmt.Errorf("devchain: the pool holds %d transactions: set PoolLimit to more than 0", c.PoolLimit)
	}
	if err := checkValidators(c.Fork, c.Validators); err != nil {
		return err
	}
	for token, balances := range c.Alloc {
		if _, ok := nameOf(token); !ok {
			return fmt.Errorf("devchain: Alloc names token %s: this chain has pathUSD, AlphaUSD, BetaUSD and ThetaUSD only", token)
		}
		for account, amount := range balances {
			if amount == nil || amount.BitLen() > maxBalanceBits {
				return fmt.Errorf("devchain: Alloc of token %s to %s is missing or above %d bits", token, account, maxBalanceBits)
			}
		}
	}
	return nil
}
