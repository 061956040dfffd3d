// An example: paying and being paid over HTTP by a program that is no peer. It believes
// nothing that the aggregator says: the plan is hashed anew before it is signed, the QC is
// verified from its bytes. docs/integrators.md explains it, pay.ts and receive.ts run it.
import type { PrivateKeyAccount } from 'viem';
import { Transaction } from 'viem/tempo';
import { parseEvents } from '../src/api/stream.ts';
import { acceptSigned, check, type Order } from '../src/pay/signing.ts';
import { fromHex, Network, type NetworkJSON, type QC, toHex, transferOf } from '../verifier/index.ts';

/** The gas limit of every payment (docs/spec.md, FastPayTx). */
const PAYMENT_GAS = 1_000_000n;

/** How long a program waits before it asks again, in milliseconds. */
const AGAIN = 1000;

/** An event stream that is silent for longer is dead: it says every 15 s that it is alive. */
const SILENCE = 40_000;

/** What UNITS are in a command line. */
export const UNITS = "UNITS are the token's smallest units, in digits: 1000000 are 1.00 pathUSD";

/** Whether a word of a command line is an amount in units, above zero. */
export function isUnits(word: string | undefined): word is string {
  return word !== undefined && /^[1-9][0-9]*$/.test(word);
}

/** The plan that an aggregator answers with, as far as a wallet uses it. */
export interface Plan {
  tx_id: string;
  envelope: string;
  signing_hash: string;
}

/** What is submitted. The same bytes may be sent any number of times. */
export interface Submission {
  signed_tx: string;
  envelope: string;
}

/** How far a payment came. */
export interface Progress {
  tx_id: string;
  stage: string;
  qc_formed: boolean;
}

/** What an aggregator answered instead: its code says what to do, retryable whether to wait. */
export class Refused extends Error {
  readonly status: number;
  readonly code: string;

  constructor(status: number, code: string, message: string) {
    super(message);
    this.status = status;
    this.code = code;
  }

  get retryable(): boolean {
    return RETRYABLE.includes(this.code);
  }
}

/** Codes after which the same bytes may succeed later (docs/integrators.md, Refusals). */
export const RETRYABLE = [
  'NONCE_SEQ_TOO_HIGH', 'INSUFFICIENT_FUNDS', 'MISSING_PARENT_QC', 'TEMPORARY_UNAVAILABLE', 'NO_QC', 'RATE_LIMITED', 'BUSY', 'NOT_READY', 'DEADLINE',
];

/** The network, if its file is the one that the caller knows by its digest: the committee stands in it. */
export async function network(url: string, digest: string): Promise<{ file: NetworkJSON; network: Network }> {
  const file = await request<NetworkJSON>(`${url}/api/v1/network`);
  const made = new Network(file); // computes the digest anew
  if (made.digest !== digest) throw new Error(`the aggregator is of network ${made.digest}, this wallet of ${digest}`);
  return { file, network: made };
}

/** Plans, checks and signs a payment. Nothing is sent yet: keep what it returns before you submit it. */
export async function prepare(url: string, file: NetworkJSON, account: PrivateKeyAccount, order: Order): Promise<Submission & { tx_id: string }> {
  const plan = await request<Plan>(`${url}/api/v1/payments/prepare`, {
    from: order.from, to: order.to, asset: order.asset, amount: order.amount.toString(), parents: 'auto', note: order.note,
  });
  const signed_tx = await sign(plan, order, file, account);
  return { tx_id: plan.tx_id, envelope: plan.envelope, signed_tx };
}

/** Signs a plan with viem, if it is the order and nothing else. */
export async function sign(plan: Plan, order: Order, file: NetworkJSON, account: PrivateKeyAccount): Promise<string> {
  const checked = check(plan, order, file); // throws if anything differs
  const t = transferOf(checked.envelope, checked.network.committeeOf(checked.envelope.committeeId));
  const word = (hex: string) => hex.padStart(64, '0');
  const data = `0x95777d59${word(t.recipient.slice(2))}${word(t.amount.toString(16))}${t.memo.slice(2)}` as const; // transferWithMemo
  const signed = await Transaction.serialize({
    type: 'tempo', chainId: Number(t.chainId), calls: [{ to: t.asset, data, value: 0n }], gas: PAYMENT_GAS,
    maxFeePerGas: t.maxFee, maxPriorityFeePerGas: 0n, nonceKey: t.nonceKey, nonce: t.nonce, validBefore: Number(t.validBefore),
    feePayerSignature: null, // a sponsor signs for the fee later; feePayer: true would make another form
  } as never, await signatureOf(checked.signingHash, account));
  return acceptSigned(checked, signed); // it is that payment with the payer's signature
}

/** viem takes a signature in parts. */
async function signatureOf(hash: `0x${string}`, account: PrivateKeyAccount): Promise<{ r: `0x${string}`; s: `0x${string}`; yParity: number }> {
  const bytes = fromHex(await account.sign({ hash }));
  return { r: toHex(bytes.slice(0, 32)), s: toHex(bytes.slice(32, 64)), yParity: bytes[64]! - 27 };
}

