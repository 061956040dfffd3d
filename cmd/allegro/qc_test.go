package main

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/allegro-p2p/allegro/fastpay"
	"github.com/allegro-p2p/allegro/p2p/netfile"
	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/ethereum/go-ethereum/rlp"
	"github.com/holiman/uint256"
)

func TestQCVerify(t *testing.T) {
	s := newScene(t)
	network, file := s.networkPath(t), write(t, "qc.json", s.file(t))
	says := []string{
		"VALID: the quorum certificate of payment " + s.tx.ID().Hex(),
		crypto.PubkeyToAddress(s.payer.PublicKey).Hex(), "0xd8dA6BF26964aF9D7eEd9e03E53415D37aA96045",
		"10.50 pathUSD (10500000 units)", "0x20C0000000000000000000000000000000000000", "none",
		"1893456000 (2030-01-01T00:00:00Z)", " (1), ", "3 of 4, the threshold is 3",
		"epoch 1 of network demo, " + s.qc.Committee().ID().Hex(), "conditional until the chain includes the payment",
	}
	command(t, nil, "qc", "verify", file, "--network", network).expect(t, exitOK, says...)
	command(t, bytes.NewReader(s.file(t)), "qc", "verify", "--network", network, "-").expect(t, exitOK, says...)
	t.Setenv("ALLEGRO_NETWORK", network)
	command(t, nil, "qc", "verify", file).expect(t, exitOK, says...)

	r := command(t, nil, "qc", "verify", "-o", "json", file)
	r.expect(t, exitOK)
	var d qcVerifyDocument
	decodeOne(t, r.stdout, &d)
	if d.Schema != "allegro.qc_verify/v1" || !d.Valid || d.Network != "demo" || d.TxID != s.tx.ID().Hex() ||
		d.View.Amount != "10500000" || d.Tokens != "10.50" || d.Symbol != "pathUSD" || d.Guarantee != "conditional" ||
		d.ValidBeforeTime != "2030-01-01T00:00:00Z" || d.Worth != qcWorth {
		t.Errorf("document is %+v", d)
	}
	if len(d.Signers) != 3 {
		t.Fatalf("%d signers", len(d.Signers))
	}
	for i, signer := range d.Signers {
		member, ok := s.network.Member(s.qc.Committee().ID(), signer.Index)
		if !ok || member.Name != signer.Name || signer.Weight != 1 || d.View.Signers[i].Key != member.Key.String() {
			t.Errorf("signer %+v is %s in the network file", signer, member.Name)
		}
	}
}

// An asset that the file does not list, a note, a parent and a far expiry are
// shown as they are.
func TestQCVerifyUnlisted(t *testing.T) {
	s := newScene(t)
	e := s.tx.Envelope()
	e.Note = common.Hash{1}
	e.Parents = []fastpay.ID{{7}}
	e.ValidBefore = 1 << 62
	tx, err := s.rules.SignTx(e, s.payer)
	if err != nil {
		t.Fatal(err)
	}
	file := write(t, "qc.json", encodeQCFile(t, s.certify(t, s.rules.Committees()[0], tx).File()))
	s.network.Assets[0].Address = netfile.Address{0: 0x20, 1: 0xc0, 19: 9}
	network := s.networkPath(t)
	command(t, nil, "qc", "verify", "--network", network, file).expect(t, exitOK,
		"10500000 units of a token that the network file does not list", e.Note.Hex()+" (SHA-256 of the payer's text)", "4611686018427387904\n", "payment "+e.Parents[0].Hex())
	r := command(t, nil, "qc", "verify", "-o", "json", "--network", network, file)
	var d qcVerifyDocument
	decodeOne(t, r.stdout, &d)
	if d.Symbol != "" || d.Tokens != "" || d.ValidBeforeTime != "" {
		t.Errorf("document is %+v", d)
	}
}

// The file of the largest QC of the largest committee is read whole.
func TestLargestQCFileFits(t *testing.T) {
	f := fastpay.QCFile{QC: "0x" + strings.Repeat("00", fastpay.MaxQCSize)}
	for i := range fastpay.MaxMembers {
		f.View.Signers = append(f.View.Signers, fastpay.QCSigner{Index: i, Key: common.Hash{}.Hex(), Weight: fastpay.MaxWeight})
	}
	const rest = 4 << 10 // what does not grow with the committee
	if n := len(encodeQCFile(t, f)) + rest; n > maxQCFile {
		t.Errorf("the largest file has %d bytes, %d are read", n, maxQCFile)
	}
}

