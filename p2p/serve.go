package p2p

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"time"

	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/protocol"
)

// service is one of the stream protocols as this node answers it.
type service struct {
	protocol protocol.ID
	name     string // in the resource manager
	limiter  *peerLimiter
	request  int           // largest request, in bytes
	response int           // largest response, in bytes
	timeout  time.Duration // to read, answer and write, beside what a job may wait
	// accept reads a request. An error that wraps errFrame is the peer's fault.
	accept func(from PeerID, request []byte) (job, error)
	// count takes the result of each request; kind is the job's, "unknown" if the
	// request was not read.
	count func(kind, result string)
}

// job is a request that has been read and checked.
type job struct {
	kind   string // for metrics
	wait   time.Duration
	answer func(ctx context.Context) ([]byte, error)
}

// server answers the streams of other peers: each within its limits, and none after
// the node began to stop.
type server struct {
	host     host.Host
	metrics  *metrics
	handlers crew
}

// serve begins to answer a protocol. ctx ends every answer.
func (s *server) serve(ctx context.Context, svc *service) {
	s.host.SetStreamHandler(svc.protocol, func(stream network.Stream) {
		leave, ok := s.handlers.enter()
		if !ok {
			_ = stream.ResetWithError(network.StreamShutdown)
			return
		}
		defer leave()
		began := time.Now()
		kind, err := s.handle(ctx, svc, stream)
		svc.count(kind, resultOf(err))
		s.metrics.streamSeconds.WithLabelValues(string(svc.protocol)).Observe(time.Since(began).Seconds())
		if err != nil {
			log.Debugw("request not answered", "protocol", svc.protocol, "from", stream.Conn().RemotePeer(), "err", err)
			_ = stream.ResetWithError(resetCode(err))
			return
		}
		_ = stream.Close()
	})
}

// Errors of serving that are neither the peer's words nor the role's fault.
var (
	errRateLimited = errors.New("too many requests")
	errOverload    = errors.New("no room for another request")
)

// handle reads a request, answers it and writes the response. It returns the kind
// of the job.
func (s *server) handle(ctx context.Context, svc *service, stream network.Stream) (kind string, err error) {
	kind = "unknown"
	defer func() {
		if p := recover(); p != nil {
			log.Errorw("panic while answering", "protocol", svc.protocol, "panic", p, "stack", string(debug.Stack()))
			err = fmt.Errorf("panic: %v", p)
		}
	}()
	from := stream.Conn().RemotePeer()
	if !svc.limiter.allow(from) {
		return kind, errRateLimited
	}
	scope := stream.Scope()
	if err := scope.SetService(svc.name); err != nil {
		return kind, fmt.Errorf("%w: %w", errOverload, err)
	}
	reserve := func(size int) error {
		if err := scope.ReserveMemory(size, network.ReservationPriorityMedium); err != nil {
			return fmt.Errorf("%w: %w", errOverload, err)
		}
		return nil
	}
	deadline := time.Now().Add(svc.timeout)
	if err := stream.SetDeadline(deadline); err != nil {
		return kind, err
	}
	request, err := readFrame(stream, svc.request, reserve)
	if err != nil {
		return kind, err
	}
	j, err := svc.accept(from, request)
	if err != nil {
		return kind, err
	}
	deadline = deadline.Add(j.wait)
	if err := stream.SetDeadline(deadline); err != nil {
		return j.kind, err
	}
	ctx, cancel := context.WithDeadline(ctx, deadline)
	defer cancel()
	response, err := j.answer(ctx)
	if err != nil {
		return j.kind, err
	}
	if err := reserve(len(response)); err != nil {
		return j.kind, err
	}
	return j.kind, writeFrame(stream, response, svc.response)
}

// resultOf is the metrics label of a request's outcome.
func resultOf(err error) string {
	var reset *network.StreamError
	switch {
	case err == nil:
		return resultOK
	case errors.Is(err, errFrame):
		return resultInvalid
	case errors.Is(err, errRateLimited), errors.Is(err, ErrRateLimited):
		return resultRateLimited
	case errors.Is(err, errOverload), errors.Is(err, ErrOverloaded):
		return resultOverload
	case errors.Is(err, ErrUnsupported):
		return resultUnsupported
	case errors.As(err, &reset) && reset.ErrorCode == network.StreamProtocolViolation:
		return resultInvalid
	default:
		return resultError
	}
}

// resetCode is what the requester is told instead of an answer.
func resetCode(err error) network.StreamErrorCode {
	switch {
	case errors.Is(err, errFrame):
		return network.StreamProtocolViolation
	case errors.Is(err, errRateLimited):
		return network.StreamRateLimited
	case errors.Is(err, errOverload):
		return network.StreamResourceLimitExceeded
	default:
		return network.StreamNoError
	}
}
