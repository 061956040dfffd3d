// The lens: the milliseconds between a payment and its quorum certificate, which are too
// short for the timeline.
import { capital, duration, list } from '../format.ts';
import { certified, failed, type PaymentView } from '../payments/view.ts';
import { moneyOf, nameOf } from '../state/store.ts';

/** Ends of the scale, in milliseconds: the least that holds everything is used. */
const SCALES = [50, 100, 200, 500, 1000, 2000, 5000, 10_000, 30_000, 60_000, 600_000];

export interface Step {
  /** Milliseconds since the first payment was seen. */
  at: number;
  kind: 'sent' | 'vote' | 'qc' | 'tab';
  text: string;
}

/** What happened to a payment, since a moment. */
export function steps(p: PaymentView, since: number): Step[] {
  const out: Step[] = [];
  const add = (at: number | null, kind: Step['kind'], text: string) => {
    if (at !== null) out.push({ at: at - since, kind, text });
  };
  add(p.firstSeen, 'sent', 'first seen');
  for (const v of p.votes) add(v.at ?? v.tabAt, 'vote', v.name);
  add(p.certifiedAt, 'qc', 'QC');
  add(p.tab?.certifiedAt ?? null, 'tab', 'verified in this tab');
  return out.sort((a, b) => a.at - b.at);
}

/** The milliseconds from the first sight of a chain of payments to the last step. */
export function lengthOf(chain: readonly PaymentView[]): number {
  const start = chain.find((p) => p.firstSeen !== null)?.firstSeen;
  if (start === undefined || start === null) return 0;
  return Math.max(0, ...chain.flatMap((p) => steps(p, start).map((s) => s.at)));
}

/**
 * The payments of one chain, the first one's first sight at zero. until hides what came
 * later: the slow motion.
 */
export function Lens({ chain, until = Infinity, illustrated = false }: {
  chain: readonly PaymentView[]; until?: number; /** It shows no real payment, which has no page and no amount. */ illustrated?: boolean;
}) {
  const timed = chain.filter((p) => p.firstSeen !== null).slice(0, 6);
  const start = timed[0]?.firstSeen;
  if (start === undefined || start === null) return <p class="empty">When this payment was seen is not known here: it was in an earlier run of the aggregator.</p>;
  const rows = timed.map((p) => ({ p, steps: steps(p, start) }));
  const last = Math.max(...rows.flatMap((row) => row.steps.map((s) => s.at)));
  const scale = SCALES.find((s) => s >= last) ?? last;
  const place = (at: number) => `${(2 + (96 * Math.max(0, at)) / scale).toFixed(3)}%`;
  const ticks = [0, 1, 2, 3, 4, 5].map((n) => (n * scale) / 5);
  return (
    <div class="lens">
      {rows.map(({ p, steps: all }) => {
        const shown = all.filter((s) => s.at <= until);
        const qc = shown.find((s) => s.kind === 'qc');
        const sent = shown.find((s) => s.kind === 'sent');
        return (
          <div class="lens-row" key={p.id}>
            <p class="lens-label">
              {illustrated ? `${p.from} → ${p.to}` : <><a href={`#/payment/${p.id}`}>{nameOf(p.from)} → {nameOf(p.to)}</a> <span class="money">{moneyOf(p.amount, p.asset)}</span></>}
            </p>
            <svg width="100%" height={34} aria-hidden="true" class="lens-strip">
              {ticks.map((t) => <line key={t} x1={place(t)} x2={place(t)} y1={0} y2={34} class="guide" />)}
              {sent && <line class="lens-bar" x1={place(sent.at)} x2={place(qc?.at ?? Math.min(until, last))} y1={17} y2={17} />}
              {shown.map((s) => <Mark key={s.kind + s.text} x={place(s.at)} kind={s.kind} />)}
            </svg>
            <p class="lens-steps">{shown.map((s) => <span key={s.kind + s.text} class={s.kind}>{s.text} <b>+{duration(s.at)}</b></span>)}
              {!certified(p) && !failed(p) && until === Infinity && <span class="waiting">{waitingText(p)}</span>}
            </p>
          </div>
        );
      })}
      <div class="lens-scale" aria-hidden="true">{ticks.map((t) => <span key={t} style={{ left: place(t) }}>{duration(t).replace(/\.0\b/, '')}</span>)}</div>
    </div>
  );
}

function Mark({ x, kind }: { x: string; kind: Step['kind'] }) {
  return (
    <svg x={x} y={17} overflow="visible" class={`mark ${kind}`}>
      {kind === 'sent' && <circle r={5} />}
      {kind === 'vote' && <rect x={-1.5} y={-11} width={3} height={22} />}
      {kind === 'qc' && <path d="M0 -10 L10 0 L0 10 L-10 0 Z" />}
      {kind === 'tab' && <path d="M0 -8 L7 -5 V1 Q7 6 0 9 Q-7 6 -7 1 V-5 Z" />}
    </svg>
  );
}

/** Who has not voted yet, and why, as far as it is known. */
export function waitingText(p: PaymentView): string {
  const votes = `${p.weight} of ${p.threshold} votes`;
  if (p.waiting.length === 0) return votes;
  return `${votes}, waiting for ${list(p.waiting.map((w) => capital(w.name)))}: ${p.waiting[0]?.problem ?? ''}`;
}
