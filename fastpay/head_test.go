package fastpay

import (
	"crypto/ed25519"
	"testing"

	"github.com/ethereum/go-ethereum/common"
)

// aView is a validator's view of its node.
var aView = HeadView{
	Height: 900, Hash: common.Hash{1}, Time: 2_000,
	FinalizedHeight: 898, FinalizedHash: common.Hash{2}, FinalizedTime: 1_998,
}

// head is a member's signed view.
func (n *network) head(t testing.TB, signer int, v HeadView) *Head {
	t.Helper()
	digest := HeadDigest(n.c, signer, v)
	h, err := NewHead(n.c, signer, v, ed25519.Sign(n.keys[n.c.ID()][signer], digest[:]))
	noError(t, err)
	return h
}

func TestHeadRoundTrip(t *testing.T) {
	n := newNetwork4(t)
	h := n.head(t, 2, aView)
	again, err := n.ParseHead(h.Encode())
	noError(t, err)
	equal(t, "view", again.View(), aView)
	equal(t, "signer", again.Signer(), 2)
	equal(t, "committee", again.CommitteeID(), n.c.ID())
	equal(t, "re-encoded", string(again.Encode()), string(h.Encode()))
}

func TestHeadSignatureBindsEveryField(t *testing.T) {
	n := newNetwork4(t)
	good := n.head(t, 2, aView)
	for name, f := range map[string]func(*headBody){
		"signer": func(b *headBody) { b.Signer = 1 }, "height": func(b *headBody) { b.Height++ }, "hash": func(b *headBody) { b.Hash[9]++ },
		"time": func(b *headBody) { b.Time++ }, "finalized height": func(b *headBody) { b.FinalizedHeight-- },
		"finalized hash": func(b *headBody) { b.FinalizedHash[9]++ }, "finalized time": func(b *headBody) { b.FinalizedTime++ },
		"committee": func(b *headBody) { b.CommitteeID = n.next.ID() }, "signature": func(b *headBody) { b.Signature[0]++ },
	} {
		t.Run(name, func(t *testing.T) {
			body := good.body
			f(&body)
			_, err := n.ParseHead(encode(&body))
			refused(t, err, InvalidFormat, "signature does not verify")
		})
	}
}

func TestHeadRefusals(t *testing.T) {
	n := newNetwork4(t)
	// signed is a head that its member signed although it is wrong.
	signed := func(f func(*headBody)) []byte {
		body := newHeadBody(n.c, 2, aView)
		f(&body)
		digest := body.digest()
		body.Signature = [64]byte(ed25519.Sign(n.keys[n.c.ID()][2], digest[:]))
		return encode(&body)
	}
	for _, c := range []struct {
		name string
		raw  []byte
		code Code
		text string
	}{
		{"another chain", signed(func(b *headBody) { b.ChainID++ }), WrongChain, "head is of chain 42432"},
		{"no such signer", signed(func(b *headBody) { b.Signer = 4 }), InvalidFormat, "is not in committee"},
		{"finalized above the head", signed(func(b *headBody) { b.FinalizedHeight = 901 }), InvalidFormat, "is above height 900"},
		{"unknown committee", signed(func(b *headBody) { b.CommitteeID[0]++ }), WrongCommittee, "not in this network file"},
		{"trailing byte", append(signed(func(*headBody) {}), 0), InvalidFormat, "canonical rlp"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := n.ParseHead(c.raw)
			refused(t, err, c.code, c.text)
		})
	}
	_, err := NewHead(n.c, 2, aView, make([]byte, 63))
	refused(t, err, InvalidFormat, "63 bytes")
	_, err = NewHead(n.c, 2, aView, make([]byte, 64))
	refused(t, err, InvalidFormat, "does not verify")
}
