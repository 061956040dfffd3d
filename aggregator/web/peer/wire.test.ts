import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Connection, Stream } from '@libp2p/interface';
import { concat, encode, type Hex, helloDigest, type Item, Raw, toHex, type Tx, zeros } from '../verifier/index.ts';
import { Board } from './board.ts';
import { Drops } from './drops.ts';
import { answer, readFrame, request } from './frame.ts';
import { decodeHelloRequest, decodeHelloResponse, encodeHelloRequest, encodeHelloResponse } from './hello.ts';
import type { Host } from './host.ts';
import { Server } from './serve.ts';
import { decodeSubmitResults, encodePayments } from './submit.ts';
import { decodeSyncRequest, decodeSyncResponse, encodeSyncItem, encodeSyncRequest, encodeSyncResponse, type Reading, type SyncRequest } from './sync.ts';
import { World } from './world.ts';

const w = new World(2);
const text = (s: string) => new TextEncoder().encode(s);
const invalid = { code: 'INVALID_FORMAT' };
const life = new AbortController().signal;

/** FakeStream is one end of a stream: what is sent is kept, what arrives is told by receive. */
class FakeStream extends EventTarget {
  readStatus = 'readable';
  readBufferLength = 0;
  protocol = '';
  sent: Uint8Array = new Uint8Array();
  closed = false;
  aborted: Error | null = null;

  receive(...bytes: number[]): void {
    this.dispatchEvent(Object.assign(new Event('message'), { data: Uint8Array.from(bytes) }));
  }

  send(data: Uint8Array): boolean {
    this.sent = concat(this.sent, data);
    return true;
  }

  async close(): Promise<void> {
    this.closed = true;
  }

  abort(error: Error): void {
    this.aborted = error;
    this.dispatchEvent(Object.assign(new Event('close'), { error }));
  }

  get stream(): Stream {
    return this as unknown as Stream;
  }
}

test('a frame arrives in any pieces, and nothing else is one', async () => {
  for (const pieces of [[[0, 0, 0, 2, 7, 8]], [[0], [0, 0], [2, 7], [8]]]) {
    const s = new FakeStream();
    const frame = readFrame(s.stream, 2, life);
    for (const p of pieces) s.receive(...p);
    assert.deepEqual(await frame, Uint8Array.of(7, 8));
  }
  for (const [bytes, why] of [[[0, 0, 0, 0], /frame of 0 bytes/], [[0, 0, 0, 3], /frame of 3 bytes/], [[255, 255, 255, 255], /frame of 4294967295/], [[0, 0, 0, 1, 7, 8], /behind the frame/]] as const) {
    const s = new FakeStream();
    const frame = readFrame(s.stream, 2, life);
    s.receive(...bytes);
    await assert.rejects(frame, why);
  }
  for (const end of ['end', 'close']) {
    const s = new FakeStream();
    const frame = readFrame(s.stream, 2, life);
    s.receive(0, 0, 0, 2, 7);
    s.dispatchEvent(new Event(end));
    await assert.rejects(frame, /ended before its frame/);
  }
  const stop = new AbortController();
  const frame = readFrame(new FakeStream().stream, 2, stop.signal);
  stop.abort(new Error('enough'));
  await assert.rejects(frame, /enough/);
});

test('a request sends one frame, and resets the stream if no answer comes', async () => {
  const call = { protocol: '/x', payload: Uint8Array.of(0xc0), responseLimit: 10, timeout: 60_000 };
  const s = new FakeStream();
  const connection = { newStream: async () => s } as unknown as Connection;
  const good = request(connection, call, life);
  await new Promise(setImmediate);
  assert.deepEqual([s.sent, s.closed], [Uint8Array.of(0, 0, 0, 1, 0xc0), true]);
  s.receive(0, 0, 0, 1, 9);
  assert.deepEqual(await good, Uint8Array.of(9));
  const bad = request(connection, call, life);
  await new Promise(setImmediate);
  s.receive(0, 0, 0, 11);
  await assert.rejects(bad, /frame of 11 bytes/);
  assert.match(s.aborted!.message, /frame of 11/);
  const served = new FakeStream();
  const fault = answer(served.stream, 10, 60_000, life, () => { throw new Error('no'); });
  served.receive(0, 0, 0, 1, 9);
  await assert.rejects(fault, /no/);
  assert.equal(served.sent.length, 0);
});

