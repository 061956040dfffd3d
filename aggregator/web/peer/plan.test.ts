import assert from 'node:assert/strict';
import { test } from 'node:test';
import { accountOf, type Envelope, type Hex, maxParents, signTx, type Tx } from '../verifier/index.ts';
import { Board } from './board.ts';
import { Drops } from './drops.ts';
import { type Known, planPayment, spendableOf } from './plan.ts';
import { key, World } from './world.ts';

const w = new World(2);
const me = accountOf(key('me'));
const shop = accountOf(key('shop'));

/** A board at finalized height 10, chain time 1,000. */
function scene() {
  const board = new Board(w.network, new Drops(), () => 0);
  for (const signer of [0, 1]) board.addHead(w.head(signer, 10n));
  return board;
}

function plan(board: Board, amount: bigint, known: Partial<Known> = {}): Envelope {
  return planPayment(w.network, w.committee, board, {
    lane: w.lane('me'), to: shop, amount, note: '', known: { confirmed: '0', nonce: '0', height: '10', ...known }, now: 1_000n,
  });
}

/** incoming is a certified payment to me. */
function incoming(board: Board, payer: string, amount: bigint, change: Partial<Envelope> = {}): Tx {
  const tx = w.tx(payer, { recipient: me, amount, ...change });
  board.addQC(w.qc(tx));
  return tx;
}

const code = (c: string) => ({ code: c });

test('the first payment of a lane, from the balance', () => {
  const e = plan(scene(), 5n, { confirmed: '5' });
  assert.deepEqual([e.seq, e.prev, e.parents, e.restart, e.validBefore, e.maxFee], [0n, w.lane('me').genesis(), [], 0n, 1_600n, 1_000n]);
  assert.throws(() => plan(scene(), 6n, { confirmed: '5' }), code('INSUFFICIENT_FUNDS'));
});

test('credits are cited only if they are needed, the fewest, the largest first, ascending', () => {
  const board = scene();
  const [small, large, middle] = [incoming(board, 'a', 1n), incoming(board, 'b', 10n), incoming(board, 'c', 5n)];
  assert.deepEqual(plan(board, 4n, { confirmed: '4' }).parents, []);
  assert.deepEqual(plan(board, 12n, { confirmed: '4' }).parents, [large.id]);
  assert.deepEqual(plan(board, 15n).parents, [large.id, middle.id].sort());
  assert.deepEqual(plan(board, 20n, { confirmed: '4' }).parents, [large.id, middle.id, small.id].sort());
  assert.throws(() => plan(board, 21n, { confirmed: '4' }), code('INSUFFICIENT_FUNDS'));
});

test('a credit without a QC, in another token, to somebody else, or that expires soon counts nothing', () => {
  const board = scene();
  board.addTx(w.tx('a', { recipient: me, amount: 50n }));
  incoming(board, 'b', 50n, { recipient: shop });
  incoming(board, 'c', 50n, { validBefore: 1_064n });
  assert.throws(() => plan(board, 1n), code('INSUFFICIENT_FUNDS'));
  incoming(board, 'd', 50n, { validBefore: 1_065n });
  assert.equal(plan(board, 1n).validBefore, 1_065n);
});

test('the payment does not outlive a credit, nor one below that, until they are final', () => {
  const board = scene();
  const below = w.tx('a', { validBefore: 1_200n });
  board.addQC(w.qc(below));
  const credit = incoming(board, 'a', 9n, { seq: 1n, prev: below.id, validBefore: 1_400n });
  assert.equal(plan(board, 9n).validBefore, 1_200n);
  board.noteStage(below.id, 'INCLUDED');
  assert.equal(plan(board, 9n).validBefore, 1_200n, 'a block that is not final does not count for validators');
  board.noteStage(below.id, 'FINALIZED');
  assert.equal(plan(board, 9n).validBefore, 1_400n);
  board.noteStage(credit.id, 'FINALIZED');
  assert.equal(plan(board, 9n).validBefore, 1_600n);
});

