import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseRoute } from './route.ts';

test('an address names a screen', () => {
  const id = `0x${'ab'.repeat(32)}`;
  assert.deepEqual(parseRoute(''), { screen: 'live' });
  assert.deepEqual(parseRoute('#/'), { screen: 'live' });
  assert.deepEqual(parseRoute('#/pay'), { screen: 'pay' });
  assert.deepEqual(parseRoute('#/peer'), { screen: 'network' });
  assert.deepEqual(parseRoute(`#/payment/${id}`), { screen: 'payment', id });
});

test('an address that names none is told', () => {
  for (const hash of ['#/nothing', '#/payment/0x12', '#/payment/', `#/payment/0x${'AB'.repeat(32)}`]) {
    assert.equal(parseRoute(hash).screen, 'unknown', hash);
  }
});
