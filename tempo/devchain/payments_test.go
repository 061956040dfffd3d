package devchain_test

import (
	"bytes"
	"testing"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/holiman/uint256"

	"github.com/allegro-p2p/allegro/tempo"
	"github.com/allegro-p2p/allegro/tempo/devchain"
	"github.com/allegro-p2p/allegro/tempo/tx76"
)

// A child payment that arrives after its parent is executed after it, in the
// same block.
func TestParentThenChildInOneBlock(t *testing.T) {
	c := start(t)
	t1 := c.send(c.sign(draft(0, pay(c.bob, usd(10))), c.alice))
	t2 := c.send(c.sign(draft(0, pay(c.carol, usd(15))), c.bob))
	block := c.mine()
	for i, hash := range []common.Hash{t1, t2} {
		r := c.receipt(hash)
		if r.Status != 1 || r.BlockHash != block || r.TransactionIndex != uint(i) {
			t.Fatalf("receipt %d: %+v", i, r)
		}
	}
	c.holds(c.alice, usd(90))
	c.holds(c.bob, usd(0))
	c.holds(c.carol, usd(15))
}

// A child that arrives first reverts and its nonce is gone.
func TestChildThenParent(t *testing.T) {
	c := start(t)
	t2 := c.send(c.sign(draft(0, pay(c.carol, usd(15))), c.bob))
	t1 := c.send(c.sign(draft(0, pay(c.bob, usd(10))), c.alice))
	c.mine()
	c.status(t2, 0)
	c.status(t1, 1)
	c.holds(c.bob, usd(15))
	c.holds(c.carol, usd(0))
	if n := c.nonce(c.bob); n != 1 {
		t.Fatalf("Bob's nonce is %d, want 1", n)
	}
	// The revert left the nonce's log and nothing else.
	logs := c.receipt(t2).Logs
	if len(logs) != 1 {
		t.Fatalf("%d logs on a revert, want 1", len(logs))
	}
	got, ok := tempo.ParseNonceIncremented(logs[0])
	if want := (tempo.NonceIncremented{Account: c.bob.address, NonceKey: laneKey, NewNonce: 1}); !ok || got != want {
		t.Fatalf("log %+v, want %+v", got, want)
	}
	// The same bytes again: a hash, and nothing happens.
	c.send(c.sign(draft(0, pay(c.carol, usd(15))), c.bob))
	c.mine()
	c.holds(c.carol, usd(0))
}

func TestMemoPayment(t *testing.T) {
	c := start(t)
	memo := common.HexToHash("0xa11e670")
	call := tx76.Call{To: &tempo.PathUSD, Input: tempo.EncodeTransferWithMemo(c.bob.address, usd(10), memo)}
	hash := c.send(c.sponsored(draft(0, call), c.alice))
	c.mine()
	logs := c.receipt(hash).Logs
	if len(logs) != 3 {
		t.Fatalf("%d logs, want NonceIncremented, Transfer, TransferWithMemo", len(logs))
	}
	if got, ok := tempo.ParseNonceIncremented(logs[0]); !ok || got.Account != c.alice.address || got.NewNonce != 1 {
		t.Errorf("first log %+v", got)
	}
	if got, ok := tempo.ParseTransfer(logs[1]); !ok || got != (tempo.Transfer{Token: tempo.PathUSD, From: c.alice.address, To: c.bob.address, Amount: *usd(10)}) {
		t.Errorf("second log %+v", got)
	}
	want := tx76.MemoTransfer{Token: tempo.PathUSD, From: c.alice.address, To: c.bob.address, Amount: *usd(10), Memo: memo}
	if got, ok := tempo.ParseTransferWithMemo(logs[2]); !ok || got != want {
		t.Errorf("third log %+v", got)
	}
}

// gwei20 is Tempo's base fee: 2×10^10 attodollars per gas.
const gwei20 = 20_000_000_000

// priced sets a fee limit of twice the base fee, without a tip.
func priced(tx *tx76.Transaction) *tx76.Transaction {
	tx.MaxFeePerGas = *uint256.NewInt(2 * gwei20)
	return tx
}

