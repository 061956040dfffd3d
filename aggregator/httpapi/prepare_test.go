package httpapi_test

import (
	"encoding/json"
	"testing"

	"github.com/allegro-p2p/allegro/aggregator/httpapi"
	"github.com/allegro-p2p/allegro/fastpay"
	"github.com/allegro-p2p/allegro/p2p/planner"
	"github.com/stretchr/testify/require"
)

// A program asks with the struct, as others do with JSON of their own.
func TestPrepareRequestIsReadAsItWasWritten(t *testing.T) {
	for _, c := range []struct {
		parents, read planner.Parents
		json          string
	}{
		{planner.Parents{}, planner.Parents{Auto: true}, `"auto"`},
		{planner.Parents{Auto: true}, planner.Parents{Auto: true}, `"auto"`},
		{planner.Parents{IDs: []fastpay.ID{}}, planner.Parents{IDs: []fastpay.ID{}}, `[]`},
		{planner.Parents{IDs: []fastpay.ID{{0xab}}}, planner.Parents{IDs: []fastpay.ID{{0xab}}}, `["` + fastpay.ID{0xab}.Hex() + `"]`},
	} {
		data, err := json.Marshal(httpapi.PrepareRequest{From: "alice", Parents: httpapi.Parents{Parents: c.parents}})
		require.NoError(t, err)
		require.Contains(t, string(data), `"parents":`+c.json)
		var got httpapi.PrepareRequest
		require.NoError(t, json.Unmarshal(data, &got))
		require.Equal(t, httpapi.PrepareRequest{From: "alice", Parents: httpapi.Parents{Parents: c.read}}, got)
	}
}
