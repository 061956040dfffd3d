package p2p

import (
	"bytes"
	"crypto/ed25519"
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/allegro-p2p/allegro/fastpay"
	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/rlp"
)

// goodSyncRequests has one request of each kind with every field that it may use.
func goodSyncRequests() []SyncRequest {
	cursor := bytes.Repeat([]byte{3}, MaxSyncCursor)
	return []SyncRequest{
		{Kind: SyncIDs, IDs: []fastpay.ID{{1}, {2}}},
		{Kind: SyncLane, Lane: common.Hash{1}, FromSeq: 7, Limit: MaxSyncItems},
		{Kind: SyncAccount, Account: common.Address{1}, Cursor: cursor, Limit: 1},
		{Kind: SyncSince, Cursor: cursor, Limit: 10, Wait: MaxSyncWait},
		{Kind: SyncDigests},
		{Kind: SyncBucket, Bucket: 255, Cursor: cursor, Limit: 10},
	}
}

func TestSyncRequests(t *testing.T) {
	for _, want := range goodSyncRequests() {
		if err := want.check(); err != nil {
			t.Errorf("%s: %v", want.Kind, err)
		}
		data := want.encode()
		if len(data) > maxSyncRequest {
			t.Errorf("%s has %d bytes", want.Kind, len(data))
		}
		got, err := decodeSyncRequest(data)
		if err != nil {
			t.Errorf("%s: %v", want.Kind, err)
		}
		// RLP does not tell nil from empty.
		if got.Cursor = append([]byte(nil), got.Cursor...); len(got.IDs) == 0 {
			got.IDs = nil
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s comes back as %+v, was %+v", want.Kind, got, want)
		}
	}
	most := SyncRequest{Kind: SyncIDs, IDs: make([]fastpay.ID, MaxSyncItems)}
	if n := len(most.encode()); n > maxSyncRequest {
		t.Errorf("the largest request has %d bytes, above its limit of %d", n, maxSyncRequest)
	}
}

func TestSyncRequestsRefused(t *testing.T) {
	for name, r := range map[string]SyncRequest{
		"no kind":                    {},
		"an unknown kind":            {Kind: 7},
		"no ids":                     {Kind: SyncIDs},
		"too many ids":               {Kind: SyncIDs, IDs: make([]fastpay.ID, MaxSyncItems+1)},
		"ids with a limit":           {Kind: SyncIDs, IDs: []fastpay.ID{{1}}, Limit: 1},
		"a lane without a limit":     {Kind: SyncLane},
		"a lane with a large limit":  {Kind: SyncLane, Limit: MaxSyncItems + 1},
		"a lane with a cursor":       {Kind: SyncLane, Limit: 1, Cursor: []byte{1}},
		"a negative limit":           {Kind: SyncLane, Limit: -1},
		"an account with a lane":     {Kind: SyncAccount, Limit: 1, Lane: common.Hash{1}},
		"an account that waits":      {Kind: SyncAccount, Limit: 1, Wait: time.Second},
		"a long cursor":              {Kind: SyncSince, Limit: 1, Cursor: make([]byte, MaxSyncCursor+1)},
		"a long wait":                {Kind: SyncSince, Limit: 1, Wait: MaxSyncWait + time.Second},
		"a wait of half a second":    {Kind: SyncSince, Limit: 1, Wait: time.Second / 2},
		"a negative wait":            {Kind: SyncSince, Limit: 1, Wait: -time.Second},
		"since with an account":      {Kind: SyncSince, Limit: 1, Account: common.Address{1}},
		"digests with a bucket":      {Kind: SyncDigests, Bucket: 1},
		"digests with a limit":       {Kind: SyncDigests, Limit: 1},
		"a bucket with a first slot": {Kind: SyncBucket, Limit: 1, FromSeq: 1},
	} {
		if err := r.check(); err == nil {
			t.Errorf("%s passes", name)
		}
		if r.Limit < 0 || r.Wait < 0 || r.Wait%time.Second != 0 {
			continue // has no wire form
		}
		if _, err := decodeSyncRequest(r.encode()); !errors.Is(err, errFrame) {
			t.Errorf("%s, on the wire: %v, want errFrame", name, err)
		}
	}
}

