package replica

import (
	"crypto/ed25519"

	"github.com/allegro-p2p/allegro/fastpay"
	"github.com/allegro-p2p/allegro/p2p"
)

// maxPayment bounds a payment with its parents' QCs, in bytes, so that a message holds
// it with the header of its list.
const maxPayment = fastpay.MaxMessageSize - 4

// Payment is a payment as it is handed to others: with the QCs of the parents that it
// cites, as far as they are held. They are left out if no message takes all of them:
// who lacks them asks.
func (r *Replica) Payment(tx *fastpay.Tx) fastpay.Payment {
	p := fastpay.Payment{Tx: tx}
	r.Read(func(b *fastpay.Board) {
		for _, id := range tx.Envelope().Parents {
			if qc, ok := b.QC(id); ok {
				p.Parents = append(p.Parents, qc)
			}
		}
	})
	if len(p.Encode()) > maxPayment {
		p.Parents = nil
	}
	return p
}

// NoteAnswer stores what a member, named by its vote key, answered to a payment that was
// submitted to it.
func NoteAnswer(b *fastpay.Board, member ed25519.PublicKey, tx *fastpay.Tx, res p2p.SubmitResult) {
	if res.Certificate != nil {
		// Known if gossip was faster.
		_ = b.AddCertificate(res.Certificate)
		return
	}
	committee, ok := b.Rules().Committee(tx.CommitteeID())
	if !ok {
		return
	}
	if signer, member := committee.Index(member); member {
		b.NoteReject(tx.ID(), signer, *res.Reject)
	}
}
