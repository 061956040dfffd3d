import { encode, fromHex, type Hex, Network, type QC, Raw, Reader, toHex } from '../verifier/index.ts';
import type { Outgoing } from './submit.ts';

/** Store keeps texts over a reload: localStorage is one. */
export interface Store {
  getItem(key: string): string | null;
  setItem(key: string, value: string): void;
}

/** browserStore is the browser's localStorage. Where that is denied, nothing can be kept, and so nothing be paid. */
export function browserStore(): Store {
  try {
    if (globalThis.localStorage) return globalThis.localStorage;
  } catch {
    // A page may be forbidden even to ask.
  }
  return {
    getItem: () => null,
    setItem: () => {
      throw new Error('this browser keeps nothing for this page: a payment on its way would not survive a reload');
    },
  };
}

/** Most payments on their way at once. */
export const maxOpen = 64;

/**
 * Journal keeps the payments of this tab that are on their way, so that a reload cannot make
 * it sign another one for a slot (section 5). What it holds is verified again when it is read.
 */
export class Journal {
  private readonly network: Network;
  private readonly store: Store;
  private readonly key: string;

  constructor(network: Network, store: Store) {
    this.network = network;
    this.store = store;
    this.key = `allegro/journal/${network.digest}`;
  }

  /** read returns the payments on their way. Those that do not verify any more, such as of an old committee, are left out. */
  read(): Outgoing[] {
    const out: Outgoing[] = [];
    for (const text of this.lines()) {
      try {
        const r = Reader.of(fromHex(text), 'journal');
        const tx = this.network.parseTx(r.raw());
        const parents = r.all(Number.POSITIVE_INFINITY, (p): QC => this.network.parseQC(p.raw()));
        r.end();
        out.push({ tx, parents });
      } catch {
        continue;
      }
    }
    return out;
  }

  /** add keeps a payment. It throws if there is no room, or the store takes nothing: then nothing may be sent. */
  add(p: Outgoing): void {
    const lines = this.lines();
    if (lines.length >= maxOpen) throw new Error(`${lines.length} payments are on their way: wait until some are certified`);
    this.write([...lines, toHex(encode([new Raw(p.tx.raw), p.parents.map((qc) => new Raw(qc.raw))]))]);
  }

  /** remove forgets a payment that is certified or over. */
  remove(id: Hex): void {
    this.write(this.lines().filter((text) => {
      try {
        return this.network.parseTx(Reader.of(fromHex(text), 'journal').raw()).id !== id;
      } catch {
        return false;
      }
    }));
  }

  private lines(): string[] {
    const text = this.store.getItem(this.key);
    return text === null || text === '' ? [] : text.split(' ');
  }

  private write(lines: string[]): void {
    this.store.setItem(this.key, lines.join(' '));
  }
}
