package request

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/allegro-p2p/allegro/fastpay"
	"github.com/allegro-p2p/allegro/p2p"
	"github.com/ethereum/go-ethereum/common"
	"github.com/holiman/uint256"
	"github.com/stretchr/testify/require"
)

// vectors are requests as every implementation reads them. Amounts and times are decimal
// strings; says is part of the refusal.
type vectors struct {
	Valid []struct {
		Name     string         `json:"name"`
		URI      string         `json:"uri"`
		Network  common.Hash    `json:"network"`
		Payee    common.Address `json:"payee"`
		Asset    common.Address `json:"asset"`
		Amount   string         `json:"amount"`
		Note     string         `json:"note"`
		NoteHash common.Hash    `json:"note_hash"`
		Expires  string         `json:"expires"`
		Peers    []string       `json:"peers"`
	} `json:"valid"`
	Invalid []struct {
		Name string `json:"name"`
		URI  string `json:"uri"`
		Says string `json:"says"`
	} `json:"invalid"`
}

func readVectors(t testing.TB) (v vectors) {
	t.Helper()
	data, err := os.ReadFile("testdata/requests.json")
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(data, &v))
	require.NotEmpty(t, v.Valid)
	require.NotEmpty(t, v.Invalid)
	return v
}

func TestVectors(t *testing.T) {
	v := readVectors(t)
	for _, want := range v.Valid {
		t.Run(want.Name, func(t *testing.T) {
			r, err := Parse(want.URI)
			require.NoError(t, err)
			require.Equal(t, want.URI, r.String())
			require.NoError(t, r.Validate())
			require.Equal(t, want.Network, r.Network)
			require.Equal(t, want.Payee, r.Payee)
			require.Equal(t, want.Asset, r.Asset)
			require.Equal(t, want.Amount, r.Amount.Dec())
			require.Equal(t, want.Note, r.Note)
			require.Equal(t, want.NoteHash, fastpay.NoteHash(r.Note))
			require.Equal(t, want.Expires, fmt.Sprint(r.Expires))
			require.ElementsMatch(t, want.Peers, r.Peers)
		})
	}
	for _, want := range v.Invalid {
		t.Run(want.Name, func(t *testing.T) {
			_, err := Parse(want.URI)
			require.ErrorContains(t, err, want.Says)
			require.ErrorContains(t, err, "payment request: ")
		})
	}
}

// TestTheLongestRequestFits: whatever is valid can be written, and has room in a QR code.
func TestTheLongestRequestFits(t *testing.T) {
	r := Request{Expires: maxExpires, Note: strings.Repeat("é", MaxNote/2)}
	r.Amount.Sub(new(uint256.Int).Lsh(uint256.NewInt(1), maxAmountBits), uint256.NewInt(1))
	for i := range MaxPeers {
		end := fmt.Sprintf("/udp/6553%d/quic-v1/p2p/12D3KooWJffCHfWKZJVSutW2VdijqWM3UqQzHBhwQwa6HT6NiApL", i)
		r.Peers = append(r.Peers, "/dns4/"+strings.Repeat("a", maxPeer-len("/dns4/")-len(end))+end)
	}
	require.NoError(t, r.Validate())
	require.LessOrEqual(t, len(r.String()), MaxLength)
	again, err := Parse(r.String())
	require.NoError(t, err)
	require.Equal(t, r, again)
}

// TestAnInvalidRequestIsNotRead: what a program puts together wrongly, nobody pays.
func TestAnInvalidRequestIsNotRead(t *testing.T) {
	sound := func() Request {
		return Request{Amount: *uint256.NewInt(1), Peers: []string{"/ip4/192.0.2.1/tcp/1/p2p/12D3KooWJffCHfWKZJVSutW2VdijqWM3UqQzHBhwQwa6HT6NiApL"}}
	}
	r := sound()
	require.NoError(t, r.Validate())
	for name, spoil := range map[string]func(*Request){
		"amount 0":      func(r *Request) { r.Amount.Clear() },
		"amount 2^128":  func(r *Request) { r.Amount.Lsh(uint256.NewInt(1), maxAmountBits) },
		"expires":       func(r *Request) { r.Expires = maxExpires + 1 },
		"note too long": func(r *Request) { r.Note = strings.Repeat("n", MaxNote+1) },
		"note UTF-8":    func(r *Request) { r.Note = "\xff" },
		"note hidden":   func(r *Request) { r.Note = "\u202e" },
		"peer":          func(r *Request) { r.Peers[0] = "/ip4/192.0.2.1/tcp/1" },
		"same peer":     func(r *Request) { r.Peers = append(r.Peers, r.Peers[0]) },
	} {
		t.Run(name, func(t *testing.T) {
			r := sound()
			spoil(&r)
			require.Error(t, r.Validate())
			_, err := Parse(r.String())
			require.Error(t, err)
		})
	}
}