test('what was final before the balance was read is in it; what was not, is not', () => {
  const board = scene();
  const credit = incoming(board, 'a', 9n);
  assert.throws(() => plan(board, 9n, { height: '11' }), code('INSUFFICIENT_FUNDS'), 'the balance of block 11 may have it');
  for (const signer of [0, 1]) board.addHead(w.head(signer, 11n));
  board.noteStage(credit.id, 'CERTIFIED');
  assert.deepEqual(plan(board, 9n, { height: '11' }).parents, [credit.id]);
  board.noteStage(credit.id, 'FINALIZED');
  for (const signer of [0, 1]) board.addHead(w.head(signer, 12n));
  board.noteStage(credit.id, 'CERTIFIED'); // from one that lags
  assert.throws(() => plan(board, 9n, { height: '12' }), code('INSUFFICIENT_FUNDS'));
});

test('the next payment stands on the open ones, and their money is gone', () => {
  const board = scene();
  const credit = incoming(board, 'a', 10n);
  const first = w.tx('me', { recipient: shop, amount: 4n, parents: [credit.id] });
  board.addTx(first);
  const e = plan(board, 6n);
  assert.deepEqual([e.seq, e.prev, e.parents], [1n, first.id, []]);
  assert.throws(() => plan(board, 7n), code('INSUFFICIENT_FUNDS'));
});

test('above executed slots it names the payment that is there, with its generation', () => {
  const board = scene();
  assert.throws(() => plan(board, 1n, { confirmed: '9', nonce: '1' }), code('TEMPORARY_UNAVAILABLE'));
  const last = w.tx('me', { restart: 7n, prev: w.lane('me').restart(0n, 7n) });
  board.addQC(w.qc(last));
  const e = plan(board, 1n, { confirmed: '9', nonce: '1' });
  assert.deepEqual([e.seq, e.prev, e.restart], [1n, last.id, 7n]);
});

test('nothing is signed on top of what is refused, expired, void, doubled, or too long', () => {
  const on = (change: (board: Board, tx: Tx) => void, envelope: Partial<Envelope> = {}) => () => {
    const board = scene();
    const tx = w.tx('me', { amount: 1n, ...envelope });
    board.addTx(tx);
    change(board, tx);
    return plan(board, 1n, { confirmed: '9' });
  };
  assert.equal(on(() => {})().seq, 1n);
  assert.throws(on((b, tx) => b.noteReject(tx.id, 0, { code: 'EQUIVOCATION', text: '', retryable: false })), /refused/);
  assert.throws(on(() => {}, { validBefore: 1_000n }), /has expired, and no validator has said yet/);
  assert.equal(on((b, tx) => b.noteStage(tx.id, 'FINALIZED'), { validBefore: 1_000n })().seq, 1n);
  for (const stage of ['FAILED', 'CONFLICTED']) assert.throws(on((b, tx) => b.noteStage(tx.id, stage)), /something else used the slot/);
  assert.throws(on((b, tx) => b.noteStage(tx.id, 'EXPIRED')), /restarts when the last one expires at chain time 5000, it is 1000/);
  assert.throws(on((b) => void b.addTx(w.tx('me', { amount: 2n }))), code('EQUIVOCATION'));
  assert.throws(on((b, tx) => {
    let prev: Hex = tx.id;
    for (let seq = 1n; seq < 32n; seq++) {
      const next = w.tx('me', { amount: 1n, seq, prev });
      b.addTx(next);
      prev = next.id;
    }
  }), /32 payments/);
});

test('an account that nobody tells of pays from its history: what is final counts as no open payment', () => {
  const board = scene();
  const credit = incoming(board, 'a', 100n);
  let prev = w.lane('me').genesis();
  for (let seq = 0n; seq < 32n; seq++) {
    const tx = w.tx('me', { amount: 1n, seq, prev, parents: seq === 0n ? [credit.id] : [] });
    board.addQC(w.qc(tx));
    prev = tx.id;
  }
  assert.throws(() => plan(board, 68n), /32 payments of the account are open/);
  for (const r of board.lane(w.lane('me').id)) board.noteStage(r.tx.id, 'FINALIZED');
  const e = plan(board, 68n);
  assert.deepEqual([e.seq, e.prev, e.parents], [32n, prev, []]);
});

