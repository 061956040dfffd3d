package fastpay

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/ethereum/go-ethereum/common"
)

// qcFile is the QC file of a payment as [QC.File] gives it.
func qcFile(t testing.TB, n *network) (*QC, []byte) {
	t.Helper()
	qc := n.qc(t, n.pay(t, 0, 1, 50, citingIDs(1), noted(7)))
	data, err := json.Marshal(qc.File())
	noError(t, err)
	return qc, data
}

func TestQCFileRoundTrip(t *testing.T) {
	n := newNetwork4(t)
	qc, data := qcFile(t, n)
	indented, err := json.MarshalIndent(qc.File(), "\t", "  ")
	noError(t, err)
	spaced := bytes.ReplaceAll(indented, []byte(":"), []byte("\r\n:\t"))
	for name, file := range map[string][]byte{
		"compact": data, "indented": append(indented, '\n'), "spaced": append([]byte(" \n"), spaced...),
	} {
		t.Run(name, func(t *testing.T) {
			again, err := n.ParseQCFile(file)
			noError(t, err)
			equal(t, "QC", string(again.Encode()), string(qc.Encode()))
		})
	}
}

func TestQCViewSaysWhatTheBytesSay(t *testing.T) {
	n := newNetwork(t, 2, 3, 1)
	parent := id(4)
	tx := n.pay(t, 0, 1, 50, noted(7), func(e *Envelope) { e.Seq, e.Restart, e.Parents = 9, 8, []ID{parent} })
	v := n.qc(t, tx).View()
	lower := func(a common.Address) string { return strings.ToLower(a.Hex()) }
	for what, pair := range map[string][2]string{
		"chain": {v.ChainID, "42431"}, "committee": {v.CommitteeID, n.c.ID().Hex()}, "epoch": {v.Epoch, "1"},
		"payer": {v.Payer, lower(account(0))}, "payee": {v.Payee, lower(account(1))}, "asset": {v.Asset, lower(usd)},
		"amount": {v.Amount, "50"}, "seq": {v.Seq, "9"}, "restart": {v.Restart, "8"}, "valid_before": {v.ValidBefore, "2000"},
		"note": {v.Note, "0x07" + strings.Repeat("00", 31)}, "parent": {v.Parents[0], parent.Hex()},
		"key": {v.Signers[1].Key, hexOf(n.c.Key(1))},
	} {
		equal(t, what, pair[0], pair[1])
	}
	equal(t, "weight", v.Weight, 5)
	equal(t, "threshold", v.Threshold, 5)
	equal(t, "total", v.Total, 6)
	equal(t, "signers", len(v.Signers), 2)
	equal(t, "signer", v.Signers[1].Index, 1)
	equal(t, "signer's weight", v.Signers[1].Weight, 3)
}

// A file that differs in one bit anywhere, in its bytes or in what it says, is
// refused.
func TestEveryFlippedBitOfAQCFileIsRefused(t *testing.T) {
	t.Parallel()
	n := newNetwork(t, 1)
	qc, _ := qcFile(t, n)
	data, err := json.MarshalIndent(qc.File(), "", " ")
	noError(t, err)
	_, err = n.ParseQCFile(data)
	noError(t, err)
	for i := range data {
		for bit := range 8 {
			data[i] ^= 1 << bit
			if _, err := n.ParseQCFile(data); err == nil {
				t.Errorf("bit %d of byte %d flipped (now %q): accepted", bit, i, data[i])
			}
			data[i] ^= 1 << bit
		}
	}
}

func TestQCFileRefusals(t *testing.T) {
	n := newNetwork4(t)
	_, data := qcFile(t, n)
	file := string(data)
	replaced := func(old, new string) string {
		if strings.Count(file, old) == 0 {
			t.Fatalf("the file does not hold %s", old)
		}
		return strings.Replace(file, old, new, 1)
	}
	for _, c := range []struct {
		name, file, text string
	}{
		{"empty", "", "not the JSON"},
		{"another schema", replaced("allegro.qc/v1", "allegro.qc/v2"), "has schema"},
		{"upper-case hex", replaced(`"qc":"0x`, `"qc":"0X`), "lower-case"},
		{"no hex", replaced(`"qc":"0x`, `"qc":"zz`), "lower-case"},
		{"QC changed", replaced(`"qc":"0x`, `"qc":"0x00`), "canonical rlp"},
		{"another tx id", replaced(`"tx_id":"0x`, `"tx_id":"0X`), "tx_id is"},
		{"another amount", replaced(`"amount":"50"`, `"amount":"500"`), "does not say what the bytes say"},
		{"amount as a number", replaced(`"amount":"50"`, `"amount":50`), "not the JSON"},
		{"a signer left out", file[:strings.Index(file, `{"index":2`)-1] + file[strings.Index(file, `],"weight"`):], "does not say what the bytes say"},
		{"a further member", replaced(`{"schema"`, `{"x":1,"schema"`), "spelled and ordered"},
		{"a member twice", replaced(`"amount":"50"`, `"amount":"1","amount":"50"`), "spelled and ordered"},
		{"a name in upper case", replaced(`"amount"`, `"AMOUNT"`), "spelled and ordered"},
		{"an escape", replaced(`"50"`, `"\u00350"`), "spelled and ordered"},
		{"another number form", replaced(`"index":1`, `"index":1e0`), "not the JSON"},
		{"text after the file", file + "x", "not the JSON"},
		{"no parents", replaced(`"parents":[`, `"parents":null,"p":[`), "does not say what the bytes say"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := n.ParseQCFile([]byte(c.file))
			refused(t, err, InvalidFormat, c.text)
		})
	}
	t.Run("unknown committee", func(t *testing.T) {
		_, strange := qcFile(t, newNetwork(t, equalWeights(7)...))
		_, err := n.ParseQCFile(strange)
		refused(t, err, WrongCommittee, "not in this network file")
	})
}
