// How it works: five steps over the same drawing as the lens, at the visitor's pace.
import { useSignal } from '@preact/signals';
import type { PaymentView } from '../payments/view.ts';
import { Card, Title } from '../shell/parts.tsx';
import { link } from '../state/store.ts';
import { Lens } from '../timeline/lens.tsx';

/** The steps: the millisecond each begins at, and the one that shows it best. */
const STEPS = [
  { from: 0, shows: 0, title: 'Alice signs', text: 'Alice signs one Tempo transaction that pays Bob, and sends it to every validator. Signing is all that she does.' },
  { from: 1, shows: 4, title: 'Validators vote', text: 'Dave and Edgar look at the chain and at what they have signed before. Each writes his vote to disk and only then says it. A slot of Alice’s account gets one vote of an honest validator, so she cannot spend twice.' },
  { from: 6, shows: 6, title: 'The votes are a certificate', text: 'Votes of more than two thirds of the weight are a quorum certificate, a QC. Anybody can put it together, and anybody who knows the committee can check it, without a network.' },
  { from: 9, shows: 14, title: 'Bob spends it at once', text: 'Bob pays Carol on the strength of that QC. He cites Alice’s payment as the parent of his own, and gets a QC in the same way. No block has come in between.' },
  { from: 16, shows: 16, title: 'The chain follows', text: 'Validators put both payments into the next blocks, the parent first. From then on the chain itself says what the QCs said seconds before.' },
];

/** The drawing of this page: typical moments, no measurement. */
function illustration(): PaymentView[] {
  const base: PaymentView = {
    id: 'first', from: 'Alice', to: 'Bob', asset: '', amount: 10n, parents: [], stage: 'CERTIFIED', weight: 2, threshold: 2, total: 2, firstSeen: 0,
    certifiedAt: 6, heightAtQC: 41, lead: null, includedAt: null, includedHeight: null, finalizedAt: null, waiting: [], evidence: null, document: null, tab: null,
    votes: [{ name: 'dave', at: 4, tabAt: null }, { name: 'edgar', at: 6, tabAt: null }],
  };
  const second: PaymentView = {
    ...base, id: 'second', from: 'Bob', to: 'Carol', parents: ['first'], firstSeen: 9, certifiedAt: 16,
    votes: [{ name: 'dave', at: 14, tabAt: null }, { name: 'edgar', at: 16, tabAt: null }],
  };
  return [base, second];
}

const chain = illustration();
const LAST = 16;

export function How() {
  const at = useSignal(0);
  const step = STEPS.findLastIndex((s) => at.value >= s.from);
  return (
    <>
      <Title>How it works</Title>
      <p class="lead">Five steps, sixteen milliseconds. Move the slider, or go from step to step.</p>
      <Card title="Slow motion" aside={<span class="count">an illustration, not a measurement</span>}>
        <label class="slider"><span>Milliseconds since Alice paid: <b>{at.value}</b></span>
          <input type="range" min={0} max={LAST} step={1} value={at.value} onInput={(e) => { at.value = Number(e.currentTarget.value); }} />
        </label>
        <Lens chain={chain} until={at.value} illustrated />
      </Card>
      <ol class="steps">
        {STEPS.map((s, i) => (
          <li key={s.title} class={i === step ? 'here' : undefined} aria-current={i === step ? 'step' : undefined}>
            <button type="button" onClick={() => { at.value = s.shows; }}><span class="step-number" aria-hidden="true">{i + 1}</span>{s.title}</button>
            <p>{s.text}</p>
          </li>
        ))}
      </ol>
      <Card title="What a certificate is worth">
        <p>A QC is conditional until the chain has the payment: until then another transaction of the payer outside Allegro, or a freeze of the token by its issuer, can void it. Final it is once a final block has executed it. This page never calls a payment final before that.</p>
        <p>No server is needed. {link.value === 'none' ? 'This page came from none: it is a peer and hears the validators itself.' : <>The aggregator that serves this page is one more peer; <a href="#/network">make this tab a peer</a> and it hears the validators itself.</>}</p>
      </Card>
    </>
  );
}
