package daemon

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"strconv"

	"github.com/allegro-p2p/allegro/client/orders"
	"github.com/allegro-p2p/allegro/client/webhook"
	"github.com/allegro-p2p/allegro/cmd/internal/api"
	"github.com/allegro-p2p/allegro/fastpay"
	"github.com/allegro-p2p/allegro/p2p/document"
	"github.com/ethereum/go-ethereum/common"
)

// deliverer tells a client's orders as the config has it; nil if nobody is told.
func (d *Daemon) deliverer() (orders.Deliverer, error) {
	cfg := d.home.Config().Delivery
	switch {
	case cfg.Webhook != "":
		secret, err := webhook.LoadSecret(d.home.SecretPath())
		if errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("delivery.secret_file: %w: make one that the receiver has too, whsec_ and the base64 of 32 random bytes, of mode 0600", err)
		}
		if err != nil {
			return nil, fmt.Errorf("delivery.secret_file: %w", err)
		}
		hook, err := webhook.New(webhook.Config{URL: cfg.Webhook, Secret: secret, Now: d.opts.Now})
		if err != nil {
			return nil, fmt.Errorf("delivery.webhook: %w", err)
		}
		return hook, nil
	case len(cfg.Command) > 0:
		command, err := webhook.NewCommand(cfg.Command)
		if err != nil {
			return nil, fmt.Errorf("delivery.command: %w", err)
		}
		return command, nil
	}
	return nil, nil
}

// serveOrders lists a client's orders.
func (d *Daemon) serveOrders(_ context.Context, r *http.Request) (any, error) {
	if d.client == nil {
		return nil, d.wrongRole("being paid is")
	}
	limit, err := limitOf(r)
	if err != nil {
		return nil, err
	}
	state := orders.State(r.URL.Query().Get("state"))
	switch state {
	case "", orders.Waiting, orders.Accepted, orders.Reversed, orders.Final:
	default:
		return nil, badRequest("state %q: want waiting, accepted, reversed or final", state)
	}
	list, err := d.client.Orders().List(state, limit)
	doc := api.Orders{Schema: api.OrdersSchema, Orders: []api.Order{}}
	for i := range list {
		doc.Orders = append(doc.Orders, d.orderDocument(&list[i]))
	}
	return doc, err
}

// serveOrder shows an order.
func (d *Daemon) serveOrder(_ context.Context, r *http.Request) (any, error) {
	if d.client == nil {
		return nil, d.wrongRole("being paid is")
	}
	id, err := parseID(r.PathValue("id"))
	if err != nil {
		return nil, err
	}
	return d.showOrder(id)
}

// serveRedeliver tells an order's messages again.
func (d *Daemon) serveRedeliver(_ context.Context, r *http.Request) (any, error) {
	if d.client == nil {
		return nil, d.wrongRole("being paid is")
	}
	id, err := parseID(r.PathValue("id"))
	if err != nil {
		return nil, err
	}
	switch err := d.client.Orders().Redeliver(id); {
	case errors.Is(err, orders.ErrUnknown):
		return nil, unknownOrder(id)
	case errors.Is(err, orders.ErrNobody):
		return nil, &api.Error{Status: http.StatusConflict, Code: api.CodeUsage, Message: err.Error()}
	case err != nil:
		return nil, err
	}
	return d.showOrder(id)
}

func (d *Daemon) showOrder(id fastpay.ID) (any, error) {
	o, known, err := d.client.Orders().Show(id)
	switch {
	case err != nil:
		return nil, err
	case !known:
		return nil, unknownOrder(id)
	}
	return d.orderDocument(&o), nil
}

// unknownOrder is the error about a payment that is no order here.
func unknownOrder(id fastpay.ID) error {
	return &api.Error{
		Status: http.StatusNotFound, Code: api.CodeNotFound,
		Message: fmt.Sprintf("no payment %s to this account is known here, or its details were let go", id),
		Hint:    "allegro orders list shows those that are kept, allegro tx show knows payments of others too",
	}
}

// orderDocument describes an order.
func (d *Daemon) orderDocument(o *orders.Order) api.Order {
	doc := api.Order{
		Schema: api.OrderSchema, TxID: o.ID.Hex(), Payer: o.Payer.Hex(), Asset: o.Asset.Hex(), Amount: o.Amount.Dec(),
		State: o.State, Stage: o.Stage, At: o.Decision.At, Rule: o.Decision.Rule, Reason: o.Decision.Reason, Messages: []api.OrderMessage{},
	}
	if a, ok := d.file.AssetByAddress(o.Asset); ok {
		doc.Symbol, doc.Decimals = &a.Symbol, &a.Decimals
	}
	if o.Note != (common.Hash{}) {
		doc.NoteHash = document.OrNull(o.Note.Hex())
	}
	if o.Match != nil {
		doc.Request = o.Match.Document()
	}
	for _, m := range o.Messages {
		shown := api.OrderMessage{
			MessageID: orders.MessageID(o.ID, m.Kind), Kind: m.Kind, Made: document.Micros(m.At), Attempts: strconv.Itoa(m.Attempts),
		}
		if !m.Delivered.IsZero() {
			shown.Delivered = document.OrNull(document.Micros(m.Delivered))
		}
		if m.Problem != "" {
			shown.Problem = &m.Problem
		}
		doc.Messages = append(doc.Messages, shown)
	}
	return doc
}
