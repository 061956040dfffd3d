// The timeline: blocks are rules, quorum certificates are diamonds, the right edge is now.
import { useMemo, useRef, useState } from 'preact/hooks';
import { duration } from '../format.ts';
import { lookOf } from '../payments/stage.ts';
import { verdictTexts } from '../payments/verdict.ts';
import { useFrames } from '../shell/ticker.ts';
import { useWidth } from '../shell/width.ts';
import { blockTime, committee, moneyOf, nameOf, observer } from '../state/store.ts';
import { moments, type Moment } from './events.ts';
import { LANE, TOP, VALIDATOR_ROW, layout, type Bar, type Layout } from './layout.ts';
import type { Scenery } from './replay.ts';

/** Block times that fit into the window: 15 s of a chain with blocks of 5 s. */
const WINDOW_BLOCKS = 3;
const NARROW_WINDOW_BLOCKS = 2;
const NARROW = 640;
const LABELS = 96;
const NARROW_LABELS = 64;
/** Width of a letter in a bar, at most. */
const LETTER = 6.8;

export function Timeline({ scenery, replayed, selected, onSelect, stale }: {
  scenery: Scenery; /** Its present has passed. */ replayed: boolean; selected: string | null; onSelect: (id: string) => void; stale: boolean;
}) {
  const box = useRef<HTMLDivElement>(null);
  const moving = useRef<SVGGElement>(null);
  const width = useWidth(box);
  const narrow = width < NARROW;
  const labels = narrow ? NARROW_LABELS : LABELS;
  const inner = Math.max(1, width - labels);
  const span = blockTime.value * (narrow ? NARROW_WINDOW_BLOCKS : WINDOW_BLOCKS);
  const pixelsPerMs = inner / span;
  const { payments, blocks } = scenery;
  const validators = committee.value?.members.map((m) => m.name) ?? [];
  const plan = useMemo(() => {
    const at = scenery.now();
    return layout({ payments, blocks, validators, epoch: at, from: at - span, pixelsPerMs });
  }, [payments, blocks, validators.join(), span, pixelsPerMs]);

  useFrames(() => {
    const shift = inner - (scenery.now() - plan.epoch) * plan.pixelsPerMs;
    moving.current?.setAttribute('transform', `translate(${shift.toFixed(2)} 0)`);
    for (const text of moving.current?.querySelectorAll<SVGTextElement>('.bar .text') ?? []) keepInSight(text, 8 - shift);
  });

  const walk = useWalk(scenery, span, onSelect);
  return (
    <div class={stale ? 'timeline stale' : 'timeline'} ref={box}>
      <div
        class="timeline-keys" tabIndex={0} role="group" aria-roledescription="timeline" onKeyDown={walk.onKey}
        aria-label="Timeline of payments and blocks. Left and right arrows walk through what happened, Enter opens the payment. The table below says the same."
      >
        {width > 0 && (
          <svg width={width} height={plan.height} role="img" aria-label={summary(plan)}>
            <defs>
              <clipPath id="window"><rect x={labels} y={0} width={inner} height={plan.height} /></clipPath>
            </defs>
            {plan.accounts.map((row) => (
              <g key={row.address} class="row">
                <line x1={labels} x2={width} y1={row.y + LANE / 2} y2={row.y + LANE / 2} class="guide" />
                <text x={0} y={row.y + LANE / 2} class="row-label" dominant-baseline="middle"><title>{row.address}</title>{labelFor(row.address, narrow)}</text>
              </g>
            ))}
            {plan.validators.map((row) => (
              <g key={row.name} class="row">
                <line x1={labels} x2={width} y1={row.y + VALIDATOR_ROW / 2} y2={row.y + VALIDATOR_ROW / 2} class="guide" />
                <text x={0} y={row.y + VALIDATOR_ROW / 2} class="row-label validator" dominant-baseline="middle">{row.name}</text>
              </g>
            ))}
            <g clip-path="url(#window)">
              <g transform={`translate(${labels} 0)`}>
                <g ref={moving}>
                  <Moving plan={plan} selected={selected} onSelect={onSelect} stale={stale} narrow={narrow} cursor={walk.moment} />
                </g>
                <line x1={inner - 1} x2={inner - 1} y1={0} y2={plan.height} class="now" />
              </g>
            </g>
          </svg>
        )}
      </div>
      <p class="readout" aria-live="polite">
        {walk.moment ? `${walk.moment.text} (${duration(scenery.now() - walk.moment.at)} ago)` : replayed ? 'The right edge is a moment that has passed: the run is played again.' : `The right edge is now, by the clock of ${observer.value}. ${plan.hidden > 0 ? `${plan.hidden} more ${plan.hidden === 1 ? 'payment is' : 'payments are'} in the table.` : ''}`}
      </p>
    </div>
  );
}

/** Moves the text of a bar along its left edge into the window, or hides it where it no longer fits. */
function keepInSight(text: SVGTextElement, left: number): void {
  const from = Number(text.dataset['from']);
  const x = Math.max(from, left);
  const fits = x + (text.textContent?.length ?? 0) * LETTER < Number(text.dataset['to']);
  text.setAttribute('x', x.toFixed(1));
  text.setAttribute('visibility', x === from || fits ? 'visible' : 'hidden');
}

