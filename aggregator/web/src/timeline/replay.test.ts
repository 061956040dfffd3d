import assert from 'node:assert/strict';
import { test } from 'node:test';
import { payment } from '../payments/payment.fixture.ts';
import { asOf, blocksOf, sceneryAt, spanOf } from './replay.ts';

const vote = (name: string, at: number | null, tabAt: number | null = null) => ({ name, at, tabAt });
const first = payment({
  id: 't1', stage: 'FINALIZED', firstSeen: 1010, votes: [vote('dave', 1014), vote('edgar', null, 1018)], weight: 2, certifiedAt: 1018, heightAtQC: 41, lead: 4000,
  includedAt: 5018, includedHeight: 42, finalizedAt: 10_000,
});
const second = payment({ id: 't2', parents: ['t1'], stage: 'CERTIFIED', firstSeen: 1024, certifiedAt: 1032, votes: [vote('dave', 1030), vote('edgar', 1032)], weight: 2 });
const one = () => 1;

test('a payment is shown with what was known of it, and no more', () => {
  assert.equal(asOf(first, 1009, one), null);
  const was = (at: number) => {
    const p = asOf(first, at, one);
    return [p?.stage, p?.weight, p?.votes.length, p?.heightAtQC, p?.lead, p?.includedHeight];
  };
  assert.deepEqual(was(1010), [null, 0, 0, null, null, null]);
  assert.deepEqual(was(1014), ['ACCEPTED', 1, 1, null, null, null]);
  assert.deepEqual(was(1018), ['CERTIFIED', 2, 2, 41, null, null]);
  assert.deepEqual(was(5017), ['CERTIFIED', 2, 2, 41, null, null]);
  assert.deepEqual(was(5018), ['INCLUDED', 2, 2, 41, 4000, 42]);
  assert.deepEqual(was(10_000), ['FINALIZED', 2, 2, 41, 4000, 42]);
  assert.equal(asOf(first, 1014, () => 3)?.weight, 3);
});

test('how a payment failed has no moment and is not told early', () => {
  assert.equal(asOf(payment({ stage: 'FAILED', firstSeen: 1, votes: [vote('dave', 2)] }), 9, one)?.stage, 'ACCEPTED');
});

test('blocks that the page has not seen are those that the payments tell of', () => {
  assert.deepEqual(blocksOf([first, second], []), [{ height: 41, at: -Infinity }, { height: 42, at: 5018 }]);
  assert.deepEqual(blocksOf([first], [{ height: 42, at: 5017 }, { height: 41, at: 900 }]), [{ height: 41, at: 900 }, { height: 42, at: 5017 }]);
});

test('a run lasts from before its first payment to after the block', () => {
  assert.deepEqual(spanOf([first, second]), { from: 760, to: 5268 });
  assert.equal(spanOf([payment()]), null);
  assert.equal(spanOf([]), null);
});

test('the present of a replay is the moment that it shows', () => {
  const s = sceneryAt([first, second], [], 1020, one);
  assert.deepEqual([s.payments.map((p) => p.id), s.blocks, s.now()], [['t1'], [{ height: 41, at: -Infinity }], 1020]);
});
