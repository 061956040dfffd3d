import { sha256 } from '@noble/hashes/sha2.js';
import { ascii, type Hex, toHex } from './bytes.ts';

export { sha256 };

type Use =
  | 'committee' | 'lane' | 'noncekey' | 'tx' | 'leaf' | 'node' | 'batch' | 'head' | 'hello' | 'topic' | 'genesis' | 'foreign'
  | 'restart' | 'offence' | 'digest' | 'network';

/** H is the protocol's hash: SHA-256(byte(len(tag)) ‖ tag ‖ parts…), tag = allegro/v1/use. */
export function H(use: Use, ...parts: Uint8Array[]): Uint8Array {
  const tag = ascii(`allegro/v1/${use}`);
  const h = sha256.create().update(Uint8Array.of(tag.length)).update(tag);
  for (const p of parts) h.update(p);
  return h.digest();
}

/** hexOf is H as hex. */
export function hexOf(use: Use, ...parts: Uint8Array[]): Hex {
  return toHex(H(use, ...parts));
}
