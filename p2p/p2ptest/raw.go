package p2ptest

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/allegro-p2p/allegro/p2p"
	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/rlp"
	"github.com/libp2p/go-libp2p"
	pubsub "github.com/libp2p/go-libp2p-pubsub"
	pb "github.com/libp2p/go-libp2p-pubsub/pb"
	"github.com/libp2p/go-libp2p/core/crypto"
	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/protocol"
	webrtc "github.com/libp2p/go-libp2p/p2p/transport/webrtc"
	"github.com/libp2p/go-libp2p/p2p/transport/websocket"
)

// Raw is a peer that answers hello as a client does and else sends any bytes
// anywhere: what a [p2p.Node] refuses to send. Tests attack with it.
type Raw struct {
	host   host.Host
	pubsub *pubsub.PubSub
	topics map[string]*pubsub.Topic
	stop   context.CancelFunc
}

// rawMessage is the largest message a Raw sends: beyond what nodes accept.
const rawMessage = 4 << 20

// NewRaw starts a Raw on a host that no node uses. digest and committee are what
// its hello says. Close it before the Net.
func NewRaw(h *Host, digest, committee common.Hash) (*Raw, error) {
	var cfg p2p.Config
	h.Configure(&cfg)
	return newRaw(h.Name(), digest, committee, append(cfg.Transport, libp2p.ListenAddrStrings(h.Listen())))
}

// NewBrowser starts a Raw over real sockets that has of a browser the transports,
// WebSocket and WebRTC, and that it listens nowhere.
func NewBrowser(name string, digest, committee common.Hash) (*Raw, error) {
	return newRaw(name, digest, committee, []libp2p.Option{
		libp2p.Transport(websocket.New), libp2p.Transport(webrtc.New), libp2p.NoListenAddrs,
	})
}

func newRaw(name string, digest, committee common.Hash, place []libp2p.Option) (*Raw, error) {
	seed := sha256.Sum256([]byte("p2ptest/raw/" + name))
	key, _, err := crypto.GenerateEd25519Key(&repeat{seed[:]})
	if err != nil {
		return nil, fmt.Errorf("raw peer: %w", err)
	}
	raw := &Raw{topics: make(map[string]*pubsub.Topic)}
	raw.host, err = libp2p.New(append(place,
		libp2p.Identity(key), libp2p.ResourceManager(&network.NullResourceManager{}),
		libp2p.DisableRelay(), libp2p.ForceReachabilityPublic(), libp2p.DisableIdentifyAddressDiscovery(), libp2p.DisableMetrics(),
	)...)
	if err != nil {
		return nil, fmt.Errorf("raw peer: %w", err)
	}
	hello, err := rlp.EncodeToBytes([]any{"raw", string(p2p.RoleClient), digest, committee, [][]byte{}, uint64(0), []byte{}})
	if err != nil {
		return nil, fmt.Errorf("raw peer: %w", err)
	}
	raw.host.SetStreamHandler("/allegro/hello/1", func(s network.Stream) {
		_, _ = io.Copy(io.Discard, s)
		_, _ = s.Write(frame(hello))
		_ = s.Close()
	})
	ctx, stop := context.WithCancel(context.Background())
	raw.stop = stop
	raw.pubsub, err = pubsub.NewGossipSub(ctx, raw.host,
		pubsub.WithMessageSignaturePolicy(pubsub.StrictNoSign), pubsub.WithNoAuthor(), pubsub.WithFloodPublish(true),
		pubsub.WithMaxMessageSize(rawMessage),
		pubsub.WithMessageIdFn(func(m *pb.Message) string {
			h := sha256.Sum256(append([]byte(m.GetTopic()), m.GetData()...))
			return string(h[:])
		}))
	if err != nil {
		stop()
		return nil, errors.Join(fmt.Errorf("raw peer: %w", err), raw.host.Close())
	}
	return raw, nil
}

// repeat is an endless reader of the same bytes: a key that is the same at every
// run.
type repeat struct{ seed []byte }

// Read implements [io.Reader].
func (r *repeat) Read(p []byte) (int, error) { return copy(p, r.seed), nil }

// ID is the peer id.
func (r *Raw) ID() p2p.PeerID { return r.host.ID() }

// Connect dials a node at an address with /p2p/.
func (r *Raw) Connect(ctx context.Context, addr string) error {
	info, err := peer.AddrInfoFromString(addr)
	if err != nil {
		return fmt.Errorf("raw peer: %w", err)
	}
	if err := r.host.Connect(network.WithForceDirectDial(ctx, "test"), *info); err != nil {
		return fmt.Errorf("raw peer: %w", err)
	}
	return nil
}

// Publish sends bytes to a topic at once: to every connected peer that has
// announced it.
func (r *Raw) Publish(ctx context.Context, topic string, data []byte) error {
	t := r.topics[topic]
	if t == nil {
		var err error
		if t, err = r.pubsub.Join(topic); err != nil {
			return fmt.Errorf("raw peer: %w", err)
		}
		r.topics[topic] = t
	}
	if err := t.Publish(ctx, data); err != nil {
		return fmt.Errorf("raw peer: %w", err)
	}
	return nil
}

// Request opens a stream to a connected peer, sends payload as one frame, and
// returns the payload of the frame that comes back.
func (r *Raw) Request(ctx context.Context, to p2p.PeerID, id string, payload []byte) ([]byte, error) {
	return r.RequestBytes(ctx, to, id, frame(payload))
}

// RequestBytes is [Raw.Request] for bytes that need not be a frame.
func (r *Raw) RequestBytes(ctx context.Context, to p2p.PeerID, id string, data []byte) ([]byte, error) {
	stream, err := r.host.NewStream(ctx, to, protocol.ID(id))
	if err != nil {
		return nil, fmt.Errorf("raw peer: %w", err)
	}
	defer func() { _ = stream.Reset() }()
	stop := context.AfterFunc(ctx, func() { _ = stream.Reset() })
	defer stop()
	if _, err := stream.Write(data); err != nil {
		return nil, fmt.Errorf("raw peer: %w", err)
	}
	if err := stream.CloseWrite(); err != nil {
		return nil, fmt.Errorf("raw peer: %w", err)
	}
	answer, err := io.ReadAll(stream)
	if err != nil {
		return nil, fmt.Errorf("raw peer: %w", err)
	}
	if len(answer) < 4 || binary.BigEndian.Uint32(answer) != uint32(len(answer)-4) {
		return nil, fmt.Errorf("raw peer: %d bytes came back, which are no frame", len(answer))
	}
	return answer[4:], nil
}

// Close stops the peer.
func (r *Raw) Close() error {
	for _, t := range r.topics {
		_ = t.Close() // the pubsub ends with it
	}
	r.stop()
	return r.host.Close()
}

// frame puts the length in front of a payload.
func frame(payload []byte) []byte {
	return append(binary.BigEndian.AppendUint32(nil, uint32(len(payload))), payload...)
}
