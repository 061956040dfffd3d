import assert from 'node:assert/strict';
import { test } from 'node:test';
import { payment } from './payment.fixture.ts';
import { judge } from './verdict.ts';

const blocks = [{ height: 41, at: 1000 }, { height: 42, at: 6000 }];

test('a QC is judged only after the next block was seen', () => {
  const p = payment({ stage: 'CERTIFIED', firstSeen: 1010, certifiedAt: 1018, heightAtQC: 41 });
  assert.deepEqual(judge(p, blocks.slice(0, 1)), { kind: 'open', height: 41 });
  assert.deepEqual(judge(p, []), { kind: 'open', height: 41 });
  assert.deepEqual(judge(p, blocks), { kind: 'before', block: 42, margin: 4982 });
});

test('the lead that the aggregator measured is used before one computed here', () => {
  const p = payment({ stage: 'INCLUDED', firstSeen: 1010, certifiedAt: 1018, heightAtQC: 41, lead: 4981.5 });
  assert.deepEqual(judge(p, blocks), { kind: 'before', block: 42, margin: 4981.5 });
  assert.deepEqual(judge(p, []), { kind: 'before', block: 42, margin: 4981.5 });
});

test('a block that came between payment and QC is told', () => {
  const p = payment({ stage: 'CERTIFIED', firstSeen: 5900, certifiedAt: 6220, heightAtQC: 42 });
  assert.deepEqual(judge(p, blocks), { kind: 'after', block: 42, margin: 220 });
});

test('a run of another day is not measured by the blocks of this one', () => {
  const p = payment({ stage: 'FINALIZED', firstSeen: 1010, certifiedAt: 1018, heightAtQC: 41, lead: 4982 });
  assert.deepEqual(judge(p, [{ height: 900, at: 9_000_000 }]), { kind: 'before', block: 42, margin: 4982 });
});

test('a block that came while nobody here watched measures nothing', () => {
  const p = payment({ stage: 'CERTIFIED', firstSeen: 1010, certifiedAt: 1018, heightAtQC: 41 });
  assert.deepEqual(judge(p, [{ height: 41, at: 1000 }, { height: 50, at: 46_000 }]), { kind: 'unseen' });
  assert.deepEqual(judge({ ...p, stage: 'INCLUDED', includedHeight: 42 }, []), { kind: 'unseen' });
  // The first block that a tab hears of was there before.
  assert.deepEqual(judge({ ...p, heightAtQC: null }, [{ height: 41, at: 1020 }]), { kind: 'unseen' });
  assert.deepEqual(judge({ ...p, heightAtQC: null }, [{ height: 41, at: 1012 }]), { kind: 'open', height: 41 });
  assert.deepEqual(judge({ ...p, heightAtQC: null }, blocks), { kind: 'before', block: 42, margin: 4982 });
});

test('without a QC, or without its time, nothing is judged', () => {
  assert.deepEqual(judge(payment({ stage: 'ACCEPTED', firstSeen: 1010 }), blocks), { kind: 'none' });
  assert.deepEqual(judge(payment({ stage: 'FINALIZED', certifiedAt: null }), blocks), { kind: 'none' });
  assert.deepEqual(judge(payment({ stage: 'REJECTED', certifiedAt: null }), blocks), { kind: 'none' });
});
