package p2p

import (
	"context"
	"errors"
	"fmt"
)

// Sync asks a connected peer for what it has verified. Payments and certificates in
// the answer have been verified here, and only those that were asked for are in it:
// SyncResponse.Dropped counts the others. The error wraps one of the Err… values of
// requests or the context's error.
func (n *Node) Sync(ctx context.Context, from PeerID, req SyncRequest) (SyncResponse, error) {
	resp, err := n.sync(ctx, from, &req)
	n.metrics.syncAsked.WithLabelValues(req.Kind.String(), askedResult(err)).Inc()
	if err != nil {
		return SyncResponse{}, fmt.Errorf("syncing %s: %w", req.Kind, err)
	}
	n.metrics.syncItems.WithLabelValues(req.Kind.String()).Add(float64(len(resp.Items)))
	n.metrics.syncDropped.Add(float64(resp.Dropped))
	return resp, nil
}

func (n *Node) sync(ctx context.Context, from PeerID, req *SyncRequest) (SyncResponse, error) {
	if err := req.check(); err != nil {
		return SyncResponse{}, err
	}
	c := call{
		protocol: syncProtocol, request: req.encode(),
		limits: [2]int{maxSyncRequest, maxSyncResponse}, timeout: n.cfg.Limits.SyncTimeout + req.Wait,
	}
	data, err := c.toPeer(ctx, n.host, from)
	if err != nil {
		return SyncResponse{}, err
	}
	resp, err := decodeSyncResponse(n.cfg.Rules, data, req)
	if err != nil {
		return SyncResponse{}, fmt.Errorf("%s: %w: %w", from, ErrBadAnswer, err)
	}
	return resp, nil
}

// askedResult is the metrics label of a request's outcome at the requester.
func askedResult(err error) string {
	if errors.Is(err, ErrBadAnswer) {
		return resultInvalid
	}
	return resultOf(err)
}

// syncService answers sync requests.
func (n *Node) syncService() *service {
	return &service{
		protocol: syncProtocol,
		name:     syncService,
		limiter:  newPeerLimiter(n.cfg.Limits.SyncRate),
		request:  maxSyncRequest,
		response: maxSyncResponse,
		timeout:  n.cfg.Limits.SyncTimeout,
		accept: func(from PeerID, request []byte) (job, error) {
			req, err := decodeSyncRequest(request)
			if err != nil {
				return job{}, err
			}
			return job{req.Kind.String(), req.Wait, func(ctx context.Context) ([]byte, error) {
				return n.answerSync(ctx, from, req)
			}}, nil
		},
		count: func(kind, result string) { n.metrics.syncServed.WithLabelValues(kind, result).Inc() },
	}
}

// answerSync asks the role.
func (n *Node) answerSync(ctx context.Context, from PeerID, req SyncRequest) ([]byte, error) {
	resp, err := n.cfg.Responder.Sync(ctx, from, req)
	if err != nil {
		return nil, err
	}
	if req.Kind == SyncDigests && len(resp.Digests) != SyncBuckets {
		return nil, fmt.Errorf("sync responder gave %d digests, want %d", len(resp.Digests), SyncBuckets)
	}
	return resp.encode()
}
