package tempo

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/stretchr/testify/require"
)

func TestChainID(t *testing.T) {
	n := newFakeNode(t)
	id, err := n.inProcess(t, Options{}).ChainID(t.Context())
	require.NoError(t, err)
	require.EqualValues(t, 31337, id)
}

func TestHeaders(t *testing.T) {
	n := newFakeNode(t)
	n.extendBy(5)
	n.finalize(3)
	c := n.inProcess(t, Options{})

	latest, err := c.Header(t.Context(), Latest)
	require.NoError(t, err)
	require.Equal(t, n.header(5), latest)
	final, err := c.Header(t.Context(), Finalized)
	require.NoError(t, err)
	require.Equal(t, n.header(3), final)
	second, err := c.HeaderByNumber(t.Context(), 2)
	require.NoError(t, err)
	require.Equal(t, n.header(2), second)
	_, err = c.HeaderByNumber(t.Context(), 6)
	require.ErrorIs(t, err, ErrUnavailable)
}

// Nothing has to be up when a chain client is made, but the URL has to be one.
func TestDial(t *testing.T) {
	for _, url := range []string{"", "localhost:8545", "ftp://localhost", "http://", "http://user:secret@[::1"} {
		_, err := Dial(t.Context(), url, Options{})
		require.Error(t, err, url)
		require.NotContains(t, err.Error(), "secret")
	}
	closed := httptest.NewServer(http.NotFoundHandler())
	host := closed.Listener.Addr().String()
	closed.Close()
	for _, url := range []string{"http://" + host + "/token-in-path", "ws://" + host + "/token-in-path"} {
		c, err := Dial(t.Context(), url, Options{})
		require.NoError(t, err)
		_, err = c.ChainID(t.Context())
		require.ErrorIs(t, err, ErrUnreachable)
		require.NotContains(t, err.Error(), "token-in-path")
		c.Close()
		_, err = c.ChainID(t.Context())
		require.ErrorIs(t, err, ErrUnreachable)
	}
}

// A node's answer that is no answer must end in an error that says so, and
// never in a value.
func TestGarbage(t *testing.T) {
	tests := []struct {
		name   string
		status int
		body   string
		want   error
	}{
		{"no JSON", 200, "<html>It works!</html>", ErrBadAnswer},
		{"nothing", 200, "", ErrUnreachable},
		{"cut off", 200, `{"jsonrpc":"2.0","id":1,"res`, ErrUnreachable},
		{"no result", 200, `{"jsonrpc":"2.0","id":1}`, ErrBadAnswer},
		{"list instead of object", 200, `[]`, ErrBadAnswer},
		{"result of another type", 200, `{"jsonrpc":"2.0","id":1,"result":[1]}`, ErrBadAnswer},
		{"no such block", 200, `{"jsonrpc":"2.0","id":1,"result":null}`, ErrUnavailable},
		{"no hash", 200, `{"jsonrpc":"2.0","id":1,"result":{"number":"0x7","parentHash":"` + zeroHash + `","timestamp":"0x1"}}`, ErrBadAnswer},
		{"zero hash", 200, `{"jsonrpc":"2.0","id":1,"result":{"number":"0x7","hash":"` + zeroHash + `","parentHash":"` + zeroHash + `","timestamp":"0x1"}}`, ErrBadAnswer},
		{"another number", 200, `{"jsonrpc":"2.0","id":1,"result":{"number":"0x8","hash":"` + oneHash + `","parentHash":"` + zeroHash + `","timestamp":"0x1"}}`, ErrBadAnswer},
		{"error object", 200, `{"jsonrpc":"2.0","id":1,"error":{"code":-32000,"message":"boom"}}`, ErrUnavailable},
		{"too many requests", 200, `{"jsonrpc":"2.0","id":1,"error":{"code":-32005,"message":"slow down"}}`, ErrUnreachable},
		{"HTTP 429", 429, "slow down", ErrUnreachable},
		{"HTTP 502", 502, "bad gateway", ErrUnreachable},
		{"HTTP 401", 401, "who are you", ErrUnreachable},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(tt.status)
				io.WriteString(w, tt.body)
			}))
			defer server.Close()
			c, err := Dial(t.Context(), server.URL, Options{})
			require.NoError(t, err)
			defer c.Close()
			_, err = c.HeaderByNumber(t.Context(), 7)
			require.ErrorIs(t, err, tt.want)
		})
	}
}