// The sponsor pays, the sender's balance is exact, and the fee shows as the
// last log.
func TestSponsorPays(t *testing.T) {
	c := start(t, withBaseFee(gwei20))
	before := c.balance(tempo.AlphaUSD, c.sponsor.address)
	hash := c.send(c.sponsored(priced(draft(0, pay(c.bob, usd(10)))), c.alice))
	c.mine()
	c.holds(c.alice, usd(90))
	c.holds(c.bob, usd(15))

	r := c.receipt(hash)
	if r.GasUsed != 302_570 {
		t.Errorf("first use of a key takes %d gas, measured were 302,570", r.GasUsed)
	}
	fee := uint256.NewInt(6_052) // 302,570 gas × 2×10^10 / 10^12, rounded up
	after := c.balance(tempo.AlphaUSD, c.sponsor.address)
	if got := new(uint256.Int).Sub(before, after); !got.Eq(fee) {
		t.Errorf("the sponsor paid %s, want %s", got, fee)
	}
	last, ok := tempo.ParseTransfer(r.Logs[len(r.Logs)-1])
	want := tempo.Transfer{Token: tempo.AlphaUSD, From: c.sponsor.address, To: tempo.FeeManager, Amount: *fee}
	if !ok || last != want {
		t.Errorf("last log %+v, want %+v", last, want)
	}
	if got := c.balance(tempo.AlphaUSD, tempo.FeeManager); !got.Eq(fee) {
		t.Errorf("the fee manager holds %s, want %s", got, fee)
	}
}

// Who pays for herself pays in the token she sends, and never with money that
// the payment needs.
func TestSelfPaidFees(t *testing.T) {
	c := start(t, withBaseFee(gwei20))
	hash := c.send(c.sign(priced(draft(0, pay(c.bob, usd(10)))), c.alice))
	c.mine()
	c.status(hash, 1)
	c.holds(c.alice, new(uint256.Int).SubUint64(usd(90), 6_052))

	all := c.send(c.sign(priced(draft(0, pay(c.carol, usd(15)))), c.bob))
	c.mine()
	r := c.receipt(all)
	if r.Status != 0 || len(r.Logs) != 2 {
		t.Fatalf("paying everything away: status %d, %d logs", r.Status, len(r.Logs))
	}
	if _, ok := tempo.ParseTransfer(r.Logs[1]); !ok {
		t.Error("the fee of a revert is not logged")
	}
	if n := c.nonce(c.bob); n != 1 {
		t.Errorf("nonce %d, want 1", n)
	}
}

// The measured costs of TEMPO: a used key, the protocol nonce, a new recipient.
func TestGasOfPayments(t *testing.T) {
	c := start(t)
	protocol := func(nonce uint64) *tx76.Transaction {
		tx := draft(nonce, pay(c.bob, usd(1)))
		tx.NonceKey.Clear()
		return tx
	}
	for _, step := range []struct {
		name string
		tx   *tx76.Transaction
		gas  uint64
	}{
		{"new key, new recipient", draft(0, pay(c.carol, usd(1))), 549_770},
		{"used key", draft(1, pay(c.carol, usd(1))), 57_770},
		{"protocol nonce, first", protocol(0), 302_570},
		{"protocol nonce", protocol(1), 52_570},
	} {
		hash := c.send(c.sign(step.tx, c.alice))
		c.mine()
		if r := c.receipt(hash); r.Status != 1 || r.GasUsed != step.gas {
			t.Errorf("%s: status %d, gas %d, want %d", step.name, r.Status, r.GasUsed, step.gas)
		}
	}
}

// Running out of gas is a revert that costs the whole limit.
func TestOutOfGas(t *testing.T) {
	c := start(t, withBaseFee(gwei20))
	tx := priced(draft(0, pay(c.carol, usd(1))))
	tx.Gas = 400_000
	hash := c.send(c.sponsored(tx, c.alice))
	c.mine()
	if r := c.receipt(hash); r.Status != 0 || r.GasUsed != 400_000 {
		t.Fatalf("status %d, gas %d", r.Status, r.GasUsed)
	}
	c.holds(c.carol, usd(0))
}

// With base fee 0 and no tip a self-paid payment of everything goes through.
func TestFreeChain(t *testing.T) {
	c := start(t)
	hash := c.send(c.sign(draft(0, pay(c.carol, usd(5))), c.bob))
	tipped := draft(0, pay(c.bob, usd(1)))
	tipped.MaxFeePerGas, tipped.MaxPriorityFeePerGas = *uint256.NewInt(2e9), *uint256.NewInt(1e9)
	withTip := c.send(c.sign(tipped, c.alice))
	c.mine()
	c.status(hash, 1)
	c.holds(c.bob, usd(1))
	c.holds(c.carol, usd(5))
	c.status(withTip, 1)
	c.holds(c.alice, new(uint256.Int).SubUint64(usd(99), 550)) // 549,770 gas × 10^9 / 10^12, rounded up
}

