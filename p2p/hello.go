package p2p

import (
	"crypto/ed25519"
	"fmt"

	"github.com/allegro-p2p/allegro/fastpay"
	"github.com/ethereum/go-ethereum/common"
)

// Limits of a hello (section 3).
const (
	maxVersion    = 64  // bytes of a program version
	maxHelloAddrs = 16  // addresses a peer may name: a few interfaces, two transports each, and the same for browsers
	maxAddrBytes  = 256 // bytes of one address: the longest DNS name fits
)

// helloRequest asks who the responder is and says who the requester is. Its field
// order is the RLP order:
// [version, role, network_digest32, committee_id32, [address …], nonce32].
type helloRequest struct {
	Version       string
	Role          Role
	NetworkDigest common.Hash
	CommitteeID   common.Hash
	Addrs         [][]byte // binary multiaddrs the requester listens on, without /p2p/
	Nonce         [32]byte // fresh and random, so that the answer cannot be a recording
}

// helloResponse is the answer. Its field order is the RLP order:
// [version, role, network_digest32, committee_id32, [address …], signer_plus_one, signature].
// CommitteeID is the one that SignerPlusOne counts in: the requester's if the
// responder is a member of it, else one that the responder takes part in.
type helloResponse struct {
	Version       string
	Role          Role
	NetworkDigest common.Hash
	CommitteeID   common.Hash
	Addrs         [][]byte
	SignerPlusOne uint64 // 0: not a member; else the signer index plus one
	Signature     []byte // empty, or 64 bytes over fastpay.HelloDigest
}

func (m *helloRequest) encode() []byte { return encodeMessage(m) }

func decodeHelloRequest(data []byte) (*helloRequest, error) {
	var m helloRequest
	if err := decodeMessage("hello request", data, &m); err != nil {
		return nil, err
	}
	return &m, checkHello(m.Version, m.Role, m.Addrs)
}

func (m *helloResponse) encode() []byte { return encodeMessage(m) }

func decodeHelloResponse(data []byte) (*helloResponse, error) {
	var m helloResponse
	if err := decodeMessage("hello response", data, &m); err != nil {
		return nil, err
	}
	if err := checkHello(m.Version, m.Role, m.Addrs); err != nil {
		return nil, err
	}
	if member := m.SignerPlusOne != 0; member != (len(m.Signature) == ed25519.SignatureSize) || !member && len(m.Signature) != 0 {
		return nil, fmt.Errorf("%w: hello response has a signature of %d bytes and signer index plus one %d", errFrame, len(m.Signature), m.SignerPlusOne)
	}
	return &m, nil
}

// checkHello checks the fields that both messages have.
func checkHello(version string, role Role, addrs [][]byte) error {
	if err := checkVersion(version); err != nil {
		return fmt.Errorf("%w: hello: %w", errFrame, err)
	}
	if err := role.check(); err != nil {
		return fmt.Errorf("%w: hello: %w", errFrame, err)
	}
	if len(addrs) > maxHelloAddrs {
		return fmt.Errorf("%w: hello with %d addresses, at most %d are possible", errFrame, len(addrs), maxHelloAddrs)
	}
	for _, a := range addrs {
		if len(a) > maxAddrBytes {
			return fmt.Errorf("%w: hello with an address of %d bytes, at most %d are possible", errFrame, len(a), maxAddrBytes)
		}
	}
	return nil
}

// checkVersion keeps a program version fit for a log line and a table.
func checkVersion(v string) error {
	if v == "" || len(v) > maxVersion {
		return fmt.Errorf("version has %d bytes, between 1 and %d are possible", len(v), maxVersion)
	}
	for _, c := range []byte(v) {
		if c < 0x20 || c > 0x7e {
			return fmt.Errorf("version %q is not printable ASCII", v)
		}
	}
	return nil
}

// memberKey verifies that the responder of a hello speaks for the committee
// member it names, and returns that member's vote key: nil if it names none, or
// one of a committee that this network file does not have. An error means a
// forged membership.
func (m *helloResponse) memberKey(rules *fastpay.Rules, requester, responder PeerID, nonce [32]byte) (ed25519.PublicKey, error) {
	if m.SignerPlusOne == 0 {
		return nil, nil
	}
	c, ok := rules.Committee(m.CommitteeID)
	if !ok {
		return nil, nil
	}
	if m.SignerPlusOne > uint64(c.Len()) {
		return nil, fmt.Errorf("claims to be member %d of a committee of %d", m.SignerPlusOne-1, c.Len())
	}
	key := c.Key(int(m.SignerPlusOne - 1))
	digest := fastpay.HelloDigest(m.CommitteeID, []byte(requester), []byte(responder), nonce)
	if !ed25519.Verify(key, digest[:], m.Signature) {
		return nil, fmt.Errorf("claims to be member %d of the committee without that member's signature", m.SignerPlusOne-1)
	}
	return key, nil
}
