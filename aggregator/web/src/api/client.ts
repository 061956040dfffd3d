// Requests to the aggregator that serves the page.
import { signal } from '@preact/signals';
import { parseEvents } from './stream.ts';
import type {
  Account, ChainHead, Committee, DemoAccount, NetworkJSON, Payment, PaymentPage, Peer, Prepared, Submitted, Topic,
} from './documents.ts';

const BASE = '/api/v1';

/** A question that a person waits for is answered within this time, or has failed. */
const TIMEOUT_MS = 15_000;

/**
 * True while the page asks no aggregator, because the visitor has cut it off to see what
 * this tab can do alone, or because it is carol.html, which has none. Every request then
 * fails at once.
 */
export const cut = signal(false);

/** What the aggregator answered instead of what was asked for. */
export class APIError extends Error {
  readonly status: number;
  readonly code: string;
  readonly hint: string | null;

  constructor(status: number, code: string, message: string, hint: string | null) {
    super(message);
    this.name = 'APIError';
    this.status = status;
    this.code = code;
    this.hint = hint;
  }
}

/** What it means that no answer came: status 0. */
const UNREACHABLE = 'UNREACHABLE';

async function request(path: string, init: RequestInit = {}, timeout = TIMEOUT_MS): Promise<Response> {
  if (cut.value) throw new APIError(0, UNREACHABLE, 'This page asks no aggregator.', null);
  let response: Response;
  try {
    response = await fetch(BASE + path, { ...init, signal: AbortSignal.timeout(timeout) });
  } catch (cause) {
    const late = cause instanceof DOMException && cause.name === 'TimeoutError';
    throw new APIError(0, UNREACHABLE, late ? `The aggregator gave no answer for ${timeout / 1000} s.` : 'The aggregator does not answer.', null);
  }
  if (response.ok) return response;
  throw await problemOf(response);
}

/** Reads the error document of an answer; one that has none still gets an error. */
async function problemOf(response: Response): Promise<APIError> {
  const text = await response.text();
  try {
    const body = JSON.parse(text) as { error?: unknown; code?: unknown; hint?: unknown };
    if (typeof body.error === 'string') {
      return new APIError(response.status, String(body.code ?? ''), body.error, typeof body.hint === 'string' ? body.hint : null);
    }
  } catch {
    // No JSON: whatever stands between here and the aggregator answered.
  }
  return new APIError(response.status, '', `The aggregator answered ${response.status}: ${text.slice(0, 200) || response.statusText}`, null);
}

async function get<T>(path: string): Promise<T> {
  return (await (await request(path)).json()) as T;
}

async function post<T>(path: string, body: unknown, timeout?: number): Promise<T> {
  const init = { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body) };
  return (await (await request(path, init, timeout)).json()) as T;
}

export const network = () => get<NetworkJSON>('/network');
export const chainHead = () => get<ChainHead>('/chain/head');
export const committee = () => get<Committee>('/committee');
export const payments = (limit: number) => get<PaymentPage>(`/payments?limit=${limit}`);
export const payment = (id: string) => get<Payment>(`/payments/${id}`);
export const account = (address: string) => get<Account>(`/accounts/${address}`);
export const peers = async () => (await get<{ peers: Peer[] }>('/p2p/peers')).peers;
export const topics = async () => (await get<{ topics: Topic[] }>('/p2p/topics')).topics;
export const self = () => get<{ peer_id: string; addresses: string[] }>('/p2p/self');

/** The text of a payment's QC file, as the command line writes it. */
export const qcFile = async (id: string) => (await request(`/payments/${id}/qc`)).text();

/** The accounts of a demo, whose keys are public; none in any other network. */
export async function demoAccounts(): Promise<DemoAccount[]> {
  try {
    return (await get<{ accounts: DemoAccount[] }>('/demo/accounts')).accounts;
  } catch (problem) {
    if (problem instanceof APIError && problem.status === 404) return [];
    throw problem;
  }
}

export interface Order {
  from: string;
  to: string;
  /** Token units, decimal. */
  amount: string;
  asset: string;
  /** Text of which the payment has the SHA-256; empty for none. */
  note: string;
}

export const prepare = (order: Order) => post<Prepared>('/payments/prepare', { ...order, parents: 'auto' });

/** Hands a signed payment over and waits for its quorum, up to a time. */
export const submit = (signedTx: string, envelope: string, waitMS: number) =>
  post<Submitted>(`/submit-raw-tx?wait=certified&timeout_ms=${waitMS}`, { signed_tx: signedTx, envelope }, waitMS + TIMEOUT_MS);

/** Plays the demo's scene; its events come as they happen until one ends it. */
export async function playScene(onEvent: (event: string, data: unknown) => void): Promise<void> {
  const response = await request('/demo/chained-flow', { method: 'POST', headers: { Accept: 'text/event-stream' } }, 120_000);
  for await (const { event, data } of parseEvents(response.body)) onEvent(event, JSON.parse(data));
}
