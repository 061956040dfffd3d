// One payment: what it is, who signed it, what it rests on, and its certificate.
import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import * as api from '../api/client.ts';
import { capital, duration, timeOfDay, tokens } from '../format.ts';
import { StageCell } from '../live/table.tsx';
import { Card, Fact, Facts, Hash, Money, Name, Notice, Scroll, Title } from '../shell/parts.tsx';
import { stale } from '../shell/ticker.ts';
import { assetOf, blocks, link, nameOf, payments, putPayments, tabPeer } from '../state/store.ts';
import { Lens, lengthOf, waitingText } from '../timeline/lens.tsx';
import { SlowMotion, useSlowMotion } from '../timeline/motion.tsx';
import { Certificate } from '../verify/certificate.tsx';
import { verifyQC, type Verification } from '../verify/verify.ts';
import { lookOf } from './stage.ts';
import { judge, verdictTexts } from './verdict.ts';
import { certified, chainOf, failed, type PaymentView } from './view.ts';

export function Detail({ id }: { id: string }) {
  const p = payments.value.get(id);
  const problem = useSignal<string | null>(null);
  const known = p !== undefined;
  useEffect(() => {
    problem.value = null;
    if (known) return;
    api.payment(id).then((doc) => putPayments([doc]), (cause: Error) => { problem.value = cause.message; });
  }, [id, known]);
  if (!p) {
    return (
      <>
        <Title>Payment</Title>
        {problem.value ? <Notice tone="bad" title="This payment cannot be shown."><p>{problem.value}</p><p><a href="#/">All payments</a></p></Notice>
          : <p class="empty">Asking the aggregator …</p>}
      </>
    );
  }
  return <Known p={p} key={id} />;
}

function Known({ p }: { p: PaymentView }) {
  const chain = chainOf(p.id, payments.value);
  const motion = useSlowMotion(lengthOf(chain));
  const verdict = stale.value ? undefined : verdictTexts(judge(p, blocks.value), chain.indexOf(p) + 1)[0];
  const asset = assetOf(p.asset);
  const cites = chain.filter((other) => other.parents.includes(p.id));
  return (
    <>
      <Title><Name address={p.from} /> → <Name address={p.to} /> <Money units={p.amount} asset={p.asset} /></Title>
      <p class="lead"><StageCell p={p} /> <span>{lookOf(p.stage).meaning}</span></p>
      {verdict && <p class="verdict">{verdict}.</p>}
      {p.evidence && p.document && <Notice tone={failed(p) ? 'bad' : 'plain'} title={capital(p.document.why)}>{p.evidence.chain_tx_hash && <p>Chain transaction <Hash value={p.evidence.chain_tx_hash} label="hash of the chain transaction" /></p>}</Notice>}
      <Card title="Votes" aside={<span class="count">{p.weight} of {p.total}, {p.threshold} needed</span>}><Votes p={p} /></Card>
      {certified(p) && <Certified p={p} />}
      <Card title="From payment to certificate" aside={<SlowMotion motion={motion} />}><Lens chain={chain} until={motion.until} /></Card>
      <Card title="Payment">
        <Facts>
          <Fact name="Tx id"><Hash value={p.id} label="tx id" /></Fact>
          <Fact name="From"><Name address={p.from} /> <Hash value={p.from} label="payer's address" /></Fact>
          <Fact name="To"><Name address={p.to} /> <Hash value={p.to} label="payee's address" /></Fact>
          <Fact name="Amount">{tokens(p.amount, asset.decimals)} {asset.symbol}</Fact>
          <Fact name="Relies on">{p.parents.length === 0 ? 'nothing but the payer’s own balance' : p.parents.map((id) => <PaymentLink key={id} id={id} />)}</Fact>
          {cites.length > 0 && <Fact name="Spent by">{cites.map((c) => <PaymentLink key={c.id} id={c.id} />)}</Fact>}
          {p.document && <Fact name="Valid before">{new Date(Number(p.document.valid_before) * 1000).toLocaleString()}</Fact>}
          {p.document?.note && <Fact name="Note"><Hash value={p.document.note} label="SHA-256 of the note" /></Fact>}
          {p.document?.chain_tx_hash && <Fact name="On the chain"><Hash value={p.document.chain_tx_hash} label="hash of the chain transaction" /> in block {p.includedHeight}</Fact>}
        </Facts>
        {p.document && <details><summary>Signed bytes (FastPayTx)</summary><Hash value={p.document.raw} label="signed bytes" full /></details>}
      </Card>
      {p.document?.timeline && p.document.timeline.length > 0 && <Card title="What happened"><History p={p} /></Card>}
    </>
  );
}

