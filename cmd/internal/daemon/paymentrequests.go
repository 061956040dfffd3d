package daemon

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"

	"github.com/allegro-p2p/allegro/client"
	"github.com/allegro-p2p/allegro/client/request"
	"github.com/allegro-p2p/allegro/cmd/internal/api"
	"github.com/allegro-p2p/allegro/fastpay"
	"github.com/allegro-p2p/allegro/p2p/document"
	"github.com/allegro-p2p/allegro/p2p/netfile"
	"github.com/ethereum/go-ethereum/common"
)

// serveAsk makes a payment request, which is durable before the caller sees it.
func (d *Daemon) serveAsk(_ context.Context, r *http.Request) (any, error) {
	if d.client == nil {
		return nil, d.wrongRole("being paid is")
	}
	var req api.AskRequest
	if err := json.NewDecoder(r.Body).Decode(&req); err != nil {
		return nil, badRequest("reading the request: %v", err)
	}
	asset, err := d.asset(req.Asset)
	if err != nil {
		return nil, err
	}
	amount, err := netfile.ParseAmount(req.Amount, asset.Decimals)
	if err != nil {
		return nil, badRequest("%v", err)
	}
	life, err := strconv.ParseUint(req.Seconds, 10, 32)
	if err != nil {
		return nil, badRequest("seconds %q: want a whole number below 2^32", req.Seconds)
	}
	now, expires := d.opts.Now(), uint64(0)
	if life > 0 {
		expires = uint64(now.Unix()) + life
	}
	asked := d.client.NewRequest(common.Address(asset.Address), amount, req.Note, expires)
	if err := asked.Validate(); err != nil {
		return nil, badRequest("%v", err)
	}
	err = d.client.Requests().Add(asked, now)
	switch {
	case errors.Is(err, client.ErrNoNote), errors.Is(err, client.ErrNoteTaken), errors.Is(err, client.ErrTooManyRequests):
		return nil, &api.Error{
			Status: http.StatusConflict, Code: api.CodeUsage, Message: err.Error(),
			Hint: "allegro request list shows them, allegro request remove NOTE removes one",
		}
	case err != nil:
		return nil, err
	}
	return d.requestDocument(&client.KeptRequest{Request: asked, Made: now}), nil
}

// serveRequests lists the payment requests that this client keeps.
func (d *Daemon) serveRequests(context.Context, *http.Request) (any, error) {
	if d.client == nil {
		return nil, d.wrongRole("being paid is")
	}
	doc := api.Requests{Schema: api.RequestsSchema, Requests: []api.PaymentRequest{}}
	for _, kept := range d.client.Requests().List() {
		doc.Requests = append(doc.Requests, d.requestDocument(&kept))
	}
	return doc, nil
}

// serveRequest shows a payment request.
func (d *Daemon) serveRequest(_ context.Context, r *http.Request) (any, error) {
	return d.requestOf(r, func(note common.Hash) (client.KeptRequest, bool, error) {
		kept, ok := d.client.Requests().ByNote(note)
		return kept, ok, nil
	})
}

// serveForget removes a payment request.
func (d *Daemon) serveForget(_ context.Context, r *http.Request) (any, error) {
	return d.requestOf(r, func(note common.Hash) (client.KeptRequest, bool, error) { return d.client.Requests().Remove(note) })
}

// requestOf answers with the payment request that a route names, which take finds.
func (d *Daemon) requestOf(r *http.Request, take func(note common.Hash) (client.KeptRequest, bool, error)) (any, error) {
	if d.client == nil {
		return nil, d.wrongRole("being paid is")
	}
	id, err := parseID(r.PathValue("id"))
	if err != nil {
		return nil, badRequest("%q is no hash of a note: want 0x and 64 hex digits", r.PathValue("id"))
	}
	kept, ok, err := take(common.Hash(id))
	switch {
	case err != nil:
		return nil, err
	case !ok:
		return nil, &api.Error{
			Status: http.StatusNotFound, Code: api.CodeNotFound, Message: "no payment request with that note is kept here",
			Hint: "allegro request list shows those that are",
		}
	}
	return d.requestDocument(&kept), nil
}

// requestDocument describes a payment request.
func (d *Daemon) requestDocument(kept *client.KeptRequest) api.PaymentRequest {
	r := &kept.Request
	doc := api.PaymentRequest{
		Schema: api.PaymentRequestSchema, URI: r.String(), Network: r.Network.Hex(), Payee: r.Payee.Hex(), Asset: r.Asset.Hex(),
		Amount: r.Amount.Dec(), Note: r.Note, NoteHash: fastpay.NoteHash(r.Note).Hex(), Expired: kept.Expired(d.opts.Now()),
		Peers: document.List(r.Peers), Made: document.Micros(kept.Made),
	}
	if a, ok := d.file.AssetByAddress(r.Asset); ok {
		doc.Symbol, doc.Decimals = &a.Symbol, &a.Decimals
	}
	if r.Expires > 0 {
		doc.Expires = document.Decimal(r.Expires)
	}
	return doc
}

// orderOfRequest makes an order of what a payment request asks for.
func (d *Daemon) orderOfRequest(req *api.PayRequest) (client.Order, error) {
	if req.To != "" || req.Asset != "" || req.Amount != "" || req.Note != "" {
		return client.Order{}, badRequest("a payment request says by itself whom to pay what: leave out to, asset, amount and note")
	}
	asked, err := request.Parse(req.Request)
	if err != nil {
		return client.Order{}, badRequest("%v", err)
	}
	order, err := d.client.OrderOf(&asked)
	if errors.Is(err, request.ErrOtherNetwork) {
		err = fmt.Errorf("%w (%s)", err, d.home.NetworkPath())
	}
	if err != nil {
		return client.Order{}, badRequest("%v", err)
	}
	order.Parents, err = parentsOf(req)
	return order, err
}
