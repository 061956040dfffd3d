package httpapi

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/allegro-p2p/allegro/aggregator/relay"
	"github.com/allegro-p2p/allegro/fastpay"
	"github.com/allegro-p2p/allegro/p2p/document"
)

const (
	// maxWait bounds how long a submit waits for its quorum, and defaultWait is what it
	// waits if it does not say.
	maxWait     = 30 * time.Second
	defaultWait = 5 * time.Second
	// resubmitInterval is how often validators that have not voted are asked again
	// meanwhile: a refusal that may end usually does so with the next block or QC.
	resubmitInterval = time.Second
	// maxRequestID bounds client_request_id, in bytes.
	maxRequestID = 128
)

// SubmitRequest is a signed payment.
type SubmitRequest struct {
	SignedTx string `json:"signed_tx"` // Tempo transaction of type 0x76 with its sender's signature, 0x-hex
	Envelope string `json:"envelope"`  // what it stands for; empty: the aggregator's own view decides
	// Expiry, in chain seconds, and ParentQCHash, a tx id, must be those of the envelope
	// if they are given.
	Expiry          *uint64 `json:"expiry"`
	ParentQCHash    string  `json:"parent_qc_hash"`
	ClientRequestID string  `json:"client_request_id"` // returned as it is: the same bytes are the same payment anyway
}

// Submitted says how far a payment came. Its first four members are the original
// system's.
type Submitted struct {
	TxHash          string   `json:"tx_hash"` // tx id
	Stage           string   `json:"stage"`   // STAGE_UNSPECIFIED before a vote was seen
	CertCount       int      `json:"cert_count"`
	QCFormed        bool     `json:"qc_formed"`
	TxID            string   `json:"tx_id"`
	TempoTxHash     *string  `json:"tempo_tx_hash"` // of the chain transaction; null until the chain has it
	Weight          uint64   `json:"weight"`        // of the votes
	Threshold       uint64   `json:"threshold"`     // that a QC needs
	Rejects         []Reject `json:"rejects"`
	ClientRequestID *string  `json:"client_request_id"`
}

// Reject is a member's refusal.
type Reject struct {
	Validator string `json:"validator"`
	Code      string `json:"code"`
	Message   string `json:"message"`
}

// stageUnspecified is the original system's word for a payment without a vote.
const stageUnspecified = "STAGE_UNSPECIFIED"

func (s *Server) serveSubmit(ctx context.Context, r *http.Request) (any, error) {
	wait, err := parseWait(r)
	if err != nil {
		return nil, err
	}
	var req SubmitRequest
	if err := read(r, &req); err != nil {
		return nil, err
	}
	tx, err := s.signed(ctx, &req)
	if err != nil {
		return nil, err
	}
	if wait > 0 {
		if !s.enter() {
			return nil, s.full()
		}
		defer s.leave()
	}
	answers, err := s.submit(ctx, tx, wait)
	if err != nil {
		return nil, err
	}
	doc, err := s.settled(ctx, tx.ID(), answers)
	if err != nil {
		return nil, err
	}
	rejects := s.rejectsOf(tx, answers)
	if refusal := refusalOf(tx, answers, rejects); refusal != nil {
		return nil, refusal
	}
	out := Submitted{
		TxHash: doc.TxID, Stage: stageOf(&doc), CertCount: len(doc.Votes), QCFormed: qcFormed(&doc), TxID: doc.TxID,
		TempoTxHash: doc.ChainTxHash, Weight: doc.Weight, Threshold: doc.Threshold, Rejects: rejects,
		ClientRequestID: document.OrNull(req.ClientRequestID),
	}
	return out, nil
}

// parseWait reads for how long a submit waits for its quorum, 0 for not at all.
func parseWait(r *http.Request) (time.Duration, error) {
	millis, err := parseNumber(r, "timeout_ms", int(defaultWait.Milliseconds()), 1, int(maxWait.Milliseconds()))
	if err != nil {
		return 0, err
	}
	switch what := r.URL.Query().Get("wait"); what {
	case "":
		return 0, nil
	case "certified":
		return time.Duration(millis) * time.Millisecond, nil
	default:
		return 0, badRequest("wait %q: want certified", what)
	}
}

// signed verifies the payment of a request.
func (s *Server) signed(ctx context.Context, req *SubmitRequest) (*fastpay.Tx, error) {
	if len(req.ClientRequestID) > maxRequestID {
		return nil, badRequest("client_request_id has %d bytes, at most %d are possible", len(req.ClientRequestID), maxRequestID)
	}
	bytes, err := parseHex("signed_tx", req.SignedTx)
	if err != nil {
		return nil, err
	}
	raw, err := parseRawTx(bytes)
	if err != nil {
		return nil, err
	}
	if req.Expiry != nil && *req.Expiry != raw.ValidBefore {
		return nil, badRequest("expiry %d is not the valid_before %d that was signed", *req.Expiry, raw.ValidBefore)
	}
	var envelope []byte
	if req.Envelope != "" {
		if envelope, err = parseHex("envelope", req.Envelope); err != nil {
			return nil, err
		}
	}
	var parent *fastpay.ID
	if req.ParentQCHash != "" {
		id, err := parseHash("parent_qc_hash", req.ParentQCHash)
		if err != nil {
			return nil, err
		}
		parent = &id
	}
	return s.paymentOf(ctx, raw, envelope, parent)
}

