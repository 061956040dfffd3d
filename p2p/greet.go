package p2p

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/allegro-p2p/allegro/fastpay"
	"github.com/ethereum/go-ethereum/common"
	"github.com/libp2p/go-libp2p/core/network"
	ma "github.com/multiformats/go-multiaddr"
	manet "github.com/multiformats/go-multiaddr/net"
)

const (
	// helloAttempts is how often a hello is tried on one connection before it is
	// closed, so that a redial starts afresh.
	helloAttempts = 3
	// probeTimeout is what an older connection gets to answer when the peer has a
	// new one: a peer that lost power leaves dead connections behind, which libp2p
	// would go on using until they time out.
	probeTimeout = 2 * time.Second
	// healAfter is what subscriptions get to arrive after a connection was lost.
	healAfter = time.Second
	// learnedTTL is how long addresses heard in hello are dialed: until the next
	// hello, in a network whose peers stay for hours.
	learnedTTL = time.Hour
)

// Hello failures that end a connection.
var (
	errWrongNetwork = errors.New("another network file")
	errForged       = errors.New("forged membership")
)

// greet asks a new connection's peer who it is. It closes the connection if the peer
// is of another network, claims a membership it cannot prove, or does not answer.
func (n *Node) greet(ctx context.Context, conn network.Conn) {
	id := conn.RemotePeer()
	var err error
	for attempt := range helloAttempts {
		if attempt > 0 {
			pause(ctx, nil, n.dialer.spread(n.cfg.Limits.RedialMin))
		}
		if err = n.hello(ctx, conn, n.cfg.Limits.HelloTimeout); err == nil {
			n.metrics.hello.WithLabelValues(resultOK).Inc()
			return
		}
		if ctx.Err() != nil || conn.IsClosed() {
			break
		}
		n.metrics.hello.WithLabelValues(helloResult(err)).Inc()
		if errors.Is(err, errWrongNetwork) || errors.Is(err, errForged) || errors.Is(err, ErrUnsupported) {
			break
		}
	}
	if ctx.Err() != nil {
		return
	}
	n.turnAway(conn, id, err)
}

// helloResult is the metrics label of a failed hello.
func helloResult(err error) string {
	switch {
	case errors.Is(err, errWrongNetwork):
		return resultNetwork
	case errors.Is(err, errForged):
		return resultForged
	default:
		return resultOf(err)
	}
}

// turnAway closes a connection whose hello failed and remembers why.
func (n *Node) turnAway(conn network.Conn, id PeerID, err error) {
	switch {
	case errors.Is(err, errWrongNetwork):
		n.roster.refuse(id, err.Error(), refuseNetwork)
	case errors.Is(err, errForged):
		n.roster.refuse(id, err.Error(), refuseForged)
	}
	if reason, _, refused := n.roster.refusal(id); refused {
		err = errors.New(reason)
	}
	n.log.Warnw("disconnecting peer: its hello failed", "peer", id, "addr", conn.RemoteMultiaddr(), "err", err)
	n.roster.fail(conn, err)
	n.dialer.fail(id, err)
	_ = conn.CloseWithError(network.ConnGated)
}

// hello asks the peer of a connection once and acts on the answer.
func (n *Node) hello(ctx context.Context, conn network.Conn, timeout time.Duration) error {
	req := &helloRequest{
		Version:       n.cfg.Version,
		Role:          n.cfg.Role,
		NetworkDigest: n.cfg.NetworkDigest,
		CommitteeID:   n.committee(),
		Addrs:         n.helloAddrs(),
	}
	rand.Read(req.Nonce[:]) // never fails
	c := call{protocol: helloProtocol, request: req.encode(), limits: [2]int{maxHello, maxHello}, timeout: timeout}
	data, err := c.onConn(ctx, conn)
	if err != nil {
		return err
	}
	resp, err := decodeHelloResponse(data)
	if err != nil {
		return err
	}
	if err := n.checkNetwork(resp.NetworkDigest); err != nil {
		return err
	}
	key, err := resp.memberKey(n.cfg.Rules, n.host.ID(), conn.RemotePeer(), req.Nonce)
	if err != nil {
		return fmt.Errorf("%w: %w", errForged, err)
	}
	n.accept(ctx, conn, resp, key)
	return nil
}

