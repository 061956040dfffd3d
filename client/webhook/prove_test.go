package webhook

import (
	"strings"
	"testing"

	"github.com/allegro-p2p/allegro/client/orders"
	"github.com/allegro-p2p/allegro/fastpay"
	"github.com/ethereum/go-ethereum/common"
	"github.com/stretchr/testify/require"
)

func TestMessageIsProvedByItsQC(t *testing.T) {
	w := newWorld(t, "home")
	qc := w.qc(shop, 50)
	d := documentOf(qc, orders.KindAccepted)
	proof, err := Prove(w.rules, shop, &d)
	require.NoError(t, err)
	require.Equal(t, qc.Encode(), proof.Encode())
}

// Whoever has the secret and lies is found out by the QC.
func TestMessageThatItsQCDoesNotProveIsRefused(t *testing.T) {
	w := newWorld(t, "home")
	qc := w.qc(shop, 50)
	other := common.HexToAddress("0x0000000000000000000000000000000000000bad")
	for name, c := range map[string]struct {
		change func(*orders.Document)
		says   string
	}{
		"tx id":                    {func(d *orders.Document) { d.TxID = fastpay.ID{9}.Hex() }, "tx_id is"},
		"payer":                    {func(d *orders.Document) { d.Payer = other.Hex() }, "payer is"},
		"payee":                    {func(d *orders.Document) { d.Payee = other.Hex() }, "payee is"},
		"asset":                    {func(d *orders.Document) { d.Asset = other.Hex() }, "asset is"},
		"amount":                   {func(d *orders.Document) { d.Amount = "5000" }, `amount is "5000", its QC says 50`},
		"amount spelled else":      {func(d *orders.Document) { d.Amount = "050" }, "amount is"},
		"note":                     {func(d *orders.Document) { d.Note = common.Hash{}.Hex() }, "note is"},
		"QC of another payment":    {func(d *orders.Document) { *d.QC = w.qc(shop, 49).File() }, "tx_id is"},
		"QC of another committee":  {func(d *orders.Document) { *d.QC = newWorld(t, "elsewhere").qc(shop, 50).File() }, "WRONG_COMMITTEE"},
		"QC of two votes":          {func(d *orders.Document) { d.QC.View.Signers = d.QC.View.Signers[:2] }, "does not say what the bytes say"},
		"QC whose view was forged": {func(d *orders.Document) { d.QC.View.Amount, d.Amount = "5000", "5000" }, "view.amount is 5000, the bytes say 50"},
		"QC with a forged vote": {func(d *orders.Document) {
			last := d.QC.QC[len(d.QC.QC)-1:]
			d.QC.QC = strings.TrimSuffix(d.QC.QC, last) + map[bool]string{true: "1", false: "0"}[last == "0"]
		}, "INVALID_FORMAT"},
		"payment between others": {func(d *orders.Document) { *d = documentOf(w.qc(other, 50), orders.KindAccepted) }, "not to " + shop.Hex()},
	} {
		t.Run(name, func(t *testing.T) {
			d := documentOf(qc, orders.KindAccepted)
			c.change(&d)
			proof, err := Prove(w.rules, shop, &d)
			require.Nil(t, proof)
			require.ErrorIs(t, err, ErrUnproved)
			require.ErrorContains(t, err, c.says)
		})
	}
	d := documentOf(qc, orders.KindAccepted)
	d.QC = nil
	_, err := Prove(w.rules, shop, &d)
	require.ErrorIs(t, err, ErrNoQC)
}
