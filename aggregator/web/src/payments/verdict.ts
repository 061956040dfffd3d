// Whether a quorum certificate came before the block. It is judged only after the block
// was seen: nothing here predicts.
import { duration } from '../format.ts';
import { certified, onChain, type PaymentView } from './view.ts';

/** A block as the aggregator saw it: its height and the moment, in milliseconds. */
export interface BlockSeen {
  height: number;
  at: number;
}

export type Verdict =
  /** The QC formed while the height stood still; margin is the time left to the next block. */
  | { kind: 'before'; block: number; margin: number }
  /** A block came between the payment and its QC; margin is how long before the QC. */
  | { kind: 'after'; block: number; margin: number }
  /** The QC formed and the next block has not come. */
  | { kind: 'open'; height: number | null }
  /** A next block came, but nobody here saw when: by how much the QC was first is not known. */
  | { kind: 'unseen' }
  /** There is no QC, or nothing is known of when it formed. */
  | { kind: 'none' };

/** Two clocks' readings of one moment differ by less than this, in milliseconds. */
const SAME = 100;

/**
 * Judges a payment by the blocks that were seen, which ascend. A block counts only if the
 * one below it is known to have been there when the QC formed: the first block that is
 * seen after a start or a gap may have come at any time.
 */
export function judge(p: PaymentView, blocks: readonly BlockSeen[]): Verdict {
  if (!certified(p) || p.certifiedAt === null) return { kind: 'none' };
  const qc = p.certifiedAt;
  if (p.firstSeen !== null) {
    const since = p.firstSeen;
    const won = blocks.find((b, i) => b.at > since && b.at <= qc && blocks[i - 1]?.height === b.height - 1);
    if (won) return { kind: 'after', block: won.height, margin: qc - won.at };
  }
  const next = blocks.find((b) => b.at > qc);
  const height = p.heightAtQC ?? blocks.findLast((b) => b.at <= qc)?.height ?? null;
  if (p.lead !== null) {
    const seen = next && (height === null || Math.abs(next.at - qc - p.lead) < SAME) ? next.height : null;
    return { kind: 'before', block: seen ?? (height ?? 0) + 1, margin: p.lead };
  }
  if (next && next.height - 1 === height) return { kind: 'before', block: next.height, margin: next.at - qc };
  return next || onChain(p) ? { kind: 'unseen' } : { kind: 'open', height };
}

/** A verdict in words, the longest first. */
export function verdictTexts(v: Verdict, depth: number): string[] {
  switch (v.kind) {
    case 'before':
      return [`QC${depth} formed ${duration(v.margin)} before block ${v.block}`, `${duration(v.margin)} before`];
    case 'after':
      return [`block ${v.block} came first (−${duration(v.margin)})`, `block ${v.block} first`];
    case 'open':
      return [`QC${depth} formed at height ${v.height ?? '?'} · block still open`, `QC${depth} · block open`];
    case 'unseen':
      return [`QC${depth} formed; the next block came while nobody here watched, so by how much it was first is not known`, 'next block unseen'];
    case 'none':
      return [];
  }
}