// Every kind of fault ends with exit code 3 and says which check failed.
func TestQCVerifyFailures(t *testing.T) {
	s := newScene(t)
	network, path := s.networkPath(t), files(t)
	valid := s.file(t)
	replace := func(old, new string) []byte {
		if !bytes.Contains(valid, []byte(old)) {
			t.Fatalf("the file has no %q", old)
		}
		return bytes.Replace(valid, []byte(old), []byte(new), 1)
	}
	for _, c := range []struct {
		name string
		data []byte
		want string
	}{
		{"no JSON", []byte("hello"), "QC file is not the JSON of schema allegro.qc/v1"},
		{"empty", nil, "QC file is not the JSON"},
		{"cut", valid[:len(valid)/2], "QC file is not the JSON"},
		{"two documents", append(bytes.Clone(valid), valid...), "QC file is not the JSON"},
		{"too large", bytes.Repeat([]byte(" "), maxQCFile+1), "so is no QC file"},
		{"schema", replace("allegro.qc/v1", "allegro.qc/v2"), `QC file has schema "allegro.qc/v2"`},
		{"hex", replace(`"qc": "0x`, `"qc": "0xg`), "qc is not lower-case 0x-hex"},
		{"bytes", replace(`"qc": "0xf`, `"qc": "0xe`), "QC is not canonical rlp"},
		{"tx id", replace(s.tx.ID().Hex(), common.Hash{}.Hex()), "QC file: tx_id is 0x0000"},
		{"amount in the view", replace(`"10500000"`, `"90500000"`), "the view does not say what the bytes say: view.amount is 90500000, the bytes say 10500000"},
		{"threshold in the view", replace(`"threshold": 3`, `"threshold": 2`), "the view does not say what the bytes say"},
		{"further key", replace(`"schema":`, `"paid": true, "schema":`), "members are not spelled and ordered"},
		{"no quorum", s.forge(t, func(b *qcBytes) { b.Certificates = b.Certificates[1:] }), "QC weighs 2 of 4, the quorum is 3"},
		{"signer twice", s.forge(t, func(b *qcBytes) { b.Certificates[1] = b.Certificates[0] }), "certificates do not ascend strictly by signer"},
		{"foreign signer", s.forge(t, func(b *qcBytes) { b.Certificates[2].Signer = 9 }), "signer 9 is not in committee"},
		{"validator's signature", s.forge(t, func(b *qcBytes) { b.Certificates[1].Signature[5] ^= 1 }), "signature does not verify for payment"},
		{"payer's signature", s.forge(t, func(b *qcBytes) { b.Payment.Signature[5] ^= 1 }), "signature"},
		{"amount in the bytes", s.forge(t, func(b *qcBytes) { b.Payment.Envelope.Amount = *uint256.NewInt(11_000_000) }), "signature is of"},
		{"chain", s.forge(t, func(b *qcBytes) { b.Payment.Envelope.ChainID = 1 }), "WRONG_CHAIN"},
		{"committee", s.forge(t, func(b *qcBytes) { b.CommitteeID[0] ^= 1 }), "WRONG_COMMITTEE"},
	} {
		t.Run(c.name, func(t *testing.T) {
			file := path(c.data)
			command(t, nil, "qc", "verify", "--network", network, file).expect(t, exitVerify, file+" does not verify: ", c.want)
			r := command(t, nil, "qc", "verify", "-o", "json", "--network", network, file)
			r.expect(t, exitVerify)
			var d errorDocument
			decodeOne(t, r.errors, &d)
			if d.Error.Code == "" || !strings.Contains(d.Error.Message, c.want) {
				t.Errorf("error is %+v", d.Error)
			}
		})
	}
}

// A QC of another network is valid there and not here.
func TestQCVerifyOtherNetwork(t *testing.T) {
	s := newScene(t)
	file := write(t, "qc.json", s.file(t))
	s.network.Committees[0].End--
	command(t, nil, "qc", "verify", "--network", s.networkPath(t), file).
		expect(t, exitVerify, "WRONG_COMMITTEE", "hint: get the network file of the network that the payment was made in")
}

// One bit that differs anywhere in the file makes it invalid.
func TestQCVerifyFlippedBits(t *testing.T) {
	s := newScene(t)
	network, path := s.networkPath(t), files(t)
	valid := s.file(t)
	step := 1
	if testing.Short() {
		step = 23
	}
	for i := 0; i < len(valid); i += step {
		changed := bytes.Clone(valid)
		changed[i] ^= 1 << (i % 8)
		if _, err := s.rules.ParseQCFile(changed); err == nil {
			t.Errorf("a flipped bit in byte %d is not noticed", i)
		}
		if i%97 == 0 {
			command(t, nil, "qc", "verify", "--network", network, path(changed)).expect(t, exitVerify)
		}
	}
}

