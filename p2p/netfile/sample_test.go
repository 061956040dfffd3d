package netfile

import (
	"crypto/ed25519"
	"fmt"
	"testing"

	"github.com/ethereum/go-ethereum/common"
	"github.com/holiman/uint256"
	ma "github.com/multiformats/go-multiaddr"
)

// sample returns a valid file with two assets and two epochs.
func sample() *File {
	asset := func(last byte) Address { return Address{0: 0x20, 1: 0xc0, 19: last} }
	return &File{
		Version: Version,
		Name:    "demo",
		Chain:   Chain{ID: 31337, BlockTimeSeconds: 5, Finality: Finalized, Lane: PaymentLane, FIFO: true},
		Assets: []Asset{
			{Symbol: "pathUSD", Address: asset(0), Decimals: 6, MinAmount: amount(1)},
			{Symbol: "AlphaUSD", Address: asset(1), Decimals: 6, MinAmount: amount(100)},
		},
		Fees:   Fees{MaxFeePerGas: []Amount{amount(0), amount(20_000_000_000)}, FeeToken: asset(1)},
		Limits: Limits{MinSettleSeconds: 600, MaxLifeSeconds: 86_400, DefaultLifeSeconds: 3_600, SponsoredPerPayerPerHour: 3_600},
		Committees: []Committee{
			{Epoch: 1, Start: 0, End: 2_000_000_000, Members: []Member{member("dave"), member("edgar")}},
			{Epoch: 2, Start: 2_000_000_000, End: 4_102_444_800, Members: []Member{member("dave"), member("edgar"), member("frida"), member("gustav")}},
		},
	}
}

// member returns a member whose keys follow from its name.
func member(name string) Member {
	return Member{
		Name:      name,
		Key:       keyOfName(name),
		Weight:    1,
		Sponsor:   Address(common.BytesToAddress([]byte("sponsor of " + name))),
		Addresses: []string{"/ip4/127.0.0.1/tcp/4001" + peerPart(name), "/ip4/127.0.0.1/udp/4001/quic-v1" + peerPart(name)},
	}
}

// subBlock makes f a network of a sub-block lane.
func subBlock(f *File) {
	f.Chain.Lane = SubBlockLane
	for i := range f.Committees {
		for j := range f.Committees[i].Members {
			m := &f.Committees[i].Members[j]
			m.NodeKey = keyOfName("node of " + m.Name)
		}
	}
}

func keyOfName(name string) Key {
	seed := make([]byte, ed25519.SeedSize)
	copy(seed, name)
	return Key(ed25519.NewKeyFromSeed(seed).Public().(ed25519.PublicKey))
}

// peerPart returns "/p2p/" and the peer id of a transport key that follows from
// the name: the identity multihash of the key's protobuf form.
func peerPart(name string) string {
	key := keyOfName("peer " + name)
	raw := append([]byte{0xa5, 0x03, 38, 0x00, 36, 0x08, 0x01, 0x12, 32}, key[:]...)
	parsed, err := ma.NewMultiaddrBytes(raw)
	if err != nil {
		panic(fmt.Sprintf("peer id of %s: %v", name, err))
	}
	return parsed.String()
}

func amount(n uint64) Amount { return Amount(*uint256.NewInt(n)) }

func TestSampleIsValid(t *testing.T) {
	f := sample()
	if err := f.Validate(); err != nil {
		t.Error(err)
	}
	subBlock(f)
	if err := f.Validate(); err != nil {
		t.Errorf("with sub-block lanes: %v", err)
	}
}
