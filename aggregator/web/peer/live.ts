// A tab under Node, for the Go test that runs a network: testnet TestBrowserTab. It reads
// what it is to do on standard input, one JSON value a line, and says how far it has come
// on standard output the same way.
import { createInterface } from 'node:readline';
import { webSockets } from '@libp2p/websockets';
import { accountOf, fromHex, type NetworkJSON } from '../verifier/index.ts';
import { browserAddresses, type PeerAddresses } from './addresses.ts';
import type { Known } from './plan.ts';
import type { TabPayment, TabSnapshot } from './snapshot.ts';
import { Tab } from './tab.ts';

interface Task {
  network: NetworkJSON;
  peers: PeerAddresses[];
  key: string;
  asset: string;
  known: { [account: string]: Known };
  pay: { to: string; amount: string };
  killed: string; // peer id
}

const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();

async function read<T>(): Promise<T> {
  const line = await lines.next();
  if (line.done) throw new Error('standard input ended');
  return JSON.parse(line.value) as T;
}

function say(event: string, about: object): void {
  process.stdout.write(`${JSON.stringify({ event, ...about }, (_, v: unknown) => (typeof v === 'bigint' ? String(v) : v))}\n`);
}

const task = await read<Task>();
const key = fromHex(task.key);
const account = accountOf(key);
const addresses = browserAddresses(task.peers).filter((a) => a.includes('/ws/')); // Node has no WebRTC of its own
const kept = new Map<string, string>();
const store = { getItem: (k: string) => kept.get(k) ?? null, setItem: (k: string, v: string) => void kept.set(k, v) };
const tab = await Tab.start(task.network, [webSockets()], { addresses, known: task.known, store });

/** until returns the first snapshot for which pick finds something, with that. */
function until<T>(pick: (s: TabSnapshot) => T | undefined): Promise<T> {
  return new Promise((resolve) => {
    const look = () => {
      const found = pick(tab.snapshot());
      if (found === undefined) return;
      off();
      resolve(found);
    };
    const off = tab.subscribe(look);
    look();
  });
}

function certified(find: (p: TabPayment) => boolean): Promise<TabPayment> {
  return until((s) => s.payments.find((p) => find(p) && p.certified && p.votes.length === s.connections.filter((c) => c.name !== null).length));
}

const joined = await until((s) => (s.state === 'ready' && s.connections.every((c) => c.ready) && s.connections.length === task.peers.length && s.mesh.cert ? s : undefined));
say('joined', { peer_id: joined.peerId, connections: joined.connections });
say('received', await certified((p) => p.to === account));
await read();
await until((s) => (s.connections.some((c) => c.peerId === task.killed) ? undefined : true));
const txId = await tab.pay({ key, to: task.pay.to, asset: task.asset, amount: BigInt(task.pay.amount), note: '' });
say('paid', { tx_id: txId });
say('certified', await certified((p) => p.txId === txId));
await read();
const last = tab.snapshot();
await tab.close();
say('left', { dropped: last.dropped, heads: last.heads, state: tab.snapshot().state });
