import type { Connection, Stream } from '@libp2p/interface';
import { type Committee, concat, fromHex, H, type Network, toHex } from '../verifier/index.ts';
import { type Board, type Record, stageOf } from './board.ts';
import type { Drops } from './drops.ts';
import { answer } from './frame.ts';
import { decodeHelloRequest, encodeHelloResponse, helloProtocol, helloTimeout, maxHello } from './hello.ts';
import type { Host } from './host.ts';
import { decodeSyncRequest, encodeSyncItem, encodeSyncResponse, maxSyncRequest, maxSyncResponse, type SyncRequest, syncProtocol, syncTimeout } from './sync.ts';

const openStreams = 8; // per protocol and connection
const perSecond = 20; // requests of one connection, and at once at most three times as many
const overhead = 128; // bytes of an answer beside its items
const none = new Uint8Array();

/**
 * Server answers the hello and sync streams of other peers. A browser answers no submit: it
 * never votes.
 */
export class Server {
  private readonly network: Network;
  private readonly board: Board;
  private readonly drops: Drops;
  private readonly committee: () => Committee;
  private readonly now: () => number;
  private readonly life: AbortSignal;
  private readonly run = crypto.getRandomValues(new Uint8Array(8)); // names this run in cursors
  private readonly spent = new WeakMap<Connection, { tokens: number; at: number }>();

  /** committee is the one in office; now is performance.now, or a clock like it. It answers until life ends. */
  constructor(network: Network, board: Board, drops: Drops, committee: () => Committee, now: () => number, life: AbortSignal) {
    this.network = network;
    this.board = board;
    this.drops = drops;
    this.committee = committee;
    this.now = now;
    this.life = life;
  }

  /** serve begins to answer. */
  async serve(host: Host): Promise<void> {
    await host.handle(helloProtocol, (s, c) => this.handle(s, c, maxHello, helloTimeout, (request) => {
      decodeHelloRequest(request); // a peer of another network is answered too, so that both learn why
      return encodeHelloResponse(this.network, this.committee());
    }), { maxInboundStreams: openStreams });
    await host.handle(syncProtocol, (s, c) => this.handle(s, c, maxSyncRequest, syncTimeout + 30_000, (request) => this.sync(decodeSyncRequest(request))), {
      maxInboundStreams: openStreams,
    });
  }

  private async handle(stream: Stream, connection: Connection, limit: number, timeout: number, respond: (request: Uint8Array) => Promise<Uint8Array> | Uint8Array): Promise<void> {
    if (!this.allow(connection)) {
      this.drops.count('requests_refused');
      stream.abort(new Error('too many requests'));
      return;
    }
    try {
      await answer(stream, limit, timeout, this.life, respond);
    } catch {
      this.drops.count('requests_refused'); // the peer's fault, or it is gone
    }
  }

  /** allow is a token bucket per connection. */
  private allow(c: Connection): boolean {
    const now = this.now();
    const b = this.spent.get(c) ?? { tokens: 3 * perSecond, at: now };
    b.tokens = Math.min(3 * perSecond, b.tokens + ((now - b.at) / 1000) * perSecond) - 1;
    b.at = now;
    this.spent.set(c, b);
    return b.tokens >= 0;
  }

  private async sync(q: SyncRequest): Promise<Uint8Array> {
    switch (q.kind) {
      case 'ids':
        return this.page(q.ids.flatMap((id) => this.board.get(id) ?? []), q.ids.length, () => none, false);
      case 'lane':
        return this.page(this.board.lane(q.lane).filter((r) => r.tx.envelope.seq >= q.fromSeq), q.limit, () => none, true);
      case 'account': {
        const latest = [...this.board.all()].reverse().filter((r) => r.tx.envelope.sender === q.account || r.tx.envelope.recipient === q.account);
        return this.listed(latest, q.cursor, q.limit);
      }
      case 'bucket': {
        const here = [...this.board.all()].filter((r) => fromHex(r.tx.lane)[0] === q.bucket).sort((a, b) => (a.tx.id < b.tx.id ? -1 : 1));
        return this.listed(here, q.cursor, q.limit);
      }
      case 'since': {
        const after = this.versionOf(q.cursor);
        if (q.wait > 0 && this.board.latest <= after) await this.change(q.wait);
        const news = [...this.board.all()].filter((r) => r.version > after);
        return this.page(news, q.limit, (sent) => concat(this.run, u64(sent.at(-1)?.version ?? this.board.latest)), true);
      }
      case 'digests':
        return encodeSyncResponse([], none, false, this.digests());
    }
  }

  /** listed answers with a part of a list whose cursor is a place in it. */
  private listed(list: Record[], cursor: Uint8Array, limit: number): Uint8Array {
    const begin = cursor.length === 8 ? Number(BigInt(toHex(cursor))) : 0;
    return this.page(list.slice(begin), limit, (sent) => u64(BigInt(begin + sent.length)), true);
  }

  /** page answers with as many of the records as limit and size allow. */
  private page(records: Record[], limit: number, next: (sent: Record[]) => Uint8Array, paged: boolean): Uint8Array {
    const items: Uint8Array[] = [];
    let size = overhead;
    for (const r of records.slice(0, limit)) {
      const item = encodeSyncItem(r.tx, [...r.votes.values()].map((v) => v.certificate), stageOf(r));
      size += item.length;
      if (size > maxSyncResponse) break;
      items.push(item);
    }
    return encodeSyncResponse(items, next(records.slice(0, items.length)), paged && items.length < records.length, []);
  }

  /** versionOf is the place of a cursor; one of another run or form begins anew. */
  private versionOf(cursor: Uint8Array): bigint {
    return cursor.length === 16 && toHex(cursor.slice(0, 8)) === toHex(this.run) ? BigInt(toHex(cursor.slice(8))) : 0n;
  }

  /** change returns at the next change, or after so many seconds. */
  private change(wait: number): Promise<void> {
    return new Promise((resolve) => {
      const done = () => {
        off();
        clearTimeout(timer);
        this.life.removeEventListener('abort', done);
        resolve();
      };
      const off = this.board.onChange(done);
      const timer = setTimeout(done, wait * 1000);
      this.life.addEventListener('abort', done);
    });
  }

  private digests(): Uint8Array[] {
    const out = Array.from({ length: 256 }, () => new Uint8Array(32));
    for (const r of this.board.all()) {
      const digest = H('digest', fromHex(r.tx.id), Uint8Array.of(r.qc ? 1 : 0));
      const bucket = out[fromHex(r.tx.lane)[0]!]!;
      digest.forEach((b, i) => { bucket[i]! ^= b; });
    }
    return out;
  }
}

function u64(n: bigint): Uint8Array {
  const out = new Uint8Array(8);
  new DataView(out.buffer).setBigUint64(0, n);
  return out;
}