func FuzzSyncRequest(f *testing.F) {
	for _, r := range goodSyncRequests() {
		f.Add(r.encode())
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if r, err := decodeSyncRequest(data); err == nil && !bytes.Equal(r.encode(), data) {
			t.Errorf("%x is not canonical", data)
		}
	})
}

// syncItems returns n items, each with the certificates of all members.
func syncItems(w *World, n int) []SyncItem {
	items := make([]SyncItem, n)
	for i := range items {
		items[i].Tx = w.Tx(w.Now, i, 0)
		items[i].Stage = fastpay.StageCertified
		items[i].Rejects = []fastpay.Reject{{Code: fastpay.Expired, Text: "late"}}
		for signer := range w.Now.Len() {
			items[i].Certificates = append(items[i].Certificates, w.Batch(w.Now, signer, items[i].Tx.ID()).Certificate(0))
		}
	}
	return items
}

func TestSyncResponses(t *testing.T) {
	w := NewWorld(t, 3)
	items := syncItems(w, 3)
	sent := SyncResponse{Items: items, Next: []byte("cursor"), More: true}
	data, err := sent.encode()
	if err != nil {
		t.Fatal(err)
	}
	got, err := decodeSyncResponse(w.Rules, data, &SyncRequest{Kind: SyncSince, Limit: 3})
	if err != nil || len(got.Items) != 3 || string(got.Next) != "cursor" || !got.More || got.Dropped != 0 {
		t.Fatalf("answer with %d items, next %q, more %v, %d dropped: %v", len(got.Items), got.Next, got.More, got.Dropped, err)
	}
	for i, item := range got.Items {
		if item.Tx.ID() != items[i].Tx.ID() || len(item.Certificates) != 3 || item.Stage != fastpay.StageCertified || item.Rejects[0] != items[i].Rejects[0] {
			t.Errorf("item %d is %+v", i, item)
		}
	}
	digests := SyncResponse{Digests: make([]common.Hash, SyncBuckets)}
	digests.Digests[255] = common.Hash{9}
	if data, err = digests.encode(); err != nil {
		t.Fatal(err)
	}
	got, err = decodeSyncResponse(w.Rules, data, &SyncRequest{Kind: SyncDigests})
	if err != nil || len(got.Digests) != SyncBuckets || got.Digests[255] != digests.Digests[255] {
		t.Errorf("%d digests: %v", len(got.Digests), err)
	}
}

// TestLargestQCFitsIntoAnAnswer: the votes of the largest committee, whose QC no
// gossip payload can hold, fit into one item with all that may stand beside them.
func TestLargestQCFitsIntoAnAnswer(t *testing.T) {
	w := NewWorld(t, fastpay.MaxMembers)
	tx := w.Tx(w.Now, 0, 0)
	ids := []fastpay.ID{tx.ID()}
	for i := 1; i < fastpay.MaxBatch; i++ {
		ids = append(ids, fastpay.ID{byte(i >> 8), byte(i), 1})
	}
	root := must(fastpay.BatchRoot(ids))
	var vote struct {
		Signer, Index, Count uint64
		Path                 []common.Hash
		Signature            [ed25519.SignatureSize]byte
	}
	one := w.Batch(w.Now, 0, ids...).Certificate(slices.Index(ids, tx.ID()))
	if err := rlp.DecodeBytes(one.Encode(), &vote); err != nil {
		t.Fatal(err)
	}
	item := SyncItem{Tx: tx, Stage: fastpay.StageCertified}
	for i := range w.Now.Len() { // the same batch, and so the same path
		digest := fastpay.BatchDigest(w.Now.ID(), w.Now.Key(i), len(ids), root)
		vote.Signer, vote.Signature = uint64(i), [ed25519.SignatureSize]byte(ed25519.Sign(w.Keys[i], digest[:]))
		item.Certificates = append(item.Certificates, must(w.Rules.ParseCertificate(w.Now.ID(), tx.ID(), encodeMessage(&vote))))
	}
	for range maxSyncRejects {
		item.Rejects = append(item.Rejects, fastpay.Reject{Code: fastpay.TemporaryUnavailable, Text: strings.Repeat("x", maxRejectText)})
	}
	if n := FitSync([]SyncItem{item}); n != 1 {
		t.Fatalf("%d items fit", n)
	}
	resp := SyncResponse{Items: []SyncItem{item}}
	got, err := decodeSyncResponse(w.Rules, must(resp.encode()), &SyncRequest{Kind: SyncSince, Limit: 1})
	if err != nil || len(got.Items) != 1 || got.Dropped != 0 {
		t.Fatalf("answer with %d items, %d dropped: %v", len(got.Items), got.Dropped, err)
	}
	qc := fastpay.NewQC(w.Now, got.Items[0].Tx, got.Items[0].Certificates)
	if qc == nil || len(qc.Encode()) <= fastpay.MaxMessageSize {
		t.Fatal("vacuous: no large QC came through")
	}
	if _, err := w.Rules.ParseQC(qc.Encode()); err != nil {
		t.Error(err)
	}
}