function Moving({ plan, selected, onSelect, stale, narrow, cursor }: {
  plan: Layout; selected: string | null; onSelect: (id: string) => void; stale: boolean; narrow: boolean; cursor: Moment | null;
}) {
  const last = plan.edges[plan.edges.length - 1];
  return (
    <>
      {last && <rect class="open-block" x={last.x} y={0} width={1e6} height={plan.height} />}
      {plan.edges.map((edge) => (
        <g key={edge.height} class="edge">
          <line x1={edge.x} x2={edge.x} y1={0} y2={plan.height} />
          <text x={edge.x + 6} y={14}>#{edge.height}</text>
        </g>
      ))}
      {plan.validators.map((row) => row.votes.map((v) => (
        <line key={`${row.name} ${v.id}`} class={v.id === selected ? 'tick chosen' : 'tick'} x1={v.x} x2={v.x} y1={row.y + 4} y2={row.y + VALIDATOR_ROW - 4} />
      )))}
      {plan.bars.map((bar) => <BarShape key={bar.payment.id} bar={bar} chosen={bar.payment.id === selected} onSelect={onSelect} stale={stale} narrow={narrow} />)}
      {plan.links.map((l) => (
        <g key={`${l.from} ${l.to}`} class={l.to ? 'link cited' : 'link'}>
          <path d={`M ${l.x} ${l.y} V ${l.toY} H ${l.toX}`} />
          {!l.to && <circle cx={l.toX} cy={l.toY} r={4} />}
        </g>
      ))}
      {plan.bars.map((bar) => bar.qc !== null && <Diamond key={bar.payment.id} x={bar.qc} y={bar.y + LANE / 2} />)}
      {cursor && <line class="cursor" x1={(cursor.at - plan.epoch) * plan.pixelsPerMs} x2={(cursor.at - plan.epoch) * plan.pixelsPerMs} y1={TOP - 12} y2={plan.height} />}
    </>
  );
}

function BarShape({ bar, chosen, onSelect, stale, narrow }: { bar: Bar; chosen: boolean; onSelect: (id: string) => void; stale: boolean; narrow: boolean }) {
  const { payment, y } = bar;
  const tone = lookOf(payment.stage).tone;
  const certifiedFrom = bar.qc ?? bar.end;
  const text = labelOf(bar, stale, narrow);
  const end = Math.max(bar.end, bar.start + 3);
  return (
    <g class={`bar ${tone}${chosen ? ' chosen' : ''}`} onClick={() => onSelect(payment.id)}>
      <title>{`${nameOf(payment.from)} → ${nameOf(payment.to)} ${moneyOf(payment.amount, payment.asset)} · ${lookOf(payment.stage).word}`}</title>
      <rect class="sent" x={bar.start} y={y} width={Math.max(2, certifiedFrom - bar.start)} height={LANE} />
      {bar.qc !== null && <rect class="held" x={bar.qc} y={y} width={Math.max(2, end - bar.qc)} height={LANE} />}
      {bar.ended && bar.qc !== null && <rect class="cap" x={end - 3} y={y - 2} width={6} height={LANE + 4} />}
      {bar.ended && bar.qc === null && <text class="end" x={end + 4} y={y + LANE / 2} dominant-baseline="middle">✕</text>}
      {text && <text class="text" data-from={(bar.qc ?? bar.start) + 15} data-to={end - 6} x={(bar.qc ?? bar.start) + 15} y={y + LANE / 2 + 1} dominant-baseline="middle">{text}</text>}
    </g>
  );
}

function Diamond({ x, y }: { x: number; y: number }) {
  return <path class="diamond" d={`M ${x} ${y - 9} L ${x + 9} ${y} L ${x} ${y + 9} L ${x - 9} ${y} Z`} />;
}

/** What stands in a bar: its verdict where there is room for one. */
function labelOf(bar: Bar, stale: boolean, narrow: boolean): string {
  const amount = moneyOf(bar.payment.amount, bar.payment.asset);
  if (bar.qc === null) return bar.ended ? '' : `${amount} · ${bar.payment.votes.length} of ${bar.payment.threshold} votes`;
  if (stale) return amount;
  const room = bar.ended ? bar.end - bar.qc - 24 : Infinity;
  const texts = verdictTexts(bar.verdict, bar.depth);
  const fitting = (narrow ? texts.slice(1) : texts).map((t) => `${amount} · ${t}`).find((t) => t.length * LETTER < room);
  return fitting ?? (amount.length * LETTER < room ? amount : '');
}

/** The name of an account, as long as there is room for. */
function labelFor(address: string, narrow: boolean): string {
  const name = nameOf(address);
  return narrow && name.length > 8 ? `${name.slice(0, 6)}…` : name;
}

function summary(plan: Layout): string {
  const count = plan.bars.length;
  const last = plan.edges[plan.edges.length - 1];
  return `${count} ${count === 1 ? 'payment' : 'payments'} in the last blocks, ${last ? `height ${last.height}` : 'no block seen'}`;
}

/** Lets the arrow keys walk through what happened. */
function useWalk({ payments, blocks, now }: Scenery, span: number, onSelect: (id: string) => void) {
  const [moment, setMoment] = useState<Moment | null>(null);
  const onKey = (event: KeyboardEvent) => {
    const list = moments(payments, blocks, now() - span, { name: nameOf, money: moneyOf });
    const step = event.key === 'ArrowLeft' ? -1 : event.key === 'ArrowRight' ? 1 : 0;
    if (step !== 0 && list.length > 0) {
      event.preventDefault();
      const here = moment ? list.findIndex((m) => m.at === moment.at && m.text === moment.text) : list.length;
      const next = list[Math.min(list.length - 1, Math.max(0, here + step))] ?? null;
      setMoment(next);
      if (next?.id) onSelect(next.id);
    }
    if (event.key === 'Enter' && moment?.id) location.hash = `#/payment/${moment.id}`;
    if (event.key === 'Escape') setMoment(null);
  };
  return { moment, onKey };
}