func TestChoosePeers(t *testing.T) {
	at := func(host string, peer int) string {
		id := p2p.IdentityFromSeed(fmt.Sprint(peer)).PeerID()
		return "/" + host + "/tcp/4001/p2p/" + id.String()
	}
	near0, near1, far1 := at("ip4/127.0.0.1", 0), at("ip6/::1", 1), at("ip4/192.0.2.1", 1)
	require.Equal(t, []string{near0, near1}, ChoosePeers([]string{near0, near1, "/ip4/192.0.2.1/tcp/1/ws"}))
	require.Equal(t, []string{far1}, ChoosePeers([]string{near0, near1, far1}), "loopback only if nothing else is there")
	require.Equal(t, []string{far1}, ChoosePeers([]string{far1, at("ip4/192.0.2.2", 1), far1}), "one address of each peer")
	var many []string
	for i := range MaxPeers + 2 {
		many = append(many, at("ip4/192.0.2.1", i))
	}
	require.Equal(t, many[:MaxPeers], ChoosePeers(many))
	require.Empty(t, ChoosePeers(nil))
}

func TestAPayerRefuses(t *testing.T) {
	network, payer, payee, token := common.Hash{1}, common.Address{2}, common.Address{3}, common.Address{4}
	p := Payer{Network: network, Account: payer, Assets: []common.Address{token}, ChainTime: 1000, Clock: 1010}
	r := Request{Network: network, Payee: payee, Asset: token, Amount: *uint256.NewInt(1)}
	require.NoError(t, p.Check(&r))
	for _, c := range []struct {
		name  string
		spoil func(*Request)
		is    error
		says  []string
	}{
		{"another network", func(r *Request) { r.Network = common.Hash{9} }, ErrOtherNetwork, []string{common.Hash{9}.Hex(), network.Hex()}},
		{"itself", func(r *Request) { r.Payee = payer }, ErrOwnAccount, []string{payer.Hex()}},
		{"another token", func(r *Request) { r.Asset = common.Address{9} }, ErrUnknownAsset, []string{common.Address{9}.Hex()}},
		{"expired by the chain", func(r *Request) { r.Expires = 1000 }, ErrExpired, []string{"1970-01-01T00:16:40Z", "chain time"}},
		{"expired by the clock", func(r *Request) { r.Expires = 1010 }, ErrExpired, []string{"1970-01-01T00:16:50Z", "this machine's clock"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := r
			c.spoil(&r)
			err := p.Check(&r)
			require.ErrorIs(t, err, c.is)
			for _, says := range c.says {
				require.ErrorContains(t, err, says)
			}
		})
	}
	r.Expires = 1011
	require.NoError(t, p.Check(&r), "it is good until it expires")
}

// FuzzParse: what is read is printed as it was, and is valid.
func FuzzParse(f *testing.F) {
	v := readVectors(f)
	for _, seed := range v.Valid {
		f.Add(seed.URI)
	}
	for _, seed := range v.Invalid {
		f.Add(seed.URI)
	}
	f.Fuzz(func(t *testing.T, uri string) {
		r, err := Parse(uri)
		if err != nil {
			return
		}
		if r.String() != uri {
			t.Fatalf("read, but printed as %s", r.String())
		}
		if err := r.Validate(); err != nil {
			t.Fatalf("read, but %v", err)
		}
	})
}

// FuzzString: what is valid is read back as it was, and what is not is refused.
func FuzzString(f *testing.F) {
	for _, seed := range readVectors(f).Valid {
		r, err := Parse(seed.URI)
		require.NoError(f, err)
		peer := ""
		if len(r.Peers) > 0 {
			peer = r.Peers[0]
		}
		f.Add(r.Network[:], r.Payee[:], r.Asset[:], r.Amount.Bytes(), r.Note, r.Expires, peer)
	}
	f.Fuzz(func(t *testing.T, network, payee, asset, amount []byte, note string, expires uint64, peer string) {
		r := Request{
			Network: common.BytesToHash(network), Payee: common.BytesToAddress(payee), Asset: common.BytesToAddress(asset),
			Note: note, Expires: expires,
		}
		r.Amount.SetBytes(amount)
		if peer != "" {
			r.Peers = []string{peer}
		}
		again, err := Parse(r.String())
		if invalid := r.Validate(); (err == nil) != (invalid == nil) {
			t.Fatalf("validated: %v, read: %v", invalid, err)
		}
		if err == nil && again.String() != r.String() {
			t.Fatalf("%s became %s", r.String(), again.String())
		}
	})
}
