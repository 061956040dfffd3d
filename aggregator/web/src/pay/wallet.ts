// Wallets of the browser: EIP-1193 providers, found by EIP-6963 or at window.ethereum.
import { signal } from '@preact/signals';

export interface Provider {
  request(args: { method: string; params?: unknown }): Promise<unknown>;
}

export interface Wallet {
  /** Unique in the page. */
  id: string;
  name: string;
  provider: Provider;
}

export const wallets = signal<Wallet[]>([]);

/** Looks for wallets for as long as the page lives. */
export function findWallets(): void {
  addEventListener('eip6963:announceProvider', (event) => {
    const detail = (event as CustomEvent<{ info?: { uuid?: unknown; name?: unknown }; provider?: Provider }>).detail;
    const { uuid, name } = detail?.info ?? {};
    if (typeof uuid !== 'string' || typeof name !== 'string' || typeof detail.provider?.request !== 'function') return;
    add({ id: uuid, name: name.slice(0, 40), provider: detail.provider });
  });
  dispatchEvent(new Event('eip6963:requestProvider'));
  const lone = (globalThis as { ethereum?: Provider }).ethereum;
  if (wallets.value.length === 0 && typeof lone?.request === 'function') add({ id: 'window.ethereum', name: 'Browser wallet', provider: lone });
}

/** More wallets than this in one browser are no accident. */
const MAX_WALLETS = 16;

function add(wallet: Wallet): void {
  if (wallets.value.length >= MAX_WALLETS || wallets.value.some((w) => w.id === wallet.id)) return;
  wallets.value = [...wallets.value.filter((w) => w.id !== 'window.ethereum'), wallet];
}

/** Why a wallet did not do what it was asked for. declined: its owner said no. */
export class WalletError extends Error {
  readonly declined: boolean;

  constructor(message: string, declined: boolean) {
    super(message);
    this.name = 'WalletError';
    this.declined = declined;
  }
}

/** Asks for the wallet's account. */
export async function connect(wallet: Wallet): Promise<string> {
  const list = await ask(wallet, 'eth_requestAccounts', undefined, 'show an account');
  const first: unknown = Array.isArray(list) ? list[0] : undefined;
  if (typeof first !== 'string' || !/^0x[0-9a-fA-F]{40}$/.test(first)) throw new WalletError(`${wallet.name} showed no account.`, false);
  return first;
}

/**
 * Asks the wallet to sign a Tempo transaction, which is not sent. A wallet that does not
 * know type 0x76 answers in one of many ways; whatever it says is told with what it means.
 */
export async function signTransaction(wallet: Wallet, request: Record<string, unknown>): Promise<string> {
  const answer = await ask(wallet, 'eth_signTransaction', [request], 'sign a Tempo transaction (type 0x76)');
  const raw = typeof answer === 'string' ? answer : (answer as { raw?: unknown } | null)?.raw;
  if (typeof raw !== 'string' || !/^0x([0-9a-fA-F]{2})+$/.test(raw)) throw cannotSign(wallet, 'it returned no transaction');
  if (!raw.toLowerCase().startsWith('0x76')) throw cannotSign(wallet, `it signed a transaction of type ${raw.slice(0, 4)} instead`);
  return raw;
}

function cannotSign(wallet: Wallet, why: string): WalletError {
  return new WalletError(`${wallet.name} cannot sign Tempo transactions (type 0x76): ${why}. Use a wallet that knows Tempo, or another account.`, false);
}

/** Codes of EIP-1193 and JSON-RPC. */
const DECLINED = 4001;
const UNSUPPORTED = [4200, -32601, -32602, -32004];

async function ask(wallet: Wallet, method: string, params: unknown, what: string): Promise<unknown> {
  try {
    return await wallet.provider.request(params === undefined ? { method } : { method, params });
  } catch (cause) {
    const { code, message } = cause as { code?: unknown; message?: unknown };
    const text = typeof message === 'string' ? message.slice(0, 200) : 'it did not say why';
    if (code === DECLINED) throw new WalletError(`You declined in ${wallet.name}. Nothing was signed.`, true);
    if (method === 'eth_signTransaction') throw cannotSign(wallet, UNSUPPORTED.includes(Number(code)) ? `it answered “${text}”` : text);
    throw new WalletError(`${wallet.name} did not ${what}: ${text}`, false);
  }
}
