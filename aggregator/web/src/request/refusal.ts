// Whether a payer should pay what it is asked for.
import type { PaymentRequest } from './request.ts';

/** Who is asked to pay, and what it knows. */
export interface Asked {
  /** Digest of its network file. */
  network: string;
  account: string;
  /** Addresses of the tokens of its network file. */
  assets: readonly string[];
  /** Seconds; null if no validator has told. */
  chainTime: bigint | null;
  /** Unix seconds of this machine. */
  clock: bigint;
}

/** Why a request must not be paid; null if nothing speaks against it. */
export function refusal(r: PaymentRequest, asked: Asked): string | null {
  const same = (a: string, b: string) => a.toLowerCase() === b.toLowerCase();
  if (!same(r.network, asked.network)) return `It is of another network: it names the digest ${r.network}, this network’s is ${asked.network}.`;
  if (same(r.payee, asked.account)) return 'It asks the account that pays to pay itself: choose another account.';
  if (!asked.assets.some((a) => same(a, r.asset))) return `It asks for a token that the network does not list: ${r.asset}.`;
  if (r.expires === 0n) return null;
  if (asked.chainTime !== null && asked.chainTime >= r.expires) return expired(r, 'by the time of the chain');
  if (asked.clock >= r.expires) return expired(r, 'by this machine’s clock');
  return null;
}

function expired(r: PaymentRequest, clock: string): string {
  return `It has expired, ${clock}: it was good until ${untilText(r)}. Ask the payee for a new one.`;
}

/** Until when a request is good. */
export function untilText(r: PaymentRequest): string {
  return new Date(Number(r.expires) * 1000).toLocaleString();
}
