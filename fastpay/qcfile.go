package fastpay

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"

	"github.com/ethereum/go-ethereum/common"
)

// QCFileSchema names the format of a QC file.
const QCFileSchema = "allegro.qc/v1"

// QCFile is a QC as a JSON file. The bytes are the QC; the view is for people
// and programs and must say what the bytes say.
type QCFile struct {
	Schema string `json:"schema"`
	TxID   string `json:"tx_id"`
	QC     string `json:"qc"` // canonical RLP, 0x-hex
	View   QCView `json:"view"`
}

// QCView is what a QC's bytes say. Amounts, times and positions are decimal
// strings.
type QCView struct {
	ChainID     string     `json:"chain_id"`
	CommitteeID string     `json:"committee_id"`
	Epoch       string     `json:"epoch"`
	Payer       string     `json:"payer"`
	Payee       string     `json:"payee"`
	Asset       string     `json:"asset"`
	Amount      string     `json:"amount"`
	Seq         string     `json:"seq"`
	Parents     []string   `json:"parents"`
	ValidBefore string     `json:"valid_before"`
	Restart     string     `json:"restart"`
	Note        string     `json:"note"`
	Signers     []QCSigner `json:"signers"`
	Weight      uint64     `json:"weight"`
	Threshold   uint64     `json:"threshold"`
	Total       uint64     `json:"total"`
}

// QCSigner is one member that voted.
type QCSigner struct {
	Index  int    `json:"index"`
	Key    string `json:"key"`
	Weight uint64 `json:"weight"`
}

// View returns what the QC says. Addresses are lower-case hex.
func (q *QC) View() QCView {
	e, c := &q.tx.env, q.committee
	v := QCView{
		ChainID:     fmt.Sprint(e.ChainID),
		CommitteeID: c.ID().Hex(),
		Epoch:       fmt.Sprint(c.Epoch()),
		Payer:       hexOf(e.Sender[:]),
		Payee:       hexOf(e.Recipient[:]),
		Asset:       hexOf(e.Asset[:]),
		Amount:      e.Amount.Dec(),
		Seq:         fmt.Sprint(e.Seq),
		Parents:     []string{},
		ValidBefore: fmt.Sprint(e.ValidBefore),
		Restart:     fmt.Sprint(e.Restart),
		Note:        e.Note.Hex(),
		Weight:      q.weight,
		Threshold:   c.Quorum(),
		Total:       c.Total(),
	}
	for _, p := range e.Parents {
		v.Parents = append(v.Parents, p.Hex())
	}
	for _, cert := range q.certificates {
		v.Signers = append(v.Signers, QCSigner{cert.Signer(), hexOf(c.Key(cert.Signer())), c.Weight(cert.Signer())})
	}
	return v
}

// hexOf writes bytes as lower-case 0x-hex.
func hexOf(b []byte) string { return fmt.Sprintf("0x%x", b) }

// File returns the QC as a file.
func (q *QC) File() QCFile {
	return QCFile{QCFileSchema, q.tx.id.Hex(), hexOf(q.raw), q.View()}
}

// difference names the first place where a view differs from what it must say, and
// both values. The two differ.
func difference(at string, has, want reflect.Value) string {
	switch {
	case has.Kind() == reflect.Struct:
		for i := range has.NumField() {
			if !reflect.DeepEqual(has.Field(i).Interface(), want.Field(i).Interface()) {
				return difference(at+"."+has.Type().Field(i).Tag.Get("json"), has.Field(i), want.Field(i))
			}
		}
	case has.Kind() == reflect.Slice && has.Len() != want.Len():
		return fmt.Sprintf("%s has %d entries, the bytes say %d", at, has.Len(), want.Len())
	case has.Kind() == reflect.Slice:
		for i := range has.Len() {
			if !reflect.DeepEqual(has.Index(i).Interface(), want.Index(i).Interface()) {
				return difference(fmt.Sprintf("%s[%d]", at, i), has.Index(i), want.Index(i))
			}
		}
		return at + " is null, not an empty list"
	}
	return fmt.Sprintf("%s is %v, the bytes say %v", at, has, want)
}

// ParseQCFile verifies a QC file: the QC's bytes, and that tx id and view say
// the same in the one spelling that [QC.File] gives them; only white space is
// free. Errors wrap a [Code].
func (r *Rules) ParseQCFile(data []byte) (*QC, error) {
	var f QCFile
	if err := json.Unmarshal(data, &f); err != nil {
		return nil, invalid("QC file is not the JSON of schema %s: %v", QCFileSchema, err)
	}
	if f.Schema != QCFileSchema {
		return nil, invalid("QC file has schema %q, want %q", f.Schema, QCFileSchema)
	}
	raw := common.FromHex(f.QC)
	if hexOf(raw) != f.QC {
		return nil, invalid("QC file: qc is not lower-case 0x-hex")
	}
	qc, err := r.ParseQC(raw)
	if err != nil {
		return nil, err
	}
	want := qc.File()
	if f.TxID != want.TxID {
		return nil, invalid("QC file: tx_id is %s, the bytes say %s", f.TxID, want.TxID)
	}
	if !reflect.DeepEqual(f.View, want.View) {
		return nil, invalid("QC file: the view does not say what the bytes say: %s", difference("view", reflect.ValueOf(f.View), reflect.ValueOf(want.View)))
	}
	canonical, err := json.Marshal(want)
	if err != nil {
		return nil, fmt.Errorf("encoding QC file: %w", err)
	}
	var given bytes.Buffer
	if err := json.Compact(&given, data); err != nil {
		return nil, invalid("QC file: %v", err)
	}
	if !bytes.Equal(given.Bytes(), canonical) {
		return nil, invalid("QC file: members are not spelled and ordered as schema %s has them", QCFileSchema)
	}
	return qc, nil
}
