import assert from 'node:assert/strict';
import { test } from 'node:test';
import { World } from '../../peer/world.ts';
import { MAX_TEXT, readDropped } from './dropped.ts';
import { addressesFor } from './network.ts';

const { file, network } = new World(2);
const [first, second] = file.committee[0]!.member;

/** The world's network file as TOML. */
const toml = `
version = 1
name = 'test'
[chain]
id = 1337
block_time_seconds = 5
finality = 'finalized'
lane = 'payment'
fifo = true
[[asset]]
symbol = 'USD'
address = '${file.asset[0]!.address}'
decimals = 6
min_amount = '1'
[fees]
max_fee_per_gas = ['1000']
fee_token = '${file.fees.fee_token}'
[limits]
min_settle_seconds = 60
max_life_seconds = 86400
default_life_seconds = 600
sponsored_per_payer_per_hour = 10
[[committee]]
epoch = 1
start = 0
end = 9000000000
${[first!, second!].map((m, i) => `[[committee.member]]
name = '${m.name}'
key = '${m.key}'
weight = 1
node_key = ''
sponsor = '${m.sponsor}'
addresses = ['/ip4/127.0.0.1/tcp/${i + 1}/p2p/P${i}', '/ip4/127.0.0.1/udp/${i + 1}/quic-v1/p2p/P${i}']
`).join('')}`;

test('a network file is read as TOML and as JSON, with the same digest', () => {
  for (const text of [toml, JSON.stringify(file), JSON.stringify({ ...file, digest: network.digest, demo: true })]) {
    const dropped = readDropped(text);
    assert.deepEqual([dropped.kind, dropped.kind === 'network' && dropped.digest], ['network', network.digest]);
  }
});

test('validators are dialled by WebSocket on their TCP ports, and where they say', () => {
  const dropped = readDropped(toml);
  assert.ok(dropped.kind === 'network');
  const said = readDropped('{"schema": "allegro.id/v1", "peer_id": "P1", "addresses": ["/ip4/10.0.0.1/tcp/9/ws/p2p/P1", "/ip4/10.0.0.1/tcp/9/p2p/P1"]}');
  assert.ok(said.kind === 'addresses');
  assert.deepEqual(addressesFor(dropped.file, said.peers), ['/ip4/10.0.0.1/tcp/9/ws/p2p/P1', '/ip4/127.0.0.1/tcp/1/ws/p2p/P0', '/ip4/127.0.0.1/tcp/2/ws/p2p/P1']);
  const listed = readDropped('{"peers": [{"peer_id": "P0", "addresses": ["/ip4/10.0.0.1/udp/9/webrtc-direct/certhash/u"]}]}');
  assert.ok(listed.kind === 'addresses');
  assert.deepEqual(addressesFor({ ...file, committee: [] }, listed.peers), ['/ip4/10.0.0.1/udp/9/webrtc-direct/certhash/u/p2p/P0']);
});

test('whatever else is dropped is told apart', () => {
  for (const [text, want] of [
    ['', /neither a network file nor addresses/],
    ['hello', /neither .* As TOML it reads/],
    ['{"peer_id": "P"}', /neither/],
    ['{"peers": [{"peer_id": "P", "addresses": [1]}]}', /neither/],
    ['{', /begins like JSON and is none/],
    ['x'.repeat(MAX_TEXT + 1), /longer than a network file can be/],
    [toml.replace('[fees]', '[fee]'), /no table \[fees\]/],
    [toml.replace("max_fee_per_gas = ['1000']", ''), /no fees.max_fee_per_gas/],
    [toml.replaceAll('[[asset]]', '[[token]]'), /no \[\[asset\]\]/],
    [toml.replaceAll('[[committee.member]]', '[[committee.someone]]'), /no \[\[committee.member\]\]/],
    [toml.replace("'payment'", "'fast'"), /chain.lane is fast/],
    [JSON.stringify({ ...file, digest: `0x${'00'.repeat(32)}` }), /digest/],
  ] as const) assert.throws(() => readDropped(text), want, text.slice(0, 40));
});
