package tempo

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"

	"github.com/ethereum/go-ethereum/rpc"
)

// maxBatch is the number of queries put into one exchange. Nodes cap a batch
// at about a thousand queries and the answer at some 25 MB; a hundred receipts
// of payments stay far below both.
const maxBatch = 100

// JSON-RPC error codes that decide how a request goes on.
const (
	codeRevert        = 3      // eth_call: the execution reverted
	codeUnknownMethod = -32601 // JSON-RPC 2.0
	codeTimeout       = -32002 // the node gave up on the request
	codeLimitExceeded = -32005 // EIP-1474: too many requests, or too large ones
)

// query is one JSON-RPC request and where its result goes: a pointer that
// package json can fill. A null result leaves a pointer behind it nil.
type query struct {
	method string
	args   []any
	into   any
}

// answerError is an error object that the node answered with. Its kind is
// ErrUnavailable, or ErrUnreachable if the node only has no time, unless the
// method gives it another meaning.
type answerError struct {
	code    int
	message string
	data    any // of the error object, nil if it has none
}

// kind returns the sentinel for the error.
func (e *answerError) kind() error {
	switch e.code {
	case codeTimeout, codeLimitExceeded:
		return ErrUnreachable
	}
	return ErrUnavailable
}

// Error tells what the node said.
func (e *answerError) Error() string {
	return fmt.Sprintf("%v: node says %q (code %d)", e.kind(), e.message, e.code)
}

// Is makes errors.Is find the kind, and errUnsupported by the code.
func (e *answerError) Is(target error) bool {
	return target == e.kind() || target == errUnsupported && e.code == codeUnknownMethod
}

// call makes one request. Its error wraps a sentinel and names the method.
func (c *Chain) call(ctx context.Context, q query) error {
	return c.batch(ctx, []query{q})
}

// batch makes all queries in as few exchanges as maxBatch allows, each with
// its own time limit, and returns the first error, by order of the queries. If
// it is not nil, nothing may be assumed about any result.
func (c *Chain) batch(ctx context.Context, queries []query) error {
	for len(queries) > 0 {
		n := min(len(queries), maxBatch)
		if err := c.exchange(ctx, queries[:n]); err != nil {
			return err
		}
		queries = queries[n:]
	}
	return nil
}

// exchange makes the queries in one request to the node in use.
func (c *Chain) exchange(ctx context.Context, queries []query) error {
	n, _ := c.nodes.inUse()
	began := c.opts.Now()
	err := c.exchangeWith(ctx, n, queries)
	c.nodes.note(n, began, err)
	return err
}

// exchangeWith makes the queries in one request to a node that is of the right
// chain.
func (c *Chain) exchangeWith(ctx context.Context, n *node, queries []query) error {
	if err := c.identify(ctx, n); err != nil {
		return err
	}
	return c.ask(ctx, n, queries)
}

// ask makes the queries in one request to a node.
func (c *Chain) ask(ctx context.Context, n *node, queries []query) error {
	limited, cancel := context.WithTimeout(ctx, c.opts.RequestTimeout)
	defer cancel()
	elems := make([]rpc.BatchElem, len(queries))
	for i, q := range queries {
		elems[i] = rpc.BatchElem{Method: q.method, Args: q.args, Result: new(json.RawMessage)}
	}
	failed := transmit(limited, n, elems)

	var first error
	for i, q := range queries {
		err := failed
		if err == nil {
			err = elems[i].Error
		}
		if err == nil {
			err = decode(*elems[i].Result.(*json.RawMessage), q.into)
		} else {
			err = classify(ctx, err)
		}
		c.metrics.request(q.method, err)
		if err != nil && first == nil {
			first = fmt.Errorf("%s: %w", q.method, err)
		}
	}
	return first
}

// transmit sends the elements, as a batch if there are several. The error is
// that of the transport; what the node answers is in the elements.
func transmit(ctx context.Context, n *node, elems []rpc.BatchElem) error {
	client, err := n.calls.get(ctx)
	if err != nil {
		return err
	}
	if len(elems) > 1 {
		return client.BatchCallContext(ctx, elems)
	}
	elems[0].Error = client.CallContext(ctx, elems[0].Result, elems[0].Method, elems[0].Args...)
	return nil
}

// decode fills into with a result.
func decode(result json.RawMessage, into any) error {
	if err := json.Unmarshal(result, into); err != nil {
		return fmt.Errorf("%w: %v", ErrBadAnswer, err)
	}
	return nil
}

// classify turns an error of the rpc client into one of this package. ctx is
// the caller's: its end is told apart from a node that is too slow.
func classify(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if answer, ok := errors.AsType[rpc.Error](err); ok {
		out := &answerError{code: answer.ErrorCode(), message: answer.Error()}
		if detail, ok := errors.AsType[rpc.DataError](err); ok {
			out.data = detail.ErrorData()
		}
		return out
	}
	if nonsense(err) {
		return fmt.Errorf("%w: %v", ErrBadAnswer, err)
	}
	// A page of HTML is no help, and the URL that net/http puts into its
	// errors may hold an access token.
	if status, ok := errors.AsType[rpc.HTTPError](err); ok {
		err = errors.New(status.Status)
	}
	if located, ok := errors.AsType[*url.Error](err); ok {
		err = located.Err
	}
	return fmt.Errorf("%w: %v", ErrUnreachable, err)
}

// nonsense reports whether err says that bytes arrived but were no answer.
func nonsense(err error) bool {
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return false // cut off on the way
	}
	_, syntax := errors.AsType[*json.SyntaxError](err)
	_, kind := errors.AsType[*json.UnmarshalTypeError](err)
	return syntax || kind || errors.Is(err, rpc.ErrNoResult) || errors.Is(err, rpc.ErrMissingBatchResponse)
}
