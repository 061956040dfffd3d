package testnet

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// metricsTimeout bounds one request for metrics: a page is built in
// milliseconds, and a client that does not read it must not be waited for.
const metricsTimeout = 5 * time.Second

// ServeMetrics serves /metrics of every peer on a loopback port of its own, until
// stop is called; one that has ended gives no metrics, and one that was started again
// none either. It returns the URLs by peer name.
func (n *Network) ServeMetrics() (urls map[string]string, stop func() error, err error) {
	var servers []*http.Server
	urls = make(map[string]string)
	stop = func() error {
		var errs []error
		for _, s := range servers {
			errs = append(errs, s.Close())
		}
		return errors.Join(errs...)
	}
	for _, p := range n.Peers {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, nil, errors.Join(fmt.Errorf("serving metrics of %s: %w", p.Name, err), stop())
		}
		mux := http.NewServeMux()
		metrics := promhttp.HandlerFor(p.Registry, promhttp.HandlerOpts{Timeout: metricsTimeout, EnableOpenMetrics: true})
		mux.HandleFunc("GET /metrics", func(w http.ResponseWriter, r *http.Request) {
			select {
			case <-p.Done(): // what it last measured is not so any more
				http.Error(w, p.Name+" has ended", http.StatusServiceUnavailable)
			default:
				metrics.ServeHTTP(w, r)
			}
		})
		server := &http.Server{Handler: mux, ReadTimeout: metricsTimeout, WriteTimeout: 2 * metricsTimeout}
		servers = append(servers, server)
		urls[p.Name] = fmt.Sprintf("http://%s/metrics", listener.Addr())
		go func() { _ = server.Serve(listener) }() // ends with http.ErrServerClosed
	}
	return urls, stop, nil
}
