package fastpay

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// specification is docs/spec.md with its lines joined.
func specification(t *testing.T) string {
	t.Helper()
	data, err := os.ReadFile("../docs/spec.md")
	if err != nil {
		t.Fatal(err)
	}
	return strings.Join(strings.Fields(string(data)), " ")
}

// grouped writes a number as the specification does.
func grouped(n int) string {
	text := strconv.Itoa(n)
	for i := len(text) - 3; i > 0; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}

// The specification states the limits that this package applies.
func TestSpecificationHasTheLimits(t *testing.T) {
	spec := specification(t)
	for _, want := range []string{
		fmt.Sprintf("| %d KiB per gossip payload and Evidence |", MaxMessageSize>>10),
		fmt.Sprintf("| %d KiB per QC |", MaxQCSize>>10),
		fmt.Sprintf("| %d payments per `tx` message |", MaxPayments),
		fmt.Sprintf("| %s votes per batch |", grouped(MaxBatch)),
		fmt.Sprintf("| %d parents per payment, %d QCs per item |", MaxParents, MaxParents),
		fmt.Sprintf("| depth %d: ", MaxDepth),
		fmt.Sprintf("| %s members, weight 2^32 |", grouped(MaxMembers)),
		fmt.Sprintf("| signature of %s bytes |", grouped(maxSignature)),
		fmt.Sprintf("| gas %s |", grouped(PaymentGas)),
		fmt.Sprintf("rlp([chain_id, 0, max_fee, %d, ", PaymentGas),
		fmt.Sprintf("`lane_kind` %d is the payment lane (Tempo T4 and later), %d the sub-block lane", PaymentLane, SubBlockLane),
		fmt.Sprintf(`{"schema": %q,`, QCFileSchema),
	} {
		if !strings.Contains(spec, want) {
			t.Errorf("docs/spec.md does not say %q", want)
		}
	}
	if MaxWeight != 1<<32 {
		t.Error("docs/spec.md says that the largest weight is 2^32")
	}
}

// The specification lists the tags that this package hashes with, and the network's.
func TestSpecificationListsTheTags(t *testing.T) {
	file, err := parser.ParseFile(token.NewFileSet(), "hash.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]bool{"network": true} // of p2p/netfile
	ast.Inspect(file, func(n ast.Node) bool {
		value, ok := n.(*ast.ValueSpec)
		if ok && strings.HasPrefix(value.Names[0].Name, "tag") {
			text, err := strconv.Unquote(value.Values[0].(*ast.BasicLit).Value)
			if err != nil {
				t.Fatal(err)
			}
			want[strings.TrimPrefix(text, "allegro/v1/")] = true
		}
		return true
	})
	_, list, found := strings.Cut(specification(t), "`allegro/v1/` followed by ")
	list, _, ended := strings.Cut(list, ".")
	if !found || !ended {
		t.Fatal("docs/spec.md has no list of tags")
	}
	have := make(map[string]bool)
	for _, m := range regexp.MustCompile("`([a-z]+)`").FindAllStringSubmatch(list, -1) {
		have[m[1]] = true
		if !want[m[1]] {
			t.Errorf("docs/spec.md lists tag %s, which is not in use", m[1])
		}
	}
	for tag := range want {
		if !have[tag] {
			t.Errorf("docs/spec.md does not list tag %s", tag)
		}
	}
}

// The specification's table of codes is the one of [Classify].
func TestSpecificationHasTheCodes(t *testing.T) {
	var have []string
	row := regexp.MustCompile(`\| ([A-Z_]+) \| [^|]+ \| (yes|no) \| (reject|ignore) \| (\d+) \| (\d) \|`)
	for _, m := range row.FindAllStringSubmatch(specification(t), -1) {
		have = append(have, strings.Join(m[1:], " "))
	}
	var want []string
	for _, code := range Codes() {
		c := Classify(code)
		retryable := map[bool]string{true: "yes", false: "no"}[c.Retryable]
		want = append(want, fmt.Sprintf("%s %s %s %d %d", code, retryable, c.Verdict, c.HTTP, c.Exit))
	}
	if strings.Join(have, "\n") != strings.Join(want, "\n") {
		t.Errorf("docs/spec.md 4.6 has\n%s\nthe code\n%s", strings.Join(have, "\n"), strings.Join(want, "\n"))
	}
}
