package daemon

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/allegro-p2p/allegro/aggregator"
	"github.com/allegro-p2p/allegro/cmd/internal/api"
	"github.com/allegro-p2p/allegro/cmd/internal/home"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"golang.org/x/sync/errgroup"
)

const (
	// headerTimeout and metricsTimeout bound what a client that stalls can hold.
	headerTimeout  = 5 * time.Second
	metricsTimeout = 5 * time.Second
	// stopTimeout is how long requests may finish when the daemon ends.
	stopTimeout = 2 * time.Second
	// maxRequest bounds a request's body, in bytes: the largest is a payment.
	maxRequest = 64 << 10
)

// serve runs the API and the metrics until ctx ends. Once both answer and the node
// listens, commands are told.
func (d *Daemon) serve(ctx context.Context) (err error) {
	socket, err := d.listenAPI()
	if err != nil {
		return err
	}
	d.socket = socket.Addr().String()
	var metrics net.Listener
	if address := d.home.Config().Metrics.Listen; address != "" {
		if metrics, err = new(net.ListenConfig).Listen(ctx, "tcp", address); err != nil {
			return errors.Join(fmt.Errorf("metrics cannot be served on %s, choose another address with metrics.listen: %w", address, err), socket.Close())
		}
		d.metricsURL = fmt.Sprintf("http://%s/metrics", metrics.Addr())
	}
	page, err := d.listenHTTP(ctx)
	if err != nil {
		return errors.Join(err, socket.Close(), closeIfOpen(metrics))
	}
	g, ctx := errgroup.WithContext(ctx)
	d.api = serveOn(ctx, g, socket, d.routes())
	if metrics != nil {
		mux := http.NewServeMux()
		mux.Handle("GET /metrics", d.metricsHandler())
		serveOn(ctx, g, metrics, mux)
	}
	if page != nil {
		g.Go(func() error { return d.pages.Serve(ctx, page) })
	}
	g.Go(func() error {
		select {
		case <-d.node.Listening():
		case <-ctx.Done():
			return ctx.Err()
		}
		running := home.Running{
			PID: os.Getpid(), API: d.socket, PeerID: d.node.ID().String(), Addresses: d.node.Addrs(),
			Metrics: d.metricsURL, HTTP: d.httpURL, Started: d.started,
		}
		if err := d.home.SaveRunning(running); err != nil {
			return err
		}
		close(d.serving)
		<-ctx.Done()
		return errors.Join(ctx.Err(), d.home.ForgetRunning())
	})
	return g.Wait()
}

// listenHTTP opens the listener of an aggregator's page and API; nil if they are not
// served.
func (d *Daemon) listenHTTP(ctx context.Context) (net.Listener, error) {
	if d.pages == nil {
		return nil, nil
	}
	address := d.home.Config().Aggregator.Listen
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", address)
	if err != nil {
		return nil, fmt.Errorf("the page cannot be served on %s, choose another address with aggregator.listen: %w", address, err)
	}
	d.httpURL = aggregator.URL(listener.Addr())
	return listener, nil
}

// closeIfOpen closes a listener unless it is nil.
func closeIfOpen(l net.Listener) error {
	if l == nil {
		return nil
	}
	return l.Close()
}

// listenAPI opens the API's socket. A socket that a killed process left behind is in
// the way; the home's lock says that nobody listens there.
func (d *Daemon) listenAPI() (net.Listener, error) {
	path, err := d.home.SocketPath()
	if err != nil {
		return nil, err
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("removing the socket of an earlier run: %w", err)
	}
	listener, err := net.Listen("unix", path)
	if err != nil {
		return nil, fmt.Errorf("the API cannot be served: %w", err)
	}
	if err := os.Chmod(path, 0o600); err != nil {
		return nil, errors.Join(fmt.Errorf("keeping others from the API: %w", err), listener.Close())
	}
	return listener, nil
}

