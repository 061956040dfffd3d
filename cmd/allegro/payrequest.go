package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/allegro-p2p/allegro/client/request"
	"github.com/allegro-p2p/allegro/cmd/internal/api"
	"github.com/allegro-p2p/allegro/cmd/internal/home"
	"github.com/allegro-p2p/allegro/fastpay"
	"github.com/allegro-p2p/allegro/p2p/document"
	"github.com/allegro-p2p/allegro/p2p/netfile"
	"github.com/ethereum/go-ethereum/common"
	"github.com/urfave/cli/v3"
)

// readRequest reads the payment request that a command line asks to pay, and refuses what
// the home's network file, account and the machine's clock speak against. The peer looks at
// it again, with the time of the chain.
func readRequest(cmd *cli.Command, h *home.Home, uri string) (*request.Request, error) {
	for _, name := range []string{"to", "asset", "note"} {
		if cmd.IsSet(name) {
			return nil, fail(exitUsage, "--%s and a payment request: the request says that by itself, leave out --%s", name, name)
		}
	}
	r, err := request.Parse(uri)
	if err != nil {
		return nil, fail(exitUsage, "%w", err)
	}
	file, err := h.Network()
	if err != nil {
		return nil, homeError(err)
	}
	payer := request.Payer{Network: file.Digest(), Account: common.Address(h.Config().Client.Account), Clock: uint64(time.Now().Unix())}
	for _, a := range file.Assets {
		payer.Assets = append(payer.Assets, common.Address(a.Address))
	}
	if err := payer.Check(&r); errors.Is(err, request.ErrOtherNetwork) {
		return nil, withHint(fail(exitUsage, "%w (%s)", err, h.NetworkPath()), "pay it from a home of its network, or get the network file from the payee")
	} else if err != nil {
		return nil, fail(exitUsage, "%w", err)
	}
	if cmd.IsSet("amount") {
		return &r, sameAmount(file, &r, cmd.String("amount"))
	}
	return &r, nil
}

// sameAmount refuses an amount that is not the one that a request asks for.
func sameAmount(file *netfile.File, r *request.Request, text string) error {
	asset, _ := file.AssetByAddress(r.Asset) // it was found before
	units, err := netfile.ParseAmount(text, asset.Decimals)
	if err != nil {
		return fail(exitUsage, "--amount: %w", err)
	}
	if units != r.Amount {
		return fail(exitUsage, "the payment request asks for %s %s, --amount says %s: leave out --amount to pay what is asked",
			netfile.FormatAmount(r.Amount, asset.Decimals), asset.Symbol, text)
	}
	return nil
}

// meeting dials the peers that a request names while its payment is on its way: what is
// signed goes to whoever comes.
type meeting struct {
	cancel context.CancelFunc
	done   sync.WaitGroup

	mu     sync.Mutex
	failed []string
}

// meet starts to dial peers through the home's own. End it with [meeting.end].
func meet(ctx context.Context, peer *api.Client, addrs []string) *meeting {
	ctx, cancel := context.WithCancel(ctx)
	m := &meeting{cancel: cancel}
	for _, addr := range addrs {
		m.done.Go(func() {
			if err := peer.Post(ctx, api.RoutePeers, "", api.ConnectRequest{Address: addr}, new(document.Peers)); err != nil && ctx.Err() == nil {
				m.mu.Lock()
				defer m.mu.Unlock()
				m.failed = append(m.failed, err.Error())
			}
		})
	}
	return m
}

// end gives up what is still dialed.
func (m *meeting) end() {
	m.cancel()
	m.done.Wait()
}

// explain adds to the error of a payment that has no quorum which peers of its request
// could not be reached.
func (m *meeting) explain(err error, stage fastpay.Stage) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err == nil || len(m.failed) == 0 || stage.Rank() >= fastpay.StageCertified.Rank() {
		return err
	}
	return fmt.Errorf("%w; of the peers that the request names: %s", err, strings.Join(m.failed, "; "))
}
