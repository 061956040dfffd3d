package document

import (
	"fmt"
	"strconv"

	"github.com/allegro-p2p/allegro/fastpay"
	"github.com/allegro-p2p/allegro/p2p"
	"github.com/ethereum/go-ethereum/common"
)

// Message is a gossip message as a peer met it.
type Message struct {
	Schema    string   `json:"schema"`
	Micros    string   `json:"unix_micros"`
	Topic     string   `json:"topic"`
	Kind      string   `json:"kind"`
	MessageID string   `json:"message_id"`
	From      PeerName `json:"from"` // the neighbour that sent it, which need not be its author
	Own       bool     `json:"own"`  // published by this peer
	Bytes     int      `json:"bytes"`
	Verdict   string   `json:"verdict"` // "accept", "ignore" or "reject"
	Code      *string  `json:"code"`    // why it was not forwarded, if it was not just known
	Problem   *string  `json:"problem"`
	Dropped   string   `json:"dropped"` // messages before this one that this stream had no room for
	Content   *Content `json:"content"` // null unless it was asked for and verifies
}

// MessageSchema names the format of Message.
const MessageSchema = "allegro.message/v1"

// Content is what is in a message. All of it verifies. One of its fields is set.
type Content struct {
	Payments []GossipedPayment `json:"payments,omitempty"`
	Votes    *GossipedVotes    `json:"votes,omitempty"`
	Head     *Head             `json:"head,omitempty"`
	Evidence *GossipedEvidence `json:"evidence,omitempty"`
}

// GossipedPayment is a payment in a message.
type GossipedPayment struct {
	TxID     string   `json:"tx_id"`
	From     string   `json:"from"`
	To       string   `json:"to"`
	Asset    string   `json:"asset"`
	Symbol   *string  `json:"symbol"`
	Decimals *uint8   `json:"decimals"`
	Amount   string   `json:"amount"` // token units
	Seq      string   `json:"seq"`
	Parents  []string `json:"parents"`
	QCs      int      `json:"qcs"` // of its parents that came along
}

// GossipedVotes are one validator's votes under one signature.
type GossipedVotes struct {
	Validator string   `json:"validator"`
	TxIDs     []string `json:"tx_ids"`
}

// GossipedEvidence is proof of an equivocation.
type GossipedEvidence struct {
	Kind      string   `json:"kind"` // "payer" or "validator": who is convicted
	Validator *string  `json:"validator"`
	Payer     *string  `json:"payer"`
	TxIDs     []string `json:"tx_ids"` // the two payments
}

// Messages describes gossip messages one after the other. Not safe for concurrent use.
type Messages struct {
	d      *Describer
	decode bool
	names  map[p2p.PeerID]string
}

// Messages returns a describer of messages; decode asks for what is in them.
func (d *Describer) Messages(decode bool) *Messages {
	return &Messages{d: d, decode: decode, names: make(map[p2p.PeerID]string)}
}

// Of describes a message.
func (m *Messages) Of(h *p2p.Heard) Message {
	doc := Message{
		Schema: MessageSchema, Micros: Micros(h.At), Topic: h.Topic, Kind: h.Kind, MessageID: hexOf(h.ID[:]),
		From: m.named(h.From), Own: h.Own, Bytes: len(h.Data), Verdict: h.Verdict.String(), Dropped: strconv.FormatUint(h.Dropped, 10),
	}
	if h.Problem != nil {
		doc.Code, doc.Problem = OrNull(string(fastpay.Classify(h.Problem).Code)), new(h.Problem.Error())
	}
	if m.decode {
		doc.Content = m.d.content(h)
	}
	return doc
}

// named is a peer with its name. Names do not change while a peer runs, and who has
// none is looked up again.
func (m *Messages) named(id p2p.PeerID) PeerName {
	if m.names[id] == "" {
		for _, p := range m.d.node.Peers() {
			m.names[p.ID] = p.Name
		}
	}
	return PeerName{PeerID: id.String(), Name: OrNull(m.names[id])}
}

// content decodes and verifies a message once more; nil if it does not verify. That
// costs the reader alone, not the way of the message.
func (d *Describer) content(h *p2p.Heard) *Content {
	switch h.Kind {
	case "tx":
		return d.gossipedPayments(h.Data)
	case "cert":
		b, err := d.rules.ParseBatch(h.Data)
		if err != nil {
			return nil
		}
		votes := &GossipedVotes{Validator: d.memberName(b.CommitteeID(), b.Signer()), TxIDs: []string{}}
		for _, id := range b.IDs() {
			votes.TxIDs = append(votes.TxIDs, id.Hex())
		}
		return &Content{Votes: votes}
	case "head":
		head, err := d.rules.ParseHead(h.Data)
		if err != nil {
			return nil
		}
		v := head.View()
		return &Content{Head: &Head{
			Validator: d.memberName(head.CommitteeID(), head.Signer()), Height: strconv.FormatUint(v.Height, 10),
			FinalizedHeight: strconv.FormatUint(v.FinalizedHeight, 10), Time: strconv.FormatUint(v.Time, 10),
		}}
	default:
		e, err := d.rules.ParseEvidence(h.Data)
		if err != nil {
			return nil
		}
		return &Content{Evidence: d.gossipedEvidence(e)}
	}
}

func (d *Describer) gossipedPayments(data []byte) *Content {
	items, err := fastpay.SplitPayments(data)
	if err != nil {
		return nil
	}
	c := &Content{Payments: []GossipedPayment{}}
	for _, item := range items {
		p, err := d.rules.ParsePayment(item)
		if err != nil {
			return nil
		}
		env := p.Tx.Envelope()
		doc := GossipedPayment{
			TxID: p.Tx.ID().Hex(), From: env.Sender.Hex(), To: env.Recipient.Hex(), Asset: env.Asset.Hex(), Amount: env.Amount.Dec(),
			Seq: strconv.FormatUint(env.Seq, 10), Parents: []string{}, QCs: len(p.Parents),
		}
		for _, parent := range env.Parents {
			doc.Parents = append(doc.Parents, parent.Hex())
		}
		if asset, ok := d.file.AssetByAddress(env.Asset); ok {
			doc.Symbol, doc.Decimals = &asset.Symbol, &asset.Decimals
		}
		c.Payments = append(c.Payments, doc)
	}
	return c
}

func (d *Describer) gossipedEvidence(e *fastpay.Evidence) *GossipedEvidence {
	a, b := e.Payments()
	doc := &GossipedEvidence{Kind: "payer", TxIDs: []string{a.ID().Hex(), b.ID().Hex()}}
	if signer, ok := e.Signer(); ok {
		doc.Kind, doc.Validator = "validator", new(d.memberName(e.CommitteeID(), signer))
	} else {
		doc.Payer = new(a.Sender().Hex())
	}
	return doc
}

// memberName names a member of a committee that a verified value is of.
func (d *Describer) memberName(committeeID common.Hash, index int) string {
	if c, ok := d.rules.Committee(committeeID); ok {
		return d.name(c, index)
	}
	return fmt.Sprintf("member %d", index)
}
