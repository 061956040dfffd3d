// What is dropped on the page: a network file, or the addresses of its validators. Pure.
import { parse } from 'smol-toml';
import type { PeerAddresses } from '../../peer/addresses.ts';
import { Network, type NetworkJSON } from '../../verifier/index.ts';

export type Dropped =
  | { kind: 'network'; file: NetworkJSON; digest: string }
  | { kind: 'addresses'; peers: PeerAddresses[] };

/** Longest text that is read: a network file of hundreds of validators is shorter. */
export const MAX_TEXT = 1 << 20;

const NEITHER = 'It is neither a network file nor addresses: take network.toml, or what allegro id -o json prints on a validator.';

/** Reads a text: TOML, or JSON with the same keys. It throws an Error that says what is wrong. */
export function readDropped(text: string): Dropped {
  if (text.length > MAX_TEXT) throw new Error('The text is longer than a network file can be.');
  const value = text.trimStart().startsWith('{') ? json(text) : toml(text);
  if (Array.isArray(value['committee'])) {
    const file = shaped(value);
    return { kind: 'network', file, digest: new Network(file).digest };
  }
  const peers = Array.isArray(value['peers']) ? (value['peers'] as unknown[]) : [value];
  if (!peers.every(isPeer)) throw new Error(NEITHER);
  return { kind: 'addresses', peers };
}

function json(text: string): Record<string, unknown> {
  try {
    return JSON.parse(text) as Record<string, unknown>;
  } catch (problem) {
    throw new Error(`It begins like JSON and is none: ${problem instanceof Error ? problem.message : String(problem)}`);
  }
}

function toml(text: string): Record<string, unknown> {
  try {
    return parse(text);
  } catch (problem) {
    throw new Error(`${NEITHER} As TOML it reads: ${problem instanceof Error ? (problem.message.split('\n')[0] ?? '') : String(problem)}`);
  }
}

/** Returns a value as a network file if its tables are there; what stands in them is checked by whoever reads it. */
function shaped(value: Record<string, unknown>): NetworkJSON {
  for (const name of ['chain', 'fees', 'limits']) {
    if (typeof value[name] !== 'object' || value[name] === null) throw new Error(`The network file has no table [${name}].`);
  }
  if (!Array.isArray((value['fees'] as Record<string, unknown>)['max_fee_per_gas'])) throw new Error('The network file lists no fees.max_fee_per_gas.');
  if (!Array.isArray(value['asset'])) throw new Error('The network file lists no [[asset]].');
  for (const c of value['committee'] as { member?: unknown }[]) {
    if (!Array.isArray(c?.member)) throw new Error('A committee of the network file lists no [[committee.member]].');
  }
  return value as unknown as NetworkJSON;
}

function isPeer(value: unknown): value is PeerAddresses {
  const peer = value as Partial<PeerAddresses> | null;
  return typeof peer?.peer_id === 'string' && Array.isArray(peer.addresses) && peer.addresses.every((a) => typeof a === 'string');
}