test('a lane restarts at its first slot that is not executed, once all that is open has expired', () => {
  const board = scene();
  const executed = w.tx('me', { amount: 1n });
  const expired = w.tx('me', { amount: 1n, seq: 1n, prev: executed.id, validBefore: 900n });
  const above = w.tx('me', { amount: 1n, seq: 2n, prev: expired.id, validBefore: 1_001n });
  for (const tx of [executed, expired, above]) board.addTx(tx);
  board.noteStage(executed.id, 'FINALIZED');
  board.noteStage(expired.id, 'EXPIRED');
  const next = () => plan(board, 8n, { confirmed: '9' });
  assert.throws(next, /restarts when the last one expires at chain time 1001, it is 1000/);
  for (const signer of [0, 1]) board.addHead(w.head(signer, 11n, 1_002n));
  assert.throws(next, /no validator has said yet that it was not executed/);
  board.noteStage(above.id, 'EXPIRED');
  const e = next();
  assert.deepEqual([e.seq, e.prev, e.restart], [1n, w.lane('me').restart(1n, 1_002n), 1_002n]);
  assert.throws(() => plan(board, 9n, { confirmed: '9' }), code('INSUFFICIENT_FUNDS'), 'what was executed is gone, what was not is back');

  // What stands on the restart goes on, whatever is left of the generation below.
  const again = w.network.parseTx(signTx(e, w.committee, key('me')));
  board.addQC(w.qc(again));
  const after = plan(board, 1n, { confirmed: '10' });
  assert.deepEqual([after.seq, after.prev, after.restart], [2n, again.id, 1_002n]);
  const told = plan(board, 1n, { confirmed: '9', nonce: '1' });
  assert.deepEqual([told.seq, told.prev, told.restart], [2n, again.id, 1_002n]);
});

test('a refused payment frees its slot when it has expired', () => {
  const board = scene();
  const refused = w.tx('me', { amount: 1n, validBefore: 1_000n });
  board.addTx(refused);
  board.noteReject(refused.id, 0, { code: 'EQUIVOCATION', text: '', retryable: false });
  board.noteStage(refused.id, 'REJECTED');
  assert.deepEqual([plan(board, 9n, { confirmed: '9' }).seq, plan(board, 9n, { confirmed: '9' }).restart], [0n, 1_000n]);
});

test('a slot is not signed whose payment is unknown while a later one is known', () => {
  const board = scene();
  board.addTx(w.tx('me', { amount: 1n, seq: 1n, prev: `0x${'12'.repeat(32)}` }));
  assert.throws(() => plan(board, 1n, { confirmed: '9' }), /payment at slot 0 is not known here/);
});

test('spendable is what the next payment can be, and not a unit more', () => {
  const board = scene();
  const spendable = () =>
    spendableOf(w.network, w.committee, board, { lane: w.lane('me'), known: { confirmed: '3', nonce: '0', height: '10' }, now: 1_000n });
  assert.equal(spendable(), 3n);
  const cited = incoming(board, 'a', 10n);
  incoming(board, 'b', 5n);
  board.addTx(w.tx('me', { amount: 4n, parents: [cited.id] }));
  assert.equal(spendable(), 14n);
  assert.equal(plan(board, 14n, { confirmed: '3' }).seq, 1n);
  assert.throws(() => plan(board, 15n, { confirmed: '3' }), code('INSUFFICIENT_FUNDS'));
  for (let i = 0; i < 20; i++) incoming(board, `payer ${i}`, 1n);
  const most = spendable();
  assert.equal(plan(board, most, { confirmed: '3' }).parents.length, maxParents);
  assert.throws(() => plan(board, most + 1n, { confirmed: '3' }), code('INSUFFICIENT_FUNDS'));
});
