package p2p

import (
	"github.com/allegro-p2p/allegro/fastpay"
	pubsub "github.com/libp2p/go-libp2p-pubsub"
)

// verdict is the one place where an error becomes an answer to pubsub: accept
// forwards a message, reject costs its sender score, ignore does neither. Which
// errors mean which is [fastpay.Classify]'s table.
func verdict(err error) pubsub.ValidationResult {
	switch fastpay.Classify(err).Verdict {
	case fastpay.VerdictAccept:
		return pubsub.ValidationAccept
	case fastpay.VerdictReject:
		return pubsub.ValidationReject
	default:
		return pubsub.ValidationIgnore
	}
}

// worst is the error that decides on a list: any that rejects, else nil if an item
// is new, else the first reason why none is.
func worst(errs []error) error {
	var first error
	fresh := false
	for _, err := range errs {
		if fastpay.Classify(err).Verdict == fastpay.VerdictReject {
			return err
		}
		if err == nil {
			fresh = true
		} else if first == nil {
			first = err
		}
	}
	if fresh {
		return nil
	}
	return first
}
