import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { Committee, encode, encodeEnvelope, type Envelope, fromHex, helloDigest, type Hex, Lane, laneOf, QC, Raw, Reader, readEnvelope, signingHashOf, toHex, Tx, txIdOf } from './index.ts';
import { headDigest } from './head.ts';
import { fold, levels, pathOf } from './merkle.ts';
import { batchDigest } from './vote.ts';

interface Vectors {
  committees: { chain_id: number; epoch: number; start: number; end: number; lane_kind: 0 | 1; members: { key: Hex; weight: number; node_key: Hex }[]; id: Hex; quorum: number; topic_prefix: string }[];
  lanes: { committee: number; asset: Hex; sender: Hex; id: Hex; home: number; nonce_key: Hex; genesis: Hex; slot: number; chain_tx: Hex; foreign: Hex; restart_at: number; restart: Hex }[];
  payments: { chain_id: number; committee_id: Hex; asset: Hex; sender: Hex; seq: number; prev: Hex; recipient: Hex; amount: string; max_fee: string; parents: Hex[]; valid_before: number; restart: number; note: Hex; rlp: Hex; tx_id: Hex; sign_hash: Hex; fastpay_tx: Hex }[];
  batches: { committee_id: Hex; key: Hex; ids: Hex[]; leaves: Hex[]; nodes: Hex[][]; root: Hex; paths: Hex[][]; digest: Hex }[];
  head: { committee_id: Hex; signer: number; height: number; hash: Hex; time: number; finalized_height: number; finalized_hash: Hex; finalized_time: number; digest: Hex };
  hello: { committee_id: Hex; requester: Hex; responder: Hex; nonce: Hex; digest: Hex };
  qc: { committee: number; tx_id: Hex; signers: number[]; weight: number; bytes: Hex };
}

const vectors = JSON.parse(readFileSync(new URL('../../../fastpay/testdata/vectors.json', import.meta.url), 'utf8')) as Vectors;

const committees = vectors.committees.map((c) => new Committee(
  BigInt(c.chain_id), BigInt(c.epoch), BigInt(c.start), BigInt(c.end), c.lane_kind,
  c.members.map((m) => ({ key: m.key, weight: BigInt(m.weight), nodeKey: m.node_key })),
));

const committeeOf = (id: Hex) => committees.find((c) => c.id === id)!;

test('committees', () => {
  assert.ok(committees.length > 0);
  vectors.committees.forEach((want, i) => {
    const c = committees[i]!;
    assert.deepEqual([c.id, c.quorum, c.topicPrefix], [want.id, BigInt(want.quorum), want.topic_prefix]);
  });
});

test('lanes of both kinds', () => {
  assert.deepEqual(new Set(vectors.lanes.map((l) => committees[l.committee]!.laneKind)), new Set([0, 1]));
  for (const want of vectors.lanes) {
    const c = committees[want.committee]!;
    const l = new Lane(c.chainId, want.asset, want.sender);
    assert.equal(l.id, want.id);
    assert.equal(l.home(c), want.home);
    assert.equal(l.nonceKey(c), BigInt(want.nonce_key));
    assert.equal(l.genesis(), want.genesis);
    assert.equal(l.foreign(BigInt(want.slot), want.chain_tx), want.foreign);
    assert.equal(l.restart(BigInt(want.slot), BigInt(want.restart_at)), want.restart);
  }
});

test('payments: envelope, tx id, Tempo signing hash, payer', () => {
  assert.ok(vectors.payments.length > 0);
  for (const p of vectors.payments) {
    const c = committeeOf(p.committee_id);
    const e: Envelope = {
      chainId: BigInt(p.chain_id), committeeId: p.committee_id, asset: p.asset, sender: p.sender, seq: BigInt(p.seq), prev: p.prev,
      recipient: p.recipient, amount: BigInt(p.amount), maxFee: BigInt(p.max_fee), parents: p.parents, validBefore: BigInt(p.valid_before),
      restart: BigInt(p.restart), note: p.note,
    };
    assert.equal(toHex(encodeEnvelope(e)), p.rlp);
    assert.equal(txIdOf(e), p.tx_id);
    assert.equal(toHex(signingHashOf(e, c)), p.sign_hash);
    const tx = Tx.parse(fromHex(p.fastpay_tx), committeeOf, () => {});
    assert.deepEqual(tx.envelope, e);
    assert.equal(tx.id, p.tx_id);
    assert.equal(tx.lane, laneOf(e).id);
    assert.deepEqual(readEnvelope(Reader.of(encode([new Raw(fromHex(p.rlp))]), 'test')), e);
  }
});

test('Merkle trees of 1 to 13 leaves, with every path', () => {
  assert.ok(vectors.batches.some((b) => b.ids.length === 13));
  for (const b of vectors.batches) {
    const c = committeeOf(b.committee_id);
    const tree = levels(b.ids);
    const root = tree.at(-1)![0]!;
    assert.deepEqual(tree[0]!.map(toHex), b.leaves);
    assert.equal(toHex(root), b.root);
    b.ids.forEach((id, i) => {
      const path = pathOf(tree, i);
      assert.deepEqual(path.map(toHex), b.paths[i]);
      assert.deepEqual(fold(id, i, b.ids.length, path), root);
      assert.equal(fold(id, i, b.ids.length, [...path, root]), null);
      if (path.length > 0) assert.equal(fold(id, i, b.ids.length, path.slice(1)), null);
    });
    assert.equal(toHex(batchDigest(c, c.members.findIndex((m) => m.key === b.key), b.ids.length, root)), b.digest);
  }
});

test('head and hello digests', () => {
  const h = vectors.head;
  assert.equal(toHex(headDigest({
    committee: committeeOf(h.committee_id), signer: h.signer, height: BigInt(h.height), hash: h.hash, time: BigInt(h.time),
    finalizedHeight: BigInt(h.finalized_height), finalizedHash: h.finalized_hash, finalizedTime: BigInt(h.finalized_time),
  })), h.digest);
  const { committee_id, requester, responder, nonce, digest } = vectors.hello;
  assert.equal(toHex(helloDigest(committee_id, fromHex(requester), fromHex(responder), fromHex(nonce))), digest);
});

test('QC, and a QC with any one bit flipped is refused', () => {
  const want = vectors.qc;
  const c = committees[want.committee]!;
  const raw = fromHex(want.bytes);
  const qc = QC.parseFor(c, raw);
  assert.equal(qc.tx.id, want.tx_id);
  assert.equal(qc.weight, BigInt(want.weight));
  assert.deepEqual(qc.certificates.map((cert) => cert.signer), want.signers);
  const again = QC.assemble(c, qc.tx, [...qc.certificates].reverse());
  assert.deepEqual(again?.raw, raw);
  assert.equal(QC.assemble(c, qc.tx, qc.certificates.slice(1)), null);
  for (let bit = 0; bit < 8 * raw.length; bit++) {
    const bad = raw.slice();
    bad[bit >> 3]! ^= 1 << (bit & 7);
    assert.throws(() => QC.parseFor(c, bad), { name: 'Refusal' }, `bit ${bit} flipped`);
  }
  for (const [other, text] of [[raw.slice(0, -1), 'cut'], [Uint8Array.from([...raw, 0]), 'longer']] as const) {
    assert.throws(() => QC.parseFor(c, other), { code: 'INVALID_FORMAT' }, text);
  }
});
