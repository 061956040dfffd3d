package daemon

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/allegro-p2p/allegro/cmd/internal/api"
	"github.com/allegro-p2p/allegro/fastpay"
	"github.com/allegro-p2p/allegro/p2p"
	"github.com/allegro-p2p/allegro/p2p/netfile"
	"github.com/allegro-p2p/allegro/p2p/replica"
	"github.com/ethereum/go-ethereum/common"
)

// self describes this peer.
func (d *Daemon) self() api.Self {
	cfg := d.home.Config()
	doc := api.Self{
		Schema: api.SelfSchema, Name: cfg.Node.Name, Role: cfg.Node.Role, PeerID: d.node.ID().String(),
		Addresses: emptyIfNil(d.node.Addrs()), Home: d.home.Dir(), Version: d.opts.Version,
	}
	if d.account != nil {
		doc.Account = ptr(netfile.Address(*d.account))
	}
	running := &api.Running{
		PID: os.Getpid(), API: d.socket, Since: micros(d.started), Metrics: orNull(d.metricsURL), Network: d.file.String(),
		Ready: d.readiness(), Chain: d.chainDocument(), Problems: d.problems(),
	}
	if d.validator != nil {
		signing, why := d.signing()
		running.Signing, running.WhyNot = &signing, orNull(why)
		doc.ValidatorKey = ptr(netfile.Key(d.voteKey))
	}
	doc.Running = running
	return doc
}

// signing reports whether this validator signs for the committee in office, and why not.
func (d *Daemon) signing() (bool, string) {
	if _, reason := d.validator.MaySign(d.current().ID()); reason != nil {
		return false, reason.Error()
	}
	return true, ""
}

func (d *Daemon) readiness() api.Readiness {
	c := d.current()
	r := d.node.Readiness(c.ID())
	return api.Readiness{
		Mesh: r.Ready, Quorum: r.QuorumReachable(), Weight: r.Weight, Threshold: c.Quorum(), Total: c.Total(),
		Waiting: emptyIfNil(r.Waiting), Missing: emptyIfNil(r.Missing),
	}
}

func (d *Daemon) chainDocument() api.Chain {
	doc := api.Chain{ID: strconv.FormatUint(d.rules.ChainID(), 10)}
	doc.Node, doc.Backup = d.chain.Node()
	d.replica.Read(func(b *fastpay.Board) {
		if b.Latest().Hash == (common.Hash{}) {
			return
		}
		doc.Height, doc.FinalizedHeight = decimal(b.Latest().Number), decimal(b.Finalized().Number)
		doc.FinalizedTime = decimal(b.Finalized().Time)
	})
	if seen := d.replica.BlocksSeen(); len(seen) > 0 {
		doc.HeadSeen = ptr(micros(seen[len(seen)-1].Seen))
	}
	return doc
}

// Bounds beyond which an operator should look.
const (
	// staleBlocks is how many block times without a block are no accident.
	staleBlocks = 3
	// maxSkew is how far this machine's clock may be from the chain's. Nothing
	// depends on the clock itself, but logs, certificates of others and people do.
	maxSkew = time.Minute
)

// problems are what an operator should look at.
func (d *Daemon) problems() []string {
	problems := []string{}
	if d.validator != nil {
		if signing, why := d.signing(); !signing {
			problems = append(problems, "this validator does not sign: "+why)
		}
	}
	host, backup := d.chain.Node()
	if backup {
		problems = append(problems, fmt.Sprintf("this peer's own chain node gives no answer or is behind, the backup at %s is used: look at the own node", host))
	}
	seen := d.replica.BlocksSeen()
	if len(seen) == 0 {
		return append(problems, fmt.Sprintf("the chain node at %s has shown no block yet: is it running, and is chain.rpc in config.toml right?", host))
	}
	last := seen[len(seen)-1]
	blockTime := time.Duration(d.file.Chain.BlockTimeSeconds) * time.Second
	if age := d.opts.Now().Sub(last.Seen); age > staleBlocks*blockTime {
		problems = append(problems, fmt.Sprintf("the chain node at %s has shown no new block for %s: look at the node", host, age.Round(time.Second)))
	}
	if skew := last.Seen.Sub(time.Unix(int64(last.Block.Time), 0)); skew > maxSkew+blockTime || skew < -maxSkew {
		problems = append(problems, fmt.Sprintf("this machine's clock is %s %s the chain's: set it, for example with a time server", skew.Abs().Round(time.Second), map[bool]string{true: "ahead of", false: "behind"}[skew > 0]))
	}
	return problems
}

