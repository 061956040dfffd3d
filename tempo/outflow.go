package tempo

import (
	"context"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"

	"github.com/allegro-p2p/allegro/tempo/tx76"
)

// OutflowWindow is the number of blocks, the one of a reverted payment included, in
// which the transaction that took its money is looked for: an hour of Tempo's blocks,
// the default life of a payment. It is the same for every peer, so that all name the
// same transaction, and bounds what a revert costs them. The search is of one
// account's logs, in pieces of [Options.LogRange].
const OutflowWindow = 7_200

// outflow returns the last transaction before that of o, within [OutflowWindow], that
// moved token out of the sender's account without using the nonce key of o; the zero
// hash if there is none.
func (c *Chain) outflow(ctx context.Context, o *tx76.Outcome, token common.Address) (common.Hash, error) {
	filter := logFilter{
		Address: []common.Address{token, NoncePrecompile},
		Topics:  [][]common.Hash{{TopicTransfer, TopicNonceIncremented}, {addressWord(o.Sender)}},
	}
	first := o.BlockNumber - min(o.BlockNumber, OutflowWindow-1)
	for to := o.BlockNumber; ; {
		from := max(first, to-min(to, c.opts.LogRange-1))
		logs, err := c.allLogs(ctx, filter, from, to)
		if err != nil {
			return common.Hash{}, err
		}
		if to == o.BlockNumber && !logged(logs, o) {
			return common.Hash{}, moved(o.BlockNumber)
		}
		if hash, found := lastOutflow(logs, o); found {
			return hash, nil
		}
		if from == first {
			return common.Hash{}, nil
		}
		to = from - 1
	}
}

// logged tells whether the logs, which were read by number, are of the chain that o
// is in.
func logged(logs []types.Log, o *tx76.Outcome) bool {
	for i := range logs {
		if logs[i].TxHash == o.TxHash && logs[i].BlockHash == o.BlockHash {
			return true
		}
	}
	return false
}

// lastOutflow returns the last transaction before that of o which moved money
// according to the logs of its sender and did not use its nonce key.
func lastOutflow(logs []types.Log, o *tx76.Outcome) (hash common.Hash, found bool) {
	lane := make(map[common.Hash]bool) // transactions that used the key
	for i := range logs {
		if use, ok := ParseNonceIncremented(&logs[i]); ok && use.NonceKey == o.NonceKey {
			lane[logs[i].TxHash] = true
		}
	}
	for i := range logs {
		log := &logs[i]
		at := tx76.Outcome{BlockNumber: log.BlockNumber, TxIndex: uint64(log.TxIndex)}
		if transfer, ok := ParseTransfer(log); ok && !transfer.Amount.IsZero() && !lane[log.TxHash] && at.Before(o) {
			hash, found = log.TxHash, true
		}
	}
	return hash, found
}