// submit hands a payment to the validators, once, or again and again until a quorum has
// voted or the time to wait is over.
func (s *Server) submit(ctx context.Context, tx *fastpay.Tx, wait time.Duration) ([]relay.Answer, error) {
	waiting, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	for {
		answers, err := s.cfg.Relay.Submit(ctx, tx)
		if err != nil || !mayCertify(answers) {
			return answers, err
		}
		next := time.NewTimer(resubmitInterval)
		certified := s.await(waiting, next.C, tx.ID())
		next.Stop()
		if certified || waiting.Err() != nil {
			return answers, ctx.Err()
		}
	}
}

// mayCertify reports whether it is worth to wait: not all answers are refusals for good.
func mayCertify(answers []relay.Answer) bool {
	for _, a := range answers {
		if a.Certificate != nil || a.Reject.Retryable {
			return true
		}
	}
	return len(answers) == 0
}

// await waits until a payment is certified, which it reports, or a timer fires, or ctx
// ends.
func (s *Server) await(ctx context.Context, timer <-chan time.Time, id fastpay.ID) bool {
	for {
		changed := s.cfg.Chain.Changed()
		certified := false
		s.cfg.Chain.Read(func(b *fastpay.Board) { _, certified = b.QC(id) })
		if certified {
			return true
		}
		select {
		case <-changed:
		case <-timer:
			return false
		case <-ctx.Done():
			return false
		}
	}
}

// rejectsOf are the refusals among answers.
func (s *Server) rejectsOf(tx *fastpay.Tx, answers []relay.Answer) []Reject {
	rejects := []Reject{}
	for _, a := range answers {
		if a.Reject != nil {
			name := s.cfg.File.MemberName(tx.CommitteeID(), a.Signer)
			rejects = append(rejects, Reject{name, string(a.Reject.Code), a.Reject.Text})
		}
	}
	return rejects
}

// refusalOf is the error of a payment that nobody voted for: the first refusal's, with
// all of them in its details.
func refusalOf(tx *fastpay.Tx, answers []relay.Answer, rejects []Reject) error {
	for _, a := range answers {
		if a.Certificate != nil {
			return nil
		}
	}
	if len(rejects) == 0 {
		return nil
	}
	first := rejects[0]
	return &Error{
		Status: fastpay.Classify(fastpay.Code(first.Code)).HTTP, Code: first.Code, Message: fmt.Sprintf("%s refused the payment: %s", first.Validator, first.Message),
		Details: map[string]any{"tx_id": tx.ID().Hex(), "rejects": rejects},
	}
}

// settled describes a payment once the archive has what was answered, so that no later
// question gets less than this one.
func (s *Server) settled(ctx context.Context, id fastpay.ID, answers []relay.Answer) (document.Payment, error) {
	for {
		changed := s.cfg.Archive.Changed()
		doc, known, err := s.cfg.Archive.Payment(id)
		if err != nil || known && len(doc.Votes)+len(rejectsIn(&doc)) >= len(answers) {
			return doc, err
		}
		if err := s.cfg.Archive.Failed(); err != nil {
			return doc, err
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return doc, ctx.Err()
		}
	}
}

// rejectsIn are the refusals that a payment's document tells.
func rejectsIn(doc *document.Payment) []Reject {
	rejects := []Reject{}
	for _, w := range doc.Waiting {
		if w.Code != nil && w.Problem != nil {
			rejects = append(rejects, Reject{w.Validator, *w.Code, *w.Problem})
		}
	}
	return rejects
}

// Status says how far a payment has come. Its first five members are the original
// system's.
type Status struct {
	TxHash      string           `json:"tx_hash"` // tx id
	Stage       string           `json:"stage"`
	CertCount   int              `json:"cert_count"`
	QCFormed    bool             `json:"qc_formed"`
	QCHash      *string          `json:"qc_hash,omitempty"` // tx id: a QC has no other identity; left out before there is one
	TempoTxHash *string          `json:"tempo_tx_hash"`
	Weight      uint64           `json:"weight"`
	Threshold   uint64           `json:"threshold"`
	Timeline    []document.Event `json:"timeline"`
	Rejects     []Reject         `json:"rejects"`
}

func (s *Server) serveStatus(_ context.Context, r *http.Request) (any, error) {
	doc, err := s.payment(r, "hash")
	if err != nil {
		return nil, err
	}
	out := Status{
		TxHash: doc.TxID, Stage: stageOf(&doc), CertCount: len(doc.Votes), QCFormed: qcFormed(&doc), TempoTxHash: doc.ChainTxHash,
		Weight: doc.Weight, Threshold: doc.Threshold, Timeline: doc.Timeline, Rejects: rejectsIn(&doc),
	}
	if out.QCFormed {
		out.QCHash = &doc.TxID
	}
	return out, nil
}

// stageOf is a payment's stage in the original system's words.
func stageOf(doc *document.Payment) string {
	if doc.Stage == nil {
		return stageUnspecified
	}
	return *doc.Stage
}

// qcFormed reports whether the QC of a payment is held.
func qcFormed(doc *document.Payment) bool { return len(doc.Signers) > 0 }
