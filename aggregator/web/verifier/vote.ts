import { fromHex, type Hex } from './bytes.ts';
import { type Committee, short } from './committee.ts';
import { invalid } from './errors.ts';
import { H } from './hash.ts';
import { maxBatch, maxMessageSize } from './limits.ts';
import { fold, levels, pathOf } from './merkle.ts';
import { encode, Reader } from './rlp.ts';

/** batchDigest is what a member signs for a batch of tx ids with a Merkle root. */
export function batchDigest(c: Committee, signer: number, count: number, root: Uint8Array): Uint8Array {
  const n = new Uint8Array(4);
  new DataView(n.buffer).setUint32(0, count);
  return H('batch', fromHex(c.id), fromHex(c.members[signer]!.key), n, root);
}

/** Certificate is a verified vote of one member for one payment. Immutable. */
export class Certificate {
  readonly id: Hex;
  readonly signer: number;
  /** Canonical bytes [signer_index, index, count, [path32, …], signature64]. Do not modify. */
  readonly raw: Uint8Array;

  private constructor(id: Hex, signer: number, raw: Uint8Array) {
    this.id = id;
    this.signer = signer;
    this.raw = raw;
  }

  /** parse decodes a certificate and verifies that it is a vote of the committee for the payment. It throws a Refusal. */
  static parse(c: Committee, id: Hex, raw: Uint8Array): Certificate {
    return Certificate.read(c, id, Reader.of(raw, 'certificate'), raw);
  }

  private static read(c: Committee, id: Hex, r: Reader, raw: Uint8Array): Certificate {
    const index = r.uint();
    const place = r.uint();
    const count = r.uint();
    const path = r.all(Number.POSITIVE_INFINITY, (p) => p.bytes(32));
    const signature = r.bytes(64);
    r.end();
    const signer = c.signer(index);
    if (count === 0n || count > BigInt(maxBatch) || place >= count) {
      throw invalid(`certificate of member ${signer}: place ${place} of ${count} is impossible`);
    }
    const root = fold(id, Number(place), Number(count), path);
    if (root === null) {
      throw invalid(`certificate of member ${signer}: a path of ${path.length} elements does not fit place ${place} of ${count}`);
    }
    if (!c.verify(signer, batchDigest(c, signer, Number(count), root), signature)) {
      throw invalid(`certificate of member ${signer}: signature does not verify for payment ${short(id)}`);
    }
    return new Certificate(id, signer, raw);
  }

  /** ofBatch is the vote for the i-th tx id of a verified batch. */
  static ofBatch(b: Batch, i: number): Certificate {
    const raw = encode([BigInt(b.signer), BigInt(i), BigInt(b.ids.length), pathOf(b.tree, i), b.signature]);
    return new Certificate(b.ids[i]!, b.signer, raw);
  }
}

/** Batch is a verified CertBatch: one member's signature over the Merkle root of tx ids, a vote for each of them. Immutable. */
export class Batch {
  readonly committee: Committee;
  readonly signer: number;
  readonly ids: readonly Hex[];
  readonly signature: Uint8Array;
  readonly tree: Uint8Array[][];

  private constructor(committee: Committee, signer: number, ids: readonly Hex[], signature: Uint8Array, tree: Uint8Array[][]) {
    this.committee = committee;
    this.signer = signer;
    this.ids = ids;
    this.signature = signature;
    this.tree = tree;
  }

  /** parse decodes and verifies. committeeOf returns the committee of an id or throws. It throws a Refusal. */
  static parse(raw: Uint8Array, committeeOf: (id: Hex) => Committee): Batch {
    if (raw.length > maxMessageSize) throw invalid(`batch has ${raw.length} bytes, at most ${maxMessageSize} are possible`);
    const r = Reader.of(raw, 'batch');
    const committeeId = r.hex(32);
    const index = r.uint();
    const ids = r.all(Number.POSITIVE_INFINITY, (p) => p.hex(32));
    const signature = r.bytes(64);
    r.end();
    const c = committeeOf(committeeId);
    const signer = c.signer(index);
    if (ids.length === 0 || ids.length > maxBatch) throw invalid(`batch of ${ids.length} votes: between 1 and ${maxBatch} are possible`);
    for (let i = 1; i < ids.length; i++) {
      if (ids[i - 1]! >= ids[i]!) throw invalid(`batch: tx ids do not ascend strictly at ${i}`);
    }
    const tree = levels(ids);
    if (!c.verify(signer, batchDigest(c, signer, ids.length, tree.at(-1)![0]!), signature)) {
      throw invalid(`batch of member ${signer}: signature does not verify`);
    }
    return new Batch(c, signer, ids, signature, tree);
  }
}
