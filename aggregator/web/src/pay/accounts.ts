// The accounts that a visitor can pay from.
import { computed, signal } from '@preact/signals';
import { knowNew } from '../state/peer.ts';
import { demoAccounts, link, network, tabAccount } from '../state/store.ts';
import type { Wallet } from './wallet.ts';

/** An account with what signs for it. */
export type Payer =
  | { kind: 'demo'; name: string; address: string; key: string }
  | { kind: 'tab'; name: string; address: string; key: string }
  | { kind: 'wallet'; name: string; address: string; wallet: Wallet };

const KEY = 'allegro.account';

/** Tempo's public chains, on which money is real or at least other people's. */
const PUBLIC_CHAINS = [4217, 42424, 42429, 42431];

/** Accounts that wallets have shown. */
export const walletAccounts = signal<{ address: string; wallet: Wallet }[]>([]);

/**
 * Whether this tab may hold a key of its own: a key in a page's storage is no place for
 * money, so only where there is none.
 */
export const mayHoldKey = computed(() => network.value !== null && !PUBLIC_CHAINS.includes(Number(network.value.chain.id)));

const tabKey = signal<string | null>(null);

/** Every account that can sign here, the demo's first. */
export const payers = computed<Payer[]>(() => [
  ...demoAccounts.value.map((a): Payer => ({ kind: 'demo', name: a.name, address: a.address, key: a.private_key })),
  ...(mayHoldKey.value && tabKey.value && tabAccount.value
    ? [{ kind: 'tab', name: 'this tab', address: tabAccount.value, key: tabKey.value } satisfies Payer] : []),
  ...walletAccounts.value.map(({ address, wallet }): Payer => ({ kind: 'wallet', name: wallet.name, address, wallet })),
]);

/** Reads the key that an earlier visit left, if there is one. */
export async function restoreTabAccount(): Promise<void> {
  const stored = localStorage.getItem(KEY);
  if (stored === null || !/^0x[0-9a-f]{64}$/.test(stored)) return;
  await take(stored);
}

/**
 * Makes a key for this tab. It is kept in this browser where an aggregator will tell of the
 * account after a reload; without one nobody would, so there it goes with the tab.
 */
export async function makeTabAccount(): Promise<void> {
  const { toHex } = await import('../../verifier/index.ts');
  const key = toHex(crypto.getRandomValues(new Uint8Array(32)));
  const address = await take(key);
  knowNew(address);
  if (link.value !== 'none') localStorage.setItem(KEY, key);
}

async function take(key: string): Promise<string> {
  const { accountOf, fromHex } = await import('../../verifier/index.ts');
  const address = accountOf(fromHex(key));
  tabAccount.value = address;
  tabKey.value = key;
  return address;
}