test('hello: a membership is proved, or refused', () => {
  const asked = { requester: text('me'), responder: text('you'), nonce: new Uint8Array(32).fill(3) };
  const c = w.committee;
  assert.equal(decodeHelloRequest(encodeHelloRequest(w.network, c, asked.nonce)).digest, w.network.digest);
  assert.equal(decodeHelloResponse(encodeHelloResponse(w.network, c), w.network, asked).member, null);
  const signature = w.sign(1, helloDigest(c.id, asked.requester, asked.responder, asked.nonce));
  const response = (change: Item[] = [], at = 0) => {
    const fields: Item[] = [text('v1'), text('validator'), w.network.digest, c.id, [Uint8Array.of(4)], 2n, signature];
    fields.splice(at, change.length, ...change);
    return encode(fields);
  };
  assert.deepEqual(decodeHelloResponse(response(), w.network, asked), { role: 'validator', version: 'v1', digest: w.network.digest, member: c.members[1]!.key });
  assert.equal(decodeHelloResponse(response([zeros], 3), w.network, asked).member, null, 'of a committee that is not known here');
  for (const [what, bad] of Object.entries({
    'another member': response([1n], 5), 'no such member': response([3n], 5), 'no member with a signature': response([0n], 5), 'no signature': response([new Uint8Array()], 6),
    'another role': response([text('king')], 1), 'no version': response([text('')]), 'a long version': response([text('v'.repeat(65))]), 'a version for a terminal': response([text('\x1b[1m')]),
    '17 addresses': response([Array.from({ length: 17 }, () => Uint8Array.of(4))], 4), 'a long address': response([[new Uint8Array(257)]], 4), 'one field more': response([signature, signature], 6),
  })) {
    assert.throws(() => decodeHelloResponse(bad, w.network, asked), invalid, what);
  }
  assert.throws(() => decodeHelloResponse(response(), w.network, { ...asked, nonce: new Uint8Array(32) }), invalid, 'a recording');
});

test('submit: an answer counts whole or not at all', () => {
  const items = [w.tx('a'), w.tx('b')].map((tx) => ({ tx, parents: [] }));
  const [a, b] = items.map((i) => i.tx) as [Tx, Tx];
  const vote = (tx: Tx, id: Hex = tx.id): Item => [id, [new Raw(w.vote(0, tx).raw)], []];
  const refusal = (id: Hex, code = text('EXPIRED'), words = text('too\x1blate')): Item => [id, [], [[code, words, true]]];
  const [first, second] = decodeSubmitResults(encode([vote(a), refusal(b.id)]), w.network, items);
  assert.equal(first?.certificate?.signer, 0);
  assert.deepEqual(second?.reject, { code: 'EXPIRED', text: 'too late', retryable: true });
  assert.equal(decodeSubmitResults(encode([refusal(zeros), refusal(zeros)]), w.network, items).length, 2);
  for (const [what, bad] of Object.entries({
    'one result': [vote(a)], 'three results': [vote(a), vote(b), vote(b)], 'a vote for another': [vote(b, a.id), vote(b)], 'of another payment': [refusal(b.id), vote(b)],
    'a vote of nobody': [vote(a, zeros), vote(b)], both: [[a.id, [new Raw(w.vote(0, a).raw)], [[text('X'), text(''), false]]], vote(b)], neither: [[a.id, [], []], vote(b)],
    'no code': [refusal(a.id, text('')), vote(b)], 'a long code': [refusal(a.id, text('X'.repeat(33))), vote(b)], 'a long text': [refusal(a.id, text('X'), text('x'.repeat(513))), vote(b)],
  } as { [what: string]: Item[] })) {
    assert.throws(() => decodeSubmitResults(encode(bad), w.network, items), invalid, what);
  }
  assert.throws(() => encodePayments([]), /0 payments/);
});

const reading: Reading = { network: w.network, held: () => null, rest: async () => {} };

