package aggregator

import (
	"github.com/allegro-p2p/allegro/aggregator/archive"
	"github.com/allegro-p2p/allegro/aggregator/httpapi"
	"github.com/allegro-p2p/allegro/fastpay"
	"github.com/allegro-p2p/allegro/p2p/document"
	"github.com/allegro-p2p/allegro/p2p/replica"
)

// Bulletin is the archive in the words of people and programs. Safe for concurrent use.
type Bulletin struct {
	*archive.Archive
	describer *document.Describer
}

var _ httpapi.Archive = (*Bulletin)(nil)

// NewBulletin returns a Bulletin.
func NewBulletin(a *archive.Archive, d *document.Describer) *Bulletin { return &Bulletin{a, d} }

// Payment describes a payment, also one that has left the memory. The error is the
// disk's.
func (b *Bulletin) Payment(id fastpay.ID) (document.Payment, bool, error) {
	rec, known, err := b.Record(id)
	if err != nil || !known {
		return document.Payment{}, false, err
	}
	doc, known := b.describer.PaymentOf(&rec)
	return doc, known, nil
}

// Payments returns a page of payments, the newest first. The error is the disk's.
func (b *Bulletin) Payments(f httpapi.Filter) (httpapi.Page, error) {
	page, err := b.Records(archive.Filter(f))
	if err != nil {
		return httpapi.Page{}, err
	}
	return httpapi.Page{Payments: b.describe(page.Records), Next: page.Next}, nil
}

// Certificates returns the votes held for a payment, by signer index. The error is the
// disk's.
func (b *Bulletin) Certificates(id fastpay.ID) ([]*fastpay.Certificate, error) {
	rec, _, err := b.Record(id)
	return rec.Certificates, err
}

// QC returns the QC of a payment, nil if there is none. The error is the disk's.
func (b *Bulletin) QC(id fastpay.ID) (*fastpay.QC, error) {
	rec, _, err := b.Record(id)
	return rec.QC, err
}

// Since describes up to limit payments that changed after a version; see
// [archive.Archive.Since].
func (b *Bulletin) Since(version uint64, limit int) (payments []document.Payment, upTo uint64, err error) {
	records, upTo, err := b.Archive.Since(version, limit)
	return b.describe(records), upTo, err
}

func (b *Bulletin) describe(records []replica.Record) []document.Payment {
	docs := []document.Payment{}
	for i := range records {
		if doc, known := b.describer.PaymentOf(&records[i]); known {
			docs = append(docs, doc)
		}
	}
	return docs
}
