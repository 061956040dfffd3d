import { ed25519 } from '@noble/curves/ed25519.js';
import { sha512 } from '@noble/hashes/sha2.js';
import { equal } from './bytes.ts';

const Point = ed25519.Point;
type Point = InstanceType<typeof Point>;
const order = Point.Fn.ORDER;

/**
 * VoteKey verifies Ed25519 signatures of one key exactly as Go's crypto/ed25519 does,
 * which the protocol demands on every input: S is below the group order, the equation is
 * checked without the cofactor, R is compared as bytes, and the key may have a form that
 * is not canonical. Libraries that follow ZIP 215 or RFC 8032 to the letter differ there.
 */
export class VoteKey {
  private readonly bytes: Uint8Array;
  private readonly point: Point | null; // null: no signature verifies

  /** A key that is no point of the curve is a key with which nothing verifies. */
  constructor(key: Uint8Array) {
    this.bytes = key;
    this.point = decode(key);
  }

  /** verify reports whether 64 bytes are the key's signature over a message. */
  verify(message: Uint8Array, signature: Uint8Array): boolean {
    if (this.point === null || signature.length !== 64) return false;
    const r = signature.slice(0, 32);
    const s = littleEndian(signature.slice(32));
    if (s >= order) return false;
    const k = littleEndian(sha512.create().update(r).update(this.bytes).update(message).digest()) % order;
    const expected = Point.BASE.multiplyUnsafe(s).subtract(this.point.multiplyUnsafe(k));
    return equal(expected.toBytes(), r);
  }
}

function decode(key: Uint8Array): Point | null {
  if (key.length !== 32) return null;
  try {
    return Point.fromBytes(key, true);
  } catch {
    return null;
  }
}

function littleEndian(bytes: Uint8Array): bigint {
  let n = 0n;
  for (let i = bytes.length - 1; i >= 0; i--) n = (n << 8n) | BigInt(bytes[i]!);
  return n;
}
