package httpapi_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/allegro-p2p/allegro/aggregator/httpapi"
	"github.com/ethereum/go-ethereum/common"
	"github.com/pb33f/libopenapi-validator/schema_validation"
	v3 "github.com/pb33f/libopenapi/datamodel/high/v3"
	"github.com/stretchr/testify/require"
)

// told is an event with its data as they were sent.
type told struct{ kind, data string }

// rest reads the events up to the end of the stream.
func (r *reader) rest() []told {
	var events []told
	for lines := r.block(); lines != nil; lines = r.block() {
		var e told
		for _, line := range lines {
			switch name, value, _ := strings.Cut(line, ": "); name {
			case "event":
				e.kind = value
			case "data":
				e.data = value
			}
		}
		if e.kind != "" {
			events = append(events, e)
		}
	}
	return events
}

// playEverything tells one event of each kind that a scene has.
func playEverything(report func(httpapi.DemoEvent)) error {
	hash := common.Hash{1}.Hex()
	for _, step := range []httpapi.DemoStepName{
		httpapi.StepAliceSubmit, httpapi.StepAliceQC, httpapi.StepBobImport, httpapi.StepBobSubmit, httpapi.StepBobQC,
	} {
		report(httpapi.DemoEvent{Step: &httpapi.DemoStep{Step: step, TxHash: &hash, QCHash: &hash, ParentQCHash: &hash, CertCount: ptr(2)}})
	}
	report(httpapi.DemoEvent{Head: &httpapi.ChainHead{BlockHeight: 3, BlockHash: hash}})
	report(httpapi.DemoEvent{Done: &httpapi.DemoDone{Verdict: httpapi.DemoVerdict{QC1MarginMS: ptr(int64(4))}}})
	return errors.New("and then it broke")
}

// requireEvents requires every event's data to be of the schema that the document names for
// its type, and every type to have come.
func requireEvents(t *testing.T, document *v3.Document, events []told) {
	t.Helper()
	schemas := map[string]string{
		"payment": "Payment", "head": "Head", "validator_head": "ValidatorHead", "peer": "Peer",
		"step": "DemoStep", "chain_head": "ChainHead", "done": "DemoDone", "error": "DemoError",
	}
	v := schema_validation.NewSchemaValidator()
	check := func(e told) (bool, any) {
		name, known := schemas[e.kind]
		require.True(t, known, "event %s is in no document", e.kind)
		proxy, known := document.Components.Schemas.Get(name)
		require.True(t, known, name)
		valid, faults := v.ValidateSchemaString(proxy.Schema(), e.data)
		return valid, faults
	}
	prose := strings.Join(strings.Fields(string(httpapi.OpenAPI)), " ")
	came := make(map[string]told)
	for _, e := range events {
		valid, faults := check(e)
		require.True(t, valid, "%s %s: %+v", e.kind, e.data, faults)
		came[e.kind] = e
	}
	for kind, name := range schemas {
		e, found := came[kind]
		require.True(t, found, "no test makes an event %s", kind)
		require.True(t, strings.Contains(prose, "`"+kind+"` with a "+name), "the document does not say that %s comes with a %s", kind, name)
		e.data = strings.Replace(e.data, "{", `{"more":1,`, 1)
		valid, _ := check(e)
		require.False(t, valid, "%s", e.data)
	}
}
