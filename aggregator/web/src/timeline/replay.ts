// A run played again: what was known of a chain of payments at a moment that has passed.
import type { BlockSeen } from '../payments/verdict.ts';
import type { PaymentView, VoteView } from '../payments/view.ts';

/** What a drawing shows, and the moment that it shows as the present. */
export interface Scenery {
  payments: readonly PaymentView[];
  blocks: readonly BlockSeen[];
  now: () => number;
}

/** How much slower than it was a run is played. */
export const SLOWNESS = 4;
/** What is shown before the first and after the last thing that happened. */
const MARGIN_MS = 250;

const seenAt = (v: VoteView): number | null => v.at ?? v.tabAt;

/**
 * The blocks that a run went through: those that were seen, and those that its payments
 * tell of. Of the block at which a QC formed they do not tell the moment, but that it was
 * there already.
 */
export function blocksOf(run: readonly PaymentView[], seen: readonly BlockSeen[]): BlockSeen[] {
  const blocks = new Map<number, BlockSeen>();
  for (const p of run) if (p.heightAtQC !== null) blocks.set(p.heightAtQC, { height: p.heightAtQC, at: -Infinity });
  for (const p of run) {
    if (p.certifiedAt !== null && p.lead !== null && p.heightAtQC !== null) blocks.set(p.heightAtQC + 1, { height: p.heightAtQC + 1, at: p.certifiedAt + p.lead });
    if (p.includedAt !== null && p.includedHeight !== null) blocks.set(p.includedHeight, { height: p.includedHeight, at: p.includedAt });
  }
  for (const b of seen) blocks.set(b.height, b);
  return [...blocks.values()].sort((a, b) => a.height - b.height);
}

/** From before the first payment to after the blocks that settled it; null if it is not known when that was. */
export function spanOf(run: readonly PaymentView[]): { from: number; to: number } | null {
  const moments = run.flatMap((p) => [
    p.firstSeen, p.certifiedAt, p.certifiedAt !== null && p.lead !== null ? p.certifiedAt + p.lead : null, p.includedAt, ...p.votes.map(seenAt),
  ]).filter((at) => at !== null);
  if (run.every((p) => p.firstSeen === null)) return null;
  return { from: Math.min(...moments) - MARGIN_MS, to: Math.max(...moments) + MARGIN_MS };
}

/** A payment as it was known at a moment; null before it was seen. How one failed has no moment, so it is not told. */
export function asOf(p: PaymentView, at: number, weightOf: (validator: string) => number): PaymentView | null {
  const had = (moment: number | null): moment is number => moment !== null && moment <= at;
  if (!had(p.firstSeen)) return null;
  const votes = p.votes.filter((v) => had(seenAt(v)));
  const certifiedAt = had(p.certifiedAt) ? p.certifiedAt : null;
  const includedAt = had(p.includedAt) ? p.includedAt : null;
  const finalizedAt = had(p.finalizedAt) ? p.finalizedAt : null;
  return {
    ...p, votes, certifiedAt, includedAt, finalizedAt, waiting: [], evidence: null,
    stage: finalizedAt !== null ? 'FINALIZED' : includedAt !== null ? 'INCLUDED' : certifiedAt !== null ? 'CERTIFIED' : votes.length > 0 ? 'ACCEPTED' : null,
    weight: votes.reduce((sum, v) => sum + weightOf(v.name), 0),
    heightAtQC: certifiedAt !== null ? p.heightAtQC : null,
    lead: certifiedAt !== null && p.lead !== null && certifiedAt + p.lead <= at ? p.lead : null,
    includedHeight: includedAt !== null ? p.includedHeight : null,
    tab: p.tab && { ...p.tab, certified: had(p.tab.certifiedAt) },
  };
}

/** What was to be seen of a run at a moment. */
export function sceneryAt(run: readonly PaymentView[], seen: readonly BlockSeen[], at: number, weightOf: (validator: string) => number): Scenery {
  return {
    payments: run.flatMap((p) => asOf(p, at, weightOf) ?? []),
    blocks: blocksOf(run, seen).filter((b) => b.at <= at),
    now: () => at,
  };
}
