import type { Hex } from './bytes.ts';
import type { Committee } from './committee.ts';
import { invalid, Refusal } from './errors.ts';
import { H } from './hash.ts';
import { encode, Reader } from './rlp.ts';

/** Head is a member's verified view of its own node; times are seconds of chain time. */
export interface Head {
  readonly committee: Committee;
  readonly signer: number;
  readonly height: bigint;
  readonly hash: Hex;
  readonly time: bigint; // the member's now
  readonly finalizedHeight: bigint;
  readonly finalizedHash: Hex;
  readonly finalizedTime: bigint;
}

/** headDigest is what the member signs. */
export function headDigest(h: Head): Uint8Array {
  return H('head', encode([
    h.committee.chainId, h.committee.id, BigInt(h.signer), h.height, h.hash, h.time, h.finalizedHeight, h.finalizedHash, h.finalizedTime,
  ]));
}

/** parseHead decodes and verifies. committeeOf returns the committee of an id or throws. It throws a Refusal. */
export function parseHead(raw: Uint8Array, committeeOf: (id: Hex) => Committee): Head {
  const r = Reader.of(raw, 'head');
  const chainId = r.uint();
  const committeeId = r.hex(32);
  const index = r.uint();
  const view = {
    height: r.uint(), hash: r.hex(32), time: r.uint(), finalizedHeight: r.uint(), finalizedHash: r.hex(32), finalizedTime: r.uint(),
  };
  const signature = r.bytes(64);
  r.end();
  const committee = committeeOf(committeeId);
  const head: Head = { committee, signer: committee.signer(index), ...view };
  if (chainId !== committee.chainId) throw new Refusal('WRONG_CHAIN', `head is of chain ${chainId}, this network settles on chain ${committee.chainId}`);
  if (head.finalizedHeight > head.height) {
    throw invalid(`head of member ${head.signer}: finalized height ${head.finalizedHeight} is above height ${head.height}`);
  }
  if (!committee.verify(head.signer, headDigest(head), signature)) throw invalid(`head of member ${head.signer}: signature does not verify`);
  return head;
}

/** isNewer reports whether of one member's Heads a counts before b: by finalized height, then time, then height. */
export function isNewer(a: Head, b: Head): boolean {
  if (a.finalizedHeight !== b.finalizedHeight) return a.finalizedHeight > b.finalizedHeight;
  if (a.time !== b.time) return a.time > b.time;
  return a.height > b.height;
}
