import assert from 'node:assert/strict';
import { mock, type TestContext, test } from 'node:test';
import type { Hex, Tx } from '../verifier/index.ts';
import { Board } from './board.ts';
import { Drops } from './drops.ts';
import { Lookups } from './lookups.ts';
import type { Greeted } from './roster.ts';
import { World } from './world.ts';

const w = new World(4);

/** Asked is a request that was sent and is answered when the test says so. */
interface Asked {
  of: string;
  at: number; // ms
  ids: readonly Hex[];
  signal: AbortSignal;
  answer(...txs: Tx[]): Promise<void>;
}

/** start makes lookups among the members, named v0 to v3, and a stranger, by a clock that the test moves. The first of equals is asked. */
function start(t: TestContext, connected = ['stranger', 'v3', 'v2', 'v1', 'v0']) {
  mock.timers.enable({ apis: ['setTimeout', 'Date'] });
  t.after(() => mock.timers.reset());
  const life = new AbortController();
  t.after(() => life.abort());
  const drops = new Drops();
  const board = new Board(w.network, drops, () => Date.now());
  const asked: Asked[] = [];
  const around = { forwarded: false };
  const names = new Map(connected.map((name): [Greeted, string] => [{ member: w.committee.members[Number(name.slice(1))]?.key ?? null } as Greeted, name]));
  const lookups = new Lookups({
    board, drops, peers: () => [...names.keys()], forwarded: () => around.forwarded, now: () => Date.now(), chance: () => 0,
    ask: (g, ids, signal) => new Promise((resolve) => {
      const answer = async (...txs: Tx[]) => {
        for (const tx of txs) board.addTx(tx);
        resolve(null);
        await new Promise(setImmediate);
      };
      asked.push({ of: names.get(g)!, at: Date.now(), ids, signal, answer });
    }),
  }, life.signal);
  const vote = (signer: number, ...ids: Hex[]) => {
    const b = w.batch(signer, ids);
    lookups.want(b, board.addBatch(b).unknown);
  };
  const log = () => asked.map((a) => `${a.at} ${a.of}`);
  const pass = async (ms: number) => {
    mock.timers.tick(0);
    for (let i = 0; i < ms; i++) {
      mock.timers.tick(1); // the clock has each timer's time when that fires
      await new Promise(setImmediate);
    }
  };
  return { board, drops, asked, around, life, vote, log, pass };
}

const [alice, bob, carol] = [w.tx('alice'), w.tx('bob'), w.tx('carol')];
const nobodys = (n: number, from = 0): Hex[] => Array.from({ length: n }, (_, i): Hex => `0x${(from + i + 1).toString(16).padStart(64, '0')}`);

test('a payment that nobody forwards is asked for at once, 50 ms after the last request at the earliest', async (t) => {
  const s = start(t);
  s.vote(0, alice.id);
  await s.pass(0);
  assert.deepEqual(s.log(), ['0 v0']);
  await s.asked[0]!.answer(alice);
  await s.pass(10);
  s.vote(0, bob.id);
  s.vote(1, bob.id, carol.id);
  await s.pass(39);
  assert.equal(s.asked.length, 1);
  await s.pass(1);
  assert.deepEqual(s.log(), ['0 v0', '50 v1', '50 v1'], 'who has voted holds the payment; chance is for v1');
  assert.deepEqual(s.asked.slice(1).map((a) => a.ids), [[bob.id], [carol.id]], 'each is asked for once');
});

test('where payments are forwarded, gossip has 50 ms to bring them', async (t) => {
  const s = start(t);
  s.around.forwarded = true;
  s.vote(0, alice.id, bob.id);
  await s.pass(49);
  s.board.addTx(alice);
  assert.equal(s.asked.length, 0);
  await s.pass(1);
  assert.deepEqual([s.log(), s.asked[0]!.ids], [['50 v0'], [bob.id]]);
  await s.asked[0]!.answer(bob);
  s.vote(1, carol.id);
  s.board.addTx(carol);
  await s.pass(1_000);
  assert.equal(s.asked.length, 1);
});

