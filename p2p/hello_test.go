package p2p

import (
	"bytes"
	"crypto/ed25519"
	"errors"
	"strings"
	"testing"

	"github.com/allegro-p2p/allegro/fastpay"
	"github.com/ethereum/go-ethereum/common"
	ma "github.com/multiformats/go-multiaddr"
)

func goodHelloRequest() *helloRequest {
	return &helloRequest{
		Version: "v1.2.3", Role: RoleClient, NetworkDigest: common.Hash{1}, CommitteeID: common.Hash{2},
		Addrs: [][]byte{{1, 2, 3}}, Nonce: [32]byte{9},
	}
}

func goodHelloResponse() *helloResponse {
	return &helloResponse{
		Version: "v1.2.3", Role: RoleValidator, NetworkDigest: common.Hash{1}, CommitteeID: common.Hash{2},
		Addrs: [][]byte{{1, 2, 3}}, SignerPlusOne: 3, Signature: make([]byte, 64),
	}
}

func TestHelloRequestForm(t *testing.T) {
	if _, err := decodeHelloRequest(goodHelloRequest().encode()); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(m *helloRequest){
		"no version":            func(m *helloRequest) { m.Version = "" },
		"long version":          func(m *helloRequest) { m.Version = strings.Repeat("v", maxVersion+1) },
		"version with a escape": func(m *helloRequest) { m.Version = "v1\x1b[2J" },
		"version not ASCII":     func(m *helloRequest) { m.Version = "v1ü" },
		"no role":               func(m *helloRequest) { m.Role = "" },
		"unknown role":          func(m *helloRequest) { m.Role = "king" },
		"too many addresses":    func(m *helloRequest) { m.Addrs = make([][]byte, maxHelloAddrs+1) },
		"long address":          func(m *helloRequest) { m.Addrs = [][]byte{make([]byte, maxAddrBytes+1)} },
	} {
		m := goodHelloRequest()
		change(m)
		if _, err := decodeHelloRequest(m.encode()); !errors.Is(err, errFrame) {
			t.Errorf("%s: %v, want errFrame", name, err)
		}
	}
	good := goodHelloRequest().encode()
	for name, data := range map[string][]byte{
		"trailing bytes": append(bytes.Clone(good), 0),
		"truncated":      good[:len(good)-1],
		"empty":          nil,
		"a field less":   encodeMessage([]any{"v1", RoleClient, common.Hash{}, common.Hash{}, [][]byte{}}),
		"a field more":   encodeMessage([]any{"v1", RoleClient, common.Hash{}, common.Hash{}, [][]byte{}, [32]byte{}, "more"}),
		"short nonce":    encodeMessage([]any{"v1", RoleClient, common.Hash{}, common.Hash{}, [][]byte{}, [31]byte{}}),
	} {
		if _, err := decodeHelloRequest(data); !errors.Is(err, errFrame) {
			t.Errorf("%s: %v, want errFrame", name, err)
		}
	}
}

