package api

import (
	"github.com/allegro-p2p/allegro/client/orders"
	"github.com/allegro-p2p/allegro/fastpay"
)

// Order is a payment to a client's account, as the client takes it.
type Order struct {
	Schema   string  `json:"schema"`
	TxID     string  `json:"tx_id"`
	Payer    string  `json:"payer"`
	Asset    string  `json:"asset"`
	Symbol   *string `json:"symbol"`
	Decimals *uint8  `json:"decimals"`
	Amount   string  `json:"amount"`    // token units
	NoteHash *string `json:"note_hash"` // null without a note
	// Request is what the payment is for; null if its note is of no request, and while it
	// waits.
	Request *orders.RequestDocument `json:"request"`
	State   orders.State            `json:"state"`
	Stage   fastpay.Stage           `json:"stage"`
	// At is the stage that was asked of it, Rule the place of the rule that asked, from 1;
	// 0 if none fits.
	At     fastpay.Stage `json:"at"`
	Rule   int           `json:"rule"`
	Reason string        `json:"reason"`
	// Messages are what the payee's program is told of it, in order.
	Messages []OrderMessage `json:"messages"`
}

// OrderMessage is one message of an order. Attempts are those of this run that failed.
type OrderMessage struct {
	MessageID string      `json:"message_id"`
	Kind      orders.Kind `json:"kind"`
	Made      string      `json:"made_unix_micros"`
	Delivered *string     `json:"delivered_unix_micros"` // null while nobody has taken it
	Attempts  string      `json:"attempts"`
	Problem   *string     `json:"problem"` // why the last attempt failed; null if none did
}

// OrderSchema names the format of Order.
const OrderSchema = "allegro.order_state/v1"

// Orders are a client's orders: those that wait, then the others, the newest first.
type Orders struct {
	Schema string  `json:"schema"`
	Orders []Order `json:"orders"`
}

// OrdersSchema names the format of Orders.
const OrdersSchema = "allegro.orders/v1"
