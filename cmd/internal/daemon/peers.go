package daemon

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/allegro-p2p/allegro/cmd/internal/api"
	"github.com/allegro-p2p/allegro/p2p"
	"golang.org/x/sync/errgroup"
)

const (
	// measureTimeout bounds the measuring of all round trips: who takes longer is
	// shown with the one measured before, or none.
	measureTimeout = 2 * time.Second
	// measureAtOnce bounds the pings under way.
	measureAtOnce = 16
)

// servePeers lists the peers; measure asks for fresh round trips.
func (d *Daemon) servePeers(ctx context.Context, r *http.Request) (any, error) {
	if r.URL.Query().Get("measure") != "" {
		if err := d.measure(ctx); err != nil {
			return nil, err
		}
	}
	return d.describer.Peers(), nil
}

// measure pings every connected peer. One that does not answer is no error: nothing new
// is known of it.
func (d *Daemon) measure(ctx context.Context) error {
	limited, cancel := context.WithTimeout(ctx, measureTimeout)
	defer cancel()
	var g errgroup.Group
	g.SetLimit(measureAtOnce)
	for _, p := range d.node.Peers() {
		if p.State != p2p.PeerReady && p.State != p2p.PeerConnected {
			continue
		}
		g.Go(func() error {
			if _, err := d.node.Ping(limited, p.ID); err != nil {
				logger.Debugw("measuring a round trip", "peer", p.ID, "error", err)
			}
			return nil
		})
	}
	return errors.Join(g.Wait(), ctx.Err())
}

func (d *Daemon) serveConnect(ctx context.Context, r *http.Request) (any, error) {
	var req api.ConnectRequest
	if err := json.NewDecoder(r.Body).Decode(&req); err != nil {
		return nil, badRequest("reading the request: %v", err)
	}
	if _, err := p2p.ParsePeer(req.Address); err != nil {
		return nil, badRequest("%v", err)
	}
	if err := d.node.Connect(ctx, req.Address); err != nil {
		return nil, &api.Error{Status: http.StatusBadGateway, Code: api.CodeUnreachable, Message: err.Error()}
	}
	return d.describer.Peers(), nil
}

// serveDisconnect closes the connections to a peer. It may have dialed this one again
// before the answer is read.
func (d *Daemon) serveDisconnect(_ context.Context, r *http.Request) (any, error) {
	id, err := p2p.ParsePeerID(r.PathValue("id"))
	if err != nil {
		return nil, badRequest("%v", err)
	}
	if err := d.node.Disconnect(id); errors.Is(err, p2p.ErrNotConnected) {
		return nil, &api.Error{Status: http.StatusBadGateway, Code: api.CodeUnreachable, Message: err.Error()}
	} else if err != nil {
		return nil, err
	}
	return d.describer.Peers(), nil
}

// pingTimeout bounds a ping: longer, and the peer is as good as gone.
const pingTimeout = 10 * time.Second

func (d *Daemon) servePing(ctx context.Context, r *http.Request) (any, error) {
	id, err := p2p.ParsePeerID(r.PathValue("id"))
	if err != nil {
		return nil, badRequest("%v", err)
	}
	ctx, cancel := context.WithTimeout(ctx, pingTimeout)
	defer cancel()
	latency, err := d.node.Ping(ctx, id)
	if err != nil {
		return nil, &api.Error{Status: http.StatusBadGateway, Code: api.CodeUnreachable, Message: err.Error()}
	}
	return api.Ping{Schema: api.PingSchema, PeerID: id.String(), LatencyMicros: strconv.FormatInt(latency.Microseconds(), 10)}, nil
}
