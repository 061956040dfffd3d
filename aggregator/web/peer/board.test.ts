import assert from 'node:assert/strict';
import { test } from 'node:test';
import { encode, type Hex, Raw } from '../verifier/index.ts';
import { Board, stageOf } from './board.ts';
import { Drops } from './drops.ts';
import { Judge } from './judge.ts';
import { message, World } from './world.ts';

const w = new World(4); // three votes are a quorum

function board() {
  const drops = new Drops();
  let now = 0;
  return { board: new Board(w.network, drops, () => ++now), drops };
}

test('a payment is certified by a quorum’s votes, in whatever order they and it come', () => {
  const tx = w.tx('alice');
  for (const first of [0, 1, 2, 3]) {
    const { board: b } = board();
    for (const signer of [0, 1, 2].slice(0, first)) assert.deepEqual(b.addBatch(w.batch(signer, [tx.id])), { unknown: [tx.id], news: true });
    assert.equal(b.addTx(tx), true);
    for (const signer of [0, 1, 2].slice(first)) assert.equal(b.addCertificate(w.vote(signer, tx)), true);
    const r = b.get(tx.id)!;
    assert.equal(r.qc?.weight, 3n);
    assert.deepEqual(r.qc?.raw, w.network.parseQC(r.qc!.raw).raw);
    assert.ok(r.certifiedAt !== null && r.certifiedAt >= r.firstSeenAt);
    assert.equal(b.addTx(tx), false);
    assert.equal(b.addCertificate(w.vote(0, tx)), false);
    assert.deepEqual(b.addBatch(w.batch(1, [tx.id])), { unknown: [], news: false });
  }
});

test('stages follow from votes and from refusals that leave no quorum', () => {
  const { board: b } = board();
  const tx = w.tx('alice');
  b.addTx(tx);
  const stage = () => stageOf(b.get(tx.id)!);
  const no = (retryable: boolean) => ({ code: 'EQUIVOCATION', text: 'x', retryable });
  assert.equal(stage(), '');
  b.noteReject(tx.id, 3, no(false));
  assert.equal(stage(), '');
  b.noteReject(tx.id, 2, no(true));
  assert.equal(stage(), '');
  b.noteReject(tx.id, 2, no(false));
  assert.equal(stage(), 'REJECTED');
  b.addCertificate(w.vote(2, tx)); // a vote outweighs the word
  assert.equal(stage(), 'ACCEPTED');
  b.noteReject(tx.id, 2, no(false));
  assert.equal(stage(), 'ACCEPTED');
  b.addQC(w.qc(tx));
  assert.equal(stage(), 'CERTIFIED');
});

test('what is held is bounded, the oldest goes, and it is counted', () => {
  const { board: b, drops } = board();
  const pinned = w.tx('own');
  b.addTx(pinned, true);
  // Verified once: the board does not look at the sender's signature again.
  const tx = w.tx('alice');
  const fake = (i: number) => Object.assign(Object.create(Object.getPrototypeOf(tx) as object), tx, { id: `0x${i.toString(16).padStart(64, '0')}` as Hex }) as typeof tx;
  for (let i = 0; i < 2100; i++) b.addTx(fake(i));
  assert.equal([...b.all()].length, 2048);
  assert.ok(b.get(pinned.id));
  assert.equal(b.get(fake(0).id), undefined);
  assert.ok(b.get(fake(2099).id));
  assert.equal(drops.snapshot().payments_evicted, 2101 - 2048);
  const ids = (from: number) => Array.from({ length: 1024 }, (_, i) => `0x${(1_000_000 + from + i).toString(16).padStart(64, '0')}` as Hex);
  b.addBatch(w.batch(0, ids(0)));
  assert.equal(drops.snapshot().votes_for_unknown_payments, undefined);
  b.addBatch(w.batch(0, ids(1000)));
  assert.equal(drops.snapshot().votes_for_unknown_payments, 1000);
});

test('one member that lies about the chain moves nothing', () => {
  const { board: b } = board();
  assert.equal(b.finalizedHeight(w.committee), 0n);
  assert.equal(b.addHead(w.head(0, 1_000_000n)), true);
  assert.equal(b.finalizedHeight(w.committee), 0n);
  assert.equal(b.addHead(w.head(1, 7n)), true);
  assert.equal(b.finalizedHeight(w.committee), 7n);
  assert.equal(b.addHead(w.head(1, 6n)), false);
  assert.equal(b.addHead(w.head(2, 8n)), true);
  assert.equal(b.finalizedHeight(w.committee), 8n);
});

