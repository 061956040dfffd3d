// A payment as the page shows it, whether the aggregator told of it, this tab saw it on
// the wire, or both. Times are milliseconds on the aggregator's clock.
import type { Payment, Stage, StageEvidence } from '../api/documents.ts';
import type { TabPayment } from '../../peer/index.ts';

export interface VoteView {
  name: string;
  /** When the aggregator saw it; null if that was in an earlier run, or only the tab saw it. */
  at: number | null;
  /** When this tab had checked it; null if it has not. */
  tabAt: number | null;
}

export interface PaymentView {
  id: string;
  from: string;
  to: string;
  asset: string;
  amount: bigint;
  parents: string[];
  /** Null before a vote was seen. */
  stage: Stage | null;
  votes: VoteView[];
  weight: number;
  threshold: number;
  total: number;
  firstSeen: number | null;
  certifiedAt: number | null;
  heightAtQC: number | null;
  /** From the QC to the next height; null before that was seen. */
  lead: number | null;
  includedAt: number | null;
  includedHeight: number | null;
  finalizedAt: number | null;
  waiting: { name: string; problem: string }[];
  evidence: StageEvidence | null;
  /** The aggregator's document; null if only this tab knows the payment. */
  document: Payment | null;
  /** What this tab checked itself; null if it has seen nothing of it. */
  tab: { weight: number; certified: boolean; certifiedAt: number | null; votes: number } | null;
}

const millis = (micros: string | null): number | null => (micros === null ? null : Number(micros) / 1000);
const number = (decimal: string | null): number | null => (decimal === null ? null : Number(decimal));

/** The view of what the aggregator tells. */
export function ofDocument(p: Payment): PaymentView {
  return {
    id: p.tx_id, from: p.from.toLowerCase(), to: p.to.toLowerCase(), asset: p.asset.toLowerCase(), amount: BigInt(p.amount),
    parents: p.parents, stage: p.stage,
    votes: p.votes.map((v) => ({ name: v.validator, at: millis(v.seen_unix_micros), tabAt: null })),
    weight: p.weight, threshold: p.threshold, total: p.total,
    firstSeen: millis(p.first_seen_unix_micros), certifiedAt: millis(p.certified_unix_micros),
    heightAtQC: number(p.height_at_qc), lead: millis(p.lead_micros),
    includedAt: millis(p.included_unix_micros), includedHeight: number(p.included_height), finalizedAt: millis(p.finalized_unix_micros),
    waiting: p.waiting.map((w) => ({ name: w.validator, problem: w.problem ?? w.code ?? 'no vote yet' })),
    evidence: p.stage_evidence, document: p, tab: null,
  };
}

/**
 * Adds what this tab saw and checked to what the aggregator tells, which may be nothing.
 * at turns the tab's clock into the aggregator's, total is the weight of the committee.
 */
export function withTab(told: PaymentView | null, seen: TabPayment, total: number, at: (local: number) => number): PaymentView {
  const tab = {
    weight: seen.weight, certified: seen.certified, votes: seen.votes.length,
    certifiedAt: seen.certifiedAt === null ? null : at(seen.certifiedAt),
  };
  const tabAt = new Map(seen.votes.map((v) => [v.name, at(v.seenAt)]));
  if (told) {
    const votes = told.votes.map((v) => ({ ...v, tabAt: tabAt.get(v.name) ?? null }));
    return { ...told, votes, tab };
  }
  return {
    id: seen.txId, from: seen.from.toLowerCase(), to: seen.to.toLowerCase(), asset: seen.asset.toLowerCase(), amount: seen.amount,
    parents: seen.parents, stage: seen.stage === '' ? null : (seen.stage as Stage),
    votes: seen.votes.map((v) => ({ name: v.name, at: null, tabAt: at(v.seenAt) })),
    weight: seen.weight, threshold: seen.threshold, total,
    firstSeen: at(seen.firstSeenAt), certifiedAt: tab.certifiedAt, heightAtQC: null, lead: null,
    includedAt: null, includedHeight: null, finalizedAt: null,
    waiting: seen.rejects.map((r) => ({ name: r.name, problem: r.text || r.code })),
    evidence: null, document: null, tab,
  };
}

/** Whether the quorum is known to have formed. */
export function certified(p: PaymentView): boolean {
  return p.stage !== null && ['CERTIFIED', 'QUEUED_ONCHAIN', 'INCLUDED', 'FINALIZED'].includes(p.stage);
}

/** Whether the chain has executed it. */
export function onChain(p: PaymentView): boolean {
  return p.stage === 'INCLUDED' || p.stage === 'FINALIZED';
}

/** Whether it ended without moving the money. */
export function failed(p: PaymentView): boolean {
  return p.stage !== null && ['REJECTED', 'EXPIRED', 'FAILED', 'CONFLICTED'].includes(p.stage);
}

/** Orders the newest first; payments of an earlier run come last. */
export function newestFirst(a: PaymentView, b: PaymentView): number {
  return (b.firstSeen ?? 0) - (a.firstSeen ?? 0);
}

/**
 * The payments that rest on one another with the given one: all that it cites, all that
 * cite it, and so on; in the order in which they were first seen.
 */
export function chainOf(id: string, all: ReadonlyMap<string, PaymentView>): PaymentView[] {
  const children = new Map<string, string[]>();
  for (const p of all.values()) {
    for (const parent of p.parents) children.set(parent, [...(children.get(parent) ?? []), p.id]);
  }
  const found = new Set<string>();
  const open = [id];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const p = all.get(next);
    if (!p || found.has(next)) continue;
    found.add(next);
    open.push(...p.parents, ...(children.get(next) ?? []));
  }
  return [...found].flatMap((key) => all.get(key) ?? []).sort((a, b) => -newestFirst(a, b));
}
