package httpapi

import (
	"context"
	"fmt"
	"mime"
	"net/http"
	"strings"

	"github.com/allegro-p2p/allegro/fastpay"
	"github.com/allegro-p2p/allegro/p2p/document"
)

const (
	// defaultPage and maxPage are the payments on a page of a list: a payment takes
	// about 4 kB.
	defaultPage = 50
	maxPage     = 200
)

// Payments is a page of a list of payments, the newest first.
type Payments struct {
	Schema     string             `json:"schema"`
	Payments   []document.Payment `json:"payments"`
	NextCursor *string            `json:"next_cursor"` // of the next page; null: the list ends
}

// PaymentsSchema names the format of Payments.
const PaymentsSchema = "allegro.payments/v1"

func (s *Server) servePayments(_ context.Context, r *http.Request) (any, error) {
	q := r.URL.Query()
	var f Filter
	var err error
	if f.Limit, err = parseNumber(r, "limit", defaultPage, 1, maxPage); err != nil {
		return nil, err
	}
	if f.Before, err = parseCursor(q.Get("cursor")); err != nil {
		return nil, err
	}
	if text := q.Get("address"); text != "" {
		address, err := parseAddress("address", text)
		if err != nil {
			return nil, err
		}
		f.Address = &address
	}
	if text := q.Get("stage"); text != "" {
		f.Stage = fastpay.Stage(strings.ToUpper(text))
		if f.Stage.Rank() == 0 && !f.Stage.Terminal() {
			return nil, badRequest("stage %q is none: want accepted, certified, queued_onchain, included, finalized, rejected, expired, failed or conflicted", text)
		}
	}
	page, err := s.cfg.Archive.Payments(f)
	if err != nil {
		return nil, err
	}
	doc := Payments{Schema: PaymentsSchema, Payments: page.Payments}
	if doc.Payments == nil {
		doc.Payments = []document.Payment{}
	}
	if page.Next > 0 {
		doc.NextCursor = new(cursorOf(page.Next))
	}
	return doc, nil
}

// resolve finds the payment that a path names.
func (s *Server) resolve(r *http.Request, name string) (fastpay.ID, error) {
	hash, err := parseHash(name, r.PathValue(name))
	if err != nil {
		return fastpay.ID{}, err
	}
	id, known, err := s.cfg.Archive.Resolve(hash)
	if err == nil && !known {
		err = &Error{
			Status: http.StatusNotFound, Code: NotFound, Message: fmt.Sprintf("no payment %s is known here, by tx id or by chain transaction", hash),
			Hint: "compare the hash, or ask the payer's or payee's peer",
		}
	}
	return id, err
}

// payment finds and describes the payment that a path names.
func (s *Server) payment(r *http.Request, name string) (document.Payment, error) {
	id, err := s.resolve(r, name)
	if err != nil {
		return document.Payment{}, err
	}
	doc, known, err := s.cfg.Archive.Payment(id)
	if err == nil && !known {
		err = &Error{Status: http.StatusNotFound, Code: NotFound, Message: fmt.Sprintf("payment %s is not kept any more", id)}
	}
	return doc, err
}

func (s *Server) servePayment(_ context.Context, r *http.Request) (any, error) {
	return s.payment(r, "id")
}

// Certificates are the votes held for a payment.
type Certificates struct {
	Schema       string        `json:"schema"`
	TxID         string        `json:"tx_id"`
	CommitteeID  string        `json:"committee_id"`
	Certificates []Certificate `json:"certificates"`
}

// CertificatesSchema names the format of Certificates.
const CertificatesSchema = "allegro.certificates/v1"

// Certificate is one member's vote with the bytes that prove it.
type Certificate struct {
	document.Vote
	Key         string `json:"key"`         // of the member's votes
	Certificate string `json:"certificate"` // canonical RLP, 0x-hex
}

