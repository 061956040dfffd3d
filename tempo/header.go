package tempo

import (
	"context"
	"fmt"
	"sync/atomic"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"
)

// Tag names a block by its place in the chain.
type Tag string

// The tags that Allegro reads by. On Tempo the latest block may be no more
// than notarized and can still be replaced; a finalized one cannot.
const (
	Latest    Tag = "latest"
	Finalized Tag = "finalized"
)

// Header is what Allegro needs of a block header. Hash is what the node says:
// Tempo hashes fields that Ethereum's header does not have.
type Header struct {
	Number uint64
	Hash   common.Hash
	Parent common.Hash
	Time   uint64 // seconds since 1970
}

// wireHeader is a block as eth_getBlockBy… answers it, other fields ignored.
type wireHeader struct {
	Number     *hexutil.Uint64 `json:"number"`
	Hash       *common.Hash    `json:"hash"`
	ParentHash *common.Hash    `json:"parentHash"`
	Timestamp  *hexutil.Uint64 `json:"timestamp"`
}

// header checks that nothing is missing. A nil w is a block that the node does
// not have, which what describes.
func (w *wireHeader) header(what string) (Header, error) {
	if w == nil {
		return Header{}, fmt.Errorf("%s is not on this node: %w", what, ErrUnavailable)
	}
	if w.Number == nil || w.Hash == nil || *w.Hash == (common.Hash{}) || w.ParentHash == nil || w.Timestamp == nil {
		return Header{}, fmt.Errorf("header of %s lacks number, hash, parentHash or timestamp: %w", what, ErrBadAnswer)
	}
	return Header{
		Number: uint64(*w.Number),
		Hash:   *w.Hash,
		Parent: *w.ParentHash,
		Time:   uint64(*w.Timestamp),
	}, nil
}

// Header returns the header of the block that tag names now. A node that has
// finalized nothing yet answers the finalized tag with [ErrUnavailable].
func (c *Chain) Header(ctx context.Context, tag Tag) (Header, error) {
	headers, err := c.tagged(ctx, tag)
	if err != nil {
		return Header{}, err
	}
	return headers[0], nil
}

// HeaderByNumber returns the header of the canonical block with that number,
// or [ErrUnavailable] if the chain is shorter.
func (c *Chain) HeaderByNumber(ctx context.Context, number uint64) (Header, error) {
	headers, err := c.numbered(ctx, number, number)
	if err != nil {
		return Header{}, err
	}
	return headers[0], nil
}

// tagged returns the headers that the tags name, read in one exchange.
func (c *Chain) tagged(ctx context.Context, tags ...Tag) ([]Header, error) {
	wire := make([]*wireHeader, len(tags))
	queries := make([]query, len(tags))
	for i, tag := range tags {
		queries[i] = query{"eth_getBlockByNumber", []any{tag, false}, &wire[i]}
	}
	if err := c.batch(ctx, queries); err != nil {
		return nil, err
	}
	headers := make([]Header, len(tags))
	for i, tag := range tags {
		header, err := wire[i].header("the " + string(tag) + " block")
		if err != nil {
			return nil, err
		}
		raise(&c.height, header.Number)
		if tag == Finalized {
			raise(&c.finalized, header.Number)
		}
		headers[i] = header
	}
	return headers, nil
}

// numbered returns the canonical headers of the numbers from..to, both
// included. Whether each is the parent of the next is for the caller to check:
// the chain may change while they are read.
func (c *Chain) numbered(ctx context.Context, from, to uint64) ([]Header, error) {
	wire := make([]*wireHeader, to-from+1)
	queries := make([]query, len(wire))
	for i := range wire {
		queries[i] = query{"eth_getBlockByNumber", []any{hexutil.Uint64(from + uint64(i)), false}, &wire[i]}
	}
	if err := c.batch(ctx, queries); err != nil {
		return nil, err
	}
	headers := make([]Header, len(wire))
	for i := range wire {
		number := from + uint64(i)
		header, err := wire[i].header(fmt.Sprintf("block %d", number))
		if err != nil {
			return nil, err
		}
		if header.Number != number {
			return nil, fmt.Errorf("asked for block %d and got %d: %w", number, header.Number, ErrBadAnswer)
		}
		headers[i] = header
	}
	return headers, nil
}

// hashed returns the headers of the blocks with those hashes, canonical or not.
func (c *Chain) hashed(ctx context.Context, hashes []common.Hash) ([]Header, error) {
	wire := make([]*wireHeader, len(hashes))
	queries := make([]query, len(hashes))
	for i, hash := range hashes {
		queries[i] = query{"eth_getBlockByHash", []any{hash, false}, &wire[i]}
	}
	if err := c.batch(ctx, queries); err != nil {
		return nil, err
	}
	headers := make([]Header, len(hashes))
	for i, hash := range hashes {
		header, err := wire[i].header("block " + hash.Hex())
		if err != nil {
			return nil, err
		}
		if header.Hash != hash {
			return nil, fmt.Errorf("asked for block %s and got %s: %w", hash, header.Hash, ErrBadAnswer)
		}
		headers[i] = header
	}
	return headers, nil
}

// raise notes that a block of that number was seen.
func raise(highest *atomic.Uint64, number uint64) {
	for {
		known := highest.Load()
		if number <= known || highest.CompareAndSwap(known, number) {
			return
		}
	}
}
