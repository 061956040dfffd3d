import assert from 'node:assert/strict';
import { test } from 'node:test';
import { payment } from '../payments/payment.fixture.ts';
import { layout, type Input } from './layout.ts';

const vote = (name: string, at: number) => ({ name, at, tabAt: null });
const first = payment({
  id: 't1', from: 'alice', to: 'bob', stage: 'CERTIFIED', firstSeen: 1010, certifiedAt: 1018, votes: [vote('dave', 1014), vote('edgar', 1018)],
});
const second = payment({ id: 't2', from: 'bob', to: 'carol', parents: ['t1'], stage: 'CERTIFIED', firstSeen: 1024, certifiedAt: 1032 });
const input: Input = {
  payments: [second, first], blocks: [{ height: 41, at: 1000 }], validators: ['dave', 'edgar'], epoch: 1000, from: 0, pixelsPerMs: 0.1,
};

test('every account that pays or is paid has a row, in the order of the money', () => {
  assert.deepEqual(layout(input).accounts.map((row) => row.address), ['alice', 'bob', 'carol']);
});

test('a bar runs from the first sight over the QC to the block that included it', () => {
  const open = layout(input).bars[0];
  assert.ok(open && !open.ended && open.qc !== null && open.end > 10_000);
  const included = { ...first, stage: 'INCLUDED' as const, includedHeight: 42 };
  const bar = layout({ ...input, payments: [included], blocks: [...input.blocks, { height: 42, at: 6000 }] }).bars[0];
  assert.ok(bar?.ended);
  assert.equal(bar.start, 1);
  assert.ok(Math.abs((bar.qc ?? 0) - 1.8) < 1e-9);
  assert.equal(bar.end, 500);
});

test('a link leads from a QC to the payment that cites it, and from the last one to the payee', () => {
  const links = layout(input).links;
  assert.deepEqual(links.map((l) => [l.from, l.to]), [['t1', 't2'], ['t2', null]]);
  assert.ok(links.every((l) => l.toY > l.y));
});

test('QCs are numbered by what they rest on', () => {
  assert.deepEqual(layout(input).bars.map((b) => b.depth), [1, 2]);
});

test('payments of one payer that overlap lie in lanes of their own, and what has no room is counted', () => {
  const many = [1, 2, 3, 4, 5].map((n) => ({ ...first, id: `t${n}`, firstSeen: 1010 + n, parents: [] }));
  const l = layout({ ...input, payments: many });
  assert.equal(new Set(l.bars.map((b) => b.y)).size, 3);
  assert.equal(l.hidden, 2);
  const later = { ...first, id: 'later', firstSeen: 7000, certifiedAt: 7010 };
  const done = { ...first, stage: 'INCLUDED' as const, includedAt: 6000 };
  const again = layout({ ...input, payments: [done, later] });
  assert.equal(new Set(again.bars.map((b) => b.y)).size, 1);
});

test('only so many accounts have rows; the newest keep theirs', () => {
  const crowd = Array.from({ length: 9 }, (_, n) => payment({ id: `t${n}`, from: `p${n}`, to: 'shop', stage: 'ACCEPTED', firstSeen: 1000 + n }));
  const l = layout({ ...input, payments: crowd });
  assert.equal(l.accounts.length, 6);
  assert.ok(l.accounts.some((row) => row.address === 'p8'));
  assert.equal(l.hidden, 4);
});

test('what ended before the window is not drawn', () => {
  const done = { ...first, stage: 'FINALIZED' as const, includedAt: 2000 };
  assert.equal(layout({ ...input, payments: [done], from: 3000 }).bars.length, 0);
});

test('votes are ticks in the rows of those who gave them', () => {
  const rows = layout(input).validators;
  assert.deepEqual(rows.map((row) => [row.name, row.votes.map((v) => v.id)]), [['dave', ['t1']], ['edgar', ['t1']]]);
});
