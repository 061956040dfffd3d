// The one sentence under the height. Pure: it says only what was seen.
import { capital, duration, list } from '../format.ts';
import { judge, type BlockSeen } from '../payments/verdict.ts';
import { certified, failed, onChain, type PaymentView } from '../payments/view.ts';
import { lookOf } from '../payments/stage.ts';

export interface Words {
  name: (address: string) => string;
  money: (units: bigint, asset: string) => string;
  /** What an account may spend; null if that is not known. */
  spendable: (address: string, asset: string) => bigint | null;
  /** Whether anybody tells what the chain has executed: validators tell a tab heights alone. */
  chainKnown: boolean;
}

export interface Sentence {
  tone: 'plain' | 'open' | 'good' | 'bad';
  /** What is certain. */
  text: string;
  /** What stands beside it, such as the count of payments on the chain. */
  aside: string;
}

/** Speaks of a chain of payments, the earliest first, by the blocks that were seen. */
export function sentence(chain: readonly PaymentView[], blocks: readonly BlockSeen[], words: Words): Sentence {
  const last = chain[chain.length - 1];
  if (!last) return { tone: 'plain', text: 'No payment yet.', aside: 'Make one under Pay.' };
  const settled = chain.filter(onChain).length;
  const aside = !words.chainKnown ? 'Whether the chain has it is not known: validators tell a tab heights alone.' : `${settled} of ${chain.length} ${chain.length === 1 ? 'payment' : 'payments'} on the chain`;
  const lost = chain.find(failed);
  if (lost) {
    return { tone: 'bad', text: `${words.name(lost.from)} → ${words.name(lost.to)} is ${lookOf(lost.stage).word}.`, aside: lost.document?.why ?? '' };
  }
  const waiting = chain.find((p) => !certified(p));
  if (waiting) {
    const whom = waiting.waiting.map((w) => capital(w.name));
    return {
      tone: 'open',
      text: `${words.name(waiting.from)} → ${words.name(waiting.to)}: ${waiting.weight} of ${waiting.threshold} votes${whom.length > 0 ? `, waiting for ${list(whom)}` : ''}.`,
      aside,
    };
  }
  const verdicts = chain.map((p) => judge(p, blocks));
  const after = verdicts.find((v) => v.kind === 'after');
  if (after) return { tone: 'open', text: `Block ${after.block} came first: the QC formed ${duration(after.margin)} after it.`, aside };
  const before = verdicts.flatMap((v) => (v.kind === 'before' ? [v] : []));
  if (before.length === chain.length) {
    const numbers = new Set(before.map((v) => v.block));
    const followed = numbers.size === 1 ? `block ${before[0]?.block}` : 'the blocks that followed';
    const margins = list(before.map((v) => duration(v.margin)));
    const what = chain.length === 1 ? 'The QC formed' : chain.length === 2 ? 'Both QCs formed' : `All ${chain.length} QCs formed`;
    return { tone: 'good', text: `${what} ${margins} before ${followed}.`, aside };
  }
  const held = words.spendable(last.to, last.asset);
  const text = held === null ? `${words.name(last.to)} holds the QC and can spend ${words.money(last.amount, last.asset)} now.` : `${words.name(last.to)} can spend ${words.money(held, last.asset)} now.`;
  const block = verdicts.some((v) => v.kind === 'unseen') ? ' · the next block came unseen, so no lead is known' : verdicts.some((v) => v.kind === 'open') ? ' · block still open' : '';
  return { tone: 'good', text, aside: aside + block };
}