func (d *Daemon) peers() api.Peers {
	doc := api.Peers{Schema: api.PeersSchema, Peers: []api.Peer{}}
	for _, p := range d.node.Peers() {
		doc.Peers = append(doc.Peers, peerDocument(p))
	}
	return doc
}

func peerDocument(p p2p.PeerInfo) api.Peer {
	doc := api.Peer{
		PeerID: p.ID.String(), Name: orNull(p.Name), State: string(p.State), Role: orNull(string(p.Role)), Version: orNull(p.Version),
		Transport: orNull(p.Transport), Address: orNull(p.Addr), Addresses: emptyIfNil(p.Addrs), Score: p.Score, Problem: orNull(p.Problem),
	}
	if p.Addr != "" {
		direction := "inbound"
		if p.Outbound {
			direction = "outbound"
		}
		doc.Direction, doc.SinceMicros = &direction, ptr(micros(p.Since))
	}
	if p.Latency > 0 {
		doc.LatencyMicros = decimal(uint64(p.Latency.Microseconds()))
	}
	return doc
}

func (d *Daemon) topics() api.Topics {
	names := make(map[p2p.PeerID]string)
	for _, p := range d.node.Peers() {
		names[p.ID] = p.Name
	}
	named := func(ids []p2p.PeerID) []api.PeerName {
		out := []api.PeerName{}
		for _, id := range ids {
			out = append(out, api.PeerName{PeerID: id.String(), Name: orNull(names[id])})
		}
		return out
	}
	doc := api.Topics{Schema: api.TopicsSchema, Topics: []api.Topic{}}
	for _, t := range d.node.Topics() {
		doc.Topics = append(doc.Topics, api.Topic{
			Name: t.Name, Kind: t.Kind, Committee: t.Committee.Hex(), Peers: named(t.Peers), Mesh: named(t.Mesh),
		})
	}
	return doc
}

// committee describes the committee in office, with what this peer knows of its
// members.
func (d *Daemon) committee() api.Committee {
	c := d.current()
	doc := CommitteeDocument(d.file, c)
	heads := d.heads(c)
	for i, m := range d.node.Members(c.ID()) {
		member := &doc.Members[i]
		reached := m.Reached()
		member.Reached, member.Problem = &reached, orNull(notReached(&m))
		if m.Peer != "" {
			member.PeerID = ptr(m.Peer.String())
		}
		if at := slices.IndexFunc(heads, func(h api.Head) bool { return h.Validator == member.Name }); at >= 0 {
			member.Head = &heads[at]
		}
	}
	return doc
}

// heads are the members' newest views of the chain.
func (d *Daemon) heads(c *fastpay.Committee) []api.Head {
	out := []api.Head{}
	d.replica.Read(func(b *fastpay.Board) {
		for _, h := range b.Heads(c.ID()) {
			v := h.View()
			out = append(out, api.Head{
				Validator: d.memberName(c, h.Signer()), Height: strconv.FormatUint(v.Height, 10),
				FinalizedHeight: strconv.FormatUint(v.FinalizedHeight, 10), Time: strconv.FormatUint(v.Time, 10),
			})
		}
	})
	return out
}

// payment describes a payment; ok is false if it is not known here.
func (d *Daemon) payment(id fastpay.ID) (doc api.Payment, ok bool) {
	timeline, _ := d.replica.Timeline(id)
	var committee *fastpay.Committee
	d.replica.Read(func(b *fastpay.Board) {
		tx, known := b.Tx(id)
		if !known {
			return
		}
		if committee, ok = d.rules.Committee(tx.CommitteeID()); ok {
			doc = d.paymentOn(b, tx, committee, timeline)
		}
	})
	if !ok {
		return api.Payment{}, false
	}
	doc.Heads = d.heads(committee)
	if *orEmpty(doc.Stage) == "" || fastpay.Stage(*doc.Stage).Rank() < fastpay.StageCertified.Rank() {
		d.explainWaiting(&doc, committee)
	}
	return doc, true
}

