package p2p

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/protocol"
	"github.com/multiformats/go-multistream"
)

// Errors of requests to a peer. Compare with [errors.Is]; an error that is none of
// these is a lost connection or an ended context.
var (
	// ErrNotConnected: there is no connection to the peer. It is being redialed if
	// it is configured or a committee member.
	ErrNotConnected = errors.New("peer is not connected")
	// ErrUnsupported: the peer does not speak the protocol: it is no Allegro peer of
	// this version.
	ErrUnsupported = errors.New("peer does not speak the protocol")
	// ErrRateLimited: the peer refused the request as one too many. Try again in a
	// second.
	ErrRateLimited = errors.New("peer limits the rate of requests")
	// ErrOverloaded: the peer has no room for the request. Try again later or ask
	// another peer.
	ErrOverloaded = errors.New("peer has no room for the request")
	// ErrBadAnswer: the peer's answer breaks the protocol. Ask another peer.
	ErrBadAnswer = errors.New("peer's answer is invalid")
)

// call is one request to a peer.
type call struct {
	protocol protocol.ID
	request  []byte
	limits   [2]int        // largest request and response, in bytes
	timeout  time.Duration // for everything
}

// onConn runs the call on a given connection. The response has not been looked at.
func (c *call) onConn(ctx context.Context, conn network.Conn) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	stream, err := conn.NewStream(ctx)
	if err != nil {
		return nil, err
	}
	if err := stream.SetProtocol(c.protocol); err != nil {
		_ = stream.Reset()
		return nil, err
	}
	// The protocol's name goes out with the request: no round trip for it.
	return c.exchange(ctx, stream, multistream.NewMSSelect(stream, c.protocol))
}

// toPeer runs the call on the best connection to a peer.
func (c *call) toPeer(ctx context.Context, h host.Host, id PeerID) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	if h.Network().Connectedness(id) != network.Connected {
		return nil, fmt.Errorf("%s to %s: %w", c.protocol, id, ErrNotConnected)
	}
	stream, err := h.NewStream(network.WithNoDial(ctx, "request"), id, c.protocol)
	if err != nil {
		return nil, fmt.Errorf("%s to %s: %w", c.protocol, id, requestError(ctx, err))
	}
	response, err := c.exchange(ctx, stream, stream)
	if err != nil {
		return nil, fmt.Errorf("%s to %s: %w", c.protocol, id, err)
	}
	return response, nil
}

// exchange writes the request and reads the response through rw, which is stream or
// wraps it.
func (c *call) exchange(ctx context.Context, stream network.Stream, rw io.ReadWriter) (_ []byte, err error) {
	defer func() {
		if err != nil {
			_ = stream.Reset()
			err = requestError(ctx, err)
			return
		}
		_ = stream.Close()
	}()
	stop := context.AfterFunc(ctx, func() { _ = stream.Reset() })
	defer stop()
	if err := writeFrame(rw, c.request, c.limits[0]); err != nil {
		return nil, err
	}
	if err := stream.CloseWrite(); err != nil {
		return nil, err
	}
	return readFrame(rw, c.limits[1], func(size int) error {
		return stream.Scope().ReserveMemory(size, network.ReservationPriorityMedium)
	})
}

// requestError says what a failed request means to its caller.
func requestError(ctx context.Context, err error) error {
	var reset *network.StreamError
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.Is(err, errFrame):
		return fmt.Errorf("%w: %w", ErrBadAnswer, err)
	case errors.Is(err, multistream.ErrNotSupported[protocol.ID]{}):
		return fmt.Errorf("%w: %w", ErrUnsupported, err)
	case errors.As(err, &reset) && reset.Remote:
		switch reset.ErrorCode {
		case network.StreamProtocolNegotiationFailed:
			return fmt.Errorf("%w: %w", ErrUnsupported, err)
		case network.StreamRateLimited:
			return ErrRateLimited
		case network.StreamResourceLimitExceeded:
			return ErrOverloaded
		}
	}
	return err
}
