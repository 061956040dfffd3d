package main

import (
	"fmt"
	"time"

	"github.com/allegro-p2p/allegro/fastpay"
	"github.com/allegro-p2p/allegro/p2p/netfile"
	"github.com/allegro-p2p/allegro/testnet"
	"github.com/ethereum/go-ethereum/common"
)

// demoSchema names the format of demoDocument.
const demoSchema = "allegro.demo/v1"

// demoDocument is the result of the demo. Amounts, heights and micros are decimal
// strings; what is not known is null.
type demoDocument struct {
	Schema           string            `json:"schema"`
	Verdict          testnet.Verdict   `json:"verdict"`
	BlockTimeSeconds uint64            `json:"block_time_seconds"`
	Lane             netfile.Lane      `json:"lane"`
	Committee        demoCommittee     `json:"committee"`
	Payments         []demoPayment     `json:"payments"`
	Balances         map[string]string `json:"balances"`
	Blocks           []demoBlock       `json:"blocks"`
}

type demoCommittee struct {
	ID        string       `json:"id"`
	Members   []demoMember `json:"members"`
	Threshold uint64       `json:"threshold"`
	Total     uint64       `json:"total"`
}

type demoMember struct {
	Name   string `json:"name"`
	Key    string `json:"key"`
	Weight uint64 `json:"weight"`
}

type demoPayment struct {
	Name                string   `json:"name"`
	TxID                *string  `json:"tx_id"`
	From                string   `json:"from"`
	To                  string   `json:"to"`
	Amount              string   `json:"amount"`
	Parents             []string `json:"parents"`
	Stage               *string  `json:"stage"`
	SubmittedUnixMicros *string  `json:"submitted_unix_micros"`
	CertifiedUnixMicros *string  `json:"certified_unix_micros"`
	LatencyMicros       *string  `json:"latency_micros"`
	HeightAtQC          *string  `json:"height_at_qc"`
	IncludedHeight      *string  `json:"included_height"`
	LeadMicros          *string  `json:"lead_micros"`
	Signers             []string `json:"signers"`
	VerifiedBy          []string `json:"verified_by"`
	ChainTxHash         *string  `json:"chain_tx_hash"`
}

type demoBlock struct {
	Height         string `json:"height"`
	SeenUnixMicros string `json:"seen_unix_micros"`
}

func newDemoDocument(file *netfile.File, c *fastpay.Committee, r *testnet.Result) *demoDocument {
	doc := &demoDocument{
		Schema: demoSchema, Verdict: r.Verdict, BlockTimeSeconds: file.Chain.BlockTimeSeconds, Lane: file.Chain.Lane,
		Committee: demoCommittee{ID: c.ID().Hex(), Threshold: c.Quorum(), Total: c.Total()},
		Payments:  []demoPayment{}, Balances: make(map[string]string), Blocks: []demoBlock{},
	}
	for i, m := range file.MembersOf(c.ID()) {
		doc.Committee.Members = append(doc.Committee.Members, demoMember{m.Name, fmt.Sprintf("0x%x", m.Key[:]), c.Weight(i)})
	}
	for _, hop := range r.Hops {
		doc.Payments = append(doc.Payments, newDemoPayment(hop))
	}
	for _, b := range r.Balances {
		doc.Balances[b.Name] = b.Have.Dec()
	}
	for _, b := range r.Blocks {
		doc.Blocks = append(doc.Blocks, demoBlock{fmt.Sprint(b.Block.Number), fmt.Sprint(b.Seen.UnixMicro())})
	}
	return doc
}

func newDemoPayment(hop *testnet.Hop) demoPayment {
	p := demoPayment{
		Name: hop.Name, From: hop.From, To: hop.To, Amount: hop.Amount.Dec(), Parents: []string{},
		TxID: hashText(hop.ID), ChainTxHash: hashText(hop.ChainTx),
		SubmittedUnixMicros: microsText(hop.Submitted), CertifiedUnixMicros: microsText(hop.Certified),
		Signers: append([]string{}, hop.Signers...), VerifiedBy: append([]string{}, hop.VerifiedBy...),
	}
	for _, id := range hop.Parents {
		p.Parents = append(p.Parents, id.Hex())
	}
	if hop.Stage != "" {
		stage := string(hop.Stage)
		p.Stage = &stage
	}
	if !hop.Certified.IsZero() {
		p.LatencyMicros = text(hop.Certified.Sub(hop.Submitted).Microseconds())
		p.HeightAtQC = text(hop.HeightAtQC)
	}
	if hop.Included > 0 {
		p.IncludedHeight = text(hop.Included)
	}
	if lead, known := hop.Lead(); known {
		p.LeadMicros = text(lead.Microseconds())
	}
	return p
}

// text is a number as a JSON string.
func text(v any) *string {
	s := fmt.Sprint(v)
	return &s
}

// hashText is a hash as a JSON string, null for the zero hash.
func hashText(h common.Hash) *string {
	if h == (common.Hash{}) {
		return nil
	}
	return text(h.Hex())
}

// microsText is a moment as a JSON string, null for the zero time.
func microsText(t time.Time) *string {
	if t.IsZero() {
		return nil
	}
	return text(t.UnixMicro())
}
