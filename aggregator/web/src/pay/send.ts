// One payment, from the order to its quorum.
import { signal } from '@preact/signals';
import * as api from '../api/client.ts';
import type { Reject } from '../api/documents.ts';
import { network, tabPeer } from '../state/store.ts';
import type { Payer } from './accounts.ts';
import { signTransaction } from './wallet.ts';

export interface Order {
  payer: Payer;
  to: string;
  asset: string;
  amount: bigint;
  /** Text of which the payment has the SHA-256; empty for none. */
  note: string;
  /** Who sends it: the aggregator for the visitor, or this tab as a peer. */
  via: 'aggregator' | 'tab';
}

export type Sending =
  | { state: 'idle' }
  | { state: 'busy'; doing: string }
  | { state: 'sent'; id: string; explain: string; rejects: Reject[]; via: Order['via'] }
  | { state: 'failed'; problem: string; hint: string | null };

export const sending = signal<Sending>({ state: 'idle' });

/** How long the page waits for a quorum before it says that it is still missing. */
const WAIT_MS = 5000;

/** Sends an order; {@link sending} tells how it goes. */
export async function send(order: Order): Promise<void> {
  if (sending.value.state === 'busy') return;
  try {
    sending.value = order.via === 'tab' ? await sendFromTab(order) : await sendByAggregator(order);
  } catch (problem) {
    sending.value = {
      state: 'failed', problem: problem instanceof Error ? problem.message : String(problem),
      hint: problem instanceof api.APIError ? problem.hint : null,
    };
  }
}

async function sendFromTab({ payer, to, asset, amount, note }: Order): Promise<Sending> {
  const peer = tabPeer.value;
  if (!peer) throw new Error('This tab is no peer: join under Network first.');
  if (payer.kind === 'wallet') throw new Error('A wallet signs what the aggregator planned; a tab pays from accounts whose key it has.');
  sending.value = { state: 'busy', doing: 'Planning, signing and sending in this tab …' };
  const { fromHex } = await import('../../verifier/index.ts');
  const id = await peer.pay({ key: fromHex(payer.key), to: to.toLowerCase(), asset: asset.toLowerCase(), amount, note });
  return { state: 'sent', id, explain: 'This tab planned it from the certificates that it holds, signed it and sent it to the validators itself.', rejects: [], via: 'tab' };
}

async function sendByAggregator({ payer, to, asset, amount, note }: Order): Promise<Sending> {
  const file = network.value;
  if (!file) throw new Error('The network file has not been loaded yet.');
  sending.value = { state: 'busy', doing: 'The aggregator plans the payment …' };
  const [signing, plan] = await Promise.all([
    import('./signing.ts'), api.prepare({ from: payer.address, to, asset, amount: amount.toString(), note }),
  ]);
  const checked = signing.check(plan, { from: payer.address, to, asset, amount, note }, file);
  let signed: string;
  if (payer.kind === 'wallet') {
    sending.value = { state: 'busy', doing: `Waiting for ${payer.wallet.name} to sign …` };
    signed = signing.acceptSigned(checked, await signTransaction(payer.wallet, signing.walletRequest(checked)));
  } else {
    const { fromHex } = await import('../../verifier/index.ts');
    signed = signing.sign(checked, fromHex(payer.key));
  }
  sending.value = { state: 'busy', doing: 'Waiting for the validators …' };
  const answer = await api.submit(signed, plan.envelope, WAIT_MS);
  return { state: 'sent', id: checked.txId, explain: plan.explain, rejects: answer.rejects ?? [], via: 'aggregator' };
}
