package httpapi

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/allegro-p2p/allegro/fastpay"
	"github.com/allegro-p2p/allegro/p2p/document"
	"github.com/allegro-p2p/allegro/p2p/netfile"
	log "github.com/ipfs/go-log/v2"
	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/errgroup"
)

var logger = log.Logger("allegro/httpapi")

// Config is what a Server needs.
type Config struct {
	File      *netfile.File
	Rules     *fastpay.Rules
	Archive   Archive
	Chain     Chain
	Node      Node
	Relay     Relay
	Describer *document.Describer
	// Demo plays the scene again; nil outside a demo.
	Demo Demo
	// Page answers what is no route of the API; nil: nothing does.
	Page http.Handler

	Version string  // of the program
	Boot    [8]byte // tells this run from earlier ones, in the ids of events
	// Hosts are names in Host headers that are answered beside localhost and IP
	// addresses, without a port.
	Hosts []string
	// Origins are the origins of pages elsewhere, such as https://example.org, that
	// browsers may let read and submit.
	Origins []string
	Limits  Limits

	// Now is the peer's clock.
	Now        func() time.Time
	Registerer prometheus.Registerer
	Gatherer   prometheus.Gatherer
}

// Validate reports the first thing in c that a server cannot run with.
func (c *Config) Validate() error {
	switch {
	case c.File == nil || c.Rules == nil:
		return errors.New("http: config has no network file")
	case c.Archive == nil || c.Chain == nil || c.Node == nil || c.Relay == nil || c.Describer == nil:
		return errors.New("http: config has no aggregator")
	case c.Now == nil:
		return errors.New("http: config has no clock")
	case c.Gatherer == nil:
		return errors.New("http: config has no metrics")
	}
	if err := c.Limits.validate(); err != nil {
		return fmt.Errorf("http: %w", err)
	}
	return nil
}

// Server answers HTTP requests about one aggregator. Make it with [New] and serve once.
type Server struct {
	cfg     Config
	boot    string // in ids of events
	metrics *metrics
	ring    *ring
	streams chan struct{} // holds one per open stream
	playing chan struct{} // holds one while a scene is played
	guard   *guard
	handler http.Handler
}

// New returns a server. Nothing listens yet.
func New(cfg Config) (*Server, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	s := &Server{
		cfg: cfg, boot: hex.EncodeToString(cfg.Boot[:]),
		ring:    newRing(cfg.Limits.Events, cfg.Limits.EventBytes),
		streams: make(chan struct{}, cfg.Limits.Streams), playing: make(chan struct{}, 1),
	}
	var err error
	if s.guard, err = newGuard(&cfg); err != nil {
		return nil, fmt.Errorf("http: %w", err)
	}
	s.metrics = newMetrics(cfg.Registerer)
	s.handler = s.routes()
	return s, nil
}

const (
	// headerTimeout bounds a client that stalls in its headers.
	headerTimeout = 5 * time.Second
	// idleTimeout is how long a connection is kept between two requests.
	idleTimeout = time.Minute
	// maxHeader bounds the headers of a request, in bytes.
	maxHeader = 16 << 10
	// stopTimeout is how long requests may finish when the server ends. Streams end at
	// once.
	stopTimeout = 2 * time.Second
)

// Serve answers on a listener until ctx ends, then lets requests finish for a moment. It
// closes the listener.
func (s *Server) Serve(ctx context.Context, listener net.Listener) error {
	g, ctx := errgroup.WithContext(ctx)
	server := &http.Server{
		Handler: s.handler, ReadHeaderTimeout: headerTimeout, IdleTimeout: idleTimeout, MaxHeaderBytes: maxHeader,
		BaseContext: func(net.Listener) context.Context { return ctx }, // streams end with it
	}
	g.Go(func() error { return s.gather(ctx) })
	g.Go(func() error {
		if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			return fmt.Errorf("http: serving on %s: %w", listener.Addr(), err)
		}
		return nil
	})
	g.Go(func() error {
		<-ctx.Done()
		limited, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTimeout)
		defer cancel()
		if err := server.Shutdown(limited); errors.Is(err, context.DeadlineExceeded) {
			return server.Close()
		} else if err != nil {
			return fmt.Errorf("http: stopping: %w", err)
		}
		return nil
	})
	if err := g.Wait(); err != nil && !errors.Is(err, context.Canceled) {
		return err
	}
	return nil
}

// committee is the one in office.
func (s *Server) committee() *fastpay.Committee {
	var now uint64
	s.cfg.Chain.Read(func(b *fastpay.Board) { now = b.Finalized().Time })
	if now == 0 {
		now = uint64(s.cfg.Now().Unix())
	}
	return s.cfg.Rules.CommitteeAt(now)
}
