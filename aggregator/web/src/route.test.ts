import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseRoute, runOf } from './route.ts';

test('an address names a screen', () => {
  const id = `0x${'ab'.repeat(32)}`;
  assert.deepEqual(parseRoute(''), { screen: 'live' });
  assert.deepEqual(parseRoute('#/'), { screen: 'live' });
  assert.deepEqual(parseRoute('#/pay'), { screen: 'pay', request: '' });
  assert.deepEqual(parseRoute('#/peer'), { screen: 'network' });
  assert.deepEqual(parseRoute(`#/payment/${id}`), { screen: 'payment', id });
});

test('an address may bring a payment request, escaped or not', () => {
  const uri = 'allegro:0x12?network=34&amount=1&note=a%20b&peer=/ip4/192.0.2.1/tcp/1';
  assert.deepEqual(parseRoute(`#/pay?request=${encodeURIComponent(uri)}`), { screen: 'pay', request: uri });
  assert.deepEqual(parseRoute(`#/pay?request=${uri}`), { screen: 'pay', request: uri });
  assert.deepEqual(parseRoute('#/pay?request=%'), { screen: 'pay', request: '%' });
});

test('an address that names none is told', () => {
  for (const hash of ['#/nothing', '#/payment/0x12', '#/payment/', `#/payment/0x${'AB'.repeat(32)}`]) {
    assert.equal(parseRoute(hash).screen, 'unknown', hash);
  }
});

test('an address may ask for a run', () => {
  const id = `0x${'12'.repeat(32)}`;
  assert.equal(runOf(`?run=${id}`), id);
  for (const none of ['', '?run=', '?run=0x12', `?walk=${id}`]) assert.equal(runOf(none), null);
});
