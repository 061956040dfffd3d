package daemon

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/allegro-p2p/allegro/client"
	"github.com/allegro-p2p/allegro/cmd/internal/api"
	"github.com/allegro-p2p/allegro/fastpay"
	"github.com/allegro-p2p/allegro/p2p"
	"github.com/allegro-p2p/allegro/p2p/document"
	"github.com/allegro-p2p/allegro/p2p/netfile"
	"github.com/ethereum/go-ethereum/common"
)

// badRequest is an error of the caller.
func badRequest(format string, args ...any) error {
	return &api.Error{Status: http.StatusBadRequest, Code: api.CodeUsage, Message: fmt.Sprintf(format, args...)}
}

// maxTimeout bounds how long one request waits.
const maxTimeout = 24 * time.Hour

// within bounds a request by its timeout parameter, a duration.
func within(ctx context.Context, r *http.Request) (context.Context, context.CancelFunc, error) {
	text := r.URL.Query().Get("timeout")
	if text == "" {
		ctx, cancel := context.WithTimeout(ctx, maxTimeout)
		return ctx, cancel, nil
	}
	d, err := time.ParseDuration(text)
	if err != nil || d <= 0 || d > maxTimeout {
		return nil, nil, badRequest("timeout %q: want a duration like 30s, up to 24h", text)
	}
	ctx, cancel := context.WithTimeout(ctx, d)
	return ctx, cancel, nil
}

// serveWait answers once the peer has come as far as is asked for.
func (d *Daemon) serveWait(ctx context.Context, r *http.Request) (any, error) {
	ctx, cancel, err := within(ctx, r)
	if err != nil {
		return nil, err
	}
	defer cancel()
	what := r.URL.Query().Get("for")
	switch what {
	case "api":
	case "mesh":
		err = d.await(ctx, func(r p2p.Readiness) bool { return r.Ready })
	case "quorum":
		err = d.await(ctx, p2p.Readiness.QuorumReachable)
		if err == nil && d.validator != nil {
			err = d.validator.AwaitSigning(ctx, d.current().ID())
		}
	case "block":
		at := d.height()
		err = d.replica.Wait(ctx, func(b *fastpay.Board) bool { return b.Latest().Number > at })
	default:
		return nil, badRequest("for=%q: want api, mesh, quorum or block", what)
	}
	if err != nil {
		return nil, d.explainDeadline(err, "not ready for "+what)
	}
	return d.self(), nil
}

// height is the newest height that the node has shown.
func (d *Daemon) height() (h uint64) {
	d.replica.Read(func(b *fastpay.Board) { h = b.Latest().Number })
	return h
}

// await waits for the readiness of the committee in office, and for the chain: a peer
// that has seen no block can do nothing.
func (d *Daemon) await(ctx context.Context, enough func(p2p.Readiness) bool) error {
	if err := d.replica.Wait(ctx, func(b *fastpay.Board) bool { return b.Latest().Hash != (common.Hash{}) }); err != nil {
		return err
	}
	_, err := d.node.Await(ctx, d.current().ID(), enough)
	return err
}

// explainDeadline says what is missing if a wait ran out of time.
func (d *Daemon) explainDeadline(err error, what string) error {
	if !errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	r := d.describer.Readiness(d.current())
	reasons := append(append(d.problems(), r.Waiting...), r.Missing...)
	message := what + " in time"
	if len(reasons) > 0 {
		message += ": " + strings.Join(reasons, "; ")
	}
	return &api.Error{Status: http.StatusGatewayTimeout, Code: api.CodeDeadline, Message: message}
}

// asset finds an asset by symbol or address; empty means the network's first.
func (d *Daemon) asset(text string) (netfile.Asset, error) {
	asset, err := d.file.AssetNamed(text)
	if err != nil {
		return asset, badRequest("%v", err)
	}
	return asset, nil
}

// parseAddress reads an address that a person wrote.
func parseAddress(what, text string) (common.Address, error) {
	var a netfile.Address
	if err := a.UnmarshalText([]byte(text)); err != nil {
		return common.Address{}, badRequest("%s: %v", what, err)
	}
	return common.Address(a), nil
}

// parseID reads a tx id.
func parseID(text string) (fastpay.ID, error) {
	var key netfile.Key
	if err := key.UnmarshalText([]byte(text)); err != nil || text == "" {
		return fastpay.ID{}, badRequest("%q is no tx id: want 0x and 64 hex digits", text)
	}
	return fastpay.ID(key), nil
}

