// An aggregator that says what a test wants it to say, for states that a sound network
// does not get into.
import { once } from 'node:events';
import { createReadStream, readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { extname, join, normalize } from 'node:path';
import type { Committee, NetworkJSON, Payment, Stage } from '../src/api/documents.ts';

const DIST = join(import.meta.dirname, '..', 'dist');
const NETWORK = join(import.meta.dirname, '..', '..', '..', 'p2p', 'netfile', 'testdata', 'network.json');
const TYPES: Record<string, string> = { '.html': 'text/html', '.js': 'text/javascript', '.css': 'text/css', '.svg': 'image/svg+xml' };

export const ALICE = '0x099D0D53D3614b679fa6F66A3188846A999dAd7E';
export const BOB = '0xa1f30c5e401c2e48ad6022eB617d8e43eD0AD5bc';

const micros = (ms: number) => String(Math.round(ms * 1000));

/** The answer of a route: a document, a status with an error document, or events. */
type Answer = { status?: number; body: unknown } | { stream: string };

/** Dispose of it to stop it. */
export class Fake implements AsyncDisposable {
  readonly network: NetworkJSON;
  /** Answers by method and path; a test changes them at will. */
  readonly answers = new Map<string, Answer>();
  readonly #server: Server;
  readonly #readers = new Set<ServerResponse>();
  readonly #held = new Map<string, { asked: () => void; released: Promise<void> }>();
  #opened = 0;
  #events = 0;

  private constructor() {
    const file = JSON.parse(readFileSync(NETWORK, 'utf8')) as NetworkJSON;
    this.network = { ...file, demo: false, role: 'aggregator', peer_id: '12D3KooWfake' };
    this.#server = createServer((request, response) => this.#serve(request, response));
    this.answers.set('GET /network', { body: this.network });
    this.answers.set('GET /committee', { body: this.committee() });
    this.answers.set('GET /demo/accounts', { status: 404, body: { error: 'this is no demo', code: 'NOT_FOUND' } });
    this.answers.set('GET /payments', { body: { schema: 'allegro.payments/v1', payments: [], next_cursor: null } });
    this.answers.set('GET /p2p/peers', { body: { peers: [] } });
    this.answers.set('GET /p2p/topics', { body: { topics: [] } });
    this.answers.set('GET /p2p/self', { body: { peer_id: '12D3KooWfake', addresses: [] } });
    this.head(41, Date.now());
  }

  static async start(): Promise<Fake> {
    const fake = new Fake();
    await new Promise<void>((ready) => { fake.#server.listen(0, '127.0.0.1', ready); });
    return fake;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Sets the height, seen at a moment; null: no block was seen yet. */
  head(height: number | null, at: number): void {
    this.answers.set('GET /chain/head', {
      body: { block_height: height ?? 0, block_hash: '0x', unix_millis: at, observed_unix_micros: height === null ? null : micros(at), next_block_eta_ms: null, source: 'fake' },
    });
    if (height !== null) this.tell('head', { height: String(height), hash: '0x', time: String(Math.floor(at / 1000)), seen_unix_micros: micros(at) });
  }

  committee(reached: boolean[] = []): Committee {
    const office = this.network.committee[0];
    const members = (office?.member ?? []).map((m, index) => ({
      index, name: m.name, key: m.key, weight: Number(m.weight), sponsor: m.sponsor, addresses: [], peer_id: `12D3KooW${m.name}`,
      reached: reached[index] ?? true, problem: reached[index] === false ? 'connection refused' : null, head: null,
    }));
    return { schema: 'allegro.committee/v1', id: `0x${'20'.repeat(32)}`, epoch: '1', start: '0', end: '1', members, threshold: 2, total: 2 };
  }

  /** A payment of $10 from Alice to Bob, seen some milliseconds ago. */
  payment(n: number, stage: Stage | null, ago: number, changed: Partial<Payment> = {}): Payment {
    const seen = Date.now() - ago;
    const good = stage !== null && ['CERTIFIED', 'QUEUED_ONCHAIN', 'INCLUDED', 'FINALIZED'].includes(stage);
    const voted = good ? ['dave', 'edgar'] : stage === 'ACCEPTED' ? ['dave'] : [];
    return {
      schema: 'allegro.tx/v1', tx_id: `0x${n.toString(16).padStart(64, '0')}`, from: ALICE, to: BOB, asset: this.network.asset[0]?.address ?? '', symbol: 'pathUSD',
      decimals: 6, amount: '10000000', seq: String(n), parents: [], valid_before: '1900000000', restart: '0', note: null, committee_id: `0x${'20'.repeat(32)}`, raw: '0xc0',
      stage, guarantee: 'none', why: '', first_seen_unix_micros: micros(seen), certified_unix_micros: good ? micros(seen + 8) : null, latency_micros: good ? '8000' : null,
      height_at_qc: good ? '41' : null, lead_micros: null, queued_unix_micros: null, included_unix_micros: null, included_height: null, finalized_unix_micros: null, chain_tx_hash: null,
      votes: voted.map((validator, index) => ({ validator, index, weight: 1, seen_unix_micros: micros(seen + 4 * (index + 1)) })), weight: voted.length, threshold: 2, total: 2,
      signers: good ? voted : [], waiting: [], timeline: [], stage_evidence: null, ...changed,
    };
  }

  /** Sets what the list of payments answers. */
  payments(...list: Payment[]): void {
    this.answers.set('GET /payments', { body: { schema: 'allegro.payments/v1', payments: list, next_cursor: null } });
  }

  /** Keeps a route's answer, as it stood when it was asked for, until answer is called. asked settles when it was. */
  hold(route: string): { asked: Promise<void>; answer: () => void } {
    const asked = Promise.withResolvers<void>();
    const released = Promise.withResolvers<void>();
    this.#held.set(route, { asked: asked.resolve, released: released.promise });
    return { asked: asked.promise, answer: released.resolve };
  }

  /** How many pages have opened the stream of events so far. */
  get opened(): number {
    return this.#opened;
  }

  /** Waits until another page than so many has opened the stream: who comes later misses what was sent. */
  async reader(opened: number): Promise<void> {
    while (this.#opened <= opened) await once(this.#server, 'reader');
  }

  /** Sends an event to every page. */
  tell(event: string, data: unknown): void {
    for (const reader of this.#readers) reader.write(`id: fake-${++this.#events}\nevent: ${event}\ndata: ${JSON.stringify(data)}\n\n`);
  }

  #serve(request: IncomingMessage, response: ServerResponse): void {
    const { pathname } = new URL(request.url ?? '/', 'http://fake');
    request.resume();
    if (pathname === '/api/v1/events') {
      response.writeHead(200, { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-store' });
      response.write('retry: 200\n\n');
      this.#readers.add(response);
      this.#opened++;
      this.#server.emit('reader');
      response.on('close', () => this.#readers.delete(response));
      return;
    }
    if (pathname.startsWith('/api/v1')) {
      const route = `${request.method} ${pathname.slice('/api/v1'.length)}`;
      const answer = this.answers.get(route) ?? { status: 404, body: { error: 'no payment of this id is known here', code: 'NOT_FOUND' } };
      const send = () => 'stream' in answer
        ? response.writeHead(200, { 'Content-Type': 'text/event-stream' }).end(answer.stream)
        : response.writeHead(answer.status ?? 200, { 'Content-Type': 'application/json' }).end(JSON.stringify(answer.body));
      const held = this.#held.get(route);
      held?.asked();
      if (held) void held.released.then(send);
      else send();
      return;
    }
    const file = pathname === '/' ? 'index.html' : normalize(pathname).replace(/^[/\\.]+/, '');
    createReadStream(join(DIST, file))
      .on('open', () => response.setHeader('Content-Type', TYPES[extname(file)] ?? 'application/octet-stream'))
      .on('error', () => response.writeHead(404).end())
      .pipe(response);
  }

  /** Breaks every connection of the pages. */
  hangUp(): void {
    for (const reader of this.#readers) reader.destroy();
    this.#server.closeIdleConnections();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.hangUp();
    this.#server.closeAllConnections();
    await new Promise((done) => { this.#server.close(done); });
  }
}