const (
	zeroHash = "0x0000000000000000000000000000000000000000000000000000000000000000"
	oneHash  = "0x0000000000000000000000000000000000000000000000000000000000000001"
)

// A batch in which one answer is missing or wrong fails as a whole.
func TestBatchGarbage(t *testing.T) {
	for _, body := range []string{
		`[{"jsonrpc":"2.0","id":1,"result":"0x` + zeroHash[2:] + `"}]`,
		`[null,null]`,
		`{"jsonrpc":"2.0","error":{"code":-32600,"message":"batch too large"}}`,
	} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			io.WriteString(w, body)
		}))
		c, err := Dial(t.Context(), server.URL, Options{})
		require.NoError(t, err)
		_, err = c.Account(t.Context(), Header{Number: 1}, token, account(1), laneKey)
		require.ErrorIs(t, err, ErrBadAnswer, body)
		c.Close()
		server.Close()
	}
}

// hanging returns a script in which a node never answers the named method.
func hanging(ctx context.Context, method string) func(string) {
	return func(called string) {
		if called == method {
			<-ctx.Done()
		}
	}
}

func TestSlowNode(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newFakeNode(t)
		over, release := context.WithCancel(t.Context())
		defer release()
		n.before = hanging(over, "eth_chainId")
		c := n.inProcess(t, Options{RequestTimeout: time.Second})

		_, err := c.ChainID(t.Context())
		require.ErrorIs(t, err, ErrUnreachable, "the node's slowness is an outage")
		require.NotErrorIs(t, err, context.DeadlineExceeded)

		ctx, cancel := context.WithTimeout(t.Context(), time.Second/2)
		defer cancel()
		_, err = c.ChainID(ctx)
		require.ErrorIs(t, err, context.DeadlineExceeded, "the caller's own time is up")
		require.NotErrorIs(t, err, ErrUnreachable)

		_, err = c.Header(t.Context(), Latest)
		require.NoError(t, err, "one slow method must not block the others")
	})
}

func TestSend(t *testing.T) {
	raw := []byte{0x76, 1, 2, 3}
	tests := []struct {
		name   string
		answer error
		want   error
	}{
		{"taken", nil, nil},
		{"anvil has it", rpcError{code: -32003, message: "transaction already imported"}, ErrCheckNonce},
		{"reth has it", rpcError{code: -32000, message: "already known"}, ErrCheckNonce},
		{"used", rpcError{code: -32000, message: "Nonce too low: next nonce 4, tx nonce 3"}, ErrCheckNonce},
		{"another in its place", rpcError{code: -32000, message: "replacement transaction underpriced"}, ErrCheckNonce},
		{"below the base fee", rpcError{code: -32003, message: "max fee per gas less than block base fee"}, ErrRefused},
		{"poor sponsor", rpcError{code: -32003, message: "insufficient fee token balance: have 5, need 24000"}, ErrRefused},
		{"no lane", rpcError{code: -32000, message: "subblocks service channel closed"}, ErrRefused},
		{"busy", rpcError{code: -32005, message: "too many requests"}, ErrUnreachable},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			n := newFakeNode(t)
			if tt.answer != nil {
				n.fail = failing(tt.answer, "eth_sendRawTransaction")
			}
			hash, err := n.inProcess(t, Options{}).Send(t.Context(), raw)
			require.ErrorIs(t, err, tt.want)
			require.Equal(t, crypto.Keccak256Hash(raw), hash)
			for _, other := range []error{ErrCheckNonce, ErrRefused, ErrUnreachable, ErrUnavailable} {
				if other != tt.want {
					require.NotErrorIs(t, err, other)
				}
			}
			if tt.answer == nil {
				require.Equal(t, []hexutil.Bytes{raw}, n.sent)
			}
		})
	}
}

