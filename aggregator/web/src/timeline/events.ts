// The timeline as a list of events, which the keyboard walks and screen readers hear.
import type { BlockSeen } from '../payments/verdict.ts';
import type { PaymentView } from '../payments/view.ts';

export interface Moment {
  at: number;
  /** The payment it belongs to; null for a block. */
  id: string | null;
  text: string;
}

/** What the texts call accounts and amounts. */
export interface Words {
  name: (address: string) => string;
  money: (units: bigint, asset: string) => string;
}

/** Everything that happened since a moment, the earliest first. */
export function moments(payments: readonly PaymentView[], blocks: readonly BlockSeen[], since: number, words: Words): Moment[] {
  const out: Moment[] = blocks.map((b) => ({ at: b.at, id: null, text: `Block ${b.height} seen` }));
  for (const p of payments) {
    const what = `${words.name(p.from)} to ${words.name(p.to)}, ${words.money(p.amount, p.asset)}`;
    const add = (at: number | null, text: string) => {
      if (at !== null) out.push({ at, id: p.id, text: `${what}: ${text}` });
    };
    add(p.firstSeen, 'first seen');
    for (const v of p.votes) add(v.at ?? v.tabAt, `vote of ${v.name}`);
    add(p.certifiedAt, p.heightAtQC === null ? 'CERTIFIED' : `CERTIFIED at height ${p.heightAtQC}`);
    add(p.includedAt, `INCLUDED in block ${p.includedHeight ?? '?'}`);
    add(p.finalizedAt, 'FINALIZED');
  }
  return out.filter((m) => m.at >= since).sort((a, b) => a.at - b.at);
}
