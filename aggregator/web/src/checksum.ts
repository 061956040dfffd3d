// Addresses with the checksum of EIP-55 in their upper and lower case.
import { keccak_256 } from '@noble/hashes/sha3.js';

const ADDRESS = /^0x[0-9a-fA-F]{40}$/;

/** Spellings that were found, up to a number: the same few are shown again and again. */
const found = new Map<string, string>();
const MAX_FOUND = 1000;

/** An address in the spelling that people copy; a text that is none comes back as it is. */
export function checksummed(address: string): string {
  if (!ADDRESS.test(address)) return address;
  const known = found.get(address);
  if (known) return known;
  const digits = address.slice(2).toLowerCase();
  const hash = keccak_256(new TextEncoder().encode(digits));
  const upper = (i: number) => (((hash[i >> 1] ?? 0) >> (i % 2 === 0 ? 4 : 0)) & 15) >= 8;
  const spelled = `0x${[...digits].map((d, i) => (upper(i) ? d.toUpperCase() : d)).join('')}`;
  if (found.size >= MAX_FOUND) found.clear();
  found.set(address, spelled);
  return spelled;
}

/** What is wrong with an address that a person typed; null if nothing is. */
export function addressFault(text: string): string | null {
  if (!ADDRESS.test(text)) return 'Whom to pay: 0x and 40 hex digits.';
  if (text === checksummed(text)) return null;
  return text === text.toLowerCase() ? 'This address has no checksum, so a typing error would not show: copy it with its upper and lower case.'
    : 'The checksum of this address is wrong: a digit was mistyped.';
}
