package p2p

import (
	"fmt"
	"time"

	"github.com/allegro-p2p/allegro/fastpay"
	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/rlp"
)

const (
	// maxSyncRejects bounds the refusals of one item: a responder refuses a payment
	// for one reason at a time.
	maxSyncRejects = 16
	// maxStage bounds the name of a stage, in bytes; the longest one has 14.
	maxStage = 16
)

// syncRequestBody is the RLP form of a SyncRequest:
// [kind, [id …], lane32, from_seq, account20, cursor, limit, wait_seconds, bucket].
type syncRequestBody struct {
	Kind        uint8
	IDs         []fastpay.ID
	Lane        common.Hash
	FromSeq     uint64
	Account     common.Address
	Cursor      []byte
	Limit       uint64
	WaitSeconds uint64
	Bucket      uint8
}

// encode returns the request's bytes. r has been checked.
func (r *SyncRequest) encode() []byte {
	return encodeMessage(&syncRequestBody{
		Kind: uint8(r.Kind), IDs: r.IDs, Lane: r.Lane, FromSeq: r.FromSeq, Account: r.Account,
		Cursor: r.Cursor, Limit: uint64(r.Limit), WaitSeconds: uint64(r.Wait / time.Second), Bucket: r.Bucket,
	})
}

// decodeSyncRequest reads and checks a request. The error wraps errFrame.
func decodeSyncRequest(data []byte) (SyncRequest, error) {
	var b syncRequestBody
	if err := decodeMessage("sync request", data, &b); err != nil {
		return SyncRequest{}, err
	}
	if b.Limit > MaxSyncItems || b.WaitSeconds > uint64(MaxSyncWait/time.Second) {
		return SyncRequest{}, fmt.Errorf("%w: sync request for %d items within %d seconds", errFrame, b.Limit, b.WaitSeconds)
	}
	r := SyncRequest{
		Kind: SyncKind(b.Kind), IDs: b.IDs, Lane: b.Lane, FromSeq: b.FromSeq, Account: b.Account,
		Cursor: b.Cursor, Limit: int(b.Limit), Wait: time.Duration(b.WaitSeconds) * time.Second, Bucket: b.Bucket,
	}
	if err := r.check(); err != nil {
		return SyncRequest{}, fmt.Errorf("%w: %w", errFrame, err)
	}
	return r, nil
}

// syncResponseBody is the RLP form of a SyncResponse:
// [[item …], next_cursor, more, [digest32 …]].
type syncResponseBody struct {
	Items   rlp.RawValue
	Next    []byte
	More    bool
	Digests []common.Hash
}

// syncItemBody is the RLP form of a SyncItem:
// [fastpay_tx, [certificate …], [[code, text, retryable] …], stage].
type syncItemBody struct {
	Tx           rlp.RawValue
	Certificates rlp.RawValue
	Rejects      rlp.RawValue
	Stage        string
}

// encode returns the item's bytes.
func (i *SyncItem) encode() []byte {
	certificates := make([]rlp.RawValue, len(i.Certificates))
	for n, c := range i.Certificates {
		certificates[n] = c.Encode()
	}
	rejects := make([]rejectBody, len(i.Rejects))
	for n := range i.Rejects {
		rejects[n] = newRejectBody(&i.Rejects[n])
	}
	return encodeMessage(&syncItemBody{
		Tx: i.Tx.Encode(), Certificates: encodeMessage(certificates), Rejects: encodeMessage(rejects), Stage: string(i.Stage),
	})
}

// syncOverhead bounds the bytes of a response beside its items, in an answer with
// items: lists' headers and a cursor.
const syncOverhead = 128

// FitSync returns how many of the items, from the first one on, fit into one
// response. A responder sends no more of them and sets its cursor behind the last
// one sent.
func FitSync(items []SyncItem) int {
	size := syncOverhead
	for n := range items {
		size += len(items[n].encode())
		if n == MaxSyncItems || size > MaxSyncBytes {
			return n
		}
	}
	return len(items)
}