func (s *Server) serveCertificates(_ context.Context, r *http.Request) (any, error) {
	payment, err := s.payment(r, "id")
	if err != nil {
		return nil, err
	}
	id := hashOf(payment.TxID)
	certificates, err := s.cfg.Archive.Certificates(id)
	if err != nil {
		return nil, err
	}
	doc := Certificates{Schema: CertificatesSchema, TxID: payment.TxID, CommitteeID: payment.CommitteeID, Certificates: []Certificate{}}
	committee, _ := s.cfg.Rules.Committee(hashOf(payment.CommitteeID))
	for _, c := range certificates {
		for _, vote := range payment.Votes {
			if committee != nil && vote.Index == c.Signer() {
				doc.Certificates = append(doc.Certificates, Certificate{vote, hexOf(committee.Key(c.Signer())), hexOf(c.Encode())})
			}
		}
	}
	return doc, nil
}

const (
	// maxDepth is how many payments one may ask to follow from a payment to what funds
	// it: a chain of credits is no longer.
	maxDepth = fastpay.MaxDepth
	// maxQCs bounds the QCs of one answer, of up to 512 KiB each but usually of 1.
	maxQCs = 64
)

// QCs are the QC of a payment and those of the payments that it relies on.
type QCs struct {
	Schema  string           `json:"schema"`
	QCs     []fastpay.QCFile `json:"qcs"`     // the payment's own first, then level by level
	Missing []string         `json:"missing"` // tx ids of parents whose QC is not held or that there was no room for
}

// QCsSchema names the format of QCs.
const QCsSchema = "allegro.qcs/v1"

func (s *Server) serveQC(_ context.Context, r *http.Request) (any, error) {
	depth, err := parseNumber(r, "depth", 0, 0, maxDepth)
	if err != nil {
		return nil, err
	}
	id, err := s.resolve(r, "id")
	if err != nil {
		return nil, err
	}
	qc, err := s.cfg.Archive.QC(id)
	if err != nil {
		return nil, err
	}
	if qc == nil {
		return nil, &Error{
			Status: http.StatusConflict, Code: NoQC, Message: fmt.Sprintf("payment %s has no QC here yet", id),
			Hint: "the payment's document tells who has not voted",
		}
	}
	switch {
	case !accepts(r, "application/octet-stream"):
	case depth > 0:
		return nil, &Error{Status: http.StatusNotAcceptable, Code: NotAcceptable, Message: "bytes are those of one QC: leave out depth, or accept JSON"}
	default:
		return octets(qc.Encode()), nil
	}
	if depth == 0 {
		return qc.File(), nil
	}
	return s.closure(qc, depth)
}

// closure is a QC with those of the payments that it relies on, down to a depth.
func (s *Server) closure(qc *fastpay.QC, depth int) (QCs, error) {
	doc := QCs{Schema: QCsSchema, QCs: []fastpay.QCFile{qc.File()}, Missing: []string{}}
	seen := map[fastpay.ID]bool{qc.Tx().ID(): true}
	for level := []*fastpay.QC{qc}; depth > 0 && len(level) > 0; depth-- {
		var next []*fastpay.QC
		for _, child := range level {
			for _, id := range child.Tx().Envelope().Parents {
				if seen[id] {
					continue
				}
				seen[id] = true
				parent, err := s.cfg.Archive.QC(id)
				if err != nil {
					return QCs{}, err
				}
				if parent == nil || len(doc.QCs) == maxQCs {
					doc.Missing = append(doc.Missing, id.Hex())
					continue
				}
				doc.QCs = append(doc.QCs, parent.File())
				next = append(next, parent)
			}
		}
		level = next
	}
	return doc, nil
}

// accepts reports whether a request asks for a media type by name.
func accepts(r *http.Request, kind string) bool {
	for _, header := range r.Header.Values("Accept") {
		for part := range strings.SplitSeq(header, ",") {
			if got, _, err := mime.ParseMediaType(part); err == nil && got == kind {
				return true
			}
		}
	}
	return false
}
