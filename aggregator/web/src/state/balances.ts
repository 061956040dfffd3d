// What accounts hold, asked for when it is shown and again when it may have changed.
import { effect } from '@preact/signals';
import * as api from '../api/client.ts';
import { accounts, blocks, link, putAccount, recent } from './store.ts';

/** Accounts that something on the page shows, by how many show them. */
const shown = new Map<string, number>();
const asking = new Set<string>();

/** Keeps an account's balances fresh until the returned function is called. */
export function watch(address: string): () => void {
  const key = address.toLowerCase();
  shown.set(key, (shown.get(key) ?? 0) + 1);
  void refresh(key);
  return () => {
    const left = (shown.get(key) ?? 1) - 1;
    if (left > 0) shown.set(key, left);
    else shown.delete(key);
  };
}

/** Asks for an account's balances; an answer that does not come leaves the old ones. */
export async function refresh(address: string): Promise<void> {
  const key = address.toLowerCase();
  if (asking.has(key) || ['cut', 'none'].includes(link.peek())) return;
  asking.add(key);
  try {
    putAccount(await api.account(key));
  } catch {
    // The page shows that the aggregator is silent; what it told last stays.
  } finally {
    asking.delete(key);
  }
}

/** Asks anew whenever a payment or a block may have moved money. */
export function followBalances(): void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  effect(() => {
    void recent.value;
    void blocks.value;
    timer ??= setTimeout(() => {
      timer = undefined;
      for (const key of shown.keys()) void refresh(key);
    }, 150);
  });
}

/** What an account may spend of an asset now; null if it was not asked for. */
export function spendable(address: string, asset: string): bigint | null {
  const balance = accounts.value.get(address.toLowerCase())?.balances.find((b) => b.asset.toLowerCase() === asset.toLowerCase());
  return balance ? BigInt(balance.spendable) : null;
}
