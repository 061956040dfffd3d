package devchain

import (
	"math/big"
	"os"

	"github.com/ethereum/go-ethereum/common"
)

// BreakLog makes every further write to the chain's log fail, as a full disk
// does.
func (c *Chain) BreakLog() error {
	c.building.Lock()
	defer c.building.Unlock()
	unwritable, err := os.Open(c.log.path)
	if err != nil {
		return err
	}
	err = c.log.file.Close()
	c.log.file = unwritable
	return err
}

// StuffSubBlock makes n transactions wait at a validator that are none. No block can
// be built any more.
func (c *Chain) StuffSubBlock(validator [32]byte, n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	lane := c.validatorLane(validator)
	for i := range n {
		lane.pool.add(&signed{hash: common.BigToHash(big.NewInt(int64(i)))})
	}
}
