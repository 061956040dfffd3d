package devchain

import "github.com/ethereum/go-ethereum/common"

// pool holds transactions that wait for a block, in order of arrival. The chain's
// lock guards it.
type pool struct {
	queue []*signed
	known map[common.Hash]*signed
}

func (p *pool) add(s *signed) {
	if p.known == nil {
		p.known = make(map[common.Hash]*signed)
	}
	p.queue = append(p.queue, s)
	p.known[s.hash] = s
}

// remove takes transactions out and keeps the order of the rest.
func (p *pool) remove(gone map[common.Hash]bool) {
	kept := p.queue[:0]
	for _, s := range p.queue {
		if gone[s.hash] {
			delete(p.known, s.hash)
			continue
		}
		kept = append(kept, s)
	}
	clear(p.queue[len(kept):])
	p.queue = kept
}
