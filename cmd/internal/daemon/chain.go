package daemon

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/allegro-p2p/allegro/p2p/replica"
	"github.com/allegro-p2p/allegro/tempo"
	"github.com/ethereum/go-ethereum/common"
)

// ErrWrongChain means that the node's chain is not the network's, or not the one that
// the home has evidence of.
var ErrWrongChain = errors.New("the chain node follows another chain: correct chain.rpc and chain.backups, or use a fresh home")

// prefixChain is the daemon's key space in the store: the genesis hash, one key.
const prefixChain = 'n'

// chainRetry is the pause before a node that does not answer is asked again.
const chainRetry = time.Second

// rightChain is a follower that looks first whether the node follows the network's
// chain, and the one that the store is of. Until the node answers it reports nothing.
type rightChain struct {
	*tempo.Follower
	chain *tempo.Chain
	store *replica.Store
	id    uint64 // of the network file
}

// Run implements the roles' follower.
func (f *rightChain) Run(ctx context.Context, handle func(tempo.Update) error) error {
	for first := true; ; first = false {
		err := f.check(ctx)
		if err == nil {
			break
		}
		if errors.Is(err, ErrWrongChain) || errors.Is(err, replica.ErrStoreFailed) || ctx.Err() != nil {
			return errors.Join(err, ctx.Err())
		}
		if first {
			logger.Warnw("the chain node does not answer, this peer waits for it", "node", f.where(), "error", err)
		}
		timer := time.NewTimer(chainRetry)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return ctx.Err()
		}
	}
	return f.Follower.Run(ctx, handle)
}

// where is the node in use, for people.
func (f *rightChain) where() string {
	host, _ := f.chain.Node()
	return host
}

// check compares the node's chain with the network file and the store. A store without a
// chain is given this one.
func (f *rightChain) check(ctx context.Context) error {
	id, err := f.chain.ChainID(ctx)
	if err != nil {
		return err
	}
	if id != f.id {
		return fmt.Errorf("%w: chain %d is at %s, network.toml is for chain %d", ErrWrongChain, id, f.where(), f.id)
	}
	genesis, err := f.chain.HeaderByNumber(ctx, 0)
	if err != nil {
		return err
	}
	known, err := f.store.Get([]byte{prefixChain})
	if err != nil {
		return err
	}
	if known == nil {
		w := f.store.NewWrite()
		if err := w.Set([]byte{prefixChain}, genesis.Hash[:]); err != nil {
			return err
		}
		return f.store.Commit(w, true)
	}
	if common.BytesToHash(known) != genesis.Hash {
		return fmt.Errorf("%w: genesis at %s is %s, this home is of %s", ErrWrongChain, f.where(), genesis.Hash, common.BytesToHash(known))
	}
	return nil
}
