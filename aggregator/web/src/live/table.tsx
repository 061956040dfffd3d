// All payments as a table: the same as the timeline, in words.
import { signal } from '@preact/signals';
import { duration, timeOfDay } from '../format.ts';
import { judge, verdictTexts, type Verdict } from '../payments/verdict.ts';
import { failed, newestFirst, type PaymentView } from '../payments/view.ts';
import { lookOf, STAGES } from '../payments/stage.ts';
import { ShieldIcon } from '../shell/icons.tsx';
import { Card, Money, Name, StageBadge } from '../shell/parts.tsx';
import { stale } from '../shell/ticker.ts';
import { blocks, recent, trustTab } from '../state/store.ts';

/** Rows that are drawn; more are a link away in the list of the API. */
const MAX_ROWS = 100;

interface Column {
  key: string;
  head: string;
  sort: ((a: PaymentView, b: PaymentView) => number) | null;
}

const by = (value: (p: PaymentView) => number) => (a: PaymentView, b: PaymentView) => value(a) - value(b);
const rank = (p: PaymentView) => (p.stage ? Object.keys(STAGES).indexOf(p.stage) + 1 : 0);

const COLUMNS: Column[] = [
  { key: 'seen', head: 'Seen', sort: (a, b) => -newestFirst(a, b) },
  { key: 'who', head: 'From → to', sort: null },
  { key: 'amount', head: 'Amount', sort: (a, b) => (a.amount < b.amount ? -1 : a.amount > b.amount ? 1 : 0) },
  { key: 'stage', head: 'Stage', sort: by(rank) },
  { key: 'votes', head: 'Votes', sort: by((p) => p.weight) },
  { key: 'qc', head: 'QC after', sort: by((p) => (p.certifiedAt ?? Infinity) - (p.firstSeen ?? 0)) },
  { key: 'height', head: 'Height at QC', sort: by((p) => p.heightAtQC ?? 0) },
  { key: 'included', head: 'Included in', sort: by((p) => p.includedHeight ?? Infinity) },
  { key: 'lead', head: 'Before the block', sort: by((p) => p.lead ?? -Infinity) },
];

const order = signal<{ key: string; down: boolean }>({ key: 'seen', down: true });

function sorted(): PaymentView[] {
  const { key, down } = order.value;
  const compare = COLUMNS.find((c) => c.key === key)?.sort ?? newestFirst;
  const rows = [...recent.value].sort(compare);
  return (down ? rows.reverse() : rows).slice(0, MAX_ROWS);
}

export function PaymentTable({ selected, onSelect }: { selected: string | null; onSelect: (id: string) => void }) {
  const rows = sorted();
  return (
    <Card title="Payments" aside={<span class="count">{recent.value.length === 0 ? '' : `${rows.length} shown`}</span>}>
      {rows.length === 0 ? <p class="empty">No payment was seen yet. <a href="#/pay">Make one.</a></p> : (
        <table role="table" class="payments">
          <thead role="rowgroup">
            <tr role="row">
              {COLUMNS.map((c) => <HeadCell key={c.key} column={c} />)}
            </tr>
          </thead>
          <tbody role="rowgroup">
            {rows.map((p) => <Row key={p.id} p={p} chosen={p.id === selected} onSelect={onSelect} />)}
          </tbody>
        </table>
      )}
    </Card>
  );
}

function HeadCell({ column }: { column: Column }) {
  const { key, down } = order.value;
  const active = key === column.key;
  if (!column.sort) return <th role="columnheader" scope="col">{column.head}</th>;
  return (
    <th role="columnheader" scope="col" aria-sort={active ? (down ? 'descending' : 'ascending') : 'none'}>
      <button type="button" class="sort" onClick={() => { order.value = { key: column.key, down: active ? !down : true }; }}>
        {column.head}<span aria-hidden="true">{active ? (down ? ' ↓' : ' ↑') : ''}</span>
      </button>
    </th>
  );
}

function Row({ p, chosen, onSelect }: { p: PaymentView; chosen: boolean; onSelect: (id: string) => void }) {
  const verdict: Verdict = stale.value ? { kind: 'none' } : judge(p, blocks.value);
  return (
    <tr role="row" class={chosen ? 'chosen' : undefined} onClick={() => onSelect(p.id)} data-id={p.id} data-stage={p.stage ?? ''}>
      <td role="cell" class="c-seen"><a href={`#/payment/${p.id}`} title={p.id}>{p.firstSeen === null ? 'earlier run' : timeOfDay(p.firstSeen)}</a></td>
      <td role="cell" class="c-who"><Name address={p.from} /> → <Name address={p.to} /></td>
      <td role="cell" class="c-amount"><Money units={p.amount} asset={p.asset} /></td>
      <td role="cell" class="c-stage"><StageCell p={p} /></td>
      <td role="cell" data-head="Votes">{p.weight}/{p.threshold}</td>
      <td role="cell" data-head="QC after">{p.certifiedAt !== null && p.firstSeen !== null ? duration(p.certifiedAt - p.firstSeen) : '–'}</td>
      <td role="cell" data-head="Height at QC">{p.heightAtQC ?? '–'}</td>
      <td role="cell" data-head="Included in">{p.includedHeight ?? '–'}</td>
      <td role="cell" data-head="Before the block">
        {verdict.kind === 'before' && duration(verdict.margin)}
        {verdict.kind === 'after' && <span class="open-text">block {verdict.block} came first</span>}
        {verdict.kind === 'open' && <span class="open-text">block still open</span>}
        {verdict.kind === 'unseen' && <span title={verdictTexts(verdict, 1)[0]}>not seen</span>}
        {verdict.kind === 'none' && '–'}
      </td>
    </tr>
  );
}

/** The stage by whose word it is shown: the aggregator's, or only this tab's. */
export function StageCell({ p }: { p: PaymentView }) {
  if (!trustTab.value) {
    return (
      <>
        <StageBadge stage={p.stage} />
        {p.tab?.certified && <span class="shield" title="This tab checked the quorum itself"><ShieldIcon /><span class="unseen">verified in this tab</span></span>}
      </>
    );
  }
  if (!p.tab) return <span class="stage idle" title={lookOf(p.stage).meaning}>not seen by this tab</span>;
  return (
    <>
      <StageBadge stage={p.tab.certified ? (failed(p) ? p.stage : 'CERTIFIED') : p.tab.votes > 0 ? 'ACCEPTED' : null} />
      <span class="shield"><ShieldIcon /> {p.tab.weight}/{p.threshold}</span>
    </>
  );
}