// A batch is one thing: if one call reverts, none happened.
func TestBatchIsAtomic(t *testing.T) {
	c := start(t)
	bad := c.send(c.sign(draft(0, pay(c.bob, usd(10)), pay(c.carol, usd(1000))), c.alice))
	c.mine()
	c.status(bad, 0)
	c.holds(c.alice, usd(100))
	c.holds(c.bob, usd(5))

	good := c.send(c.sign(draft(1, pay(c.bob, usd(10)), pay(c.carol, usd(20))), c.alice))
	c.mine()
	c.status(good, 1)
	c.holds(c.bob, usd(15))
	c.holds(c.carol, usd(20))
	if logs := c.receipt(good).Logs; len(logs) != 3 || logs[0].Index != 0 || logs[2].Index != 2 {
		t.Errorf("logs of a batch: %+v", logs)
	}
}

func TestProtocolNonce(t *testing.T) {
	c := start(t)
	tx := draft(0, pay(c.bob, usd(1)))
	tx.NonceKey.Clear()
	hash := c.send(c.sign(tx, c.alice))
	c.mine()
	if logs := c.receipt(hash).Logs; len(logs) != 1 {
		t.Errorf("the protocol nonce logs its use: %d logs, want only Transfer", len(logs))
	}
	if n, err := c.client.NonceAt(t.Context(), c.alice.address, nil); err != nil || n != 1 {
		t.Errorf("transaction count %d, %v", n, err)
	}
	if n := c.nonce(c.alice); n != 0 {
		t.Errorf("another key's nonce moved to %d", n)
	}
}

// Gaps and replays get a hash and are dropped when the next block is built.
func TestNonceGapsAreDropped(t *testing.T) {
	c := start(t)
	gap := c.send(c.sign(draft(1, pay(c.bob, usd(1))), c.alice))
	first := c.send(c.sign(draft(0, pay(c.bob, usd(2))), c.alice))
	second := c.send(c.sign(draft(0, pay(c.bob, usd(3))), c.alice)) // same nonce
	c.mine()
	c.status(first, 1)
	c.missing(gap)
	c.missing(second)
	c.mine()
	c.missing(gap)
	c.holds(c.bob, usd(7))

	// What was dropped may come again.
	c.send(c.sign(draft(1, pay(c.bob, usd(1))), c.alice))
	c.mine()
	c.status(gap, 1)
}

func TestTimeWindow(t *testing.T) {
	c := start(t)
	now := uint64(genesisTime.Unix())
	bounded := func(nonce uint64, after, before uint64) *tx76.Transaction {
		tx := draft(nonce, pay(c.bob, usd(1)))
		tx.ValidAfter, tx.ValidBefore = after, before
		return tx
	}
	future := c.send(c.sign(bounded(0, now+3, 0), c.alice))
	tight := c.send(c.sign(bounded(0, 0, now+4), c.bob))
	c.mine() // now+1
	c.missing(future)
	c.status(tight, 1)

	expiring := c.send(c.sign(bounded(1, now+5, now+6), c.bob))
	c.mine() // now+2
	c.missing(future)
	c.mine() // now+3
	c.status(future, 1)

	c.clock = c.clock.Add(10 * 1e9)
	c.mine() // past the window
	c.missing(expiring)
	if n := c.nonce(c.bob); n != 1 {
		t.Errorf("an expired transaction used a nonce: %d", n)
	}
	var found any
	if err := c.rpc.Call(&found, "eth_getTransactionByHash", expiring); err != nil || found != nil {
		t.Errorf("an expired transaction is still there: %v, %v", found, err)
	}
}