test('sync requests have one form, each kind', () => {
  const cursor = Uint8Array.of(1, 2);
  const requests: SyncRequest[] = [
    { kind: 'ids', ids: [zeros] }, { kind: 'lane', lane: w.lane('a').id, fromSeq: 3n, limit: 256 }, { kind: 'account', account: w.lane('a').sender, cursor, limit: 1 },
    { kind: 'since', cursor, limit: 5, wait: 30 }, { kind: 'digests' }, { kind: 'bucket', bucket: 255, cursor, limit: 9 },
  ];
  for (const q of requests) assert.deepEqual(decodeSyncRequest(encodeSyncRequest(q)), q);
  const as = (q: object) => encodeSyncRequest(q as SyncRequest);
  for (const [what, bad] of Object.entries({
    'no ids': as({ kind: 'ids', ids: [] }), 'too many ids': as({ kind: 'ids', ids: new Array(257).fill(zeros) }), 'no limit': as({ kind: 'since', cursor, limit: 0, wait: 0 }),
    'a large limit': as({ kind: 'since', cursor, limit: 257, wait: 0 }), 'a long wait': as({ kind: 'since', cursor, limit: 1, wait: 31 }), 'a long cursor': as({ kind: 'since', cursor: new Uint8Array(65), limit: 1, wait: 0 }),
    'a wait that nobody asked for': as({ kind: 'digests', wait: 1 }), 'a lane that nobody asked for': as({ kind: 'ids', ids: [zeros], lane: w.lane('a').id }), 'no kind': as({ kind: 'none' }), 'nothing': Uint8Array.of(0xc0),
  })) {
    assert.throws(() => decodeSyncRequest(bad), invalid, what);
  }
});

test('sync answers: what does not verify or was not asked for is left out and counted', async () => {
  const [a, b] = [w.tx('a'), w.tx('b')];
  const q: SyncRequest = { kind: 'ids', ids: [a.id] };
  const spoilt = w.vote(1, a).raw.slice();
  spoilt[spoilt.length - 1]! ^= 1;
  const item = encode([new Raw(a.raw), [new Raw(w.vote(0, a).raw), new Raw(spoilt)], [[text('EXPIRED'), text('x'), false]], text('FINALIZED')]);
  const r = await decodeSyncResponse(encodeSyncResponse([item], Uint8Array.of(9), true, []), q, reading);
  assert.deepEqual([r.items.length, r.items[0]?.certificates.length, r.items[0]?.rejects.length, r.items[0]?.stage, r.dropped, r.more], [1, 1, 1, 'FINALIZED', 1, true]);
  const other = await decodeSyncResponse(encodeSyncResponse([encodeSyncItem(b, [], '')], new Uint8Array(), false, []), q, reading);
  assert.deepEqual([other.items.length, other.dropped], [0, 1]);
  const held = await decodeSyncResponse(encodeSyncResponse([item], new Uint8Array(), false, []), q, { ...reading, held: () => a });
  assert.deepEqual([held.items[0]?.tx, held.items[0]?.certificates.length, held.dropped], [a, 0, 0]);
  for (const [what, bad] of Object.entries({
    'too many items': encodeSyncResponse([item, item], new Uint8Array(), false, []), 'digests': encodeSyncResponse([], new Uint8Array(), false, [new Uint8Array(32)]),
    'a long cursor': encodeSyncResponse([], new Uint8Array(65), false, []), 'a long stage': encodeSyncResponse([encodeSyncItem(a, [], 'X'.repeat(17))], new Uint8Array(), false, []),
    '17 refusals': encodeSyncResponse([encode([new Raw(a.raw), [], new Array(17).fill([text('X'), text(''), false]), text('')])], new Uint8Array(), false, []), 'nothing': new Uint8Array(),
  })) {
    await assert.rejects(decodeSyncResponse(bad, q, reading), invalid, what);
  }
});