function PaymentLink({ id }: { id: string }) {
  const p = payments.value.get(id);
  return <a class="payment-link" href={`#/payment/${id}`}>{p ? `${nameOf(p.from)} → ${nameOf(p.to)}` : id.slice(0, 10) + '…'}</a>;
}

function Votes({ p }: { p: PaymentView }) {
  if (p.votes.length === 0 && p.waiting.length === 0) return <p class="empty">No validator has answered yet.</p>;
  const since = (at: number | null) => (at === null || p.firstSeen === null ? '–' : `+${duration(at - p.firstSeen)}`);
  return (
    <>
      <Scroll label="Table of the votes"><table class="plain">
        <thead><tr><th scope="col">Validator</th><th scope="col">Vote</th><th scope="col">Seen after</th><th scope="col">Checked in this tab</th></tr></thead>
        <tbody>
          {p.votes.map((v) => (
            <tr key={v.name}><th scope="row">{v.name}</th><td><span class="certified-text">✓ signed</span></td><td>{since(v.at ?? v.tabAt)}</td><td>{v.tabAt === null ? '–' : `✓ +${duration(v.tabAt - (p.firstSeen ?? v.tabAt))}`}</td></tr>
          ))}
          {p.waiting.map((w) => <tr key={w.name}><th scope="row">{w.name}</th><td colSpan={3}><span class="open-text">◔ {w.problem}</span></td></tr>)}
        </tbody>
      </table></Scroll>
      {!certified(p) && <p class="hint">{waitingText(p)}</p>}
    </>
  );
}

/** The text of a QC file, of the aggregator or, where that is silent, of this tab. */
async function qcFileOf(id: string): Promise<string> {
  const own = link.value === 'live' ? null : tabPeer.value?.qcFile(id);
  return own ?? api.qcFile(id);
}

/** Hands a text to the visitor as a file. */
function saveAs(name: string, text: string): void {
  const url = URL.createObjectURL(new Blob([text], { type: 'application/json' }));
  const a = document.createElement('a');
  a.href = url;
  a.download = name;
  a.click();
  URL.revokeObjectURL(url);
}

/** The certificate as a file, and its check in this tab. */
function Certified({ p }: { p: PaymentView }) {
  const result = useSignal<Verification | null>(null);
  const problem = useSignal<string | null>(null);
  const busy = useSignal(false);
  const withFile = async (use: (text: string) => Promise<void> | void) => {
    [busy.value, problem.value] = [true, null];
    try {
      await use(await qcFileOf(p.id));
    } catch (cause) {
      problem.value = cause instanceof Error ? cause.message : String(cause); // says nothing against the certificate
    } finally {
      busy.value = false;
    }
  };
  const check = () => withFile(async (text) => { result.value = await verifyQC(text); });
  const download = () => withFile((text) => saveAs(`qc-${p.id.slice(2, 10)}.json`, text));
  return (
    <Card title="Quorum certificate" aside={<button type="button" class="quiet" onClick={() => void download()} disabled={busy.value}>Download</button>}>
      <p>It proves to anybody who knows the committee, without a network, that validators of more than two thirds of the weight stand for this payment.</p>
      <p><button type="button" onClick={() => void check()} disabled={busy.value}>{busy.value ? 'Checking …' : 'Verify in this tab'}</button></p>
      {problem.value && <Notice tone="bad" title="The certificate could not be had."><p>{problem.value}</p></Notice>}
      {result.value && <Certificate result={result.value} />}
    </Card>
  );
}

function History({ p }: { p: PaymentView }) {
  return (
    <table class="plain">
      <thead><tr><th scope="col">Event</th><th scope="col">Time</th><th scope="col">Height</th></tr></thead>
      <tbody>
        {p.document?.timeline?.map((e, i) => (
          <tr key={i}><th scope="row">{e.event.replace('_', ' ')}{e.validator ? ` of ${e.validator}` : ''}</th><td>{e.unix_micros === null ? 'not known' : timeOfDay(Number(e.unix_micros) / 1000)}</td><td>{e.height ?? '–'}</td></tr>
        ))}
      </tbody>
    </table>
  );
}
