import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ago, duration, list, money, parseTokens, short, tokens } from './format.ts';

test('amounts have two decimals, or as many as they need', () => {
  assert.equal(tokens(10_000_000n, 6), '10.00');
  assert.equal(tokens(10_500_001n, 6), '10.500001');
  assert.equal(tokens(1n, 6), '0.000001');
  assert.equal(tokens(0n, 6), '0.00');
  assert.equal(tokens(1_234_567_890_000n, 6), '1,234,567.89');
  assert.equal(tokens(42n, 0), '42');
  assert.equal(tokens(-2_500_000n, 6), '−2.50');
  assert.equal(money(15_000_000n, 6, 'pathUSD'), '$15.00');
  assert.equal(money(15_000_000n, 6, 'EURO'), '15.00 EURO');
});

test('what is typed is read exactly, or said to be wrong', () => {
  assert.equal(parseTokens('10', 6), 10_000_000n);
  assert.equal(parseTokens(' 0.000001 ', 6), 1n);
  assert.equal(parseTokens('10.5000000', 6), 10_500_000n);
  assert.equal(parseTokens('10.', 6), 10_000_000n);
  for (const wrong of ['', '-1', '1e3', '0', '0.00', '0.0000001', '1,5', '0x10', '9'.repeat(41), '9'.repeat(33), '.']) {
    assert.equal(typeof parseTokens(wrong, 6), 'string', wrong);
  }
});

test('durations have the digits that matter', () => {
  assert.equal(duration(1.84), '1.8\u00a0ms');
  assert.equal(duration(16.4), '16.4\u00a0ms');
  assert.equal(duration(4988.6), '4,989\u00a0ms');
  assert.equal(duration(-220), '−220\u00a0ms');
  assert.equal(duration(-0.01), '0.0\u00a0ms');
  assert.equal(duration(15_500), '15.5\u00a0s');
  assert.equal(duration(600_000), '10\u00a0min');
  assert.equal(ago(3400), '3 s ago');
  assert.equal(ago(400), 'just now');
});

test('hashes and peer ids are cut in the middle', () => {
  assert.equal(short(`0x${'ab'.repeat(32)}`), '0xabab…abab');
  assert.equal(short('12D3KooWJffCHfWKZJVSutW2VdijqWM3UqQzHBhwQwa6HT6NiApL'), '12D3…NiApL');
  assert.equal(short('0x1234'), '0x1234');
});

test('lists read as a person would say them', () => {
  assert.equal(list([]), '');
  assert.equal(list(['dave']), 'dave');
  assert.equal(list(['dave', 'edgar', 'frida']), 'dave, edgar and frida');
});
