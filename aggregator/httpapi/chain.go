package httpapi

import (
	"context"
	"net/http"
	"time"

	"github.com/allegro-p2p/allegro/fastpay"
	"github.com/allegro-p2p/allegro/p2p/document"
	"github.com/allegro-p2p/allegro/p2p/replica"
	"github.com/ethereum/go-ethereum/common"
)

// ChainHead is the newest block. Height and time are numbers for the original
// system's clients; the other fields are added.
type ChainHead struct {
	BlockHeight    uint64  `json:"block_height"`
	BlockHash      string  `json:"block_hash"`
	UnixMillis     uint64  `json:"unix_millis"` // the block's own time
	ObservedMicros *string `json:"observed_unix_micros"`
	// NextBlockETAMillis is when the next block is due, negative if it is late; null
	// before a block was seen come.
	NextBlockETAMillis *int64 `json:"next_block_eta_ms"`
	Source             string `json:"source"` // the peer whose node has shown it
}

// Head is a new height, as an event tells it.
type Head struct {
	Height     string `json:"height"`
	Hash       string `json:"hash"`
	Time       string `json:"time"`             // the block's own, in chain seconds
	SeenMicros string `json:"seen_unix_micros"` // when the aggregator saw it first
}

// headOf describes a height.
func headOf(b replica.BlockSeen) Head {
	return Head{
		Height: *document.Decimal(b.Block.Number), Hash: b.Block.Hash.Hex(), Time: *document.Decimal(b.Block.Time),
		SeenMicros: document.Micros(b.Seen),
	}
}

// latest is the newest block that the aggregator's node has shown, and the moment it was
// first seen; false before any was.
func (s *Server) latest() (fastpay.Block, time.Time, bool) {
	var latest fastpay.Block
	s.cfg.Chain.Read(func(b *fastpay.Board) { latest = b.Latest() })
	if latest.Hash == (common.Hash{}) {
		return latest, time.Time{}, false
	}
	var seen time.Time
	if last := s.cfg.Chain.BlocksAfter(max(latest.Number, 1) - 1); len(last) > 0 {
		seen = last[0].Seen
	}
	return latest, seen, true
}

// blockTime is the usual time between two blocks.
func (s *Server) blockTime() time.Duration {
	return time.Duration(s.cfg.File.Chain.BlockTimeSeconds) * time.Second
}

func (s *Server) serveHead(context.Context, *http.Request) (any, error) {
	latest, seen, known := s.latest()
	if !known {
		return nil, &Error{
			Status: http.StatusServiceUnavailable, Code: NotReady, Message: "the aggregator's chain node has shown no block yet",
			Hint: "see /readyz",
		}
	}
	doc := ChainHead{
		BlockHeight: latest.Number, BlockHash: latest.Hash.Hex(), UnixMillis: latest.Time * 1000,
		Source: s.cfg.Node.ID().String(),
	}
	if !seen.IsZero() {
		doc.ObservedMicros = new(document.Micros(seen))
		doc.NextBlockETAMillis = new(seen.Add(s.blockTime()).Sub(s.cfg.Now()).Milliseconds())
	}
	return doc, nil
}