// checkNetwork compares the digest of a peer's network file with ours.
func (n *Node) checkNetwork(digest common.Hash) error {
	if digest == n.cfg.NetworkDigest {
		return nil
	}
	return fmt.Errorf("%w: its digest is %x…, ours %x…: compare the two network.toml", errWrongNetwork, digest[:4], n.cfg.NetworkDigest[:4])
}

// accept takes in what a successful hello said.
func (n *Node) accept(ctx context.Context, conn network.Conn, resp *helloResponse, key ed25519.PublicKey) {
	id := conn.RemotePeer()
	if key != nil && key.Equal(n.cfg.ValidatorKey) {
		n.log.Errorw("another peer votes with this validator's key: stop one of the two", "peer", id)
	}
	addrs := toldAddrs(resp.Addrs, conn.RemoteMultiaddr())
	n.learn(id, slices.DeleteFunc(slices.Clone(addrs), isForBrowser))
	older, ok := n.roster.welcome(conn, &greeting{
		role: resp.Role, version: resp.Version, committee: resp.CommitteeID, member: key, addrs: texts(addrs),
	})
	if !ok {
		return
	}
	if key != nil {
		n.host.ConnManager().Protect(id, protectTag)
	}
	n.dialer.poke(id)
	n.log.Debugw("hello", "peer", id, "role", resp.Role, "version", resp.Version, "member", key != nil)
	for _, conn := range older {
		n.tasks.start(func() { n.probe(ctx, conn) })
	}
}

// probe closes a connection that does not answer any more.
func (n *Node) probe(ctx context.Context, conn network.Conn) {
	req := &helloRequest{
		Version: n.cfg.Version, Role: n.cfg.Role, NetworkDigest: n.cfg.NetworkDigest, CommitteeID: n.committee(),
	}
	c := call{protocol: helloProtocol, request: req.encode(), limits: [2]int{maxHello, maxHello}, timeout: probeTimeout}
	if _, err := c.onConn(ctx, conn); errors.Is(err, context.DeadlineExceeded) {
		n.log.Debugw("closing dead connection of a peer that has a new one", "peer", conn.RemotePeer())
		_ = conn.CloseWithError(network.ConnSupplanted)
	}
}

// heal disconnects a peer that has lost one of several connections, and its
// subscriptions with it: pubsub forgets them with the connection that its own stream
// was on, and the peer, which has noticed nothing, announces them on a new one only.
func (n *Node) heal(ctx context.Context, id PeerID) {
	pause(ctx, nil, healAfter)
	if committee, ok := n.roster.committeeOf(id); ok && ctx.Err() == nil {
		if _, joined := n.gossip.room(committee); joined && !n.gossip.subscribes(id) {
			n.log.Infow("disconnecting peer: pubsub has lost its subscriptions", "peer", id)
			_ = n.host.Network().ClosePeer(id)
		}
	}
}

// helloService answers hellos.
func (n *Node) helloService() *service {
	return &service{
		protocol: helloProtocol,
		name:     helloService,
		limiter:  newPeerLimiter(n.cfg.Limits.HelloRate),
		request:  maxHello,
		response: maxHello,
		timeout:  n.cfg.Limits.HelloTimeout,
		accept: func(from PeerID, request []byte) (job, error) {
			req, err := decodeHelloRequest(request)
			if err != nil {
				return job{}, err
			}
			return job{answer: func(ctx context.Context) ([]byte, error) { return n.answerHello(ctx, from, req) }}, nil
		},
		count: func(_, result string) { n.metrics.helloServed.WithLabelValues(result).Inc() },
	}
}