func TestHelloResponseForm(t *testing.T) {
	for name, c := range map[string]struct {
		change func(m *helloResponse)
		good   bool
	}{
		"member":                       {func(*helloResponse) {}, true},
		"no member":                    {func(m *helloResponse) { m.SignerPlusOne, m.Signature = 0, nil }, true},
		"member without a signature":   {func(m *helloResponse) { m.Signature = nil }, false},
		"signature without a member":   {func(m *helloResponse) { m.SignerPlusOne = 0 }, false},
		"short signature":              {func(m *helloResponse) { m.Signature = m.Signature[:63] }, false},
		"long signature":               {func(m *helloResponse) { m.Signature = make([]byte, 65) }, false},
		"no member, short signature":   {func(m *helloResponse) { m.SignerPlusOne, m.Signature = 0, []byte{1} }, false},
		"unknown role":                 {func(m *helloResponse) { m.Role = "king" }, false},
		"too many addresses":           {func(m *helloResponse) { m.Addrs = make([][]byte, maxHelloAddrs+1) }, false},
		"version with a control byte":  {func(m *helloResponse) { m.Version = "v\n1" }, false},
		"signer index of 64 bits":      {func(m *helloResponse) { m.SignerPlusOne = 1<<64 - 1 }, true}, // membership is checked later
		"no addresses":                 {func(m *helloResponse) { m.Addrs = nil }, true},
		"address that is no multiaddr": {func(m *helloResponse) { m.Addrs = [][]byte{{0xff}} }, true}, // left out when it is used
	} {
		m := goodHelloResponse()
		c.change(m)
		if _, err := decodeHelloResponse(m.encode()); (err == nil) != c.good || err != nil && !errors.Is(err, errFrame) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestHelloMembership(t *testing.T) {
	w := NewWorld(t, 3)
	requester, responder := IdentityFromSeed("requester").PeerID(), IdentityFromSeed("responder").PeerID()
	nonce := [32]byte{1, 2, 3}
	sign := func(signer int, committee common.Hash, requester, responder PeerID, nonce [32]byte) []byte {
		d := fastpay.HelloDigest(committee, []byte(requester), []byte(responder), nonce)
		return ed25519.Sign(w.Keys[signer], d[:])
	}
	good := sign(1, w.Now.ID(), requester, responder, nonce)
	for _, c := range []struct {
		name      string
		committee common.Hash
		plusOne   uint64
		signature []byte
		member    int // -1: none
		forged    bool
	}{
		{"a member", w.Now.ID(), 2, good, 1, false},
		{"nobody", w.Now.ID(), 0, nil, -1, false},
		{"member of the next committee", w.Later.ID(), 1, sign(0, w.Later.ID(), requester, responder, nonce), 0, false},
		{"member of an unknown committee", common.Hash{5}, 2, good, -1, false},
		{"another member's index", w.Now.ID(), 1, good, -1, true},
		{"index beyond the committee", w.Now.ID(), 4, good, -1, true},
		{"index of 64 bits", w.Now.ID(), 1<<64 - 1, good, -1, true},
		{"signature for another committee", w.Later.ID(), 2, good, -1, true},
		{"replayed with an old nonce", w.Now.ID(), 2, sign(1, w.Now.ID(), requester, responder, [32]byte{9}), -1, true},
		{"relayed from another responder", w.Now.ID(), 2, sign(1, w.Now.ID(), requester, requester, nonce), -1, true},
		{"made for another requester", w.Now.ID(), 2, sign(1, w.Now.ID(), responder, responder, nonce), -1, true},
		{"garbage", w.Now.ID(), 2, make([]byte, 64), -1, true},
	} {
		m := helloResponse{CommitteeID: c.committee, SignerPlusOne: c.plusOne, Signature: c.signature}
		key, err := m.memberKey(w.Rules, requester, responder, nonce)
		if (err != nil) != c.forged {
			t.Errorf("%s: error %v", c.name, err)
		}
		if c.member < 0 && key != nil || c.member >= 0 && !key.Equal(w.Now.Key(c.member)) {
			t.Errorf("%s: member key %x", c.name, key)
		}
	}
}

func FuzzHelloRequest(f *testing.F) {
	f.Add(goodHelloRequest().encode())
	f.Add([]byte{0xc0})
	f.Fuzz(func(t *testing.T, data []byte) {
		if m, err := decodeHelloRequest(data); err == nil && !bytes.Equal(m.encode(), data) {
			t.Errorf("%x is not canonical", data)
		}
	})
}

func FuzzHelloResponse(f *testing.F) {
	f.Add(goodHelloResponse().encode())
	f.Add([]byte{0xc0})
	f.Fuzz(func(t *testing.T, data []byte) {
		if m, err := decodeHelloResponse(data); err == nil && !bytes.Equal(m.encode(), data) {
			t.Errorf("%x is not canonical", data)
		}
	})
}

func TestToldAddrs(t *testing.T) {
	parse := func(s string) ma.Multiaddr { return must(ma.NewMultiaddr(s)) }
	const certhash = "/certhash/uEiAsGPzpiPGQzSlVHRXrUCT5EkTV7YFrV4VZ3hpEKTd_zg"
	offered := []string{
		"/ip4/127.0.0.1/tcp/1", "/ip4/192.168.0.1/tcp/2", "/ip4/1.2.3.4/tcp/3", "/ip4/1.2.3.4/udp/3/quic-v1", "/dns4/example.org/tcp/4",
		"/ip4/1.2.3.4/tcp/6/ws", "/ip4/1.2.3.4/udp/6/webrtc-direct" + certhash,
		"/ip4/0.0.0.0/tcp/5", "/ip4/1.2.3.4/tcp/0", "/ip4/1.2.3.4/tcp/0/ws", "/ip4/1.2.3.4/tcp/7/p2p/" + somePeer,
		"/ip4/1.2.3.4/tcp/6/ws/p2p/" + somePeer, "/ip4/1.2.3.4/udp/6/webrtc-direct" + certhash + "/p2p/" + somePeer,
		"/ip4/1.2.3.4/tcp/6/tls/ws", "/ip4/1.2.3.4/udp/6/quic-v1/webtransport",
		"/ip4/1.2.3.4/tcp/8/p2p/" + somePeer + "/p2p-circuit",
	}
	raw := [][]byte{{0xff, 0xff}, nil}
	for _, s := range offered {
		raw = append(raw, parse(s).Bytes())
	}
	for _, c := range []struct {
		remote string
		want   []string
	}{
		{"/ip4/127.0.0.1/tcp/9", offered[:7]},
		{"/ip4/10.0.0.9/tcp/9", offered[1:7]},
		{"/ip4/9.9.9.9/udp/9/quic-v1", offered[2:7]},
	} {
		if got := texts(toldAddrs(raw, parse(c.remote))); strings.Join(got, " ") != strings.Join(c.want, " ") {
			t.Errorf("from %s: %v, want %v", c.remote, got, c.want)
		}
	}
}
