import assert from 'node:assert/strict';
import { mock, test } from 'node:test';
import type { Connection } from '@libp2p/interface';
import { encode, fromHex, type Item, Raw } from '../verifier/index.ts';
import { Board } from './board.ts';
import { Drops } from './drops.ts';
import { Journal, type Store } from './journal.ts';
import type { Roster } from './roster.ts';
import { Sender } from './sender.ts';
import { World } from './world.ts';

const w = new World(2);

function memory(): Store & { kept: Map<string, string> } {
  const kept = new Map<string, string>();
  return { kept, getItem: (k) => kept.get(k) ?? null, setItem: (k, v) => void kept.set(k, v) };
}

/** Member is a validator as a connection: it answers submits, and counts them. */
class Member {
  asked = 0;
  readonly greeted: { connection: Connection; member: `0x${string}` };
  respond: () => Uint8Array;

  constructor(signer: number, respond: () => Uint8Array) {
    this.respond = respond;
    this.greeted = { member: w.committee.members[signer]!.key, connection: { newStream: async () => this.stream() } as unknown as Connection };
  }

  private stream() {
    this.asked++;
    const events = new EventTarget();
    return Object.assign(events, {
      readStatus: 'readable', readBufferLength: 0, send: () => true, abort: () => {},
      close: async () => {
        const payload = this.respond();
        const frame = Uint8Array.from([0, 0, payload.length >> 8, payload.length & 255, ...payload]);
        events.dispatchEvent(Object.assign(new Event('message'), { data: frame }));
      },
    });
  }
}

test('a payment goes to every member, again every second, until it has a quorum or they refuse for good', async (t) => {
  mock.timers.enable({ apis: ['setInterval'] });
  t.after(() => mock.timers.reset());
  const life = new AbortController();
  t.after(() => life.abort());
  const drops = new Drops();
  const board = new Board(w.network, drops, () => 0);
  const store = memory();
  const journal = new Journal(w.network, store);
  const tx = w.tx('me');
  const refusal = (retryable: boolean) => () => encode([[tx.id, [], [[new TextEncoder().encode('X'), new Uint8Array(), retryable]]]] as Item[]);
  const vote = (signer: number) => () => encode([[tx.id, [new Raw(w.vote(signer, tx).raw)], []]]);
  const [v0, v1] = [new Member(0, vote(0)), new Member(1, refusal(true))];
  const connected = [v0];
  const sender = new Sender(w.network, board, { members: () => connected.map((m) => m.greeted) } as unknown as Roster, journal, drops, life.signal);
  const second = async () => {
    mock.timers.tick(1_000);
    await new Promise(setImmediate);
  };
  const payment = { tx, parents: [] };
  journal.add(payment);
  board.addTx(tx, true);
  sender.add(payment);
  await new Promise(setImmediate);
  assert.deepEqual([v0.asked, board.get(tx.id)?.votes.size], [1, 1]);
  connected.push(v1);
  sender.send();
  await new Promise(setImmediate);
  await second();
  assert.deepEqual([v0.asked, v1.asked, board.get(tx.id)?.rejects.size], [1, 2, 1], 'who voted is not asked again, who may yet vote is');
  v1.respond = () => encode([[tx.id, [new Raw(w.vote(0, tx).raw)], []]]).slice(1);
  await second();
  assert.deepEqual([v1.asked, drops.snapshot().answers_invalid], [3, 1]);
  assert.equal(journal.read().length, 1);
  v1.respond = vote(1);
  await second();
  assert.ok(board.get(tx.id)?.qc);
  await second();
  assert.deepEqual([v1.asked, journal.read(), board.get(tx.id)?.pinned], [4, [], false]);

  const other = w.tx('other');
  v0.respond = v1.respond = () => encode([[other.id, [], [[new TextEncoder().encode('EQUIVOCATION'), new Uint8Array(), false]]]] as Item[]);
  journal.add({ tx: other, parents: [] });
  board.addTx(other, true);
  sender.add({ tx: other, parents: [] });
  for (let i = 0; i < 3; i++) await second();
  assert.deepEqual([v0.asked, v1.asked, journal.read()], [2, 5, []], 'refused for good by both: not sent again');
});

test('the journal survives a reload, is verified when it is read, and is bounded', () => {
  const store = memory();
  const parent = w.tx('payer');
  const tx = w.tx('me', { parents: [parent.id] });
  new Journal(w.network, store).add({ tx, parents: [w.qc(parent)] });
  const [read] = new Journal(w.network, store).read();
  assert.deepEqual([read?.tx.id, read?.parents[0]?.tx.id], [tx.id, parent.id]);
  const journal = new Journal(new World(3).network, store);
  assert.deepEqual(journal.read(), [], 'another network has its own');
  const [name, text] = [...store.kept][0]!;
  const spoilt = fromHex(text);
  spoilt[40]! ^= 1;
  store.kept.set(name, `${text} 0x12 ${`0x${Buffer.from(spoilt).toString('hex')}`}`);
  assert.deepEqual(new Journal(w.network, store).read().map((p) => p.tx.id), [tx.id]);
  new Journal(w.network, store).remove(tx.id);
  assert.equal(store.kept.get(name), '');
  const full = new Journal(w.network, memory());
  for (let i = 0; i < 64; i++) full.add({ tx, parents: [] });
  assert.throws(() => full.add({ tx, parents: [] }), /64 payments are on their way/);
});