// A node that answers with another transaction's hash is not believed.
func TestSendOtherHash(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		io.WriteString(w, `{"jsonrpc":"2.0","id":1,"result":"`+oneHash+`"}`)
	}))
	defer server.Close()
	c, err := Dial(t.Context(), server.URL, Options{})
	require.NoError(t, err)
	defer c.Close()
	_, err = c.Send(t.Context(), []byte{0x76})
	require.ErrorIs(t, err, ErrBadAnswer)
}

func TestCanTransfer(t *testing.T) {
	tests := []struct {
		name   string
		answer error
		want   error
		says   string
	}{
		{"allowed", nil, nil, ""},
		{"policy", revertWith(SelectorPolicyForbids), ErrPolicy, "policy forbids"},
		{"paused", revertWith(SelectorContractPaused), ErrPolicy, "paused"},
		{"recipient", revertWith(SelectorInvalidRecipient), ErrPolicy, "recipient"},
		{"balance", revertWith(SelectorInsufficientBalance), ErrPolicy, "balance"},
		{"another error", revertWith(Selector{1, 2, 3, 4}), ErrPolicy, "0x01020304"},
		{"no data", rpcError{code: 3, message: "execution reverted"}, ErrPolicy, "execution reverted"},
		{"data of another kind", rpcError{code: 3, message: "execution reverted", data: 7}, ErrPolicy, "execution reverted"},
		{"data that is no hex", rpcError{code: 3, message: "execution reverted", data: "zz"}, ErrPolicy, "execution reverted"},
		{"pruned", rpcError{code: -32000, message: "missing trie node"}, ErrUnavailable, "missing trie node"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			n := newFakeNode(t)
			if tt.answer != nil {
				n.fail = failing(tt.answer, "eth_call")
			}
			err := n.inProcess(t, Options{}).CanTransfer(t.Context(), n.head(), token, account(1), account(2), common.Hash{1})
			if tt.want == nil {
				require.NoError(t, err)
				return
			}
			require.ErrorIs(t, err, tt.want)
			require.ErrorContains(t, err, tt.says)
			_, reverted := errors.AsType[*RevertError](err)
			require.Equal(t, tt.want == ErrPolicy, reverted)
		})
	}
}

// revertWith returns the answer to a call that reverted with an error of the
// token.
func revertWith(s Selector) error {
	return rpcError{code: 3, message: "execution reverted", data: hexutil.Encode(s[:])}
}

// A call is pinned: a block that was replaced gives no answer.
func TestCanTransferReplacedBlock(t *testing.T) {
	n := newFakeNode(t)
	old := n.extend()
	n.rollback(0)
	n.extend()
	err := n.inProcess(t, Options{}).CanTransfer(t.Context(), old, token, account(1), account(2), common.Hash{})
	require.ErrorIs(t, err, ErrUnavailable)
}

func TestForkSchedule(t *testing.T) {
	n := newFakeNode(t)
	c := n.inProcess(t, Options{})
	_, known, err := c.ForkSchedule(t.Context())
	require.NoError(t, err)
	require.False(t, known, "a node without the method")

	require.NoError(t, n.server.RegisterName("tempo", fakeTempo{}))
	schedule, known, err := c.ForkSchedule(t.Context())
	require.NoError(t, err)
	require.True(t, known)
	require.Equal(t, "T4", schedule.Active)
	require.True(t, schedule.Reached("T4"))
	require.True(t, schedule.Reached("t4"))
	require.False(t, schedule.Reached("T5"), "known but not active")
	require.False(t, schedule.Reached("T9"), "unknown")
}

// fakeTempo is the tempo namespace of a real node.
type fakeTempo struct{}

func (fakeTempo) ForkSchedule() ForkSchedule {
	return ForkSchedule{Active: "T4", Forks: []Fork{{"T3", 1, true}, {"T4", 2, true}, {"T5", 3, false}}}
}
