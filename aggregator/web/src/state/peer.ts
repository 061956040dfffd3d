// This tab as a peer of the network: what aggregators say becomes one voice among others.
import { effect, signal } from '@preact/signals';
import * as api from '../api/client.ts';
import type { Known, PeerAddresses } from '../../peer/index.ts';
import { loadAll } from '../shell/later.tsx';
import { refresh } from './balances.ts';
import { accounts, demoAccounts, dialable, link, network, putTabHeads, tab, tabAccount, tabPeer } from './store.ts';

export type Joining =
  | { state: 'idle' }
  | { state: 'loading' }
  | { state: 'joining' }
  | { state: 'joined' }
  | { state: 'failed'; problem: string };

export const joining = signal<Joining>({ state: 'idle' });

/** Pictures of the peer are taken at most this often. */
const PICTURE_MS = 40;

/**
 * Makes this tab a peer. Everything that it may need later is loaded now, since the
 * aggregator that serves the page may be gone by then.
 */
export async function joinNetwork(): Promise<void> {
  const file = network.value;
  if (!file || ['loading', 'joining', 'joined'].includes(joining.value.state)) return;
  joining.value = { state: 'loading' };
  try {
    const [{ browserAddresses, join }] = await Promise.all([import('../../peer/index.ts'), import('../pay/signing.ts'), loadAll()]);
    joining.value = { state: 'joining' };
    const addresses = link.value === 'none' ? dialable.value : browserAddresses(await askForPeers());
    const peer = await join(file, { addresses, known });
    tabPeer.value = peer;
    const take = () => {
      tab.value = peer.snapshot();
      if (link.value !== 'live') putTabHeads(tab.value.heads);
    };
    let timer: ReturnType<typeof setTimeout> | undefined;
    peer.subscribe(() => {
      timer ??= setTimeout(() => {
        timer = undefined;
        take();
      }, PICTURE_MS);
    });
    take();
    joining.value = { state: 'joined' };
  } catch (problem) {
    joining.value = { state: 'failed', problem: problem instanceof Error ? problem.message : String(problem) };
  }
}

/** Joins as soon as the network file is there. */
export function joinWhenLoaded(): void {
  const stop = effect(() => {
    if (!network.value) return;
    queueMicrotask(() => stop()); // not from inside: the effect is still being made
    void joinNetwork();
  });
}

/** Leaves the network. What the tab has checked stays on the page. */
export async function leaveNetwork(): Promise<void> {
  const peer = tabPeer.value;
  tabPeer.value = null;
  joining.value = { state: 'idle' };
  await peer?.close();
  if (peer) tab.value = peer.snapshot();
}

/**
 * What the chain says of accounts, as the aggregator told it last: a peer alone cannot ask
 * the chain. It goes on being true for planning once the aggregator is gone.
 */
const known: Record<string, Known> = {};

/** Learns what every answer of the aggregator says of an account, for as long as the page lives. */
export function followAccounts(): void {
  effect(() => {
    for (const [address, account] of accounts.value) {
      const first = account.balances[0];
      if (first) known[address] = { confirmed: first.confirmed, nonce: first.nonce, height: first.height };
    }
  });
}

/** An account whose key was made this moment: the chain has nothing of it, and it has signed nothing. */
export function knowNew(address: string): void {
  known[address.toLowerCase()] = { confirmed: '0', nonce: '0', height: '0' };
}

/** Asks the aggregator for peers that a tab may dial, and for all that it will be asked for once the aggregator is gone. */
async function askForPeers(): Promise<PeerAddresses[]> {
  const [self, peers] = await Promise.all([api.self(), api.peers(), askForAccounts()]);
  return [self, ...peers.filter((p) => p.role === 'validator')];
}

/** Asks for the accounts that this tab can pay from. */
async function askForAccounts(): Promise<void> {
  const addresses = [...demoAccounts.value.map((a) => a.address), ...(tabAccount.value ? [tabAccount.value] : [])];
  await Promise.all(addresses.map((address) => refresh(address)));
}
