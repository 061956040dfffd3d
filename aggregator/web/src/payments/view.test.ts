import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { TabPayment } from '../../peer/index.ts';
import { payment } from './payment.fixture.ts';
import { chainOf, withTab } from './view.ts';

const seen: TabPayment = {
  txId: '0x01', from: '0xA', to: '0xB', asset: '0x20', amount: 5n, parents: [], weight: 1, certified: false, certifiedAt: null, stage: 'ACCEPTED', threshold: 2,
  votes: [{ signer: 0, name: 'dave', seenAt: 12 }], firstSeenAt: 10, rejects: [{ name: 'edgar', code: 'EXPIRED', text: 'too late' }],
};
const at = (local: number) => local + 1000;

test('what only this tab saw is shown, on the one clock', () => {
  const view = withTab(null, seen, 2, at);
  assert.equal(view.stage, 'ACCEPTED');
  assert.equal(view.firstSeen, 1010);
  assert.deepEqual(view.votes, [{ name: 'dave', at: null, tabAt: 1012 }]);
  assert.deepEqual(view.waiting, [{ name: 'edgar', problem: 'too late' }]);
  assert.equal(view.threshold, 2);
});

test('what both saw keeps the word of the aggregator and adds what the tab checked', () => {
  const told = payment({ stage: 'CERTIFIED', votes: [{ name: 'dave', at: 1011, tabAt: null }, { name: 'edgar', at: 1012, tabAt: null }], certifiedAt: 1012 });
  const view = withTab(told, seen, 2, at);
  assert.equal(view.stage, 'CERTIFIED');
  assert.deepEqual(view.votes.map((v) => v.tabAt), [1012, null]);
  assert.deepEqual(view.tab, { weight: 1, certified: false, votes: 1, certifiedAt: null });
});

test('a chain holds what it cites and what cites it, and nothing else', () => {
  const all = new Map([
    payment({ id: 'a', firstSeen: 1 }), payment({ id: 'b', parents: ['a'], firstSeen: 2 }),
    payment({ id: 'c', parents: ['b', 'gone'], firstSeen: 3 }), payment({ id: 'other', firstSeen: 4 }),
  ].map((p) => [p.id, p]));
  for (const id of ['a', 'b', 'c']) assert.deepEqual(chainOf(id, all).map((p) => p.id), ['a', 'b', 'c']);
  assert.deepEqual(chainOf('unknown', all), []);
});