func (d *Daemon) serveBalance(ctx context.Context, r *http.Request) (any, error) {
	owner, err := parseAddress("account", r.PathValue("id"))
	if err != nil {
		return nil, err
	}
	asset, err := d.asset(r.URL.Query().Get("asset"))
	if err != nil {
		return nil, err
	}
	if d.client == nil {
		return nil, d.wrongRole("balances are")
	}
	ctx, cancel, err := within(ctx, r)
	if err != nil {
		return nil, err
	}
	defer cancel()
	// The account may be another's, of which gossip has told this peer little.
	if err := d.replica.FetchAccount(ctx, d.node, owner); err != nil {
		logger.Debugw("asking for the payments of an account", "error", err)
	}
	funds, at, err := d.client.Funds(ctx, owner, common.Address(asset.Address))
	if err != nil {
		return nil, d.explainDeadline(err, "the balance could not be read")
	}
	return document.BalanceOf(owner, &asset, &funds, at.Number), nil
}

// wrongRole is the error about something that only a client does.
func (d *Daemon) wrongRole(what string) error {
	return &api.Error{
		Status: http.StatusConflict, Code: api.CodeWrongRole,
		Message: fmt.Sprintf("%s a client's work, %s has the role %s", what, d.home.Dir(), d.home.Config().Node.Role),
		Hint:    "name the home of a client with --home",
	}
}

func (d *Daemon) servePay(ctx context.Context, r *http.Request) (any, error) {
	if d.client == nil {
		return nil, d.wrongRole("paying is")
	}
	var req api.PayRequest
	if err := json.NewDecoder(r.Body).Decode(&req); err != nil {
		return nil, badRequest("reading the request: %v", err)
	}
	order, err := d.order(&req)
	if err != nil {
		return nil, err
	}
	ctx, cancel, err := within(ctx, r)
	if err != nil {
		return nil, err
	}
	defer cancel()
	id, err := d.client.Pay(ctx, order)
	if err != nil {
		return nil, d.explainDeadline(err, "nothing was signed")
	}
	doc, ok := d.describer.Payment(id)
	if !ok {
		return nil, unknownPayment(id)
	}
	return doc, nil
}

// order checks what a person wants to pay.
func (d *Daemon) order(req *api.PayRequest) (order client.Order, err error) {
	if req.Request != "" {
		return d.orderOfRequest(req)
	}
	if order.To, err = parseAddress("to", req.To); err != nil {
		return order, err
	}
	asset, err := d.asset(req.Asset)
	if err != nil {
		return order, err
	}
	order.Asset = common.Address(asset.Address)
	if order.Amount, err = netfile.ParseAmount(req.Amount, asset.Decimals); err != nil {
		return order, badRequest("%v", err)
	}
	order.Note = req.Note
	order.Parents, err = parentsOf(req)
	return order, err
}

// parentsOf reads which incoming payments a payment is to cite.
func parentsOf(req *api.PayRequest) (client.Parents, error) {
	parents := client.Parents{Auto: req.Auto}
	for _, text := range req.Parents {
		id, err := parseID(text)
		if err != nil {
			return parents, err
		}
		parents.IDs = append(parents.IDs, id)
	}
	return parents, nil
}

// unknownPayment is the error about a payment that is not known here.
func unknownPayment(id fastpay.ID) error {
	return &api.Error{
		Status: http.StatusNotFound, Code: api.CodeNotFound, Message: fmt.Sprintf("payment %s is not known to this peer", id),
		Hint: "compare the tx id, or ask the payer's or payee's peer",
	}
}

func (d *Daemon) servePayment(ctx context.Context, r *http.Request) (any, error) {
	id, err := parseID(r.PathValue("id"))
	if err != nil {
		return nil, err
	}
	if wait := r.URL.Query().Get("wait"); wait != "" {
		want := fastpay.Stage(strings.ToUpper(wait))
		if want.Rank() == 0 {
			return nil, badRequest("wait=%q: want accepted, certified, included or finalized", wait)
		}
		ctx, cancel, err := within(ctx, r)
		if err != nil {
			return nil, err
		}
		defer cancel()
		err = d.awaitStage(ctx, id, want)
		// What was reached by then is the answer.
		if err != nil && !errors.Is(err, context.DeadlineExceeded) {
			return nil, err
		}
	}
	doc, ok, err := d.payment(id)
	if err == nil && !ok {
		err = unknownPayment(id)
	}
	return doc, err
}

