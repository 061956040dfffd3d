import type { Connection } from '@libp2p/interface';
import { type Multiaddr, multiaddr } from '@multiformats/multiaddr';
import type { Hex } from '../verifier/index.ts';
import type { Host } from './host.ts';

/** Greeted is a connection whose hello succeeded, with the vote key that its peer proved, null if none. */
export interface Greeted {
  connection: Connection;
  member: Hex | null;
}

const redialMin = 1_000; // ms; doubles up to redialMax
const redialMax = 10_000;
const dialTimeout = 10_000;

/** Target is a peer that is kept connected. */
interface Target {
  id: string;
  addresses: Multiaddr[];
  problem: string | null;
  retry: number; // ms until the next attempt
  timer: ReturnType<typeof setTimeout> | null;
  dialing: boolean;
}

/**
 * Roster keeps the peers of some addresses connected and greets every new connection. It
 * tells who is ready. The addresses of peers that were greeted once are dialed as long as
 * the tab lives.
 */
export class Roster {
  private readonly host: Host;
  private readonly greet: (c: Connection) => Promise<Greeted>;
  private readonly onReady: (g: Greeted) => void;
  private readonly changed: () => void;
  private readonly targets = new Map<string, Target>();
  private readonly ready = new Map<Connection, Greeted>();
  private readonly problems = new Map<string, string>(); // of peers that are no targets, by peer id
  private closed = false;

  /** greet asks a connection's peer who it is and throws if it is not of this network; changed must not block. */
  constructor(host: Host, greet: (c: Connection) => Promise<Greeted>, onReady: (g: Greeted) => void, changed: () => void) {
    this.host = host;
    this.greet = greet;
    this.onReady = onReady;
    this.changed = changed;
    host.addEventListener('connection:open', (e) => void this.opened(e.detail));
    host.addEventListener('connection:close', (e) => this.lost(e.detail));
  }

  /** keep dials the peers of multiaddrs, each of which ends in /p2p/ and its id. It throws for one that does not. */
  keep(addresses: Iterable<string>): void {
    for (const text of addresses) {
      const address = multiaddr(text);
      const id = address.getComponents().findLast((c) => c.name === 'p2p')?.value;
      if (!id) throw new Error(`address ${text} does not end in /p2p/ and a peer id`);
      const target = this.targets.get(id) ?? { id, addresses: [], problem: null, retry: redialMin, timer: null, dialing: false };
      if (!target.addresses.some((a) => a.toString() === text)) target.addresses.push(address);
      this.targets.set(id, target);
    }
    for (const t of this.targets.values()) void this.dial(t);
  }

  /** all returns the connections whose hello succeeded, one per peer. */
  all(): Greeted[] {
    const byPeer = new Map([...this.ready.values()].map((g) => [g.connection.remotePeer.toString(), g]));
    return [...byPeer.values()];
  }

  /** members returns those of them whose peers proved a vote key. */
  members(): (Greeted & { member: Hex })[] {
    return this.all().filter((g): g is Greeted & { member: Hex } => g.member !== null);
  }

  /** connections describes every open connection. */
  connections(): { peerId: string; address: string; greeted: Greeted | null }[] {
    return this.host.getConnections().map((c) => ({
      peerId: c.remotePeer.toString(), address: c.remoteAddr.toString(), greeted: this.ready.get(c) ?? null,
    }));
  }

  /** told says why peers are not connected. */
  told(): string[] {
    const targets = [...this.targets].filter(([, t]) => t.problem !== null).map(([id, t]) => `${id}: ${t.problem}`);
    return [...targets, ...[...this.problems].map(([id, p]) => `${id}: ${p}`)];
  }

  /** close stops dialing. */
  close(): void {
    this.closed = true;
    for (const t of this.targets.values()) if (t.timer) clearTimeout(t.timer);
  }

  private async dial(t: Target): Promise<void> {
    if (this.closed || t.dialing || t.timer || this.isConnected(t)) return;
    t.dialing = true;
    try {
      await this.host.dial(t.addresses, { signal: AbortSignal.timeout(dialTimeout) });
    } catch (error) {
      t.problem = textOf(error);
      this.later(t);
    } finally {
      t.dialing = false;
      this.changed();
    }
  }

  private isConnected(t: Target): boolean {
    return this.host.getConnections().some((c) => c.remotePeer.toString() === t.id);
  }

  private later(t: Target): void {
    if (this.closed || t.timer) return;
    const wait = t.retry * (0.5 + Math.random() / 2); // not in step with others
    t.retry = Math.min(2 * t.retry, redialMax);
    t.timer = setTimeout(() => {
      t.timer = null;
      void this.dial(t);
    }, wait);
  }

  private async opened(c: Connection): Promise<void> {
    const id = c.remotePeer.toString();
    const target = this.targets.get(id);
    try {
      const greeted = await this.greet(c);
      if (c.status !== 'open') return;
      this.ready.set(c, greeted);
      this.problems.delete(id);
      if (target) {
        target.problem = null;
        target.retry = redialMin;
      }
      this.onReady(greeted);
    } catch (error) {
      if (this.closed) return;
      if (target) target.problem = textOf(error);
      else if (this.problems.size < maxProblems) this.problems.set(id, textOf(error));
      c.abort(error instanceof Error ? error : new Error(String(error)));
    }
    this.changed();
  }

  private lost(c: Connection): void {
    this.ready.delete(c);
    const target = this.targets.get(c.remotePeer.toString());
    if (target && !this.isConnected(target)) this.later(target);
    this.changed();
  }
}

const maxProblems = 16;

/** textOf is what an error says, in one line; a dial of several addresses fails with the errors of each. */
export function textOf(error: unknown): string {
  if (error instanceof AggregateError) return [...new Set(error.errors.map(textOf))].join('; ');
  return error instanceof Error ? error.message : String(error);
}
