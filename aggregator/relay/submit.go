package relay

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/allegro-p2p/allegro/fastpay"
	"github.com/allegro-p2p/allegro/p2p"
	"github.com/allegro-p2p/allegro/p2p/replica"
	"golang.org/x/sync/errgroup"
)

const (
	// submitTimeout bounds one validator's answer: a decision takes milliseconds.
	submitTimeout = 5 * time.Second
	// maxSubmits is the number of validators that are handed a payment at once. Others
	// learn of it by gossip meanwhile.
	maxSubmits = 32
)

// Answer is what a validator said of a payment: exactly one of Certificate and Reject is
// set.
type Answer struct {
	Signer      int // index in the committee
	Certificate *fastpay.Certificate
	Reject      *fastpay.Reject
}

// Submit publishes a payment and hands it to the connected validators that have neither
// voted nor refused for good. It returns once a quorum has voted, or all have answered
// or run out of time, with every answer that is known, by signer. The error wraps a
// [fastpay.Code] if the payment could not be handed to anybody.
func (r *Relay) Submit(ctx context.Context, tx *fastpay.Tx) ([]Answer, error) {
	committee, ok := r.cfg.Rules.Committee(tx.CommitteeID())
	if !ok {
		return nil, fmt.Errorf("%w: committee %s is not in the network file", fastpay.WrongCommittee, tx.CommitteeID())
	}
	if err := r.cfg.Replica.AddPayment(fastpay.Payment{Tx: tx}); err != nil && !errors.Is(err, fastpay.ErrKnown) {
		return nil, err
	}
	payment := r.cfg.Replica.Payment(tx)
	if err := r.cfg.Node.PublishPayments(ctx, tx.CommitteeID(), []fastpay.Payment{payment}); err != nil {
		// The submit stream is the reliable path; gossip is for those we do not reach.
		logger.Debugw("payment was not gossiped", "tx", tx.ID(), "error", err)
	}
	asked := r.submitAll(ctx, committee, payment)
	answers := r.answers(tx.ID())
	if asked == 0 && len(answers) == 0 {
		return nil, fmt.Errorf("%w: no validator of the committee is connected to this aggregator: it goes on by gossip", fastpay.TemporaryUnavailable)
	}
	return answers, nil
}

// submitAll hands a payment to the connected members that may still vote, and returns
// how many there were.
func (r *Relay) submitAll(ctx context.Context, committee *fastpay.Committee, payment fastpay.Payment) int {
	ctx, cancel := context.WithTimeout(ctx, submitTimeout)
	defer cancel()
	var g errgroup.Group
	g.SetLimit(maxSubmits)
	asked := 0
	for _, peer := range r.voters(committee, payment.Tx.ID()) {
		asked++
		g.Go(func() error {
			results, err := r.cfg.Node.Submit(ctx, peer.ID, []fastpay.Payment{payment})
			if err != nil {
				logger.Debugw("submitting", "peer", peer.ID, "error", err)
				return nil
			}
			certified := false
			err = r.cfg.Replica.Update(func(b *fastpay.Board) {
				replica.NoteAnswer(b, peer.Member, payment.Tx, results[0])
				_, certified = b.QC(payment.Tx.ID())
			})
			if err != nil {
				logger.Errorw("evidence was not stored", "error", err)
			}
			if certified {
				cancel() // the others have it by gossip
			}
			return nil
		})
	}
	_ = g.Wait() // they log their errors: the payer is told who has not voted
	return asked
}

// voters are the connected peers that speak for members of a committee and have neither
// voted for a payment nor refused it for good.
func (r *Relay) voters(committee *fastpay.Committee, id fastpay.ID) []p2p.PeerInfo {
	peers := replica.Greeted(r.cfg.Node)
	r.cfg.Replica.Read(func(b *fastpay.Board) {
		rejects := b.Rejects(id)
		peers = slices.DeleteFunc(peers, func(p p2p.PeerInfo) bool {
			signer, member := committee.Index(p.Member)
			_, voted := b.Certificate(id, signer)
			reject, refused := rejects[signer]
			return !member || voted || refused && !reject.Retryable
		})
	})
	return peers
}

// answers are what is known of the members' answers to a payment, by signer.
func (r *Relay) answers(id fastpay.ID) []Answer {
	var out []Answer
	r.cfg.Replica.Read(func(b *fastpay.Board) {
		for _, c := range b.Certificates(id) {
			out = append(out, Answer{Signer: c.Signer(), Certificate: c})
		}
		for signer, reject := range b.Rejects(id) {
			if _, voted := b.Certificate(id, signer); !voted {
				out = append(out, Answer{Signer: signer, Reject: &reject})
			}
		}
	})
	slices.SortFunc(out, func(a, b Answer) int { return a.Signer - b.Signer })
	return out
}
