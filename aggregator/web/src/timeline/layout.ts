// Where everything of the timeline stands. Pure: payments, blocks and a width in, places
// out. X counts pixels from an epoch and never depends on the present moment, so the
// drawing slides as a whole and is laid out anew only when something has happened.
import { judge, type BlockSeen, type Verdict } from '../payments/verdict.ts';
import { certified, failed, onChain, type PaymentView } from '../payments/view.ts';

export const LANE = 30;
const LANE_GAP = 6;
const ROW_GAP = 14;
export const TOP = 34;
export const VALIDATOR_ROW = 24;
/** Rows that are drawn; what does not fit is counted. */
const MAX_ACCOUNTS = 6;
const MAX_LANES = 3;
const MAX_VALIDATORS = 7;
/** What has not ended reaches this far beyond the last thing that happened. */
const OPEN_MS = 600_000;

export interface AccountRow {
  address: string;
  y: number;
  height: number;
}

export interface Bar {
  payment: PaymentView;
  y: number;
  start: number;
  /** Where the QC formed; null if it has not. */
  qc: number | null;
  end: number;
  /** False while it goes on. */
  ended: boolean;
  verdict: Verdict;
  /** How many payments it rests on, and one: QC1 has no parent among those shown. */
  depth: number;
}

/** From the QC of a payment to the payee: to the payment that cites it, if one does. */
export interface Link {
  from: string;
  to: string | null;
  x: number;
  toX: number;
  y: number;
  toY: number;
}

export interface Layout {
  epoch: number;
  pixelsPerMs: number;
  height: number;
  accounts: AccountRow[];
  validators: { name: string; y: number; votes: { id: string; x: number }[] }[];
  bars: Bar[];
  links: Link[];
  /** Edges of blocks: the moments at which heights were seen. */
  edges: { height: number; x: number }[];
  /** Payments in the window for which there is no room. */
  hidden: number;
}

export interface Input {
  payments: readonly PaymentView[];
  blocks: readonly BlockSeen[];
  validators: readonly string[];
  /** The moment that all places count from. */
  epoch: number;
  /** Nothing that ended before is drawn. */
  from: number;
  pixelsPerMs: number;
}

export function layout(input: Input): Layout {
  const { blocks, epoch, from, pixelsPerMs } = input;
  const x = (at: number) => (at - epoch) * pixelsPerMs;
  const inWindow = input.payments
    .filter((p) => p.firstSeen !== null && endOf(p, blocks) >= from)
    .sort((a, b) => (a.firstSeen ?? 0) - (b.firstSeen ?? 0));

  // The newest payments keep their rows.
  const order: string[] = [];
  for (const p of [...inWindow].reverse()) {
    for (const address of [p.to, p.from]) if (!order.includes(address) && order.length < MAX_ACCOUNTS) order.push(address);
  }
  order.reverse();

  const lanes = new Map<string, number[]>(order.map((address) => [address, []])); // ends, by lane
  const placed: { p: PaymentView; lane: number }[] = [];
  let hidden = 0;
  for (const p of inWindow) {
    const ends = lanes.get(p.from);
    if (!ends || !lanes.has(p.to)) {
      hidden++;
      continue;
    }
    let lane = ends.findIndex((end) => end <= (p.firstSeen ?? 0));
    if (lane < 0) lane = ends.length;
    if (lane >= MAX_LANES) {
      hidden++;
      continue;
    }
    ends[lane] = endOf(p, blocks);
    placed.push({ p, lane });
  }

  let y = TOP;
  const accounts = order.map((address) => {
    const count = Math.max(1, lanes.get(address)?.length ?? 0);
    const row = { address, y, height: count * LANE + (count - 1) * LANE_GAP };
    y += row.height + ROW_GAP;
    return row;
  });
  const rowOf = new Map(accounts.map((row) => [row.address, row]));

  const bars = placed.map(({ p, lane }): Bar => {
    const end = endOf(p, blocks);
    return {
      payment: p, y: (rowOf.get(p.from)?.y ?? 0) + lane * (LANE + LANE_GAP), start: x(p.firstSeen ?? 0),
      qc: certified(p) && p.certifiedAt !== null ? x(p.certifiedAt) : null,
      end: x(end), ended: onChain(p) || failed(p), verdict: judge(p, blocks), depth: depthOf(p, placed.map((q) => q.p)),
    };
  });
  const links = bars.flatMap((bar) => linksOf(bar, bars, rowOf));

  const validators = input.validators.slice(0, MAX_VALIDATORS).map((name) => {
    const row = { name, y, votes: placed.flatMap(({ p }) => votesOf(p, name, x)) };
    y += VALIDATOR_ROW;
    return row;
  });
  return {
    epoch, pixelsPerMs, height: y + 6, accounts, validators, bars, links,
    edges: blocks.filter((b) => b.at >= from - 60_000).map((b) => ({ height: b.height, x: x(b.at) })), hidden,
  };
}

/** When a payment stopped going on: far in the future while it does. */
function endOf(p: PaymentView, blocks: readonly BlockSeen[]): number {
  const start = p.certifiedAt ?? p.firstSeen ?? 0;
  if (onChain(p)) return p.includedAt ?? blocks.find((b) => b.height === p.includedHeight)?.at ?? p.finalizedAt ?? start;
  if (failed(p)) return blocks.find((b) => b.at > start)?.at ?? start;
  return start + OPEN_MS;
}

function depthOf(p: PaymentView, shown: readonly PaymentView[]): number {
  const byId = new Map(shown.map((q) => [q.id, q]));
  const depth = (q: PaymentView, left: number): number =>
    1 + (left === 0 ? 0 : Math.max(0, ...q.parents.map((id) => byId.get(id)).map((r) => (r ? depth(r, left - 1) : 0))));
  return depth(p, 16);
}

function linksOf(bar: Bar, bars: readonly Bar[], rows: ReadonlyMap<string, AccountRow>): Link[] {
  if (bar.qc === null) return [];
  const y = bar.y + LANE / 2;
  const spent = bars.filter((other) => other.payment.parents.includes(bar.payment.id));
  if (spent.length > 0) {
    return spent.map((other) => ({
      from: bar.payment.id, to: other.payment.id, x: bar.qc ?? 0, toX: other.start, y, toY: other.y + LANE / 2,
    }));
  }
  const row = rows.get(bar.payment.to);
  return row ? [{ from: bar.payment.id, to: null, x: bar.qc, toX: bar.qc, y, toY: row.y + LANE / 2 }] : [];
}

function votesOf(p: PaymentView, name: string, x: (at: number) => number): { id: string; x: number }[] {
  const at = p.votes.filter((v) => v.name === name).map((v) => v.at ?? v.tabAt);
  return at.flatMap((t) => (t === null ? [] : [{ id: p.id, x: x(t) }]));
}
