package daemon

import (
	"context"
	"testing"
	"time"

	"github.com/allegro-p2p/allegro/cmd/internal/api"
	"github.com/allegro-p2p/allegro/cmd/internal/home"
	"github.com/allegro-p2p/allegro/fastpay"
	"github.com/allegro-p2p/allegro/p2p"
	"github.com/allegro-p2p/allegro/p2p/document"
	"github.com/allegro-p2p/allegro/p2p/replica"
	"github.com/ethereum/go-ethereum/common"
	"github.com/holiman/uint256"
	"github.com/stretchr/testify/require"
)

// daemon runs the peer of a home until the test ends.
func (w *world) daemon(h *home.Home) (*Daemon, *api.Client) {
	w.t.Helper()
	require.NoError(w.t, h.SaveNetwork(w.file))
	d, err := New(w.t.Context(), h, w.options(time.Now))
	require.NoError(w.t, err)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- d.Run(ctx) }()
	<-d.Serving()
	path, err := h.SocketPath()
	require.NoError(w.t, err)
	client := api.Dial(path)
	w.t.Cleanup(func() {
		client.Close()
		cancel()
		require.NoError(w.t, <-done)
	})
	return d, client
}

// payment is one of a client's home at its lane's beginning, signed by nobody's journal.
func (w *world) payment(d *Daemon, h *home.Home, to common.Address, parents ...fastpay.ID) *fastpay.Tx {
	w.t.Helper()
	key, err := h.AccountKey(common.Address(h.Config().Client.Account), "secret")
	require.NoError(w.t, err)
	e := fastpay.Envelope{
		ChainID: d.rules.ChainID(), CommitteeID: d.current().ID(), Asset: common.Address(w.file.Assets[0].Address),
		Sender: common.Address(h.Config().Client.Account), Recipient: to, Amount: *uint256.NewInt(5_000_000), MaxFee: d.rules.MaxFee(),
		Parents: parents, ValidBefore: uint64(time.Now().Add(30 * time.Minute).Unix()),
	}
	e.Prev = e.Lane().Genesis()
	tx, err := d.rules.SignTx(e, key)
	require.NoError(w.t, err)
	return tx
}

// Every role explains a payment that the validator refuses with the validator's own
// answer and what the payer has, whoever submitted it; one that relies on it is traced to
// it; and what a peer does not know it gets from those who do.
func TestWhyAsksWhoHasNotVoted(t *testing.T) {
	w := newWorld(t)
	dave := w.home(p2p.RoleValidator, "dave")
	_, atDave := w.daemon(dave)
	w.file.Committees[0].Members[0].Addresses = w.wait(atDave, "quorum").Addresses
	alice, bob := w.home(p2p.RoleClient, "alice"), w.home(p2p.RoleClient, "bob")
	mirror, atOlivia := w.daemon(w.home(p2p.RoleAggregator, "olivia"))
	w.wait(atOlivia, "quorum")

	why := func(c *api.Client, id fastpay.ID) (doc document.Why) {
		t.Helper()
		require.NoError(t, c.Get(t.Context(), api.RouteWhy, id.Hex(), nil, &doc))
		require.Equal(t, id.Hex(), doc.TxID)
		return doc
	}
	unfunded := w.payment(mirror, alice, common.Address(bob.Config().Client.Account))
	child := w.payment(mirror, bob, common.HexToAddress("0xca01"), unfunded.ID())

	alone := why(atDave, unfunded.ID())
	require.Equal(t, fastpay.ReasonUnknown, alone.Steps[0].Reason)
	require.Nil(t, alone.Steps[0].Payment)
	require.Len(t, alone.Asked, 1)
	require.False(t, alone.Asked[0].Held)

	require.NoError(t, mirror.replica.AddPayment(fastpay.Payment{Tx: unfunded}))
	require.NoError(t, mirror.replica.AddPayment(fastpay.Payment{Tx: child}))
	for _, peer := range []*api.Client{atOlivia, atDave} {
		doc := why(peer, unfunded.ID())
		require.Len(t, doc.Steps, 1)
		step := doc.Steps[0]
		require.Equal(t, fastpay.ReasonRefused, step.Reason)
		require.Equal(t, "INSUFFICIENT_FUNDS", *step.Code)
		require.Equal(t, []string{"dave"}, step.About)
		require.Regexp(t, `INSUFFICIENT_FUNDS: 0 units are spendable at block \d+, the payment needs 5000000 \(0 confirmed, certified in 0, out 0\)`, *step.Validators[0].Text)
		require.NotNil(t, step.Validators[0].RefusedMicros)
		require.True(t, step.Validators[0].Reached)
		require.Equal(t, "0", doc.Funds.Spendable)
		require.Equal(t, alice.Config().Client.Account.String(), doc.Funds.Account)
		require.Nil(t, doc.Settlement)
		require.False(t, doc.Stale)
		require.NotNil(t, doc.FinalizedTime)

		doc = why(peer, child.ID())
		require.Len(t, doc.Steps, 2)
		require.Equal(t, fastpay.ReasonParent, doc.Steps[0].Reason)
		require.Equal(t, unfunded.ID().Hex(), *doc.Steps[0].On)
		require.Equal(t, fastpay.ReasonRefused, doc.Steps[1].Reason)
		require.Equal(t, alice.Config().Client.Account.String(), doc.Funds.Account, "the funds are those of the root")
	}
}

// How a payment gets to the chain is told while it is on its way there, with whose turn it
// is, and of one that was certified and came to nothing; a validator adds what it did.
func TestWhyTellsTheSettlement(t *testing.T) {
	w := newWorld(t)
	dave, _ := w.daemon(w.home(p2p.RoleValidator, "dave"))
	alice := w.home(p2p.RoleClient, "alice")
	atAlice, _ := w.daemon(alice)
	tx := w.payment(atAlice, alice, common.HexToAddress("0xb0b"))
	for _, stage := range fastpay.Stages() {
		for _, qc := range []*fastpay.QC{nil, {}} {
			rec := replica.Record{Tx: tx, Stage: stage, QC: qc, Timeline: replica.Timeline{QC: time.Now()}}
			onItsWay := stage == fastpay.StageCertified || stage == fastpay.StageQueuedOnchain
			inVain := qc != nil && (stage == fastpay.StageExpired || stage == fastpay.StageConflicted)
			for _, d := range []*Daemon{dave, atAlice} {
				doc := d.settlement(&rec)
				require.Equal(t, onItsWay || inVain, doc != nil, "%s, %v", stage, qc)
				if doc == nil {
					continue
				}
				require.Equal(t, onItsWay, doc.Turn != nil, stage)
				require.Equal(t, d == dave, doc.Own != nil, stage)
			}
		}
	}
}
