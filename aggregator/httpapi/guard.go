package httpapi

import (
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
	"golang.org/x/time/rate"
)

// maxVisitors bounds the addresses whose rate is remembered, at about 200 bytes each.
// Who is forgotten begins anew.
const maxVisitors = 8_192

// guard refuses requests that no route should see: of a page elsewhere that made its own
// name point here, of an origin that nobody listed, or too many of one address.
type guard struct {
	hosts   []string // lower case
	origins []string
	cross   *http.CrossOriginProtection
	reads   *lru.Cache[netip.Prefix, *rate.Limiter]
	writes  *lru.Cache[netip.Prefix, *rate.Limiter]
	limits  *Limits
	now     func() time.Time
}

func newGuard(cfg *Config) (*guard, error) {
	g := &guard{hosts: []string{"localhost"}, origins: cfg.Origins, cross: http.NewCrossOriginProtection(), limits: &cfg.Limits, now: cfg.Now}
	for _, h := range cfg.Hosts {
		if h == "" || strings.ContainsAny(h, ":/*") {
			return nil, fmt.Errorf("host %q: want a name without scheme, port or wildcard", h)
		}
		g.hosts = append(g.hosts, strings.ToLower(h))
	}
	for _, o := range cfg.Origins {
		if err := g.cross.AddTrustedOrigin(o); err != nil {
			return nil, fmt.Errorf("origin %q: want a scheme and a host like https://example.org: %w", o, err)
		}
	}
	var err error
	if g.reads, err = lru.New[netip.Prefix, *rate.Limiter](maxVisitors); err != nil {
		return nil, err
	}
	g.writes, err = lru.New[netip.Prefix, *rate.Limiter](maxVisitors)
	return g, err
}

// check returns why a request is refused, or nil.
func (g *guard) check(r *http.Request) *Error {
	if !g.knows(r.Host) {
		return &Error{
			Status: http.StatusMisdirectedRequest, Code: WrongHost, Message: fmt.Sprintf("this server does not answer for host %q", r.Host),
			Hint: "use localhost or an IP address, or list the name in aggregator.hosts",
		}
	}
	if err := g.cross.Check(r); err != nil {
		return &Error{
			Status: http.StatusForbidden, Code: WrongOrigin, Message: fmt.Sprintf("pages of origin %q may not write here", r.Header.Get("Origin")),
			Hint: "list the origin in aggregator.cors",
		}
	}
	if !g.limiter(r).AllowN(g.now(), 1) {
		return &Error{Status: http.StatusTooManyRequests, Code: RateLimited, Message: "too many requests from this address", Hint: "wait a second"}
	}
	return nil
}

// knows reports whether a Host header names this server. A page elsewhere can make its
// own name resolve to this address, but not an IP address or localhost.
func (g *guard) knows(host string) bool {
	name, _, err := net.SplitHostPort(host)
	if err != nil {
		name = strings.TrimSuffix(strings.TrimPrefix(host, "["), "]")
	}
	if _, err := netip.ParseAddr(name); err == nil {
		return true
	}
	return slices.Contains(g.hosts, strings.ToLower(name))
}

// limiter is that of a request's kind and network address.
func (g *guard) limiter(r *http.Request) *rate.Limiter {
	visitors, every, burst := g.reads, g.limits.Requests, g.limits.Burst
	if !isRead(r.Method) {
		visitors, every, burst = g.writes, g.limits.Writes, g.limits.WriteBurst
	}
	from := networkOf(r.RemoteAddr)
	if l, known := visitors.Get(from); known {
		return l
	}
	fresh := rate.NewLimiter(rate.Limit(every), burst)
	if l, known, _ := visitors.PeekOrAdd(from, fresh); known {
		return l // another request was faster
	}
	return fresh
}

func isRead(method string) bool {
	return method == http.MethodGet || method == http.MethodHead || method == http.MethodOptions
}

// networkOf is an IPv4 address or the /64 of an IPv6 address, which is what one host has.
func networkOf(remote string) netip.Prefix {
	at, err := netip.ParseAddrPort(remote)
	if err != nil {
		return netip.Prefix{} // all that have no IP address share a rate
	}
	bits := 32
	if a := at.Addr().Unmap(); a.Is6() {
		bits = 64
	}
	p, err := at.Addr().Unmap().Prefix(bits)
	if err != nil {
		return netip.Prefix{}
	}
	return p
}

// crossOrigin tells a browser that a listed origin may read the answer, and answers its
// question beforehand. It reports whether that was all.
func (g *guard) crossOrigin(w http.ResponseWriter, r *http.Request) bool {
	w.Header().Add("Vary", "Origin")
	origin := r.Header.Get("Origin")
	if !slices.Contains(g.origins, origin) {
		return false
	}
	h := w.Header()
	h.Set("Access-Control-Allow-Origin", origin)
	h.Set("Access-Control-Expose-Headers", "Retry-After")
	if r.Method != http.MethodOptions || r.Header.Get("Access-Control-Request-Method") == "" {
		return false
	}
	h.Set("Access-Control-Allow-Methods", "GET, HEAD, POST")
	h.Set("Access-Control-Allow-Headers", "Content-Type, Last-Event-ID")
	h.Set("Access-Control-Max-Age", "600")
	w.WriteHeader(http.StatusNoContent)
	return true
}

// secure sets the headers that keep a browser from making more of an answer than it is.
// The page has a policy of its own.
func secure(h http.Header) {
	h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
}