// paymentOn describes a payment by the Board. It must not call the replica.
func (d *Daemon) paymentOn(b *fastpay.Board, tx *fastpay.Tx, c *fastpay.Committee, t replica.Timeline) api.Payment {
	env, id := tx.Envelope(), tx.ID()
	doc := api.Payment{
		Schema: api.PaymentSchema, TxID: id.Hex(), From: env.Sender.Hex(), To: env.Recipient.Hex(), Asset: env.Asset.Hex(),
		Amount: env.Amount.Dec(), Seq: strconv.FormatUint(env.Seq, 10), Parents: []string{},
		ValidBefore: strconv.FormatUint(env.ValidBefore, 10), Restart: strconv.FormatUint(env.Restart, 10),
		CommitteeID: env.CommitteeID.Hex(), Raw: hexOf(tx.Encode()), Threshold: c.Quorum(), Total: c.Total(),
		Votes: []api.Vote{}, Signers: []string{}, Waiting: []api.WaitingFor{}, Heads: []api.Head{},
		FirstSeenMicros: microsOrNull(t.FirstSeen), CertifiedMicros: microsOrNull(t.QC), QueuedMicros: microsOrNull(t.Queued),
		IncludedMicros: microsOrNull(t.Included), FinalizedMicros: microsOrNull(t.Finalized),
	}
	if c.LaneKind() == fastpay.SubBlockLane {
		doc.Home = ptr(d.memberName(c, tx.Lane().Home(c, 0)))
	}
	for _, p := range env.Parents {
		doc.Parents = append(doc.Parents, p.Hex())
	}
	if env.Note != (common.Hash{}) {
		doc.Note = ptr(env.Note.Hex())
	}
	if asset, ok := d.file.AssetByAddress(env.Asset); ok {
		doc.Symbol, doc.Decimals = &asset.Symbol, &asset.Decimals
	}
	stage := b.Stage(id)
	doc.Stage = orNull(string(stage))
	evidence, decided := b.StageEvidence(id)
	if decided {
		doc.StageEvidence = stageEvidence(&evidence)
	}
	doc.Guarantee, doc.Why = guarantee(stage, &evidence)
	if !t.QC.IsZero() {
		doc.HeightAtQC = decimal(t.HeightAtQC)
	}
	if !t.QC.IsZero() && !t.FirstSeen.IsZero() {
		doc.LatencyMicros = decimal(uint64(t.QC.Sub(t.FirstSeen).Microseconds()))
	}
	if lead, known := t.Lead(); known {
		doc.LeadMicros = ptr(strconv.FormatInt(lead.Microseconds(), 10))
	}
	if decided && evidence.ChainTx != (common.Hash{}) {
		doc.IncludedHeight, doc.ChainTxHash = decimal(evidence.Block.Number), ptr(evidence.ChainTx.Hex())
	}
	for _, cert := range b.Certificates(id) {
		weight := c.Weight(cert.Signer())
		doc.Votes = append(doc.Votes, api.Vote{
			Validator: d.memberName(c, cert.Signer()), Index: cert.Signer(), Weight: weight, SeenMicros: microsOrNull(t.Votes[cert.Signer()]),
		})
		doc.Weight += weight
	}
	if qc, ok := b.QC(id); ok {
		for _, cert := range qc.Certificates() {
			doc.Signers = append(doc.Signers, d.memberName(c, cert.Signer()))
		}
	}
	for signer, reject := range b.Rejects(id) {
		if _, voted := b.Certificate(id, signer); !voted {
			doc.Waiting = append(doc.Waiting, api.WaitingFor{
				Validator: d.memberName(c, signer), Code: ptr(string(reject.Code)), Problem: ptr(reject.Text),
			})
		}
	}
	return doc
}