// serveOn serves until ctx ends, then lets requests finish for a moment.
func serveOn(ctx context.Context, g *errgroup.Group, listener net.Listener, handler http.Handler) *http.Server {
	server := &http.Server{
		Handler: handler, ReadHeaderTimeout: headerTimeout,
		// Requests that wait end with the daemon.
		BaseContext: func(net.Listener) context.Context { return ctx },
	}
	g.Go(func() error {
		if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			return err
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
			return err
		}
		return nil
	})
	return server
}

func (d *Daemon) metricsHandler() http.Handler {
	return promhttp.HandlerFor(d.registry, promhttp.HandlerOpts{Timeout: metricsTimeout, EnableOpenMetrics: true})
}

// handler answers a request with a document, or with an error that is told as
// [api.ErrorOf] has it.
type handler func(ctx context.Context, r *http.Request) (any, error)

// routes are the API.
func (d *Daemon) routes() http.Handler {
	mux := http.NewServeMux()
	get := func(route string, h handler) { mux.HandleFunc("GET "+route, answer(h)) }
	post := func(route string, h handler) { mux.HandleFunc("POST "+route, answer(h)) }
	get(api.RouteSelf, func(context.Context, *http.Request) (any, error) { return d.self(), nil })
	get(api.RouteWait, d.serveWait)
	get(api.RouteSnapshot, d.serveSnapshot)
	get(api.RoutePeers, d.servePeers)
	post(api.RoutePeers, d.serveConnect)
	mux.HandleFunc("DELETE "+api.RoutePeer, answer(d.serveDisconnect))
	post(api.RoutePing, d.servePing)
	get(api.RouteTopics, func(context.Context, *http.Request) (any, error) { return d.describer.Topics(), nil })
	get(api.RouteScores, func(context.Context, *http.Request) (any, error) { return d.describer.Scores(), nil })
	get(api.RouteCommittee, func(context.Context, *http.Request) (any, error) { return d.describer.Committee(d.current()), nil })
	get(api.RouteBalance, d.serveBalance)
	get(api.RoutePayments, d.servePayments)
	post(api.RoutePayments, d.servePay)
	get(api.RoutePayment, d.servePayment)
	get(api.RouteWhy, d.serveWhy)
	get(api.RouteQC, d.serveQC)
	get(api.RouteRequests, d.serveRequests)
	post(api.RouteRequests, d.serveAsk)
	get(api.RouteRequest, d.serveRequest)
	mux.HandleFunc("DELETE "+api.RouteRequest, answer(d.serveForget))
	get(api.RouteOrders, d.serveOrders)
	get(api.RouteOrder, d.serveOrder)
	post(api.RouteRedeliver, d.serveRedeliver)
	mux.HandleFunc("GET "+api.RouteWatch, d.serveWatch)
	mux.HandleFunc("GET "+api.RouteTail, d.serveTail)
	mux.Handle("GET "+api.RouteMetrics, d.metricsHandler())
	mux.HandleFunc("GET "+api.RouteProfile, serveProfile)
	mux.HandleFunc("/", answer(func(_ context.Context, r *http.Request) (any, error) {
		return nil, &api.Error{Status: http.StatusNotFound, Code: api.CodeNotFound,
			Message: fmt.Sprintf("this peer's API has no %s %s: it may be of another version than this command", r.Method, r.URL.Path)}
	}))
	return mux
}

// answer makes an HTTP handler of a handler.
func answer(h handler) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		r.Body = http.MaxBytesReader(w, r.Body, maxRequest)
		doc, err := h(r.Context(), r)
		status := http.StatusOK
		if err != nil {
			told := api.ErrorOf(err)
			status, doc = told.Status, map[string]*api.Error{"error": told}
		}
		var body bytes.Buffer
		e := json.NewEncoder(&body)
		e.SetEscapeHTML(false)
		if err := e.Encode(doc); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_, _ = body.WriteTo(w) // a client that has gone needs no answer
	}
}
