// Whether a quorum certificate came before the block. It is judged only after the block
// was seen: nothing here predicts.
import { certified, type PaymentView } from './view.ts';

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
  /** There is no QC, or nothing is known of when it formed. */
  | { kind: 'none' };

/** Judges a payment by the blocks that were seen, which ascend. */
export function judge(p: PaymentView, blocks: readonly BlockSeen[]): Verdict {
  if (!certified(p) || p.certifiedAt === null) return { kind: 'none' };
  const qc = p.certifiedAt;
  if (p.firstSeen !== null) {
    const since = p.firstSeen;
    const won = blocks.find((b) => b.at > since && b.at <= qc);
    if (won) return { kind: 'after', block: won.height, margin: qc - won.at };
  }
  const next = blocks.find((b) => b.at > qc);
  if (p.lead !== null) return { kind: 'before', block: next?.height ?? (p.heightAtQC ?? 0) + 1, margin: p.lead };
  if (next) return { kind: 'before', block: next.height, margin: next.at - qc };
  return { kind: 'open', height: p.heightAtQC ?? blocks[blocks.length - 1]?.height ?? null };
}
