// Payment requests as URIs (docs/spec.md, "Payment request"): one spelling, nothing else is read.
import { addressFault } from '../checksum.ts';
import { escape, unescape } from './escape.ts';
import { peerFault } from './peers.ts';

/** What a payee asks for. */
export interface PaymentRequest {
  /** Digest of the network file: 0x and 64 lower-case hex digits. */
  network: string;
  /** Account to be paid, with its checksum. */
  payee: string;
  /** Token to be paid in, with its checksum. */
  asset: string;
  /** Token units. */
  amount: bigint;
  /** Empty for none. */
  note: string;
  /** Chain seconds from which it is void; 0 for never. */
  expires: bigint;
  /** Multiaddrs with /p2p/ at which the network is reached. */
  peers: readonly string[];
}

const SCHEME = 'allegro:';
const MAX_LENGTH = 2048; // bytes
const MAX_NOTE = 140; // bytes of UTF-8
const MAX_PEERS = 4;
const MAX_AMOUNT = (1n << 128n) - 1n;
const MAX_EXPIRES = 253_402_300_799n; // the end of the year 9999
const KEYS = ['network', 'asset', 'amount', 'note', 'expires', 'peer'];

/** Writes a request as a URI. */
export function requestURI(r: PaymentRequest): string {
  const pairs: [string, string][] = [['network', r.network.slice(2)], ['asset', r.asset], ['amount', String(r.amount)]];
  if (r.note !== '') pairs.push(['note', r.note]);
  if (r.expires !== 0n) pairs.push(['expires', String(r.expires)]);
  for (const peer of r.peers) pairs.push(['peer', peer]);
  return `${SCHEME}${r.payee}?${pairs.map(([key, value]) => `${key}=${escape(value)}`).join('&')}`;
}

/** Reads a URI; an error says what is wrong with it. */
export function parseRequest(uri: string): PaymentRequest {
  const size = new TextEncoder().encode(uri).length;
  if (size > MAX_LENGTH) throw new Error(`it has ${size} bytes: at most ${MAX_LENGTH} are possible`);
  if (!uri.startsWith(SCHEME)) throw new Error(`it does not start with ${SCHEME} and a payee`);
  const at = uri.indexOf('?');
  const payee = uri.slice(SCHEME.length, at < 0 ? undefined : at);
  checkAddress('payee', payee);
  if (at < 0) throw new Error('it has nothing behind the payee: want ?network=…');
  const values = new Map<string, string[]>();
  let last = -1;
  for (const pair of uri.slice(at + 1).split('&')) {
    const equals = pair.indexOf('=');
    const key = equals < 0 ? pair : pair.slice(0, equals);
    const place = KEYS.indexOf(key);
    if (place < 0) throw new Error(`this request asks for ${JSON.stringify(key)}, which this version does not know`);
    if (equals < 0) throw new Error(`${key} has no value`);
    if (place === last && key !== 'peer') throw new Error(`${key} stands in it twice`);
    if (place < last) throw new Error(`${key} stands behind ${KEYS[last]}: the order is ${KEYS.join(', ')}, and only peer is repeated`);
    checkPresent(last, place);
    last = place;
    const value = told(key, () => unescape(pair.slice(equals + 1)));
    values.set(key, [...(values.get(key) ?? []), value]);
  }
  checkPresent(last, KEYS.length);
  const one = (key: string) => values.get(key)?.[0];
  const r: PaymentRequest = {
    payee, network: told('network', () => digestOf(one('network') ?? '')), asset: told('asset', () => checkAddress('token', one('asset') ?? '')),
    amount: told('amount', () => amountOf(one('amount') ?? '')), note: one('note') ?? '', expires: told('expires', () => expiresOf(one('expires'))),
    peers: values.get('peer') ?? [],
  };
  if (one('note') === '') throw new Error('note: is empty: leave it out');
  const fault = requestFault(r);
  if (fault !== null) throw new Error(fault);
  return r;
}

/** What a request cannot ask for; null if nothing is wrong. */
export function requestFault(r: PaymentRequest): string | null {
  if (r.amount <= 0n) return 'amount is 0: ask for at least 1 token unit';
  if (r.amount > MAX_AMOUNT) return 'amount is too large: amounts are below 2^128 units';
  if (r.expires > MAX_EXPIRES) return `expires is ${r.expires}: times after the year 9999, ${MAX_EXPIRES}, are not possible`;
  if (r.peers.length > MAX_PEERS) return `it has ${r.peers.length} peers: at most ${MAX_PEERS} are possible`;
  const note = noteFault(r.note);
  if (note !== null) return note;
  for (const [i, peer] of r.peers.entries()) {
    const fault = peerFault(peer);
    if (fault !== null) return fault;
    if (r.peers.indexOf(peer) !== i) return `peer ${peer} stands in it twice`;
  }
  return null;
}

/** What is wrong with a note: it could hide or pose as something else where it is shown. */
export function noteFault(note: string): string | null {
  const size = new TextEncoder().encode(note).length;
  if (size > MAX_NOTE) return `note has ${size} bytes: at most ${MAX_NOTE} are possible`;
  for (const c of note) {
    if (/^\p{Cs}$/u.test(c)) return 'note is not UTF-8';
    if (!/^[\p{L}\p{M}\p{N}\p{P}\p{S} ]$/u.test(c)) {
      return `note has the character U+${(c.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0')}, which is not printable: leave it out`;
    }
  }
  return null;
}

/** Names the key in an error about its value. */
function told<T>(key: string, read: () => T): T {
  try {
    return read();
  } catch (cause) {
    throw new Error(`${key}: ${cause instanceof Error ? cause.message : String(cause)}`);
  }
}

/** Throws for a key between two places that every request has. */
function checkPresent(last: number, place: number): void {
  const missing = KEYS.slice(last + 1, Math.max(last + 1, place)).find((key) => ['network', 'asset', 'amount'].includes(key));
  if (missing) throw new Error(`it has no ${missing}`);
}

function checkAddress(what: string, text: string): string {
  if (!/^0x[0-9a-fA-F]{40}$/.test(text)) throw new Error(`${what} ${JSON.stringify(text)} is not an address: want 0x and 40 hex digits`);
  if (addressFault(text) === null) return text;
  if (text === text.toLowerCase()) throw new Error(`${what} ${text} has no checksum, so that a typing error would not show: want its upper and lower case`);
  throw new Error(`${what} ${text} has a wrong checksum: a digit was mistyped`);
}

function digestOf(text: string): string {
  if (!/^[0-9a-f]{64}$/.test(text)) throw new Error(`${JSON.stringify(text)} is not a digest: want 64 lower-case hex digits`);
  return `0x${text}`;
}

function amountOf(text: string): bigint {
  if (!/^(0|[1-9][0-9]*)$/.test(text) || BigInt(text) > MAX_AMOUNT) {
    throw new Error(`${JSON.stringify(text)} is not a number of token units: want decimal digits without zeros in front, below 2^128`);
  }
  return BigInt(text);
}

function expiresOf(text: string | undefined): bigint {
  if (text === undefined) return 0n;
  if (!/^[1-9][0-9]*$/.test(text) || BigInt(text) >= 1n << 64n) {
    throw new Error(`${JSON.stringify(text)} is not a time: want Unix seconds without zeros in front, or leave it out`);
  }
  return BigInt(text);
}