test('a tab answers hello and sync from what it holds, and no more often than it can', async () => {
  let clock = 0; // ms
  const drops = new Drops();
  const board = new Board(w.network, drops, () => 0);
  const txs = ['a', 'b', 'c'].map((name) => w.tx(name));
  for (const tx of txs) board.addTx(tx);
  board.addQC(w.qc(txs[0]!));
  const handlers = new Map<string, (s: Stream, c: Connection) => Promise<void>>();
  await new Server(w.network, board, drops, () => w.committee, () => clock, life).serve({ handle: async (p: string, h: never) => void handlers.set(p, h) } as unknown as Host);
  assert.deepEqual([...handlers.keys()], ['/allegro/hello/1', '/allegro/sync/1']);
  const connection = {} as Connection;
  const ask = async (protocol: string, payload: Uint8Array, of = connection): Promise<FakeStream> => {
    const s = new FakeStream();
    const done = handlers.get(protocol)!(s.stream, of);
    s.receive(0, 0, payload.length >> 8, payload.length & 255, ...payload);
    await done;
    return s;
  };
  const sync = async (q: SyncRequest) => {
    const s = await ask('/allegro/sync/1', encodeSyncRequest(q));
    return decodeSyncResponse(s.sent.slice(4), q, reading);
  };
  const hello = await ask('/allegro/hello/1', encodeHelloRequest(w.network, w.committee, new Uint8Array(32)));
  assert.equal(decodeHelloResponse(hello.sent.slice(4), w.network, { requester: text(''), responder: text(''), nonce: new Uint8Array(32) }).role, 'client');

  const ids = async (q: SyncRequest) => (await sync(q)).items.map((i) => i.tx.id);
  const none = new Uint8Array();
  assert.deepEqual(await ids({ kind: 'ids', ids: [zeros, txs[1]!.id] }), [txs[1]!.id]);
  assert.deepEqual(await ids({ kind: 'lane', lane: txs[2]!.lane, fromSeq: 0n, limit: 9 }), [txs[2]!.id]);
  assert.deepEqual(await ids({ kind: 'lane', lane: txs[2]!.lane, fromSeq: 1n, limit: 9 }), []);
  const first = await sync({ kind: 'since', cursor: none, limit: 2, wait: 0 });
  assert.deepEqual([first.items.map((i) => i.tx.id), first.more], [[txs[1]!.id, txs[2]!.id], true]);
  const rest = await sync({ kind: 'since', cursor: first.next, limit: 2, wait: 0 });
  assert.deepEqual([rest.items.map((i) => [i.tx.id, i.certificates.length, i.stage]), rest.more], [[[txs[0]!.id, 2, 'CERTIFIED']], false]);
  assert.equal((await ids({ kind: 'since', cursor: Uint8Array.of(1), limit: 9, wait: 0 })).length, 3, 'a cursor of another run begins anew');
  const waiting = sync({ kind: 'since', cursor: rest.next, limit: 9, wait: 30 });
  await new Promise(setImmediate);
  board.addTx(w.tx('d'));
  assert.deepEqual((await waiting).items.map((i) => i.tx.id), [w.tx('d').id]);
  const latest = await sync({ kind: 'account', account: txs[0]!.envelope.recipient, cursor: none, limit: 3 });
  const older = await sync({ kind: 'account', account: txs[0]!.envelope.recipient, cursor: latest.next, limit: 3 });
  assert.deepEqual([latest.items[0]!.tx.id, latest.more, older.items.map((i) => i.tx.id), older.more], [w.tx('d').id, true, [txs[1]!.id], false]);
  const bucket = Number(`0x${txs[0]!.lane.slice(2, 4)}`);
  assert.ok((await ids({ kind: 'bucket', bucket, cursor: none, limit: 9 })).includes(txs[0]!.id));
  const digests = await ask('/allegro/sync/1', encodeSyncRequest({ kind: 'digests' }));
  assert.ok(digests.sent.length > 256 * 33);
  assert.notEqual(toHex(digests.sent.slice(-256 * 33)), toHex(new Uint8Array(256 * 33)));

  assert.equal((await ask('/allegro/sync/1', Uint8Array.of(0xc0))).sent.length, 0);
  assert.equal(drops.snapshot().requests_refused, 1);
  const busy = {} as Connection;
  for (let i = 0; i < 100; i++) await ask('/allegro/sync/1', encodeSyncRequest({ kind: 'ids', ids: [zeros] }), busy);
  assert.equal(drops.snapshot().requests_refused, 1 + 40, 'a burst of 60 is answered');
  clock += 10_000;
  assert.ok((await ask('/allegro/sync/1', encodeSyncRequest({ kind: 'ids', ids: [zeros] }), busy)).sent.length > 0);
});