// Blocks take what fits and leave the rest, in order, for the next.
func TestFullBlock(t *testing.T) {
	c := start(t)
	const limit = 9_300_000
	var hashes []common.Hash
	for nonce := range uint64(60) {
		tx := draft(nonce)
		tx.Gas = limit
		for i := range uint64(32) { // recipients without a balance are what takes gas
			stranger := account{address: common.BigToAddress(uint256.NewInt(1_000_000 + 32*nonce + i).ToBig())}
			tx.Calls = append(tx.Calls, pay(stranger, uint256.NewInt(1)))
		}
		hashes = append(hashes, c.send(c.sign(tx, c.alice)))
	}
	c.mine()
	head, err := c.client.HeaderByNumber(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if head.GasUsed > head.GasLimit || head.GasUsed+limit <= head.GasLimit {
		t.Errorf("block of %d gas, limit %d: not full, or more than full", head.GasUsed, head.GasLimit)
	}
	first, err := c.client.TransactionCount(t.Context(), head.Hash())
	if err != nil || first == 0 || first >= uint(len(hashes)) {
		t.Fatalf("%d transactions in the first block, %v", first, err)
	}
	c.missing(hashes[first])
	c.mine()
	for _, hash := range hashes {
		c.status(hash, 1)
	}
}

// A node ignores what follows the arguments, and what stands above an address.
func TestCalldataIsReadLoosely(t *testing.T) {
	c := start(t)
	memo := common.Hash{7}
	for nonce, input := range [][]byte{
		tempo.EncodeTransfer(c.bob.address, usd(1)),
		tempo.EncodeTransferWithMemo(c.bob.address, usd(1), memo),
	} {
		input = append(input, 1, 2, 3)
		input[4] = 0xff
		sent := bytes.Clone(input)
		hash := c.send(c.sign(draft(uint64(nonce), tx76.Call{To: &tempo.PathUSD, Input: input}), c.alice))
		c.mine()
		c.status(hash, 1)
		var shown struct {
			Calls []struct{ Input hexutil.Bytes }
		}
		if err := c.rpc.Call(&shown, "eth_getTransactionByHash", hash); err != nil || !bytes.Equal(shown.Calls[0].Input, sent) {
			t.Errorf("%v: input %x, want what was sent", err, shown.Calls[0].Input)
		}
	}
	c.holds(c.bob, usd(7))
	loose := append(tempo.EncodeBalanceOf(c.bob.address), 1)
	loose[4] = 1
	if got, err := tempo.DecodeUint256(c.call(tempo.PathUSD, loose)); err != nil || !got.Eq(usd(7)) {
		t.Errorf("balance %s, %v", &got, err)
	}
	loose = append(tempo.EncodeGetNonce(c.alice.address, &laneKey), 1)
	loose[4] = 1
	if got, err := tempo.DecodeUint64(c.call(tempo.NoncePrecompile, loose)); err != nil || got != 2 {
		t.Errorf("nonce %d, %v", got, err)
	}
	c.send(c.sign(draft(2, tx76.Call{To: &tempo.PathUSD, Input: tempo.EncodeTransfer(c.bob.address, usd(1))[:67]}), c.alice))
	c.mine()
	c.holds(c.bob, usd(7))
}

func TestViews(t *testing.T) {
	c := start(t)
	for name, check := range map[string]struct {
		input []byte
		want  uint64
	}{
		"decimals":  {tempo.SelectorDecimals[:], 6},
		"balanceOf": {tempo.EncodeBalanceOf(c.bob.address), 5_000_000},
	} {
		if got, err := tempo.DecodeUint64(c.call(tempo.PathUSD, check.input)); err != nil || got != check.want {
			t.Errorf("%s is %d, %v", name, got, err)
		}
	}
	name := c.call(tempo.ThetaUSD, tempo.SelectorName[:])
	if want := append(append(uint256.NewInt(32).PaddedBytes(32), uint256.NewInt(8).PaddedBytes(32)...), common.RightPadBytes([]byte("ThetaUSD"), 32)...); string(name) != string(want) {
		t.Errorf("name is %x", name)
	}
	for _, token := range devchain.Tokens() {
		code, err := c.client.CodeAt(t.Context(), token, nil)
		if err != nil || len(code) != 1 || code[0] != 0xef {
			t.Errorf("code of %s: %x, %v", token, code, err)
		}
		for _, owner := range devchain.DevAccounts() {
			if got := c.balance(token, owner); got.Uint64() != 1<<64-1 {
				t.Errorf("%s holds %s of %s", owner, got, token)
			}
		}
	}
}

// Dev accounts pay their own fees in AlphaUSD, their stored preference.
func TestPreferredFeeToken(t *testing.T) {
	c := start(t, withBaseFee(gwei20))
	dev := devAccount(t)
	before := c.balance(tempo.PathUSD, dev.address)
	hash := c.send(c.sign(priced(draft(0, pay(c.bob, usd(10)))), dev))
	c.mine()
	c.status(hash, 1)
	after := c.balance(tempo.PathUSD, dev.address)
	if got := new(uint256.Int).Sub(before, after); !got.Eq(usd(10)) {
		t.Errorf("pathUSD fell by %s, want exactly the payment", got)
	}
}
