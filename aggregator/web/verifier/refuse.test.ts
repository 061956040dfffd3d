import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { VoteKey } from './ed25519.ts';
import { Committee, concat, encode, fileOf, fromHex, type Hex, Network, type NetworkJSON, parseQCFile, QC, Reader, recoverSender, toHex, verdictOf } from './index.ts';
import { webAuthnDigest } from './webauthn.ts';

function golden<T>(path: string): T {
  return JSON.parse(readFileSync(new URL(`../../../${path}`, import.meta.url), 'utf8')) as T;
}

test('Ed25519: what Go says on the inputs on which verifiers differ', () => {
  const vectors = golden<{ name: string; key: Hex; message: Hex; signature: Hex; valid: boolean }[]>('fastpay/testdata/ed25519.json');
  assert.ok(vectors.length > 30);
  for (const v of vectors) {
    assert.equal(new VoteKey(fromHex(v.key)).verify(fromHex(v.message), fromHex(v.signature)), v.valid, v.name);
  }
});

test('payers’ signatures of each kind, and every one with a flipped bit is refused or another account’s', () => {
  const { vectors } = golden<{ vectors: { name: string; kind: string; signHash: Hex; signature: Hex; sender: Hex }[] }>('tempo/tx76/testdata/tempo-0x76.json');
  const kinds = new Set<string>();
  for (const v of vectors) {
    const hash = fromHex(v.signHash);
    const signature = fromHex(v.signature);
    assert.equal(recoverSender(hash, signature), v.sender, v.name);
    if (kinds.has(v.kind)) continue;
    kinds.add(v.kind);
    for (let bit = 0; bit < 8 * signature.length; bit++) {
      const bad = signature.slice();
      bad[bit >> 3]! ^= 1 << (bit & 7);
      let sender: Hex | null = null;
      try {
        sender = recoverSender(hash, bad);
      } catch (error) {
        assert.equal(verdictOf(error), 'reject');
      }
      assert.notEqual(sender, v.sender, `${v.name}: bit ${bit} flipped`);
    }
  }
  assert.deepEqual(kinds, new Set(['secp256k1', 'p256', 'webauthn']));
});

test('signatures of keychain keys and of no kind are refused', () => {
  const hash = new Uint8Array(32);
  for (const sig of [[], [3, 1, 2], [4, ...new Array<number>(85).fill(1)], [1, 2], [9], new Array<number>(2050).fill(2)]) {
    assert.throws(() => recoverSender(hash, Uint8Array.from(sig)), { code: 'INVALID_FORMAT' });
  }
});

test('client data of WebAuthn: what two readers could see differently is refused', () => {
  const hash = new Uint8Array(32).fill(7);
  const challenge = Buffer.from(hash).toString('base64url');
  const auth = new Uint8Array(37);
  auth[32] = 1;
  const digest = (text: string | Uint8Array) => webAuthnDigest(concat(auth, typeof text === 'string' ? new TextEncoder().encode(text) : text), hash);
  const good = `{"type":"webauthn.get","challenge":"${challenge}"`;
  const nested = (n: number) => `${good},"x":${'['.repeat(n)}${']'.repeat(n)}}`;
  for (const text of [`${good}}`, ` ${good} , "origin" : "http://a{b}[c],:" ,"n":-1.5e3,"o":{"type":"x"}}`, nested(16)]) assert.equal(digest(text).length, 32);
  for (const text of [
    `${good},"type":"webauthn.get"}`, `${good},"challenge":"x"}`, '{"type":"webauthn.get"}', `{"type":"webauthn.create","challenge":"${challenge}"}`,
    `{"type":["webauthn.get"],"challenge":"${challenge}"}`, `${good},"a":"\\u0041"}`, `${good}`, `[${good}}]`, '"x"', '{}', nested(17), `\uFEFF${good}}`,
    `${good}}x`, concat(new TextEncoder().encode(`${good},"a":"`), Uint8Array.of(0xff), new TextEncoder().encode('"}')),
  ]) {
    assert.throws(() => digest(text), Error, String(text));
  }
  for (const flags of [0, 2, 0x41, 0x81]) {
    auth[32] = flags;
    assert.throws(() => digest(`${good}}`), /authenticator/);
  }
});