test('gossip: what is valid and new is forwarded, what can never be valid is blamed, nothing else', () => {
  const { board: b, drops } = board();
  const unknown: Hex[] = [];
  const judge = new Judge(w.network, b, drops, (_, ids) => unknown.push(...ids));
  const id = w.committee.id;
  const tx = w.tx('alice');
  const child = w.tx('bob', { parents: [tx.id] });
  const other = new World(2);
  assert.equal(judge.judge(id, 'tx', message(tx)), 'accept');
  assert.equal(judge.judge(id, 'tx', message(tx)), 'ignore');
  assert.equal(judge.judge(id, 'tx', encode([[new Raw(child.raw), [new Raw(w.qc(tx).raw)]]])), 'accept');
  assert.ok(b.get(tx.id)?.qc);
  assert.equal(judge.judge(id, 'tx', message(tx, w.tx('carol'))), 'accept');
  const streamed = w.tx('dora');
  b.addTx(streamed);
  assert.equal(judge.judge(id, 'tx', message(streamed)), 'accept');
  assert.equal(judge.judge(id, 'tx', message(streamed)), 'ignore');

  const bad = tx.raw.slice();
  bad[bad.length - 5]! ^= 1;
  assert.equal(judge.judge(id, 'tx', encode([[new Raw(w.tx('erin').raw), []], [new Raw(bad), []]])), 'reject');
  assert.equal(b.get(w.tx('erin').id), undefined, 'none of a rejected message is used');
  assert.equal(judge.judge(id, 'tx', message(other.tx('alice'))), 'ignore');
  assert.equal(judge.judge(id, 'tx', Uint8Array.of(0xc0)), 'reject');
  assert.equal(judge.judge(id, 'tx', new Uint8Array(256 * 1024 + 1)), 'reject');
  const qc = w.qc(tx).raw.slice();
  qc[qc.length - 1]! ^= 1;
  assert.equal(judge.judge(id, 'tx', encode([[new Raw(w.tx('fred').raw), [new Raw(qc)]]])), 'reject');
  assert.equal(judge.judge(id, 'tx', encode([[new Raw(w.tx('fred').raw), [new Raw(other.qc(other.tx('alice')).raw)]]])), 'ignore');

  const wanted = w.tx('gina');
  assert.equal(judge.judge(id, 'cert', w.batchBytes(0, [child.id, wanted.id])), 'accept');
  assert.deepEqual(unknown, [wanted.id]);
  assert.equal(judge.judge(id, 'cert', w.batchBytes(0, [child.id])), 'ignore');
  const vote = w.batchBytes(1, [child.id]);
  vote[vote.length - 1]! ^= 1;
  assert.equal(judge.judge(id, 'cert', vote), 'reject');
  assert.equal(judge.judge(id, 'cert', other.batchBytes(0, [child.id])), 'ignore');

  assert.equal(judge.judge(id, 'head', w.headBytes(0, 5n)), 'accept');
  assert.equal(judge.judge(id, 'head', w.headBytes(0, 5n)), 'ignore');
  const head = w.headBytes(0, 6n);
  head[head.length - 1]! ^= 1;
  assert.equal(judge.judge(id, 'head', head), 'reject');

  const proof = encode([0n, new Raw(tx.raw), new Raw(w.tx('alice', { amount: 6n }).raw)]);
  assert.equal(judge.judge(id, 'evidence', proof), 'accept');
  assert.equal(judge.judge(id, 'evidence', proof), 'ignore');
  assert.equal(judge.judge(id, 'evidence', encode([0n, new Raw(tx.raw), new Raw(child.raw)])), 'reject');
  const twice = [tx, w.tx('alice', { amount: 6n })].map((t) => [new Raw(t.raw), new Raw(w.batchBytes(2, [t.id]))]);
  assert.equal(judge.judge(id, 'evidence', encode([1n, ...twice])), 'accept');
  assert.equal(judge.judge(id, 'evidence', encode([1n, twice[0]!, [twice[1]![0]!, twice[0]![1]!]])), 'reject');
  assert.equal(drops.snapshot().gossip_rejected, 8);
});
