import { fromHex, type Hex, toHex, zeros } from './bytes.ts';
import type { Committee } from './committee.ts';
import { invalid, Refusal } from './errors.ts';
import { hexOf, sha256 } from './hash.ts';
import { Lane } from './lane.ts';
import { maxParents, maxU128, maxU64 } from './limits.ts';
import { encode, type Item, type Reader } from './rlp.ts';
import { senderHash, type Transfer } from './transaction.ts';

/** Envelope is what a payer authorises (section 1): times in chain seconds, amounts in token units. */
export interface Envelope {
  readonly chainId: bigint;
  readonly committeeId: Hex;
  readonly asset: Hex;
  readonly sender: Hex;
  readonly seq: bigint;
  readonly prev: Hex;
  readonly recipient: Hex;
  readonly amount: bigint;
  readonly maxFee: bigint;
  readonly parents: readonly Hex[];
  readonly validBefore: bigint;
  readonly restart: bigint;
  readonly note: Hex;
}

/** noteHash is a text as an envelope's note: its SHA-256, or zeros for none. */
export function noteHash(text: string): Hex {
  return text === '' ? zeros : toHex(sha256(new TextEncoder().encode(text)));
}

/** envelopeItem is the envelope in the order of its RLP. */
export function envelopeItem(e: Envelope): Item {
  return [
    e.chainId, e.committeeId, e.asset, e.sender, e.seq, e.prev, e.recipient, e.amount, e.maxFee, e.parents, e.validBefore, e.restart, e.note,
  ];
}

/** encodeEnvelope returns the canonical bytes. */
export function encodeEnvelope(e: Envelope): Uint8Array {
  return encode(envelopeItem(e));
}

/** readEnvelope takes an envelope; its limits have not been looked at. */
export function readEnvelope(outer: Reader): Envelope {
  const r = outer.list();
  const e: Envelope = {
    chainId: r.uint(), committeeId: r.hex(32), asset: r.hex(20), sender: r.hex(20), seq: r.uint(), prev: r.hex(32), recipient: r.hex(20),
    amount: r.uint(32), maxFee: r.uint(32), parents: r.all(Number.POSITIVE_INFINITY, (p) => p.hex(32)),
    validBefore: r.uint(), restart: r.uint(), note: r.hex(32),
  };
  r.end();
  return e;
}

/** txIdOf is the only identity of a payment. */
export function txIdOf(e: Envelope): Hex {
  return hexOf('tx', encodeEnvelope(e));
}

/** laneOf is the lane the payment stands in. */
export function laneOf(e: Envelope): Lane {
  return new Lane(e.chainId, e.asset, e.sender);
}

/** transferOf is the chain transaction that settles the payment. */
export function transferOf(e: Envelope, c: Committee): Transfer {
  return {
    chainId: e.chainId, maxFee: e.maxFee, asset: e.asset, recipient: e.recipient, amount: e.amount, memo: txIdOf(e),
    nonceKey: laneOf(e).nonceKey(c), nonce: e.seq, validBefore: e.validBefore,
  };
}

/** signingHashOf is the Tempo sender hash, which the payer signs. */
export function signingHashOf(e: Envelope, c: Committee): Uint8Array {
  return senderHash(transferOf(e, c));
}

const tokenPrefix = `0x20c0${'00'.repeat(10)}`;
const virtualInfix = 'fd'.repeat(10);

/** checkEnvelope applies the rules of form that hold on every network. It throws a Refusal. */
export function checkEnvelope(e: Envelope, c: Committee): void {
  if (e.chainId !== c.chainId) throw new Refusal('WRONG_CHAIN', `payment is for chain ${e.chainId}, this network settles on chain ${c.chainId}`);
  if (e.seq === maxU64) throw invalid(`seq ${e.seq} is above the highest nonce`);
  if (e.amount === 0n) throw invalid('amount is 0');
  if (e.amount > maxU128) throw invalid('amount has more than 16 bytes');
  if (e.maxFee > maxU128) throw invalid('max_fee has more than 16 bytes');
  if (e.validBefore === 0n) throw invalid('valid_before is 0: a payment needs an expiry');
  if (fromHex(e.recipient).every((b) => b === 0)) throw invalid('recipient is the zero address');
  if (e.recipient === e.sender) throw invalid(`recipient ${e.recipient} is the sender`);
  if (e.recipient.startsWith(tokenPrefix)) throw invalid(`recipient ${e.recipient} is a token`);
  if (e.recipient.slice(10, 30) === virtualInfix) throw invalid(`recipient ${e.recipient} is a virtual address, which credits another account`);
  if (e.parents.length > maxParents) throw invalid(`${e.parents.length} parents: at most ${maxParents} can be cited`);
  for (let i = 1; i < e.parents.length; i++) {
    if (e.parents[i - 1]! >= e.parents[i]!) throw invalid(`parents do not ascend strictly at ${i}`);
  }
}
