import type { Hex } from './bytes.ts';
import { H } from './hash.ts';
import { encode } from './rlp.ts';

/** helloDigest is what a validator signs to prove that it speaks for its key on this connection. Peer ids are binary. */
export function helloDigest(committeeId: Hex, requester: Uint8Array, responder: Uint8Array, nonce: Uint8Array): Uint8Array {
  return H('hello', encode([committeeId, requester, responder, nonce]));
}