// explainWaiting adds the members that have neither voted nor refused, with what
// keeps them from it as far as it is known here.
func (d *Daemon) explainWaiting(doc *api.Payment, c *fastpay.Committee) {
	for _, m := range d.node.Members(c.ID()) {
		name := d.memberName(c, m.Index)
		if slices.ContainsFunc(doc.Votes, func(v api.Vote) bool { return v.Validator == name }) ||
			slices.ContainsFunc(doc.Waiting, func(w api.WaitingFor) bool { return w.Validator == name }) {
			continue
		}
		problem := "no vote yet"
		if text := notReached(&m); text != "" {
			problem = "not reached: " + text
		}
		doc.Waiting = append(doc.Waiting, api.WaitingFor{Validator: name, Problem: &problem})
	}
	slices.SortFunc(doc.Waiting, func(a, b api.WaitingFor) int { return strings.Compare(a.Validator, b.Validator) })
}

// notReached says why a member is not reached; empty if it is.
func notReached(m *p2p.MemberInfo) string {
	if m.Problem == "" && !m.Reached() {
		return "it is being dialed"
	}
	return m.Problem
}

// stageEvidence is what of the chain a stage rests on, as a document.
func stageEvidence(e *fastpay.StageEvidence) *api.StageEvidence {
	hash := func(h common.Hash) *string {
		if h == (common.Hash{}) {
			return nil
		}
		return ptr(h.Hex())
	}
	return &api.StageEvidence{
		Cause: string(e.Cause), Block: strconv.FormatUint(e.Block.Number, 10), BlockHash: e.Block.Hash.Hex(),
		BlockTime: strconv.FormatUint(e.Block.Time, 10), ChainTxHash: hash(e.ChainTx), OutflowTxHash: hash(e.Outflow), Parent: hash(e.Parent),
	}
}

// guarantee is what a stage is worth, and why. The evidence is the zero value if the
// chain has said nothing.
func guarantee(stage fastpay.Stage, e *fastpay.StageEvidence) (word, why string) {
	switch stage {
	case fastpay.StageCertified, fastpay.StageQueuedOnchain, fastpay.StageIncluded:
		return "conditional", "until a finalized block has it, another transaction of the payer or a freeze by the issuer can void it"
	case fastpay.StageFinalized:
		return "final", "a finalized block has executed it"
	case fastpay.StageRejected:
		return "none", "validators refused it for good, so that no quorum is left"
	}
	switch e.Cause {
	case fastpay.CauseUnused:
		return "none", fmt.Sprintf("its time to be executed has passed: block %d is not before its valid_before, and its slot was unused until then", e.Block.Number)
	case fastpay.CauseBeforeParent:
		return "none", fmt.Sprintf("the chain executed it without effect, by transaction %s: payment %s, which it relies on, had not been executed before", e.ChainTx, e.Parent)
	case fastpay.CauseReverted:
		return "none", fmt.Sprintf("the chain executed it without effect, by transaction %s: the issuer forbids the transfer, or the money had gone", e.ChainTx)
	case fastpay.CauseOutflow:
		return "none", fmt.Sprintf("the chain executed it without effect, by transaction %s: transaction %s had moved money out of the payer's account", e.ChainTx, e.Outflow)
	case fastpay.CauseSlotTaken:
		return "none", fmt.Sprintf("transaction %s took its place on the chain", e.ChainTx)
	case fastpay.CauseRedirected:
		return "none", fmt.Sprintf("transaction %s names it and is not this payment", e.ChainTx)
	}
	return "none", "validators of more than two thirds of the weight have not voted for it yet"
}

// Small forms that documents share.

func ptr[T any](v T) *T { return &v }

func orNull(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

func orEmpty(s *string) *string {
	if s == nil {
		return new(string)
	}
	return s
}

func emptyIfNil(list []string) []string {
	if list == nil {
		return []string{}
	}
	return list
}

func decimal(n uint64) *string { return ptr(strconv.FormatUint(n, 10)) }

func micros(t time.Time) string { return strconv.FormatInt(t.UnixMicro(), 10) }

func microsOrNull(t time.Time) *string {
	if t.IsZero() {
		return nil
	}
	return ptr(micros(t))
}