// answerHello answers another peer's hello.
func (n *Node) answerHello(ctx context.Context, from PeerID, req *helloRequest) ([]byte, error) {
	if err := n.checkNetwork(req.NetworkDigest); err != nil {
		// The answer tells the peer why; whichever of the two has its own answer
		// first disconnects.
		n.roster.refuse(from, err.Error(), refuseNetwork)
	}
	resp := &helloResponse{
		Version:       n.cfg.Version,
		Role:          n.cfg.Role,
		NetworkDigest: n.cfg.NetworkDigest,
		CommitteeID:   n.committee(),
		Addrs:         n.helloAddrs(),
	}
	if c, index, ok := n.membership(req.CommitteeID); ok {
		signature, err := n.cfg.SignHello(ctx, c.ID(), []byte(from), []byte(n.host.ID()), req.Nonce)
		if err != nil {
			return nil, fmt.Errorf("signing hello: %w", err)
		}
		resp.CommitteeID, resp.SignerPlusOne, resp.Signature = c.ID(), uint64(index)+1, signature
	}
	return resp.encode(), nil
}

// membership returns the committee in which this node proves its key: the asked one if
// it is a member of it, else the newest one that it is in, be that yet to come. One
// proof serves for all of them, and a connection outlives an epoch.
func (n *Node) membership(asked common.Hash) (*fastpay.Committee, int, bool) {
	if c, ok := n.cfg.Rules.Committee(asked); ok {
		if i, ok := c.Index(n.cfg.ValidatorKey); ok {
			return c, i, true
		}
	}
	for _, c := range slices.Backward(n.cfg.Rules.Committees()) {
		if i, ok := c.Index(n.cfg.ValidatorKey); ok {
			return c, i, true
		}
	}
	return nil, 0, false
}

// committee is the committee named in hello: the first joined one.
func (n *Node) committee() common.Hash {
	if rooms := n.gossip.joined(); len(rooms) > 0 {
		return rooms[0].committee.ID()
	}
	return n.cfg.Committee
}

// helloAddrs are the addresses this node tells others: those for peers before those for
// browsers, which are left out first if there are too many.
func (n *Node) helloAddrs() [][]byte {
	addrs := n.host.Addrs()
	var out [][]byte
	for _, browser := range []bool{false, true} {
		for _, a := range addrs {
			if b := a.Bytes(); isForBrowser(a) == browser && len(b) <= maxAddrBytes && len(out) < maxHelloAddrs {
				out = append(out, b)
			}
		}
	}
	return out
}

// toldAddrs returns the addresses of a hello that somebody may dial: peers those for TCP
// and QUIC, browsers the others; loopback or private ones only from a peer that is
// itself there.
func toldAddrs(raw [][]byte, remote ma.Multiaddr) []ma.Multiaddr {
	var out []ma.Multiaddr
	for _, b := range raw {
		a, err := ma.NewMultiaddrBytes(b)
		if err != nil {
			continue
		}
		plain, ok := plainOf(a)
		if !ok {
			continue
		}
		if _, err := ParseAnnounce(plain.String()); err != nil {
			continue
		}
		if manet.IsIPLoopback(a) && !manet.IsIPLoopback(remote) || manet.IsPrivateAddr(a) && manet.IsPublicAddr(remote) {
			continue
		}
		out = append(out, a)
	}
	return out
}

// learn keeps the addresses of the latest hello, and no older ones of that kind.
func (n *Node) learn(id PeerID, addrs []ma.Multiaddr) {
	book := n.host.Peerstore()
	book.UpdateAddrs(id, learnedTTL, 0)
	book.AddAddrs(id, addrs, learnedTTL)
}

// texts prints addresses.
func texts(addrs []ma.Multiaddr) []string {
	out := make([]string, len(addrs))
	for i, a := range addrs {
		out[i] = a.String()
	}
	return out
}
