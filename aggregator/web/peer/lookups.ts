import { type Batch, type Hex, maxBatch } from '../verifier/index.ts';
import type { Board } from './board.ts';
import type { Drops } from './drops.ts';
import type { Greeted } from './roster.ts';
import { maxSyncItems } from './sync.ts';

const askEvery = 50; // ms that payments get to arrive by gossip, and at least between two beginnings
const nextAfter = 300; // ms that one peer is waited for before the next one is asked too
const maxLookups = 1024; // ids asked for in a second and at once, an equal share of that for what each member names

/** Surroundings are what lookups need of the tab. */
export interface Surroundings {
  board: Board;
  drops: Drops;
  /** peers returns those that can be asked, each the same object as long as it is connected. */
  peers(): readonly Greeted[];
  /** forwarded reports whether neighbours forward payments to this tab as they come. */
  forwarded(): boolean;
  /** ask takes a peer's answer to the board. It does not throw, and ends when signal aborts. */
  ask(g: Greeted, ids: readonly Hex[], signal: AbortSignal): Promise<unknown>;
  /** now is performance.now, or a clock like it. */
  now(): number;
  /** chance is Math.random, or as good. */
  chance(): number;
}

/** Namer is a member with the ids that its votes named and that were not asked for yet. */
interface Namer {
  named: Set<Hex>;
  share: number; // of maxLookups
  left: number; // of the share
  at: number; // when left was true
  busy: boolean; // a lookup of what it named goes on
  rest: number; // when the next one may begin
  pause: number; // how long it rests after one that did not find everything, and has asked all peers: so all members together cause no more of those than one alone
}

/**
 * Lookups ask for payments that votes name and that are not held (section 3). A member may
 * name what nobody has and answer nothing: each one's names are looked up beside those of
 * the others, in one lookup at a time.
 */
export class Lookups {
  private readonly around: Surroundings;
  private readonly life: AbortSignal;
  private readonly namers = new Map<Hex, Namer>(); // by vote key
  private readonly asked = new Map<Hex, number>(); // when, the latest last; older ones than nextAfter go
  private began = -Infinity; // when lookups last did
  private timer: ReturnType<typeof setTimeout> | null = null;
  private due = Infinity; // when the timer fires

  /** It works until life ends. */
  constructor(around: Surroundings, life: AbortSignal) {
    this.around = around;
    this.life = life;
    life.addEventListener('abort', () => {
      if (this.timer) clearTimeout(this.timer);
    });
  }

  /** want asks for payments that a member's votes named, if gossip does not bring them first. */
  want(b: Batch, ids: readonly Hex[]): void {
    const { key } = b.committee.members[b.signer]!;
    const share = Math.max(1, maxLookups / b.committee.members.length);
    const n = this.namers.get(key) ?? { named: new Set(), share, left: share, at: this.around.now(), busy: false, rest: -Infinity, pause: askEvery * b.committee.members.length };
    this.namers.set(key, n);
    for (const id of ids) {
      if (n.named.size < maxBatch) n.named.add(id);
      else this.around.drops.count('lookups');
    }
    if (n.named.size > 0 && !n.busy) this.soon();
  }

  /** soon begins lookups as early as it makes sense: at once where there is nothing to wait for. */
  private soon(): void {
    const now = this.around.now();
    this.beginAt(this.around.forwarded() ? now + askEvery : Math.max(now, this.began + askEvery));
  }

  private beginAt(at: number): void {
    if (at >= this.due || this.life.aborted) return;
    if (this.timer) clearTimeout(this.timer);
    this.due = at;
    this.timer = setTimeout(() => {
      this.due = Infinity;
      this.begin();
    }, at - this.around.now());
  }

  private begin(): void {
    const now = this.around.now();
    for (const [id, at] of this.asked) if (now - at >= nextAfter) this.asked.delete(id);
    for (const n of this.namers.values()) {
      const ids = n.busy || now < n.rest ? [] : this.take(n, now);
      if (ids.length === 0) continue;
      this.began = now;
      n.busy = true;
      void this.lookUp(ids).then((found) => {
        n.busy = false;
        if (!found) n.rest = this.around.now() + n.pause;
        if (n.named.size > 0) this.soon();
      });
    }
    // Who has to rest, and what was just asked for because of another, is looked at again.
    const [earliest = now] = this.asked.values();
    const left = [...this.namers.values()].filter((n) => !n.busy && n.named.size > 0);
    for (const n of left) this.beginAt(now < n.rest ? n.rest : earliest + nextAfter);
  }

  /** take returns what is to be asked for because one member named it. What was just asked for because of another stays named. */
  private take(n: Namer, now: number): Hex[] {
    n.left = Math.min(n.share, n.left + ((now - n.at) / 1000) * n.share);
    n.at = now;
    const ids: Hex[] = [];
    for (const id of n.named) {
      if (ids.length === maxSyncItems) break;
      const held = this.around.board.get(id) !== undefined;
      if (!held && this.asked.has(id)) continue;
      n.named.delete(id);
      if (held) continue;
      if (n.left < 1) {
        this.around.drops.count('lookups');
        continue;
      }
      n.left--;
      this.asked.set(id, now);
      ids.push(id);
    }
    return ids;
  }

  /** lookUp asks the next peer whenever one has answered or is slow. It returns when all is found, or everybody has answered: whether it is found. */
  private lookUp(ids: readonly Hex[]): Promise<boolean> {
    return new Promise((resolve) => {
      const over = new AbortController();
      const signal = AbortSignal.any([this.life, over.signal]);
      const asked = new Set<Greeted>();
      let open = 0;
      let slow: ReturnType<typeof setTimeout> | undefined;
      const step = () => {
        clearTimeout(slow);
        if (signal.aborted) return resolve(false);
        const missing = ids.filter((id) => !this.around.board.get(id));
        const g = missing.length > 0 ? this.next(asked, missing) : undefined;
        if (g) {
          asked.add(g);
          open++;
          void this.around.ask(g, missing, signal).then(() => {
            open--;
            step();
          });
        } else if (missing.length === 0 || open === 0) {
          over.abort(); // nobody's answer is waited for any more
          return resolve(missing.length === 0);
        }
        slow = setTimeout(step, nextAfter); // what is missing may also come otherwise
      };
      step();
    });
  }

  /**
   * next is who is asked next for payments: first those who voted, since they hold what they
   * voted for, then other members, then the rest. Chance decides between equals: else one
   * of them would be asked by all.
   */
  private next(asked: ReadonlySet<Greeted>, ids: readonly Hex[]): Greeted | undefined {
    const voters = this.around.board.voters(ids);
    const rank = (g: Greeted) => (g.member === null ? 2 : voters.has(g.member) ? 0 : 1);
    const left = this.around.peers().filter((g) => !asked.has(g));
    const first = Math.min(...left.map(rank));
    const equals = left.filter((g) => rank(g) === first);
    return equals[Math.floor(this.around.chance() * equals.length)];
  }
}
