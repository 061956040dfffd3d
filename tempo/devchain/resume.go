package devchain

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/holiman/uint256"
)

// MismatchError is returned by New if the blocks in Config.Dir are those of a
// chain that was configured otherwise.
type MismatchError struct {
	Path  string // of the file with the blocks
	Field string // of Config: ChainID, BaseFee, Fork, Validators, GenesisTime or Alloc
	Kept  string // the field's value for the blocks; empty for Alloc
	Given string // its value in Config; empty for Alloc
}

// Error says which field differs and what to do.
func (e *MismatchError) Error() string {
	if e.Field == "Alloc" {
		return fmt.Sprintf("devchain: the chain in %s began with other balances: Alloc only applies to a new chain, leave it out or name another folder", e.Path)
	}
	return fmt.Sprintf("devchain: %s of the chain in %s is %s, not %s: set it to %[3]s or name another folder", e.Field, e.Path, e.Kept, e.Given)
}

// logBalance is one entry of Config.Alloc.
type logBalance struct {
	Token, Account common.Address
	Amount         *uint256.Int
}

// logBalances returns an Alloc in the order of its addresses.
func logBalances(alloc map[common.Address]map[common.Address]*uint256.Int) []logBalance {
	var list []logBalance
	for token, balances := range alloc {
		for account, amount := range balances {
			list = append(list, logBalance{token, account, amount})
		}
	}
	slices.SortFunc(list, func(a, b logBalance) int {
		return cmp.Or(bytes.Compare(a.Token[:], b.Token[:]), bytes.Compare(a.Account[:], b.Account[:]))
	})
	return list
}

// start puts the chain at its genesis block and, if a log has more, at the last
// block of that.
func (c *Chain) start() error {
	if c.log == nil {
		_, err := c.begin()
		return err
	}
	h, err := c.log.readHeader()
	if errors.Is(err, io.EOF) {
		b, err := c.begin()
		if err != nil {
			return err
		}
		return c.log.begin(newLogHeader(c.cfg, b))
	}
	if err != nil {
		return err
	}
	given := c.cfg.Alloc
	if c.cfg, err = h.adopt(c.cfg, c.log.path); err != nil {
		return err
	}
	b, err := c.begin()
	switch {
	case err != nil:
		return err
	case b.hash == h.Genesis:
		return c.replay()
	case given != nil && !slices.EqualFunc(logBalances(given), h.Alloc, sameBalance):
		return &MismatchError{Path: c.log.path, Field: "Alloc"}
	default:
		return c.otherHash(b, h.Genesis)
	}
}

func sameBalance(a, b logBalance) bool {
	return a.Token == b.Token && a.Account == b.Account && a.Amount.Eq(b.Amount)
}

// begin makes the genesis block the latest and returns it.
func (c *Chain) begin() (*block, error) {
	if c.cfg.GenesisTime.IsZero() {
		c.cfg.GenesisTime = c.now()
	}
	b, err := genesis(c.cfg, c.db)
	if err != nil {
		return nil, err
	}
	c.genesis = b.hash
	c.append(b, nil)
	return b, nil
}

// newLogHeader returns the header record of a chain that begins.
func newLogHeader(cfg Config, genesis *block) logHeader {
	h := logHeader{
		ChainID:        cfg.ChainID,
		BaseFee:        cfg.BaseFee,
		GenesisSeconds: uint64(cfg.GenesisTime.Unix()), // not before 1970: Validate
		GenesisNanos:   uint64(cfg.GenesisTime.Nanosecond()),
		Genesis:        genesis.hash,
		Alloc:          logBalances(cfg.Alloc),
	}
	if cfg.Fork != T4 {
		h.Fork, h.Validators = cfg.Fork, logValidators(cfg)
	}
	return h
}

// logValidators returns the validators in the order of their keys.
func logValidators(cfg Config) []common.Hash {
	var keys []common.Hash
	for _, key := range cfg.Validators {
		keys = append(keys, key)
	}
	slices.SortFunc(keys, common.Hash.Cmp)
	return keys
}