// What is wrong before anything is verified ends with exit code 2.
func TestQCVerifyUsage(t *testing.T) {
	s := newScene(t)
	network, file := s.networkPath(t), write(t, "qc.json", s.file(t))
	for _, c := range []struct {
		name string
		args []string
		want string
	}{
		{"no file", []string{"verify", "--network", network}, "qc verify wants one FILE"},
		{"two files", []string{"verify", "--network", network, file, file}, "it got 2 arguments"},
		{"missing file", []string{"verify", "--network", network, file + ".old"}, "no such file"},
		{"file called help", []string{"verify", "--network", network, "help"}, "open help: no such file"},
		{"directory", []string{"verify", "--network", network, t.TempDir()}, "reading"},
		{"standard input", []string{"verify", "--network", network, "-"}, "reading standard input: broken"},
		{"missing network file", []string{"verify", "--network", network + ".old", file}, "name the network file with --network"},
		{"bad network file", []string{"verify", "--network", file, file}, "network file " + file + ": line 1"},
		{"invalid network file", []string{"verify", "--network", write(t, "n.toml", []byte("version = 2")), file}, "version is 2"},
		{"no command", nil, "allegro: qc wants one of its commands"},
		{"unknown command", []string{"forge"}, `allegro: qc has no command "forge"`},
		{"unknown flag", []string{"verify", "--trust", file}, "flag provided but not defined"},
	} {
		broken := iotest.ErrReader(errors.New("broken"))
		t.Run(c.name, func(t *testing.T) {
			command(t, broken, append([]string{"qc"}, c.args...)...).expect(t, exitUsage, c.want)
		})
	}
}

// Inspecting shows the claims of any file, true or not, and says so.
func TestQCInspect(t *testing.T) {
	s := newScene(t)
	file := s.qc.File()
	path := files(t)
	command(t, nil, "qc", "inspect", path(encodeQCFile(t, file))).
		expect(t, exitOK, "NOT VERIFIED: ", s.tx.ID().Hex(), file.View.Payer, "10500000 units", file.View.Signers[0].Key)

	file.View.Payee = "me\x1b[2J"
	file.QC = "0xc0"
	forged := path(encodeQCFile(t, file))
	command(t, nil, "qc", "inspect", forged).expect(t, exitOK, "NOT VERIFIED: ", `me\x1b[2J`, "the bytes of the QC cannot be decoded")
	r := command(t, nil, "qc", "inspect", "-o", "json", forged)
	r.expect(t, exitOK)
	var d qcInspectDocument
	decodeOne(t, r.stdout, &d)
	if d.Schema != "allegro.qc_inspect/v1" || d.Verified || d.Warning != inspectWarning || d.View.Payee != "me\x1b[2J" || d.Bytes != 1 || d.Fault == "" {
		t.Errorf("document is %+v", d)
	}

	file.QC = "zz"
	command(t, nil, "qc", "inspect", path(encodeQCFile(t, file))).expect(t, exitOK, "NOT VERIFIED: ", "cannot be decoded: hex string without 0x prefix")
	command(t, nil, "qc", "inspect", path([]byte("hello"))).expect(t, exitUsage, "cannot be decoded, it is not the JSON of a QC file")
	command(t, nil, "qc", "inspect", path([]byte(`{"schema":"other/v1"}`))).expect(t, exitUsage, `has schema "other/v1": a QC file has "allegro.qc/v1"`)
	command(t, nil, "qc", "inspect").expect(t, exitUsage, "allegro: qc inspect wants one FILE")
}

// qcBytes is the RLP form of a QC, so that tests can forge one.
type qcBytes struct {
	CommitteeID common.Hash
	Payment     struct {
		Envelope  fastpay.Envelope
		Signature []byte
	}
	Certificates []struct {
		Signer, Index, Count uint64
		Path                 []common.Hash
		Signature            [64]byte
	}
}

// forge returns the QC file with changed bytes. The view stays as it was.
func (s *scene) forge(t *testing.T, change func(*qcBytes)) []byte {
	t.Helper()
	var b qcBytes
	if err := rlp.DecodeBytes(s.qc.Encode(), &b); err != nil {
		t.Fatal(err)
	}
	change(&b)
	raw, err := rlp.EncodeToBytes(&b)
	if err != nil {
		t.Fatal(err)
	}
	f := s.qc.File()
	f.QC = "0x" + common.Bytes2Hex(raw)
	return encodeQCFile(t, f)
}
