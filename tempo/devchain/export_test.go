package devchain

import "os"

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
