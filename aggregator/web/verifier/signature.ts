import { p256 } from '@noble/curves/nist.js';
import { secp256k1 } from '@noble/curves/secp256k1.js';
import { concat, type Hex, toBigInt, toHex } from './bytes.ts';
import { invalid } from './errors.ts';
import { sha256 } from './hash.ts';
import { maxSignature } from './limits.ts';
import { addressOf } from './transaction.ts';
import { webAuthnDigest } from './webauthn.ts';

/**
 * recoverSender verifies a payer's signature over a hash completely and returns the
 * account that made it: secp256k1 (65 bytes), P-256 (0x01…) or WebAuthn (0x02…). It throws
 * INVALID_FORMAT, for access keys (0x03, 0x04) too.
 */
export function recoverSender(hash: Uint8Array, signature: Uint8Array): Hex {
  try {
    return toHex(recover(hash, signature));
  } catch (error) {
    throw invalid(`signature: ${error instanceof Error ? error.message : String(error)}`);
  }
}

function recover(hash: Uint8Array, sig: Uint8Array): Uint8Array {
  if (sig.length > maxSignature) throw new Error(`${sig.length} bytes, at most ${maxSignature} are possible`);
  if (sig.length === 65) return recoverSecp256k1(hash, sig);
  switch (sig[0]) {
    case 0x01: {
      if (sig.length !== 130) throw new Error(`p256 signature of ${sig.length} bytes, want 130`);
      const flag = sig[129]!;
      if (flag > 1) throw new Error(`pre-hash flag is ${flag}, want 0 or 1`);
      return verifyP256(flag === 1 ? sha256(hash) : hash, sig.slice(1, 129));
    }
    case 0x02: {
      const body = sig.slice(1);
      if (body.length < 128) throw new Error('webauthn signature is too short');
      return verifyP256(webAuthnDigest(body.slice(0, -128), hash), body.slice(-128));
    }
    case 0x03:
    case 0x04:
      throw new Error('it is of a keychain key: sign with the account’s own key');
    default:
      throw new Error(`unknown form of ${sig.length} bytes`);
  }
}

function recoverSecp256k1(hash: Uint8Array, sig: Uint8Array): Uint8Array {
  const v = sig[64]!;
  if (v !== 27 && v !== 28) throw new Error(`recovery value v is ${v}, want 27 or 28`);
  checkLowS(sig.slice(32, 64), secp256k1.Point.Fn.ORDER);
  const parsed = secp256k1.Signature.fromBytes(sig.slice(0, 64), 'compact').addRecoveryBit(v - 27);
  return addressOf(parsed.recoverPublicKey(hash).toBytes(false).slice(1));
}

function verifyP256(digest: Uint8Array, rsxy: Uint8Array): Uint8Array {
  const xy = rsxy.slice(64);
  checkLowS(rsxy.slice(32, 64), p256.Point.Fn.ORDER);
  if (!p256.verify(rsxy.slice(0, 64), digest, concat(Uint8Array.of(4), xy), { prehash: false, lowS: true })) {
    throw new Error('does not verify over the transaction');
  }
  return addressOf(xy);
}

function checkLowS(s: Uint8Array, order: bigint): void {
  if (toBigInt(s) > order / 2n) throw new Error('s is above half of the group order');
}

/** signSecp256k1 signs a hash: r ‖ s ‖ v with low s and v 27 or 28, the same at every run. */
export function signSecp256k1(hash: Uint8Array, key: Uint8Array): Uint8Array {
  const [recovery, ...compact] = secp256k1.sign(hash, key, { prehash: false, lowS: true, format: 'recovered' });
  return Uint8Array.from([...compact, recovery! + 27]);
}

/** accountOf is the address of a secp256k1 key of 32 bytes. It throws for bytes that are none. */
export function accountOf(key: Uint8Array): Hex {
  return toHex(addressOf(secp256k1.getPublicKey(key, false).slice(1)));
}