// TestSyncDrops: what a peer sends beside the right answer costs only itself.
func TestSyncDrops(t *testing.T) {
	w, foreign := NewWorld(t, 2), newWorld(t, 2, 99)
	a, b := syncItems(w, 2)[0], syncItems(w, 2)[1]
	lane, account, ids := a.Tx.LaneID(), a.Tx.Sender(), []fastpay.ID{a.Tx.ID()}
	swapped := a
	swapped.Certificates = []*fastpay.Certificate{a.Certificates[0], b.Certificates[1]}
	alien := SyncItem{Tx: foreign.Tx(foreign.Now, 0, 0)}
	for _, c := range []struct {
		name        string
		req         SyncRequest
		items       []SyncItem
		want        int
		dropped     int
		certificate int // of the first item
	}{
		{"ids", SyncRequest{Kind: SyncIDs, IDs: append(ids, common.Hash{1})}, []SyncItem{a, b}, 1, 1, 2},
		{"lane", SyncRequest{Kind: SyncLane, Lane: lane, Limit: 5}, []SyncItem{a, b}, 1, 1, 2},
		{"lane from a later slot", SyncRequest{Kind: SyncLane, Lane: lane, FromSeq: 1, Limit: 5}, []SyncItem{a}, 0, 1, 0},
		{"payer", SyncRequest{Kind: SyncAccount, Account: account, Limit: 5}, []SyncItem{a, b}, 1, 1, 2},
		{"payee", SyncRequest{Kind: SyncAccount, Account: a.Tx.Recipient(), Limit: 5}, []SyncItem{a, b}, 2, 0, 2},
		{"bucket", SyncRequest{Kind: SyncBucket, Bucket: lane[0], Limit: 5}, []SyncItem{a}, 1, 0, 2},
		{"other bucket", SyncRequest{Kind: SyncBucket, Bucket: lane[0] + 1, Limit: 5}, []SyncItem{a}, 0, 1, 0},
		{"another network's payment", SyncRequest{Kind: SyncSince, Limit: 5}, []SyncItem{a, alien}, 1, 1, 2},
		{"another payment's certificate", SyncRequest{Kind: SyncSince, Limit: 5}, []SyncItem{swapped}, 1, 1, 1},
	} {
		resp := SyncResponse{Items: c.items}
		data, err := resp.encode()
		if err != nil {
			t.Fatal(err)
		}
		got, err := decodeSyncResponse(w.Rules, data, &c.req)
		if err != nil || len(got.Items) != c.want || got.Dropped != c.dropped {
			t.Errorf("%s: %d items, %d dropped, %v, want %d and %d", c.name, len(got.Items), got.Dropped, err, c.want, c.dropped)
			continue
		}
		if c.want > 0 && len(got.Items[0].Certificates) != c.certificate {
			t.Errorf("%s: %d certificates, want %d", c.name, len(got.Items[0].Certificates), c.certificate)
		}
	}
}

