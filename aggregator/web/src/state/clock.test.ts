import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Clock } from './clock.ts';

test('the moment that took least to arrive sets the clock', () => {
  let local = 100;
  const clock = new Clock(() => local);
  clock.arrived(1_000_090); // ten on the way
  assert.equal(clock.now(), 1_000_090);
  local = 200;
  clock.arrived(1_000_198); // two on the way
  assert.equal(clock.now(), 1_000_198);
  local = 300;
  clock.arrived(1_000_250); // slow, so nothing is learnt from it
  assert.equal(clock.now(), 1_000_298);
  assert.equal(clock.at(250), 1_000_248);
});

test('a clock that was set back is followed', () => {
  let local = 0;
  const clock = new Clock(() => local);
  clock.arrived(50_000);
  local = 10;
  clock.arrived(20_010);
  assert.equal(clock.now(), 20_010);
});

test('a guess holds only until something arrives', () => {
  const clock = new Clock(() => 5);
  clock.assume(1000);
  assert.equal(clock.now(), 1000);
  clock.assume(9000);
  assert.equal(clock.now(), 1000);
  clock.arrived(1003);
  assert.equal(clock.now(), 1003);
});
