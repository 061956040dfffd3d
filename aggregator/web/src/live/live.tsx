// The home screen: the height, what is certain at it, and every payment.
import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { duration } from '../format.ts';
import type { BlockSeen } from '../payments/verdict.ts';
import { chainOf, type PaymentView } from '../payments/view.ts';
import { Card, Notice } from '../shell/parts.tsx';
import { now, stale as chainStale } from '../shell/ticker.ts';
import { spendable, watch } from '../state/balances.ts';
import { blocks, blockTime, clock, committee, latest, link, moneyOf, nameOf, network, payments, recent } from '../state/store.ts';
import { Lens, lengthOf } from '../timeline/lens.tsx';
import { SlowMotion, useReplay, useSlowMotion, type Replay } from '../timeline/motion.tsx';
import { sceneryAt, spanOf, type Scenery } from '../timeline/replay.ts';
import { Timeline } from '../timeline/timeline.tsx';
import { Log } from './log.tsx';
import { asked, loadRun, runProblem } from './run.ts';
import { Scene } from './scene.tsx';
import { sentence } from './sentence.ts';
import { PaymentTable } from './table.tsx';

export function Live() {
  const chosen = useSignal<string | null>(asked.value);
  const newest = recent.value[0]?.id ?? null;
  const selected = chosen.value !== null && payments.value.has(chosen.value) ? chosen.value : newest;
  const chain = selected ? chainOf(selected, payments.value) : [];
  const payee = chain[chain.length - 1]?.to;
  useEffect(() => (payee ? watch(payee) : undefined), [payee]);
  const motion = useSlowMotion(lengthOf(chain));
  const replay = useReplay();
  useAskedRun(replay);
  const past = replay.at !== null;
  const scenery: Scenery = replay.at !== null ? sceneryAt(chain, blocks.value, replay.at, weightOf) : { payments: recent.value, blocks: blocks.value, now: () => clock.now() };
  const stale = !past && chainStale.value;
  const said = sentence(past ? scenery.payments : chain, stale ? [] : scenery.blocks, {
    name: nameOf, money: moneyOf, spendable: past ? () => null : spendable, chainKnown: past || link.value === 'live',
  });
  return (
    <>
      <section class="hero" aria-label="Chain and certainty">
        <Height block={past ? scenery.blocks.at(-1) ?? null : latest.value} stale={stale} past={past} />
        <div class={`sentence ${stale ? 'plain' : said.tone}`}>
          <p class="said" data-testid="sentence">{stale ? 'Nothing is judged until the chain moves again.' : said.text}</p>
          {!stale && <p class="aside">{said.aside}</p>}
          <Scene />
        </div>
      </section>
      {runProblem.value && <Notice tone="bad" title="This run cannot be shown."><p>{runProblem.value}</p></Notice>}
      {stale && link.value !== 'cut' && (
        <Notice tone="open" title={`The chain has shown no block for ${duration(now.value - (latest.value?.at ?? 0))}.`}>
          <p>{link.value === 'none' ? 'No validator that this tab reaches has told of one' : 'The aggregator\'s node is silent'}, or the chain stands still. Validators may still vote; what settles and when is not known.</p>
        </Notice>
      )}
      <Card title="Certificates against blocks" aside={<><Legend /><RunAgain run={chain} replay={replay} /></>}>
        {recent.value.length === 0 && blocks.value.length === 0
          ? <p class="empty">{network.value ? 'Nothing has happened yet: no block and no payment was seen.' : 'Waiting for the aggregator.'}</p>
          : <Timeline scenery={scenery} replayed={past} selected={selected} onSelect={(id) => { chosen.value = id; }} stale={stale} />}
      </Card>
      {chain.length > 0 && (
        <Card title="From payment to certificate" aside={<SlowMotion motion={motion} />}>
          <Lens chain={chain} until={motion.until} />
        </Card>
      )}
      <PaymentTable selected={selected} onSelect={(id) => { chosen.value = id; }} />
      <Log />
    </>
  );
}

const weightOf = (validator: string): number => committee.value?.members.find((m) => m.name === validator)?.weight ?? 0;

/** Plays the run that the address asks for, once it is there. */
function useAskedRun(replay: Replay): void {
  const id = asked.value;
  const ready = link.value !== 'connecting';
  useEffect(() => {
    if (id === null || !ready) return;
    void loadRun(id).then(() => {
      const span = spanOf(chainOf(id, payments.value));
      if (span) replay.start(span);
      asked.value = null; // it is played once
    });
  }, [id, ready]);
}

/** Plays the chosen run again, and links to it. */
function RunAgain({ run, replay }: { run: readonly PaymentView[]; replay: Replay }) {
  const span = spanOf(run);
  const last = run.at(-1);
  if (replay.at !== null) return <button type="button" class="quiet" onClick={replay.stop}>Back to now</button>;
  if (!span || !last) return null;
  return (
    <span class="again">
      {link.value !== 'none' && <a href={`?run=${last.id}#/`}>Link to this run</a>}
      <button type="button" class="quiet" onClick={() => replay.start(span)}>Replay at ¼ speed</button>
    </span>
  );
}

function Height({ block, stale, past }: { block: BlockSeen | null; stale: boolean; past: boolean }) {
  return (
    <div class="height">
      <h1 tabIndex={-1}>
        <span class="label">Block height</span>
        <span class={stale ? 'number stale' : 'number'} data-testid="height">{block ? block.height.toLocaleString('en') : '–'}</span>
      </h1>
      {past && <p class="countdown">as it was: a replay at ¼ speed</p>}
      {block && !stale && !past && <Countdown height={block.height} at={block.at} />}
      {!block && !past && <p class="countdown">No block seen yet.</p>}
    </div>
  );
}

/** When the next block is due. It is no promise: a block may be late, and then it is said to be. */
function Countdown({ height, at }: { height: number; at: number }) {
  const left = at + blockTime.value - now.value;
  const share = Math.min(1, Math.max(0, left / blockTime.value));
  return (
    <div class="countdown">
      <div class="bar" aria-hidden="true"><span style={{ transform: `scaleX(${share.toFixed(3)})` }} /></div>
      <p>{left >= 0 ? `Block ${height + 1} in ${(left / 1000).toFixed(1)} s` : `Block ${height + 1} is late by ${(-left / 1000).toFixed(1)} s`}</p>
    </div>
  );
}

function Legend() {
  return (
    <p class="legend">
      <span><span class="key qc" aria-hidden="true">◆</span> QC formed</span>
      <span><span class="key rule" aria-hidden="true">│</span> block seen</span>
      <span><span class="key cap" aria-hidden="true">■</span> included</span>
    </p>
  );
}
