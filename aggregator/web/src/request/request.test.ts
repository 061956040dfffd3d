import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { noteHash } from '../../verifier/index.ts';
import { choosePeers } from './peers.ts';
import { type Asked, refusal } from './refusal.ts';
import { parseRequest, requestFault, requestURI, type PaymentRequest } from './request.ts';

interface Vectors {
  valid: { name: string; uri: string; network: string; payee: string; asset: string; amount: string; note: string; note_hash: string; expires: string; peers: string[] }[];
  invalid: { name: string; uri: string; says: string }[];
}

const vectors = JSON.parse(readFileSync(new URL('../../../../client/request/testdata/requests.json', import.meta.url), 'utf8')) as Vectors;

test('requests are read and written as the vectors have them', () => {
  assert.ok(vectors.valid.length > 0);
  for (const want of vectors.valid) {
    const r = parseRequest(want.uri);
    assert.equal(requestURI(r), want.uri, want.name);
    assert.equal(requestFault(r), null, want.name);
    assert.deepEqual(
      { ...r, amount: String(r.amount), expires: String(r.expires), note_hash: noteHash(r.note) },
      { network: want.network, payee: want.payee, asset: want.asset, amount: want.amount, note: want.note, note_hash: want.note_hash, expires: want.expires, peers: want.peers },
      want.name,
    );
  }
});

test('what is no request is refused, by name if a key is not known', () => {
  assert.ok(vectors.invalid.length > 0);
  for (const want of vectors.invalid) {
    assert.throws(() => parseRequest(want.uri), (error: Error) => {
      // Of what is wrong with an address, the Go program says more.
      assert.ok(error.message.includes(want.says) || (want.uri.includes('&peer=') && error.message.startsWith('peer ')), `${want.name}: “${error.message}” does not say “${want.says}”`);
      return true;
    });
  }
});

test('what is put together wrongly has a fault', () => {
  const sound = parseRequest(vectors.valid[1]!.uri);
  assert.equal(requestFault(sound), null);
  const spoiled: Partial<PaymentRequest>[] = [
    { amount: 0n }, { amount: 1n << 128n }, { expires: 253_402_300_800n }, { note: 'a\nb' }, { note: '\ud800' }, { note: 'é'.repeat(71) },
    { peers: ['/ip4/192.0.2.1/tcp/1'] }, { peers: [sound.peers[0]!, sound.peers[0]!] },
  ];
  for (const change of spoiled) assert.notEqual(requestFault({ ...sound, ...change }), null, JSON.stringify(Object.keys(change)));
});

test('of many addresses a request names one of each peer, loopback only if there are no others', () => {
  const ids = ['12D3KooWJffCHfWKZJVSutW2VdijqWM3UqQzHBhwQwa6HT6NiApL', '12D3KooWQw3J7m65JciCy32Y3CJfucGeRsdi7EpZgPDhK8YAJNo3'];
  const at = (host: string, i: number) => `/${host}/tcp/4001/p2p/${ids[i]}`;
  const near = [at('ip4/127.0.0.1', 0), at('ip6/::1', 1)];
  assert.deepEqual(choosePeers([...near, '/ip4/192.0.2.1/tcp/1/ws']), near);
  assert.deepEqual(choosePeers([...near, at('ip4/192.0.2.1', 1), at('ip4/192.0.2.2', 1)]), [at('ip4/192.0.2.1', 1)]);
  assert.deepEqual(choosePeers([]), []);
});

test('a payer refuses what is not meant for it, with the reason', () => {
  const r = { ...parseRequest(vectors.valid[1]!.uri), expires: 2000n };
  const asked: Asked = { network: r.network, account: '0x099D0D53D3614b679fa6F66A3188846A999dAd7E', assets: [r.asset.toLowerCase()], chainTime: 1000n, clock: 1005n };
  assert.equal(refusal(r, asked), null);
  assert.equal(refusal(r, { ...asked, chainTime: null }), null);
  const other = `0x${'ab'.repeat(32)}`;
  for (const [change, says] of [
    [{ network: other }, new RegExp(`another network.*${r.network}.*${other}`)],
    [{ account: r.payee.toLowerCase() }, /pay itself/],
    [{ assets: ['0x20C0000000000000000000000000000000000009'] }, /does not list: 0x20C0/],
    [{ chainTime: 2000n }, /expired, by the time of the chain/],
    [{ clock: 2000n }, /expired, by this machine’s clock/],
  ] as const) assert.match(refusal(r, { ...asked, ...change }) ?? '', says);
  assert.equal(refusal({ ...r, expires: 0n }, { ...asked, clock: 1n << 40n }), null, 'it is good without an end');
});