test('voters are asked first, then other members, then the rest, each after an answer or 300 ms, until all is found', async (t) => {
  const s = start(t);
  s.vote(0, alice.id, bob.id);
  await s.pass(0);
  await s.asked[0]!.answer(alice);
  assert.deepEqual([s.log(), s.asked[1]!.ids], [['0 v0', '0 v3'], [bob.id]], 'only for what is missing');
  await s.pass(299);
  assert.equal(s.asked.length, 2);
  s.board.addBatch(w.batch(1, [bob.id])); // v1 votes meanwhile
  await s.pass(1);
  await s.asked[2]!.answer();
  await s.asked[3]!.answer();
  assert.deepEqual(s.log().slice(2), ['300 v1', '300 v2', '300 stranger']);
  assert.ok(s.asked.every((a) => !a.signal.aborted));
  await s.asked[4]!.answer(bob);
  assert.ok(s.asked[1]!.signal.aborted, 'v3 is not waited for any more');
  await s.asked[1]!.answer();
  await s.pass(2_000);
  assert.equal(s.asked.length, 5);
});

test('a member that names what nobody has and answers nothing holds up nobody else', async (t) => {
  const s = start(t, ['v0', 'v1']);
  const [first, second] = nobodys(2) as [Hex, Hex];
  s.vote(0, first);
  await s.pass(0);
  s.vote(0, second, alice.id);
  await s.pass(50);
  assert.deepEqual(s.log(), ['0 v0'], 'one lookup for each member at a time');
  s.vote(1, alice.id);
  await s.pass(0);
  assert.deepEqual([s.log(), s.asked[1]!.ids], [['0 v0', '50 v0'], [alice.id]], 'v0 voted for it too');
  await s.pass(300);
  assert.deepEqual(s.log().slice(2), ['300 v1', '350 v1']);
  await s.asked[3]!.answer(alice);
  s.vote(1, bob.id);
  await s.pass(0);
  assert.deepEqual([s.log().slice(4), s.asked[4]!.ids], [['350 v1'], [bob.id]]);
  await s.asked[2]!.answer();
  await s.asked[0]!.answer(); // it gave up
  await s.pass(199);
  assert.equal(s.asked.length, 5, 'it rests, 50 ms for each member');
  await s.pass(1);
  assert.deepEqual([s.log().slice(5), s.asked[5]!.ids], [['550 v0'], [second]], 'what it named meanwhile, as far as it is not held');
});

test('what was asked for because of one member is asked for because of another 300 ms later', async (t) => {
  const s = start(t, ['v0']);
  s.vote(0, alice.id);
  await s.pass(0);
  s.vote(1, alice.id);
  await s.pass(299);
  assert.deepEqual(s.log(), ['0 v0']);
  await s.pass(1);
  assert.deepEqual([s.log(), s.asked[1]!.ids], [['0 v0', '300 v0'], [alice.id]]);
  await s.asked[1]!.answer(alice);
  await s.pass(300);
  s.vote(0, bob.id);
  await s.pass(0);
  assert.equal(s.log()[2], '600 v0', 'the other lookup is over too');
});

test('each member has its share of what is asked for, and the rest is counted', async (t) => {
  const s = start(t, ['v1']);
  s.vote(0, ...nobodys(400));
  s.vote(1, alice.id);
  await s.pass(0);
  assert.deepEqual(s.asked.map((a) => a.ids.length), [256, 1]);
  await s.asked[0]!.answer();
  await s.pass(200);
  assert.deepEqual(s.asked.slice(2).map((a) => a.ids.length), [51], 'a second has 256');
  assert.equal(s.drops.snapshot().lookups, 400 - 256 - 51);
  s.vote(0, ...nobodys(1_000, 1_000));
  s.vote(0, ...nobodys(30, 3_000));
  assert.equal(s.drops.snapshot().lookups, 93 + 6, '1,024 wait');
});

test('with its life end the requests and the waiting', async (t) => {
  const s = start(t);
  s.vote(0, alice.id);
  await s.pass(0);
  s.vote(0, bob.id);
  s.vote(1, bob.id);
  s.life.abort();
  assert.ok(s.asked[0]!.signal.aborted);
  await s.asked[0]!.answer();
  await s.pass(2_000);
  assert.equal(s.asked.length, 1);
});
