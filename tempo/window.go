package tempo

import (
	"time"

	"github.com/ethereum/go-ethereum/common"

	"github.com/allegro-p2p/allegro/tempo/tx76"
)

// keptFinal is the least number of finalized headers that are remembered, to
// notice a node that shows others for them. A node that lags or forgets its
// newest blocks in a crash stays well within a minute of half-second blocks.
const keptFinal = 128

// block is what a Follower keeps of a block.
type block struct {
	Header
	seen     time.Time // when this process first saw it
	outcomes []tx76.Outcome
	touched  []common.Address
	policies bool // those of a followed token may have changed
}

// window is the newest part of the chain as a Follower reported it: some
// finalized blocks and all blocks above them, without a gap, each the parent of
// the next. It is never empty.
type window struct {
	blocks []block // ascending
	final  int     // index of the newest finalized block
}

// newWindow returns a window that begins with a finalized block.
func newWindow(base block) *window {
	return &window{blocks: []block{base}}
}

// finalized returns the newest finalized block.
func (w *window) finalized() block { return w.blocks[w.final] }

// head returns the newest block.
func (w *window) head() block { return w.blocks[len(w.blocks)-1] }

// hash returns the hash of the block with that number, if it is in the window.
func (w *window) hash(number uint64) (common.Hash, bool) {
	first := w.blocks[0].Number
	if number < first || number > w.head().Number {
		return common.Hash{}, false
	}
	return w.blocks[number-first].Hash, true
}

// replace cuts off the blocks above number, which must not be final, appends
// blocks, and returns what it cut off.
func (w *window) replace(number uint64, blocks []block) (cut []block) {
	keep := int(number-w.blocks[0].Number) + 1
	cut = append(cut, w.blocks[keep:]...)
	w.blocks = append(w.blocks[:keep], blocks...)
	return cut
}

// finalize makes the blocks up to number final and returns those that were not
// before.
func (w *window) finalize(number uint64) []block {
	if number <= w.finalized().Number {
		return nil
	}
	old := w.final
	w.final = int(number - w.blocks[0].Number)
	return w.blocks[old+1 : w.final+1]
}

// trim forgets the oldest finalized blocks, when it is worth a copy, and of the
// others that are final everything but the header.
func (w *window) trim() {
	for i := 0; i <= w.final; i++ {
		w.blocks[i].outcomes, w.blocks[i].touched = nil, nil
	}
	if drop := w.final + 1 - keptFinal; drop >= keptFinal {
		w.blocks = append([]block(nil), w.blocks[drop:]...)
		w.final -= drop
	}
}
