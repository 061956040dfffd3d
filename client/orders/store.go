package orders

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"time"

	"github.com/allegro-p2p/allegro/client/acceptance"
	"github.com/allegro-p2p/allegro/fastpay"
	"github.com/allegro-p2p/allegro/p2p/replica"
	"github.com/ethereum/go-ethereum/common"
	"github.com/holiman/uint256"
)

// Key spaces of orders in a client's store.
const (
	prefixOrder  = 't' // tx id → storedOrder, or nothing once its details were let go
	prefixPlace  = 'k' // number of the order ‖ tx id → nothing: orders by age
	prefixUntold = 'u' // number of the message ‖ tx id → its kind
	prefixPaid   = 'w' // note ‖ asset → amount: what was paid for a request
)

// storedOrder is an order on disk.
type storedOrder struct {
	Number   uint64          `json:"number"` // orders are numbered as they are accepted
	Payer    common.Address  `json:"payer"`
	Asset    common.Address  `json:"asset"`
	Amount   *uint256.Int    `json:"amount"`
	Note     common.Hash     `json:"note"`
	State    State           `json:"state"`
	Stage    fastpay.Stage   `json:"stage"`
	At       fastpay.Stage   `json:"at"`
	Rule     int             `json:"rule"`
	Reason   string          `json:"reason"`
	Match    *Match          `json:"match,omitempty"`
	QC       []byte          `json:"qc,omitempty"`   // canonical bytes
	Over     bool            `json:"over,omitempty"` // nothing can happen to it any more
	Messages []storedMessage `json:"messages"`
}

type storedMessage struct {
	Number    uint64          `json:"number"` // messages are numbered as they are made
	Kind      Kind            `json:"kind"`
	Body      json.RawMessage `json:"body"`
	At        int64           `json:"at"`                  // Unix microseconds
	Delivered int64           `json:"delivered,omitempty"` // the same; 0: not yet
}

func orderKey(id fastpay.ID) []byte { return append([]byte{prefixOrder}, id[:]...) }

func numberKey(prefix byte, number uint64, id fastpay.ID) []byte {
	return append(binary.BigEndian.AppendUint64([]byte{prefix}, number), id[:]...)
}

func paidKey(note common.Hash, asset common.Address) []byte {
	return append(append([]byte{prefixPaid}, note[:]...), asset[:]...)
}

// put adds an order to a set of changes.
func put(w *replica.Write, id fastpay.ID, s *storedOrder) error {
	data, err := json.Marshal(s)
	if err != nil {
		return fmt.Errorf("writing order %s: %w", id, err)
	}
	return w.Set(orderKey(id), data)
}

// parse reads an order; nil if its details were let go.
func parse(id fastpay.ID, data []byte) (*storedOrder, error) {
	if len(data) == 0 {
		return nil, nil
	}
	s := new(storedOrder)
	if err := json.Unmarshal(data, s); err != nil || s.Amount == nil {
		return nil, fmt.Errorf("store holds an order %s that cannot be read: %w", id, err)
	}
	return s, nil
}

// get reads an order. known is true also for one whose details were let go.
func (b *Book) get(id fastpay.ID) (s *storedOrder, known bool, err error) {
	data, err := b.cfg.Store.Get(orderKey(id))
	if err != nil || data == nil {
		return nil, false, err
	}
	s, err = parse(id, data)
	return s, true, err
}

// paidBefore is what was accepted for a request in an asset, and has not come to nothing.
func (b *Book) paidBefore(note common.Hash, asset common.Address) (sum uint256.Int, err error) {
	value, err := b.cfg.Store.Get(paidKey(note, asset))
	sum.SetBytes(value)
	return sum, err
}

// view is an order as it is shown.
func (s *storedOrder) view(id fastpay.ID) Order {
	o := Order{
		ID: id, Payer: s.Payer, Asset: s.Asset, Amount: *s.Amount, Note: s.Note, State: s.State, Stage: s.Stage,
		Decision: acceptance.Decision{Accepted: true, At: s.At, Rule: s.Rule, Reason: s.Reason}, Match: s.Match,
	}
	for _, m := range s.Messages {
		shown := Message{Kind: m.Kind, Body: m.Body, At: time.UnixMicro(m.At)}
		if m.Delivered != 0 {
			shown.Delivered = time.UnixMicro(m.Delivered)
		}
		o.Messages = append(o.Messages, shown)
	}
	return o
}
