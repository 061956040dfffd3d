// The home screen: the height, what is certain at it, and every payment.
import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { duration } from '../format.ts';
import { chainOf } from '../payments/view.ts';
import { Card, Notice } from '../shell/parts.tsx';
import { now, stale as chainStale } from '../shell/ticker.ts';
import { spendable, watch } from '../state/balances.ts';
import { blocks, blockTime, latest, link, moneyOf, nameOf, network, payments, recent } from '../state/store.ts';
import { Lens, lengthOf } from '../timeline/lens.tsx';
import { SlowMotion, useSlowMotion } from '../timeline/motion.tsx';
import { Timeline } from '../timeline/timeline.tsx';
import { Log } from './log.tsx';
import { Scene } from './scene.tsx';
import { sentence } from './sentence.ts';
import { PaymentTable } from './table.tsx';

export function Live() {
  const chosen = useSignal<string | null>(null);
  const newest = recent.value[0]?.id ?? null;
  const selected = chosen.value !== null && payments.value.has(chosen.value) ? chosen.value : newest;
  const chain = selected ? chainOf(selected, payments.value) : [];
  const payee = chain[chain.length - 1]?.to;
  useEffect(() => (payee ? watch(payee) : undefined), [payee]);
  const motion = useSlowMotion(lengthOf(chain));
  const stale = chainStale.value;
  const said = sentence(chain, stale ? [] : blocks.value, { name: nameOf, money: moneyOf, spendable, chainKnown: link.value === 'live' });
  return (
    <>
      <section class="hero" aria-label="Chain and certainty">
        <Height stale={stale} />
        <div class={`sentence ${stale ? 'plain' : said.tone}`}>
          <p class="said" data-testid="sentence">{stale ? 'Nothing is judged until the chain moves again.' : said.text}</p>
          {!stale && <p class="aside">{said.aside}</p>}
          <Scene />
        </div>
      </section>
      {stale && link.value !== 'cut' && (
        <Notice tone="open" title={`The chain has shown no block for ${duration(now.value - (latest.value?.at ?? 0))}.`}>
          <p>{link.value === 'none' ? 'No validator that this tab reaches has told of one' : 'The aggregator\'s node is silent'}, or the chain stands still. Validators may still vote; what settles and when is not known.</p>
        </Notice>
      )}
      <Card title="Certificates against blocks" aside={<Legend />}>
        {recent.value.length === 0 && blocks.value.length === 0
          ? <p class="empty">{network.value ? 'Nothing has happened yet: no block and no payment was seen.' : 'Waiting for the aggregator.'}</p>
          : <Timeline selected={selected} onSelect={(id) => { chosen.value = id; }} stale={stale} />}
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

function Height({ stale }: { stale: boolean }) {
  const block = latest.value;
  return (
    <div class="height">
      <h1 tabIndex={-1}>
        <span class="label">Block height</span>
        <span class={stale ? 'number stale' : 'number'} data-testid="height">{block ? block.height.toLocaleString('en') : '–'}</span>
      </h1>
      {block && !stale && <Countdown height={block.height} at={block.at} />}
      {!block && <p class="countdown">No block seen yet.</p>}
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
