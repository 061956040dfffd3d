import type { Hex } from './bytes.ts';
import type { Committee } from './committee.ts';
import { checkEnvelope, type Envelope, envelopeItem, laneOf, readEnvelope, signingHashOf, txIdOf } from './envelope.ts';
import { invalid } from './errors.ts';
import { hexOf } from './hash.ts';
import { encode, Reader } from './rlp.ts';
import { recoverSender, signSecp256k1 } from './signature.ts';

/** Tx is a verified FastPayTx: an envelope of a known committee with its payer's good signature. Immutable. */
export class Tx {
  readonly id: Hex;
  readonly lane: Hex; // id of its lane
  readonly envelope: Envelope;
  readonly signature: Uint8Array;
  /** Canonical bytes [envelope, signature]. Do not modify. */
  readonly raw: Uint8Array;

  private constructor(envelope: Envelope, signature: Uint8Array, raw: Uint8Array) {
    this.id = txIdOf(envelope);
    this.lane = laneOf(envelope).id;
    this.envelope = envelope;
    this.signature = signature;
    this.raw = raw;
  }

  /**
   * parse decodes and verifies. committeeOf returns the committee of an id or throws; policy
   * is asked once the form is good and before the signature is, which costs the most. It
   * throws a Refusal.
   */
  static parse(raw: Uint8Array, committeeOf: (id: Hex) => Committee, policy: (e: Envelope) => void): Tx {
    const r = Reader.of(raw, 'payment');
    const envelope = readEnvelope(r);
    const signature = r.bytes();
    r.end();
    const c = committeeOf(envelope.committeeId);
    checkEnvelope(envelope, c);
    policy(envelope);
    const sender = recoverSender(signingHashOf(envelope, c), signature);
    if (sender !== envelope.sender) throw invalid(`signature is of ${sender}, the sender is ${envelope.sender}`);
    return new Tx(envelope, signature, raw);
  }
}

/** idOf is the tx id of a FastPayTx of which nothing has been verified; null for bytes that cannot be one. */
export function idOf(raw: Uint8Array): Hex | null {
  try {
    return hexOf('tx', Reader.of(raw, 'payment').raw());
  } catch {
    return null;
  }
}

/** signTx signs an envelope with a secp256k1 key and returns the bytes of the FastPayTx. */
export function signTx(e: Envelope, c: Committee, key: Uint8Array): Uint8Array {
  return encode([envelopeItem(e), signSecp256k1(signingHashOf(e, c), key)]);
}