func TestSyncResponsesRefused(t *testing.T) {
	w := NewWorld(t, 1)
	tx := w.Tx(w.Now, 0, 0)
	list := func(values ...any) rlp.RawValue { return encodeMessage(values) }
	item := func(certs, rejects rlp.RawValue, stage string) rlp.RawValue {
		return list(rlp.RawValue(tx.Encode()), certs, rejects, stage)
	}
	none := list()
	good := item(none, none, "CERTIFIED")
	var many []any
	for range maxSyncRejects + 1 {
		many = append(many, rejectBody{"X", "x", false})
	}
	digests := make([]common.Hash, SyncBuckets)
	since := SyncRequest{Kind: SyncSince, Limit: 2}
	for name, c := range map[string]struct {
		data []byte
		req  SyncRequest
	}{
		"more items than asked for": {encodeMessage([]any{list(good, good, good), []byte{}, false, digests[:0]}), since},
		"a long cursor":             {encodeMessage([]any{list(good), make([]byte, MaxSyncCursor+1), false, digests[:0]}), since},
		"digests unasked":           {encodeMessage([]any{list(good), []byte{}, false, digests}), since},
		"a digest missing":          {encodeMessage([]any{none, []byte{}, false, digests[1:]}), SyncRequest{Kind: SyncDigests}},
		"items beside digests":      {encodeMessage([]any{list(good), []byte{}, false, digests}), SyncRequest{Kind: SyncDigests}},
		"too many refusals":         {encodeMessage([]any{list(item(none, list(many...), "")), []byte{}, false, digests[:0]}), since},
		"a long stage":              {encodeMessage([]any{list(item(none, none, "ABCDEFGHIJKLMNOPQ")), []byte{}, false, digests[:0]}), since},
		"a refusal without a code":  {encodeMessage([]any{list(item(none, list(rejectBody{"", "x", false}), "")), []byte{}, false, digests[:0]}), since},
		"a field less":              {encodeMessage([]any{list(good), []byte{}, false}), since},
		"more is 2":                 {encodeMessage([]any{list(good), []byte{}, uint(2), digests[:0]}), since},
		"nothing":                   {nil, since},
	} {
		if _, err := decodeSyncResponse(w.Rules, c.data, &c.req); !errors.Is(err, errFrame) {
			t.Errorf("%s: %v, want errFrame", name, err)
		}
	}
}

func TestFitSync(t *testing.T) {
	w := NewWorld(t, 7)
	one := syncItems(w, 1)[0]
	items := make([]SyncItem, 2*MaxSyncItems)
	for i := range items {
		items[i] = one
	}
	if n := FitSync(items); n < 200 || n > MaxSyncItems {
		t.Errorf("%d payments with 7 certificates fit", n)
	}
	small := SyncItem{Tx: one.Tx}
	for i := range items {
		items[i] = small
	}
	if n := FitSync(items); n != MaxSyncItems {
		t.Errorf("%d bare payments fit, want %d", n, MaxSyncItems)
	}
	large := one
	for range 100 {
		large.Certificates = append(large.Certificates, one.Certificates...)
	}
	for i := range items {
		items[i] = large
	}
	n := FitSync(items)
	resp := SyncResponse{Items: items[:n], Next: make([]byte, MaxSyncCursor), More: true}
	if _, err := resp.encode(); err != nil || n == 0 {
		t.Errorf("%d large payments fit, but %v", n, err)
	}
	resp.Items = items[:n+2]
	if _, err := resp.encode(); err == nil {
		t.Errorf("%d large payments fit as well", n+2)
	}
	if n := FitSync(nil); n != 0 {
		t.Errorf("%d of no items fit", n)
	}
}

func FuzzSyncResponse(f *testing.F) {
	w := NewWorld(f, 2)
	for _, r := range []SyncResponse{{}, {Items: syncItems(w, 2), Next: []byte{1}, More: true}} {
		f.Add(must(r.encode()))
	}
	req := SyncRequest{Kind: SyncSince, Limit: 4}
	f.Fuzz(func(t *testing.T, data []byte) {
		resp, err := decodeSyncResponse(w.Rules, data, &req)
		if err != nil {
			return
		}
		if len(resp.Items) > req.Limit || len(resp.Next) > MaxSyncCursor || len(resp.Digests) != 0 {
			t.Errorf("answer with %d items, a cursor of %d bytes, %d digests", len(resp.Items), len(resp.Next), len(resp.Digests))
		}
		for _, item := range resp.Items {
			for _, c := range item.Certificates {
				if c.ID() != item.Tx.ID() {
					t.Errorf("certificate of %s at payment %s", c.ID(), item.Tx.ID())
				}
			}
		}
	})
}