// encode returns the response's bytes, or an error if it breaks a limit: a fault
// of the role that made it.
func (r *SyncResponse) encode() ([]byte, error) {
	if len(r.Items) > MaxSyncItems || len(r.Next) > MaxSyncCursor {
		return nil, fmt.Errorf("sync response with %d items and a cursor of %d bytes: at most %d and %d are possible",
			len(r.Items), len(r.Next), MaxSyncItems, MaxSyncCursor)
	}
	items := make([]rlp.RawValue, len(r.Items))
	for n := range r.Items {
		if len(r.Items[n].Rejects) > maxSyncRejects || len(r.Items[n].Stage) > maxStage {
			return nil, fmt.Errorf("sync response: payment %s has %d refusals and stage %q", r.Items[n].Tx.ID(), len(r.Items[n].Rejects), r.Items[n].Stage)
		}
		items[n] = r.Items[n].encode()
	}
	data := encodeMessage(&syncResponseBody{Items: encodeMessage(items), Next: r.Next, More: r.More, Digests: r.Digests})
	if len(data) > maxSyncResponse {
		return nil, fmt.Errorf("sync response has %d bytes, at most %d are possible: cut it with FitSync", len(data), maxSyncResponse)
	}
	return data, nil
}

// decodeSyncResponse reads the answer to req and verifies what is in it. Parts
// that do not verify, or were not asked for, are left out and counted; the error,
// which wraps errFrame, is for an answer that is none.
func decodeSyncResponse(rules *fastpay.Rules, data []byte, req *SyncRequest) (SyncResponse, error) {
	var b syncResponseBody
	if err := decodeMessage("sync response", data, &b); err != nil {
		return SyncResponse{}, err
	}
	want := 0
	if req.Kind == SyncDigests {
		want = SyncBuckets
	}
	if len(b.Digests) != want || len(b.Next) > MaxSyncCursor {
		return SyncResponse{}, fmt.Errorf("%w: sync response with %d digests and a cursor of %d bytes", errFrame, len(b.Digests), len(b.Next))
	}
	items, err := splitList("items of a sync response", b.Items, req.most())
	if err != nil {
		return SyncResponse{}, err
	}
	resp := SyncResponse{Next: b.Next, More: b.More, Digests: b.Digests}
	for _, raw := range items {
		item, dropped, err := decodeSyncItem(rules, raw, req)
		if err != nil {
			return SyncResponse{}, err
		}
		resp.Dropped += dropped
		if item.Tx != nil {
			resp.Items = append(resp.Items, item)
		}
	}
	return resp, nil
}

// decodeSyncItem reads one item. Its Tx is nil if the payment did not verify or
// was not asked for.
func decodeSyncItem(rules *fastpay.Rules, raw []byte, req *SyncRequest) (item SyncItem, dropped int, err error) {
	var b syncItemBody
	if err := decodeMessage("sync item", raw, &b); err != nil {
		return SyncItem{}, 0, err
	}
	certificates, err := splitList("certificates of a sync item", b.Certificates, fastpay.MaxMembers)
	if err != nil {
		return SyncItem{}, 0, err
	}
	rejects, err := splitList("refusals of a sync item", b.Rejects, maxSyncRejects)
	if err != nil {
		return SyncItem{}, 0, err
	}
	if len(b.Stage) > maxStage {
		return SyncItem{}, 0, fmt.Errorf("%w: stage of %d bytes", errFrame, len(b.Stage))
	}
	tx, err := rules.ParseTx(b.Tx)
	if err != nil || !req.wants(tx) {
		return SyncItem{}, 1, nil
	}
	item = SyncItem{Tx: tx, Stage: fastpay.Stage(printable(b.Stage))}
	for _, raw := range certificates {
		c, err := rules.ParseCertificate(tx.CommitteeID(), tx.ID(), raw)
		if err != nil {
			dropped++
			continue
		}
		item.Certificates = append(item.Certificates, c)
	}
	for _, raw := range rejects {
		var body rejectBody
		if err := decodeMessage("refusal", raw, &body); err != nil {
			return SyncItem{}, 0, err
		}
		reject, err := body.reject()
		if err != nil {
			return SyncItem{}, 0, err
		}
		item.Rejects = append(item.Rejects, *reject)
	}
	return item, dropped, nil
}
