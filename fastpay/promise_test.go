package fastpay

import (
	"slices"
	"testing"

	"github.com/ethereum/go-ethereum/common"
	"github.com/holiman/uint256"
)

func TestPromiseRoundTrip(t *testing.T) {
	n := newNetwork4(t)
	parent := n.pay(t, 1, 0, 5)
	p := &Promise{Tx: n.pay(t, 0, 2, 5, citing(parent)), Height: 77, QCs: []*QC{n.qc(t, parent)}}
	again, err := n.ParsePromise(p.Encode())
	noError(t, err)
	equal(t, "payment", again.Tx.ID(), p.Tx.ID())
	equal(t, "height", again.Height, 77)
	if !slices.Equal(again.reliesOn(), p.reliesOn()) {
		t.Error("the QCs are others")
	}
	equal(t, "re-encoded", string(again.Encode()), string(p.Encode()))
}

func TestPromiseOnDiskIsVerified(t *testing.T) {
	n := newNetwork4(t)
	tx := n.pay(t, 0, 2, 5)
	qc := n.qc(t, tx)
	broken := slices.Clone(qc.Encode())
	broken[len(broken)-1] ^= 1
	for _, c := range []struct {
		name string
		raw  []byte
		code Code
		text string
	}{
		{"not a list", []byte{0x80}, InvalidFormat, "promise"},
		{"forged payment", encode(&promiseBody{Tx: withSignature(n.envelope(0, 3, 5), tx.Signature())}), InvalidFormat, "signature is of"},
		{"forged QC", encode(&promiseBody{Tx: tx.raw, QCs: [][]byte{qc.raw, broken}}), InvalidFormat, "QC 1 of the promise"},
		{"unknown committee", encode(&promiseBody{Tx: withSignature(n.envelope(0, 1, 5, func(e *Envelope) { e.CommitteeID = common.Hash{1} }), nil)}), WrongCommittee, "update it"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := n.ParsePromise(c.raw)
			refused(t, err, c.code, c.text)
		})
	}
}

// I5: no own vote is forgotten because the network file changed what it takes.
func TestPromiseOutlivesAChangeOfPolicy(t *testing.T) {
	n := newNetwork4(t)
	p := &Promise{Tx: n.pay(t, 0, 2, 5)}
	cfg := n.cfg
	cfg.Assets = []Asset{{eur, *uint256.NewInt(1)}}
	cfg.MaxFees = []uint256.Int{*uint256.NewInt(1)}
	cfg.Sponsors = []common.Address{account(0)}
	stricter, err := NewRules(cfg)
	noError(t, err)
	_, err = stricter.ParseTx(p.Tx.Encode())
	refused(t, err, NotPaymentTx, "not listed")
	again, err := stricter.ParsePromise(p.Encode())
	noError(t, err)
	equal(t, "payment", again.Tx.ID(), p.Tx.ID())
}
