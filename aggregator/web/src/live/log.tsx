// What happened, one line per stage, for those who listen and for those who scroll.
import { effect, signal } from '@preact/signals';
import type { Stage } from '../api/documents.ts';
import { timeOfDay } from '../format.ts';
import { lookOf } from '../payments/stage.ts';
import { Card } from '../shell/parts.tsx';
import { clock, link, moneyOf, nameOf, recent } from '../state/store.ts';

const MAX_LINES = 30;
/** More lines than this at once are told as one: nobody can follow them. */
const MAX_AT_ONCE = 4;

interface Line {
  key: number;
  at: number;
  text: string;
}

const lines = signal<Line[]>([]);
const told = new Map<string, Stage | null>();
let count = 0;

/** Writes a line whenever a payment reaches a stage, from the first load on. */
export function followStages(): void {
  effect(() => {
    const fresh = recent.value.filter((p) => told.get(p.id) !== p.stage).reverse();
    for (const p of fresh) told.set(p.id, p.stage);
    if (told.size > 2 * recent.value.length + 100) {
      const held = new Set(recent.value.map((p) => p.id));
      for (const id of told.keys()) if (!held.has(id)) told.delete(id);
    }
    if (fresh.length === 0 || link.peek() === 'connecting') return; // what was there before the page came is no news
    const at = clock.now();
    const texts = fresh.length > MAX_AT_ONCE ? [`${fresh.length} payments changed their stage`]
      : fresh.map((p) => `${nameOf(p.from)} → ${nameOf(p.to)} ${moneyOf(p.amount, p.asset)}: ${lookOf(p.stage).word}${p.includedHeight !== null ? ` in block ${p.includedHeight}` : ''}`);
    lines.value = [...texts.map((text) => ({ key: ++count, at, text })).reverse(), ...lines.peek()].slice(0, MAX_LINES);
  });
}

export function Log() {
  return (
    <Card title="Log">
      <div class="log" role="log" aria-live="polite" aria-relevant="additions" tabIndex={0} aria-label="What happened since this page was opened">
        {lines.value.length === 0 && <p class="empty">Nothing has changed since this page was opened.</p>}
        {lines.value.map((line) => <p key={line.key}><time>{timeOfDay(line.at)}</time> {line.text}</p>)}
      </div>
    </Card>
  );
}
