package fastpay

import (
	"errors"
	"fmt"
	"go/ast"
	"go/token"
	"testing"
)

func TestEveryCodeHasAClassAndIsListed(t *testing.T) {
	declared := declaredSentinels(t)
	if len(declared.codes) == 0 || len(declared.errors) == 0 {
		t.Fatalf("found no sentinels: %+v", declared)
	}
	equal(t, "codes listed", len(Codes()), len(declared.codes))
	for _, code := range Codes() {
		if !declared.codes[string(code)] {
			t.Errorf("%s is listed but not declared", code)
		}
		class, ok := classes[code]
		if !ok {
			t.Errorf("%s has no class", code)
		}
		equal(t, "class of "+string(code), class.Code, code)
		equal(t, "class of a wrapped "+string(code), Classify(fmt.Errorf("x: %w", refuse(code, "y"))), class)
		if class.HTTP < 400 || class.Exit == exitOK {
			t.Errorf("%s is told as success: %+v", code, class)
		}
	}
	equal(t, "classes", len(classes), len(Codes())+1) // and ErrKnown
	for name, err := range map[string]error{"ErrKnown": ErrKnown, "ErrBusy": ErrBusy} {
		delete(declared.errors, name)
		if c := Classify(err); c.Verdict != VerdictIgnore {
			t.Errorf("%s is of class %+v", name, c)
		}
	}
	for name := range declared.errors {
		t.Errorf("sentinel %s has no row in this test: say which class it is of", name)
	}
}

// sentinels are what the package's sources declare.
type sentinels struct {
	codes  map[string]bool // values of the Code constants
	errors map[string]bool // names of the error variables
}

func declaredSentinels(t *testing.T) sentinels {
	t.Helper()
	out := sentinels{make(map[string]bool), make(map[string]bool)}
	for _, file := range sources(t) {
		for _, decl := range file.Decls {
			group, ok := decl.(*ast.GenDecl)
			if !ok {
				continue
			}
			for _, spec := range group.Specs {
				value, ok := spec.(*ast.ValueSpec)
				if !ok {
					continue
				}
				if typ, ok := value.Type.(*ast.Ident); ok && typ.Name == "Code" {
					literal := value.Values[0].(*ast.BasicLit).Value
					out.codes[literal[1:len(literal)-1]] = true
				}
				if name := value.Names[0].Name; group.Tok == token.VAR && len(name) > 3 && name[:3] == "Err" {
					out.errors[name] = true
				}
			}
		}
	}
	return out
}

// Only what can never be valid may cost a sender score.
func TestOnlyPermanentFaultsAreRejectedByGossip(t *testing.T) {
	reject := map[Code]bool{InvalidFormat: true, WrongChain: true, InvalidParentQC: true}
	retry := map[Code]bool{NonceSeqTooHigh: true, InsufficientFunds: true, MissingParentQC: true, TemporaryUnavailable: true}
	for _, code := range Codes() {
		class := Classify(code)
		equal(t, "rejected: "+string(code), class.Verdict == VerdictReject, reject[code])
		equal(t, "retryable: "+string(code), class.Retryable, retry[code])
		if class.Retryable && class.Verdict != VerdictIgnore {
			t.Errorf("%s may succeed later but is not ignored", code)
		}
	}
}

func TestClassifyOtherErrors(t *testing.T) {
	equal(t, "nil", Classify(nil), Class{Verdict: VerdictAccept, HTTP: 200})
	equal(t, "known", Classify(fmt.Errorf("x: %w", ErrKnown)), Class{Verdict: VerdictIgnore, HTTP: 200})
	equal(t, "busy", Classify(ErrBusy).Code, TemporaryUnavailable)
	own := Class{TemporaryUnavailable, VerdictIgnore, true, 503, exitOther}
	equal(t, "a fault of this peer", Classify(errors.New("disk full")), own)
	equal(t, "an unknown code", Classify(Code("NEW")), own)
	equal(t, "state not read", Classify(&NeedError{}), own)
}

func TestRejectKeepsCodeAndText(t *testing.T) {
	r := RejectOf(refuse(InsufficientFunds, "%d units are missing", 3))
	equal(t, "reject", *r, Reject{InsufficientFunds, "INSUFFICIENT_FUNDS: 3 units are missing", true})
	equal(t, "text", r.Error(), r.Text)
	if !errors.Is(r, InsufficientFunds) || Classify(r) != Classify(InsufficientFunds) {
		t.Error("the code is lost")
	}
}

func TestVerdictNames(t *testing.T) {
	for v, want := range map[Verdict]string{VerdictAccept: "accept", VerdictIgnore: "ignore", VerdictReject: "reject"} {
		equal(t, "name", v.String(), want)
	}
}