test('QC file: the golden one, other white space, and nothing else', () => {
  const text = readFileSync(new URL('../../../fastpay/testdata/qc.json', import.meta.url), 'utf8');
  const vectors = golden<{ committees: { chain_id: number; epoch: number; start: number; end: number; members: { key: Hex; weight: number; node_key: Hex }[] }[]; qc: { committee: number } }>('fastpay/testdata/vectors.json');
  const v = vectors.committees[vectors.qc.committee]!;
  const c = new Committee(BigInt(v.chain_id), BigInt(v.epoch), BigInt(v.start), BigInt(v.end), 0, v.members.map((m) => ({ key: m.key, weight: BigInt(m.weight), nodeKey: m.node_key })));
  const parse = (raw: Uint8Array) => QC.parseFor(c, raw);
  const qc = parseQCFile(text, parse);
  assert.deepEqual(fileOf(qc), JSON.parse(text));
  const compact = JSON.stringify(JSON.parse(text));
  assert.equal(parseQCFile(compact, parse).tx.id, qc.tx.id);
  for (const [what, bad] of Object.entries({
    'no JSON': text.slice(1), 'another schema': compact.replace('qc/v1', 'qc/v2'), 'upper case': compact.replace('"qc":"0xf9', '"qc":"0xF9'),
    'an amount': compact.replace('"amount":"3', '"amount":"4'), 'a number': compact.replace('"weight":6', '"weight":7'),
    'another order': compact.replace(/("schema":"[^"]*"),("tx_id":"[^"]*")/, '$2,$1'), 'a double': compact.replace('{"schema"', '{"tx_id":"0x00","schema"'),
    'one more': compact.replace('"note"', '"memo":"","note"'), 'a tx id': compact.replace('"tx_id":"0xe6', '"tx_id":"0xe7'),
    'an escape': compact.replace('"schema"', '"\\u0073chema"'), 'a string': compact.replace('"threshold":6', '"threshold":"6"'), nothing: '', null: 'null',
  })) {
    assert.notEqual(bad, compact, what);
    assert.throws(() => parseQCFile(bad, parse), { code: 'INVALID_FORMAT' }, what);
  }
});

test('network: the golden digest, and what is no network', () => {
  const file = golden<NetworkJSON>('p2p/netfile/testdata/network.json');
  const n = new Network(file);
  assert.equal(n.digest, '0xb5401bc1cfdfdd88e2d0369af87eef70a1bd46c10abf74f4b7a61fde5f88ef15');
  const asTexts = JSON.parse(JSON.stringify(file, (key, value: unknown) => (typeof value === 'number' && key !== 'version' ? String(value) : value))) as NetworkJSON;
  assert.equal(new Network({ ...asTexts, digest: n.digest }).digest, n.digest);
  const reversed = structuredClone(file);
  reversed.asset.reverse();
  reversed.committee.at(-1)!.member.reverse();
  assert.equal(new Network(reversed).digest, n.digest);
  const spoil = (f: (file: NetworkJSON) => void) => () => {
    const copy = structuredClone(file);
    f(copy);
    return new Network(copy);
  };
  for (const [wrong, text] of [
    [spoil((f) => { f.digest = `0x${'00'.repeat(32)}`; }), /digest/], [spoil((f) => { f.committee = []; }), /no committee/],
    [spoil((f) => { f.asset = []; }), /no asset/], [spoil((f) => { f.chain.id = -1; }), /chain.id/], [spoil((f) => { f.chain.id = '01'; }), /chain.id/],
    [spoil((f) => { f.committee[0]!.member[0]!.key = '0x12'; }), /member.key/], [spoil((f) => { f.committee[0]!.member[0]!.weight = 0; }), /weighs 0/],
    [spoil((f) => { f.committee[0]!.member.push(f.committee[0]!.member[0]!); }), /not above its predecessor/], [spoil((f) => { f.committee.reverse(); }), /must come after/],
    [spoil((f) => { f.chain.lane = 'x'; }), /chain.lane/], [spoil((f) => { f.limits.min_settle_seconds = 0; }), /min_settle/],
  ] as const) {
    assert.throws(wrong, text);
  }
  const weight = spoil((f) => { f.committee[0]!.member[0]!.weight = 9; })();
  assert.notEqual(weight.digest, n.digest);
});

test('rlp: one form of every value', () => {
  for (const bytes of [[0xc1, 0x01], [0xc0], [0xc2, 0x81, 0x80], [0xf8, 56, ...new Array<number>(56).fill(1)]]) {
    const raw = Uint8Array.from(bytes);
    const r = Reader.of(raw, 'value');
    const parts: Uint8Array[] = [];
    while (r.more) parts.push(r.bytes());
    assert.deepEqual(encode(parts), raw);
  }
  for (const [bytes, read] of [
    [[], () => {}], [[0x01], () => {}], [[0xc0, 0x00], () => {}], [[0xc1], () => {}], [[0xf8, 1, 0x01], () => {}], [[0xf9, 0, 56], () => {}], [[0xf8, 56], () => {}],
    [[0xff, ...new Array<number>(8).fill(255)], () => {}],
    [[0xc2, 0x81, 0x01], (r: Reader) => r.bytes()], [[0xc1, 0x00], (r: Reader) => r.uint()], [[0xc3, 0x82, 0, 1], (r: Reader) => r.uint()],
    [[0xca, 0x89, 1, 2, 3, 4, 5, 6, 7, 8, 9], (r: Reader) => r.uint()], [[0xc1, 0x02], (r: Reader) => r.bool()], [[0xc1, 0xc0], (r: Reader) => r.bytes()],
    [[0xc1, 0x01], (r: Reader) => r.list()], [[0xc0], (r: Reader) => r.bytes()], [[0xc1, 0x01], (r: Reader) => r.bytes(2)], [[0xc1, 0x01], (r: Reader) => r.end()],
    [[0xc3, 0xc2, 1, 1], (r: Reader) => r.all(1, (p) => p.uint())],
  ] as [number[], (r: Reader) => unknown][]) {
    assert.throws(() => read(Reader.of(Uint8Array.from(bytes), 'value')), { code: 'INVALID_FORMAT' }, toHex(Uint8Array.from(bytes)));
  }
});
