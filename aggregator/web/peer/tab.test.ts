import assert from 'node:assert/strict';
import { test } from 'node:test';
import { webSockets } from '@libp2p/websockets';
import { addressesOf, browserAddresses } from './addresses.ts';
import type { Known } from './plan.ts';
import { Tab } from './tab.ts';
import { asset, key, World } from './world.ts';

const w = new World(2);

function memory() {
  const kept = new Map<string, string>();
  return { getItem: (k: string) => kept.get(k) ?? null, setItem: (k: string, v: string) => void kept.set(k, v) };
}

test('a tab starts without peers, is told of a bad address, and pays nothing on what it does not know', async () => {
  const options = { store: memory(), known: {} as Record<string, Known> };
  await assert.rejects(Tab.start(w.file, [webSockets()], { ...options, addresses: ['/ip4/127.0.0.1/tcp/1/ws'] }), /does not end in \/p2p\//);
  await assert.rejects(Tab.start({ ...w.file, digest: `0x${'00'.repeat(32)}` }, [webSockets()], options), /digest/);
  const tab = await Tab.start(w.file, [webSockets()], options);
  const order = { key: key('me'), to: w.lane('shop').sender, asset, amount: 1n, note: '' };
  assert.deepEqual([tab.snapshot().state, tab.snapshot().payments, tab.snapshot().connections], ['joining', [], []]);
  await assert.rejects(tab.pay(order), /are not known: read the account once/);
  options.known[w.lane('me').sender] = { confirmed: '9', nonce: '0', height: '0' };
  await assert.rejects(tab.pay(order), /no connected peer answered/);
  await assert.rejects(tab.pay({ ...order, asset: '0x12' }), /is not an address/);
  await assert.rejects(tab.sync('nobody'), /is not an address/);
  assert.equal(tab.spendable(order.to, asset), null, 'nobody told of that account');
  assert.equal(tab.spendable(w.lane('me').sender, asset), 9n);
  assert.deepEqual([tab.qcFile(`0x${'12'.repeat(32)}`), tab.qcFile('0x12')], [null, null]);
  await tab.close();
  await tab.close();
  assert.equal(tab.snapshot().state, 'closed');
});

test('browserAddresses: what a browser can dial, each with its peer', () => {
  const peers = [
    { peer_id: 'A', addresses: ['/ip4/127.0.0.1/tcp/1', '/ip4/127.0.0.1/tcp/1/ws', '/ip4/127.0.0.1/udp/1/quic-v1', '/ip4/127.0.0.1/udp/1/webrtc-direct/certhash/u'] },
    { peer_id: 'B', addresses: ['/ip4/127.0.0.1/tcp/2/ws/p2p/B', '/dns4/ws.example/tcp/2/p2p/B', '/ip4/127.0.0.1/udp/2/quic-v1/webtransport'] },
  ];
  assert.deepEqual(browserAddresses([...peers, ...peers]), ['/ip4/127.0.0.1/tcp/1/ws/p2p/A', '/ip4/127.0.0.1/udp/1/webrtc-direct/certhash/u/p2p/A', '/ip4/127.0.0.1/tcp/2/ws/p2p/B']);
});

test('addressesOf: what a network file has for browsers, and WebSocket on the ports of TCP', () => {
  const at = (...addresses: string[]) => addressesOf({ ...w.file, committee: [{ ...w.file.committee[0]!, member: [{ ...w.file.committee[0]!.member[0]!, addresses }] }] });
  assert.deepEqual(at('/ip4/127.0.0.1/tcp/1/p2p/A', '/dns4/dave.example/tcp/2/p2p/A', '/ip6/::1/tcp/3/p2p/A'), ['/ip4/127.0.0.1/tcp/1/ws/p2p/A', '/dns4/dave.example/tcp/2/ws/p2p/A', '/ip6/::1/tcp/3/ws/p2p/A']);
  assert.deepEqual(at('/ip4/127.0.0.1/tcp/1/ws/p2p/A', '/ip4/127.0.0.1/tcp/1/p2p/A'), ['/ip4/127.0.0.1/tcp/1/ws/p2p/A']);
  assert.deepEqual(at('/ip4/127.0.0.1/udp/1/quic-v1/p2p/A', '/ip4/127.0.0.1/tcp/1', '/ip4/127.0.0.1/tcp/1/p2p/R/p2p-circuit/p2p/A'), []);
  assert.deepEqual(addressesOf(w.file), []);
});
