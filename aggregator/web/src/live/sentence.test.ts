import assert from 'node:assert/strict';
import { test } from 'node:test';
import { payment } from '../payments/payment.fixture.ts';
import { sentence, type Words } from './sentence.ts';

const words: Words = { name: (a) => a, money: (u) => `$${u / 1_000_000n}`, spendable: () => 15_000_000n, chainKnown: true };
const first = payment({ id: 't1', from: 'Alice', to: 'Bob', stage: 'CERTIFIED', firstSeen: 1006, certifiedAt: 1010, heightAtQC: 41 });
const second = payment({ id: 't2', from: 'Bob', to: 'Carol', parents: ['t1'], stage: 'CERTIFIED', firstSeen: 1012, certifiedAt: 1020, heightAtQC: 41 });
const open = [{ height: 41, at: 1000 }];
const closed = [...open, { height: 42, at: 6000 }];

test('while the block is open, it says who can spend and predicts nothing', () => {
  const s = sentence([first, second], open, words);
  assert.equal(s.text, 'Carol can spend $15 now.');
  assert.equal(s.aside, '0 of 2 payments on the chain · block still open');
  const unknown = sentence([first, second], open, { ...words, spendable: () => null });
  assert.equal(unknown.text, 'Carol holds the QC and can spend $10 now.');
});

test('once the block was seen, it says by how much the QCs came first', () => {
  const s = sentence([first, { ...second, stage: 'INCLUDED' }], closed, words);
  assert.equal(s.text, 'Both QCs formed 4,990\u00a0ms and 4,980\u00a0ms before block 42.');
  assert.equal(s.aside, '1 of 2 payments on the chain');
  assert.equal(s.tone, 'good');
});

test('QCs that formed before different blocks are judged too', () => {
  const late = { ...second, firstSeen: 6100, certifiedAt: 6110, heightAtQC: 42 };
  const s = sentence([first, late], [...closed, { height: 43, at: 11_000 }], words);
  assert.equal(s.text, 'Both QCs formed 4,990\u00a0ms and 4,890\u00a0ms before the blocks that followed.');
});

test('a block that nobody saw come is told instead of a margin', () => {
  const s = sentence([first, { ...second, stage: 'INCLUDED' }], [{ height: 50, at: 60_000 }], words);
  assert.deepEqual([s.text, s.aside], ['Carol can spend $15 now.', '1 of 2 payments on the chain · the next block came unseen, so no lead is known']);
});

test('without the aggregator nothing is said of the chain', () => {
  assert.equal(sentence([first, second], closed, { ...words, chainKnown: false }).aside, 'Whether the chain has it is not known: validators tell a tab heights alone.');
});

test('a block that came first is told', () => {
  const s = sentence([{ ...first, firstSeen: 5990, certifiedAt: 6220 }], closed, words);
  assert.equal(s.text, 'Block 42 came first: the QC formed 220\u00a0ms after it.');
  assert.equal(s.tone, 'open');
});

test('missing votes are counted and named', () => {
  const half = { ...first, stage: 'ACCEPTED' as const, certifiedAt: null, weight: 1, waiting: [{ name: 'edgar', problem: 'not reached' }] };
  assert.equal(sentence([half], open, words).text, 'Alice → Bob: 1 of 2 votes, waiting for Edgar.');
});

test('a payment that failed is told first', () => {
  const s = sentence([{ ...first, stage: 'EXPIRED' }, second], closed, words);
  assert.equal(s.text, 'Alice → Bob is EXPIRED.');
  assert.equal(s.tone, 'bad');
});

test('without payments there is nothing to claim', () => {
  assert.equal(sentence([], closed, words).text, 'No payment yet.');
});
