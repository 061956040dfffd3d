package request

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/ethereum/go-ethereum/common"
)

// Why a payer does not pay what it is asked for.
var (
	ErrOtherNetwork = errors.New("the payment request is of another network")
	ErrOwnAccount   = errors.New("the payment request asks an account to pay itself")
	ErrUnknownAsset = errors.New("the payment request asks for a token that the network file does not list")
	ErrExpired      = errors.New("the payment request has expired")
)

// Payer is who is asked to pay, and what it knows.
type Payer struct {
	Network   common.Hash // digest of its network file
	Account   common.Address
	Assets    []common.Address // of its network file
	ChainTime uint64           // seconds, of the newest finalized block; 0 if none was seen
	Clock     uint64           // Unix seconds of its own clock
}

// Check returns why p must not pay r, nil if nothing speaks against it. A request is void
// by the time of the chain; the payer's own clock is asked too, for the chain's newest
// block is a while ago.
func (p *Payer) Check(r *Request) error {
	switch {
	case r.Network != p.Network:
		return fmt.Errorf("%w: it names the digest %s, this network's is %s", ErrOtherNetwork, r.Network, p.Network)
	case r.Payee == p.Account:
		return fmt.Errorf("%w: %s is the account that pays", ErrOwnAccount, p.Account)
	case !slices.Contains(p.Assets, r.Asset):
		return fmt.Errorf("%w: %s", ErrUnknownAsset, r.Asset)
	case r.Expires == 0:
		return nil
	case p.ChainTime >= r.Expires:
		return expired(r, "chain time", p.ChainTime)
	case p.Clock >= r.Expires:
		return expired(r, "this machine's clock", p.Clock)
	}
	return nil
}

// expired says by which clock a request is void.
func expired(r *Request, clock string, now uint64) error {
	return fmt.Errorf("%w: it was good until %s, and it is %s by %s: ask the payee for a new one", ErrExpired, Time(r.Expires), Time(now), clock)
}

// Time writes Unix seconds for people, in UTC.
func Time(seconds uint64) string {
	return time.Unix(int64(seconds), 0).UTC().Format(time.RFC3339)
}
