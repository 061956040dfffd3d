// What the page knows, in one place. Signals hold it; only this file and those beside it
// write them.
import { computed, signal } from '@preact/signals';
import type { TabHead, TabPeer, TabSnapshot } from '../../peer/index.ts';
import type { Account, Committee, DemoAccount, Head, NetworkJSON, Payment, ValidatorHead } from '../api/documents.ts';
import type { BlockSeen } from '../payments/verdict.ts';
import { checksummed } from '../checksum.ts';
import { capital, money, short } from '../format.ts';
import { newestFirst, ofDocument, withTab, type PaymentView } from '../payments/view.ts';
import { Clock } from './clock.ts';

/** How many payments the page holds; the aggregator keeps the older ones. */
const MAX_PAYMENTS = 400;
/** How many blocks it remembers: more than any view shows. */
const MAX_BLOCKS = 64;
/** A chain without a block for this many block times is stale. */
export const STALE_BLOCKS = 3;

export const clock = new Clock(() => performance.now());

/** How the page stands with its aggregator; none: it is carol.html, which has no aggregator. */
export type Link = 'connecting' | 'live' | 'lost' | 'cut' | 'none';
export const link = signal<Link>('connecting');
/** Why the first load did not work; null once it has. */
export const loadProblem = signal<string | null>(null);
/** True after the aggregator could not replay what was missed, until the visitor has read it. */
export const reset = signal(false);

/** By whose clock the page tells times. */
export const observer = computed(() => (link.value === 'none' ? 'this tab' : 'the aggregator that serves this page'));

export const network = signal<NetworkJSON | null>(null);
export const committee = signal<Committee | null>(null);
export const demoAccounts = signal<DemoAccount[]>([]);
/** This tab's own account, if it has made one. */
export const tabAccount = signal<string | null>(null);
export const blocks = signal<BlockSeen[]>([]);
export const validatorHeads = signal<ReadonlyMap<string, ValidatorHead>>(new Map());
export const accounts = signal<ReadonlyMap<string, Account>>(new Map());
const documents = signal<ReadonlyMap<string, Payment>>(new Map());

/** The peer that this tab is, while it is one. */
export const tabPeer = signal<TabPeer | null>(null);
export const tab = signal<TabSnapshot | null>(null);
/** Multiaddrs of validators, for a page that has no aggregator to ask for them. */
export const dialable = signal<readonly string[]>([]);
/** Whose word the page shows: the aggregator's, or only what this tab checked. */
export const trustTab = signal(false);

/** All payments, by tx id. */
export const payments = computed<ReadonlyMap<string, PaymentView>>(() => {
  const views = new Map<string, PaymentView>();
  for (const [id, doc] of documents.value) views.set(id, ofDocument(doc));
  const total = committee.value?.total ?? 0;
  for (const seen of tab.value?.payments ?? []) {
    views.set(seen.txId, withTab(views.get(seen.txId) ?? null, seen, total, (local) => clock.at(local)));
  }
  return views;
});

/** All payments, the newest first. */
export const recent = computed(() => [...payments.value.values()].sort(newestFirst));

/** The usual time between blocks, in milliseconds. */
export const blockTime = computed(() => Number(network.value?.chain.block_time_seconds ?? 5) * 1000);

/** The newest block; null before one was seen. */
export const latest = computed<BlockSeen | null>(() => blocks.value[blocks.value.length - 1] ?? null);

/** Names of accounts and of this tab's own, by lower-case address. */
export const names = computed<ReadonlyMap<string, string>>(() => {
  const map = new Map<string, string>();
  if (tabAccount.value) map.set(tabAccount.value.toLowerCase(), 'this tab');
  for (const a of demoAccounts.value) map.set(a.address.toLowerCase(), a.name);
  return map;
});

/** Takes a payment as the aggregator tells it, in place of what it told before. */
export function putPayments(list: readonly Payment[]): void {
  const next = new Map(documents.value);
  for (const p of list) next.set(p.tx_id, p);
  if (next.size > MAX_PAYMENTS) {
    const oldest = [...next.values()].map(ofDocument).sort(newestFirst).slice(MAX_PAYMENTS);
    for (const p of oldest) next.delete(p.id);
  }
  documents.value = next;
}

/** Takes a block. An equal or lower height replaces what stood there: the chain went back. */
export function putBlock(head: Pick<Head, 'height' | 'seen_unix_micros'>): void {
  const block = { height: Number(head.height), at: Number(head.seen_unix_micros) / 1000 };
  const known = blocks.value.find((b) => b.height === block.height);
  if (known && known.at === block.at) return;
  blocks.value = [...blocks.value.filter((b) => b.height < block.height), block].slice(-MAX_BLOCKS);
}

/**
 * Takes what validators told this tab of the chain, for as long as the aggregator tells
 * nothing: the highest block, at the moment the first of them named it.
 */
export function putTabHeads(heads: readonly TabHead[]): void {
  for (const h of heads) {
    putValidatorHead({ validator: h.name, height: String(h.height), finalized_height: String(h.finalizedHeight), time: String(h.time) });
  }
  const height = heads.reduce((most, h) => (h.height > most ? h.height : most), -1n);
  if (height <= BigInt(latest.value?.height ?? -1)) return;
  const seen = Math.min(...heads.filter((h) => h.height === height).map((h) => h.seenAt));
  putBlock({ height: String(height), seen_unix_micros: String(clock.at(seen) * 1000) });
}

export function putValidatorHead(head: ValidatorHead): void {
  validatorHeads.value = new Map(validatorHeads.value).set(head.validator, head);
}

export function putAccount(account: Account): void {
  accounts.value = new Map(accounts.value).set(account.account.toLowerCase(), account);
}

/** Forgets what may have changed unseen, before it is asked for anew. */
export function forgetChain(): void {
  blocks.value = [];
  documents.value = new Map();
}

/** Symbol and decimals of a token; whole units of one that the network file does not list. */
export function assetOf(address: string): { symbol: string; decimals: number } {
  const asset = network.value?.asset.find((a) => a.address.toLowerCase() === address.toLowerCase());
  return asset ? { symbol: asset.symbol, decimals: Number(asset.decimals) } : { symbol: 'units', decimals: 0 };
}

/** What an account is called, for people: its name, or its address cut in the middle. */
export function nameOf(address: string): string {
  const name = names.value.get(address.toLowerCase());
  return name ? capital(name) : short(checksummed(address));
}

/** An amount of a token, for people. */
export function moneyOf(units: bigint, asset: string): string {
  const { symbol, decimals } = assetOf(asset);
  return money(units, decimals, symbol);
}