/** Submits until the QC has formed. A time-out says nothing about the payment: the same bytes go out again. */
export async function submit(url: string, { signed_tx, envelope }: Submission, attempts = 10): Promise<Progress> {
  for (let attempt = 1; ; attempt++) {
    try {
      const progress = await request<Progress>(`${url}/api/v1/submit-raw-tx?wait=certified&timeout_ms=5000`, { signed_tx, envelope });
      if (progress.qc_formed || attempt >= attempts) return progress;
    } catch (problem) {
      if (!(problem instanceof Refused) || !problem.retryable || attempt >= attempts) throw problem;
      await pause();
    }
  }
}

/**
 * The ids of payments to an account as an aggregator tells of them, without end: of those that
 * come after this has returned, each several times, from the first vote to the final block.
 */
export async function incoming(url: string, payee: string): Promise<AsyncGenerator<string>> {
  // More than may still be on their way: what is told of these is not new.
  const before = new Set((await latest(url, payee)).map((p) => p.tx_id));
  return follow(url, payee, (p) => p.to.toLowerCase() === payee.toLowerCase() && !before.has(p.tx_id));
}

/**
 * Follows the events of an account. A stream that breaks is taken up where it was, and the list
 * has what happened before the first one was open, so that none is missed.
 */
async function* follow(url: string, account: string, wanted: (p: Told) => boolean): AsyncGenerator<string> {
  let last = ''; // id of the last event; without one a stream begins at the newest event
  async function* listed() {
    for (const p of await patiently(() => latest(url, account))) if (wanted(p)) yield p.tx_id;
  }
  for (;; await pause()) {
    const silence = new AbortController();
    const timer = setTimeout(() => silence.abort(new DOMException('the stream is silent', 'TimeoutError')), SILENCE);
    try {
      const headers = { Accept: 'text/event-stream', ...(last && { 'Last-Event-ID': last }) };
      const response = await fetch(`${url}/api/v1/events?types=payment&address=${account}`, { headers, signal: silence.signal });
      if (!response.ok) throw await refusalOf(response);
      if (!last) yield* listed();
      const alive = new TransformStream<Uint8Array, Uint8Array>({ transform: (chunk, out) => { timer.refresh(); out.enqueue(chunk); } });
      for await (const { event, data } of parseEvents(response.body!.pipeThrough(alive), (id) => { last = id; })) {
        // After a reset events are missing: the list has what they told.
        if (event === 'reset') {
          yield* listed();
          continue;
        }
        const told = JSON.parse(data) as Told;
        if (wanted(told)) yield told.tx_id;
      }
    } catch (problem) {
      if (!passing(problem)) throw problem;
    } finally {
      clearTimeout(timer);
      silence.abort(); // who has what they want leaves, maybe before the stream was read
    }
  }
}

/** The latest payments from and to an account. */
async function latest(url: string, account: string): Promise<Told[]> {
  return (await request<{ payments: Told[] }>(`${url}/api/v1/payments?limit=200&address=${account}`)).payments;
}

/** A payment as an aggregator tells of it, as far as a payee uses it. */
interface Told {
  tx_id: string;
  to: string;
}

/** Asks until there is an answer, or none that time could change. */
export async function patiently<T>(ask: () => Promise<T>): Promise<T> {
  for (;; await pause()) {
    try {
      return await ask();
    } catch (problem) {
      if (!passing(problem)) throw problem;
    }
  }
}

/** Whether the same request may succeed later: nobody answered it, or somebody said so. */
function passing(problem: unknown): boolean {
  return problem instanceof Refused ? problem.retryable : problem instanceof TypeError || problem instanceof DOMException;
}

const pause = () => new Promise((resolve) => { setTimeout(resolve, AGAIN); });

/** Fetches the QC of a payment and verifies it: votes, payer's signature, weight, and that it is of this payment. It throws if anything is wrong. */
export async function fetchQC(url: string, made: Network, txId: string): Promise<QC> {
  const response = await fetch(`${url}/api/v1/payments/${txId}/qc`, { signal: AbortSignal.timeout(15_000) });
  if (!response.ok) throw await refusalOf(response);
  const qc = made.parseQCFile(await response.text());
  if (qc.tx.id !== txId) throw new Error(`the aggregator sent the QC of ${qc.tx.id}, not of ${txId}`);
  return qc;
}

/** What a shop asks of a QC that it has verified: is it its money, and is there time left for the chain to take it? */
export function pays(qc: QC, want: { payee: string; asset: string; atLeast: bigint; now: bigint; leastLeft: bigint }): boolean {
  const e = qc.tx.envelope;
  return e.recipient === want.payee.toLowerCase() && e.asset === want.asset.toLowerCase() && e.amount >= want.atLeast
    && e.validBefore >= want.now + want.leastLeft;
}

async function request<T>(address: string, body?: object): Promise<T> {
  const init = body === undefined ? {} : { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body) };
  const response = await fetch(address, { ...init, signal: AbortSignal.timeout(30_000) });
  if (!response.ok) throw await refusalOf(response);
  return await response.json() as T;
}

async function refusalOf(response: Response): Promise<Refused> {
  const { code, error } = await response.json() as { code: string; error: string };
  return new Refused(response.status, code, error);
}