// adopt returns cfg with what it leaves open taken from the log's header. The
// error is a *MismatchError if it says otherwise than the header; whether Alloc
// does shows in the hash of the genesis block.
func (h *logHeader) adopt(cfg Config, path string) (Config, error) {
	began := time.Unix(int64(h.GenesisSeconds), int64(h.GenesisNanos))
	mismatch := &MismatchError{Path: path}
	switch {
	case h.ChainID != cfg.ChainID:
		mismatch.Field, mismatch.Kept, mismatch.Given = "ChainID", strconv.FormatUint(h.ChainID, 10), strconv.FormatUint(cfg.ChainID, 10)
		return cfg, mismatch
	case h.BaseFee != cfg.BaseFee:
		mismatch.Field, mismatch.Kept, mismatch.Given = "BaseFee", strconv.FormatUint(h.BaseFee, 10), strconv.FormatUint(cfg.BaseFee, 10)
		return cfg, mismatch
	case cmp.Or(h.Fork, T4) != cfg.Fork:
		mismatch.Field, mismatch.Kept, mismatch.Given = "Fork", string(cmp.Or(h.Fork, T4)), string(cfg.Fork)
		return cfg, mismatch
	case !slices.Equal(h.Validators, logValidators(cfg)):
		mismatch.Field, mismatch.Kept, mismatch.Given = "Validators", fmt.Sprint(h.Validators), fmt.Sprint(logValidators(cfg))
		return cfg, mismatch
	case !cfg.GenesisTime.IsZero() && !cfg.GenesisTime.Equal(began):
		mismatch.Field, mismatch.Kept, mismatch.Given = "GenesisTime", began.UTC().Format(time.RFC3339Nano), cfg.GenesisTime.UTC().Format(time.RFC3339Nano)
		return cfg, mismatch
	}
	cfg.GenesisTime = began
	if cfg.Alloc == nil {
		cfg.Alloc = make(map[common.Address]map[common.Address]*uint256.Int)
		for _, b := range h.Alloc {
			if cfg.Alloc[b.Token] == nil {
				cfg.Alloc[b.Token] = make(map[common.Address]*uint256.Int)
			}
			cfg.Alloc[b.Token][b.Account] = b.Amount
		}
	}
	return cfg, nil
}

// replay builds the blocks of the log again, one on top of the other, and
// forgets old ones on the way as it would have.
func (c *Chain) replay() error {
	for {
		record, err := c.log.readBlock()
		if errors.Is(err, io.EOF) {
			logger.Infow("the chain goes on", "file", c.log.path, "height", c.Height())
			return nil
		}
		if err != nil {
			return err
		}
		parent := c.head()
		txs := make([]*signed, len(record.Transactions))
		for i, raw := range record.Transactions {
			s, err := verify(raw)
			if err == nil {
				err = checkSupported(c.cfg.Fork, s)
			}
			if err != nil {
				return fmt.Errorf("devchain: transaction %d of block %d in %s: %w", i, parent.number()+1, c.log.path, err)
			}
			txs[i] = s
		}
		waited, err := c.split(txs)
		if err != nil {
			return fmt.Errorf("devchain: block %d in %s: %w", parent.number()+1, c.log.path, err)
		}
		b, settled, err := c.build(parent, record.Time, record.Writes, waited)
		if err != nil {
			return err
		}
		if b.hash != record.Hash {
			return c.otherHash(b, record.Hash)
		}
		c.append(b, settled)
	}
}

// otherHash is the error of a block that does not come out as the log says. Its
// bytes are as they were written, so it was another program that wrote them.
func (c *Chain) otherHash(b *block, kept common.Hash) error {
	return fmt.Errorf("devchain: block %d of %s comes out as %s, not %s: another version of this program wrote it, go on with that one or name another folder",
		b.number(), c.log.path, b.hash, kept)
}