func (d *Daemon) serveQC(_ context.Context, r *http.Request) (any, error) {
	id, err := parseID(r.PathValue("id"))
	if err != nil {
		return nil, err
	}
	rec, known, err := d.shown.Record(id)
	switch {
	case err != nil:
		return nil, err
	case rec.QC != nil:
		return rec.QC.File(), nil
	case known:
		return nil, &api.Error{Status: http.StatusConflict, Code: api.CodeNotFound, Message: fmt.Sprintf("payment %s has no QC here yet", id), Hint: "allegro tx show tells who has not voted"}
	}
	return nil, unknownPayment(id)
}

// maxList bounds a list of payments.
const maxList = 1000

// limitOf reads how long a list may be.
func limitOf(r *http.Request) (int, error) {
	text := r.URL.Query().Get("limit")
	if text == "" {
		return 50, nil
	}
	limit, err := strconv.Atoi(text)
	if err != nil || limit < 1 || limit > maxList {
		return 0, badRequest("limit %q: want a number from 1 to %d", text, maxList)
	}
	return limit, nil
}

func (d *Daemon) servePayments(_ context.Context, r *http.Request) (any, error) {
	limit, err := limitOf(r)
	if err != nil {
		return nil, err
	}
	var ids []fastpay.ID
	if text := r.URL.Query().Get("account"); text != "" {
		account, err := parseAddress("account", text)
		if err != nil {
			return nil, err
		}
		d.replica.Read(func(b *fastpay.Board) { ids = b.Account(account, limit) })
	} else {
		d.replica.Read(func(b *fastpay.Board) { ids = b.Newest(limit) })
	}
	payments, err := d.payments(ids)
	return document.Payments{Schema: document.PaymentsSchema, Payments: payments}, err
}

// newest describes the payments that changed last.
func (d *Daemon) newest(limit int) ([]document.Payment, error) {
	var ids []fastpay.ID
	d.replica.Read(func(b *fastpay.Board) { ids = b.Newest(limit) })
	return d.payments(ids)
}

// payments describes those payments that are known here.
func (d *Daemon) payments(ids []fastpay.ID) ([]document.Payment, error) {
	payments := []document.Payment{}
	for _, id := range ids {
		p, ok, err := d.payment(id)
		if err != nil {
			return nil, err
		}
		if ok {
			payments = append(payments, p)
		}
	}
	return payments, nil
}

// serveWatch streams payments as they change, one document a line: that of id alone,
// or all. A payment's line has each validator's height; a new height without a change
// of a payment writes the payment again while it is not over.
func (d *Daemon) serveWatch(w http.ResponseWriter, r *http.Request) {
	var only *fastpay.ID
	if text := r.URL.Query().Get("id"); text != "" {
		id, err := parseID(text)
		if err == nil {
			var known bool
			if _, known, err = d.shown.Record(id); err == nil && !known {
				err = unknownPayment(id)
			}
		}
		if err != nil {
			answer(func(context.Context, *http.Request) (any, error) { return nil, err })(w, r)
			return
		}
		only = &id
	}
	w.Header().Set("Content-Type", "application/x-ndjson")
	control := http.NewResponseController(w)
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	var cursor uint64
	if only == nil {
		cursor = d.shown.Version()
	}
	lastHeads := ""
	for {
		changed, heads := d.shown.Changed(), d.replica.Changed()
		docs, err := d.watched(only, &cursor)
		if err != nil {
			logger.Warnw("a watcher's stream ends", "error", err)
			return
		}
		for _, doc := range docs {
			if only != nil {
				line, err := json.Marshal(doc)
				if err != nil || string(line) == lastHeads {
					continue // nothing that a line shows has changed
				}
				lastHeads = string(line)
			}
			if encoder.Encode(doc) != nil {
				return // the watcher has gone
			}
		}
		if control.Flush() != nil {
			return
		}
		select {
		case <-changed:
		case <-heads:
		case <-r.Context().Done():
			return
		}
	}
}

// watched describes what a watcher is to see next: one payment, or those that changed
// after a cursor, which it moves.
func (d *Daemon) watched(only *fastpay.ID, cursor *uint64) (docs []document.Payment, err error) {
	if only != nil {
		doc, ok, err := d.payment(*only)
		if ok {
			docs = append(docs, doc)
		}
		return docs, err
	}
	for {
		records, upTo, err := d.shown.Since(*cursor, maxList)
		if err != nil {
			return nil, err
		}
		for i := range records {
			if doc, ok := d.describer.PaymentOf(&records[i]); ok {
				docs = append(docs, doc)
			}
		}
		*cursor = upTo
		if len(records) < maxList {
			return docs, nil
		}
	}
}
