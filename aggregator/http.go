package aggregator

import (
	"fmt"
	"net"

	"github.com/allegro-p2p/allegro/aggregator/httpapi"
	"github.com/allegro-p2p/allegro/aggregator/web"
	"github.com/allegro-p2p/allegro/p2p/document"
	"github.com/allegro-p2p/allegro/p2p/netfile"
	"github.com/prometheus/client_golang/prometheus"
)

// HTTPConfig is what an aggregator's page and API need beside the aggregator.
type HTTPConfig struct {
	File    *netfile.File
	Version string // of the program
	// Hosts and Origins are who may ask beside this machine itself; see
	// [httpapi.Config].
	Hosts, Origins []string
	// Demo plays the scene again; nil outside a demo.
	Demo     httpapi.Demo
	Gatherer prometheus.Gatherer
}

// HTTP returns a server of the page and the API of this aggregator, which must run while
// that serves. It can be made once.
func (a *Aggregator) HTTP(cfg HTTPConfig) (*httpapi.Server, error) {
	page, err := web.Handler()
	if err != nil {
		return nil, fmt.Errorf("aggregator: %w", err)
	}
	describer := document.NewDescriber(cfg.File, a.cfg.Rules, a.node, a.replica)
	return httpapi.New(httpapi.Config{
		File: cfg.File, Rules: a.cfg.Rules, Archive: NewBulletin(a.archive, describer), Chain: a.replica, Node: a.node, Relay: a.relay,
		Page: page, Describer: describer, Demo: cfg.Demo, Version: cfg.Version, Boot: a.cfg.Boot, Hosts: cfg.Hosts, Origins: cfg.Origins,
		Limits: httpapi.DefaultLimits(), Now: a.cfg.Now, Registerer: a.cfg.Registerer, Gatherer: cfg.Gatherer,
	})
}

// URL is where a browser on this machine finds what is served at an address.
func URL(addr net.Addr) string {
	if tcp, ok := addr.(*net.TCPAddr); ok && tcp.IP.IsUnspecified() {
		return fmt.Sprintf("http://127.0.0.1:%d", tcp.Port)
	}
	return fmt.Sprintf("http://%s", addr)
}
