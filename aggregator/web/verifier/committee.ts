import { fromHex, type Hex, zeros } from './bytes.ts';
import { VoteKey } from './ed25519.ts';
import { invalid } from './errors.ts';
import { hexOf } from './hash.ts';
import { maxMembers, maxWeight } from './limits.ts';
import { encode } from './rlp.ts';

/** Member is a validator of a committee. nodeKey is zeros on payment lanes. */
export interface Member {
  readonly key: Hex;
  readonly weight: bigint;
  readonly nodeKey: Hex;
}

/** 0: payment lanes. 1: sub-block lanes, which settle through the node of their home member. */
export type LaneKind = 0 | 1;

/**
 * Committee is the set of validators of one epoch; times are seconds of chain time. The
 * quorum is computed from the members and read from nowhere else. Immutable.
 */
export class Committee {
  readonly id: Hex;
  readonly chainId: bigint;
  readonly epoch: bigint;
  readonly start: bigint;
  readonly end: bigint;
  readonly laneKind: LaneKind;
  readonly members: readonly Member[];
  readonly total: bigint;
  readonly quorum: bigint;
  /** First part of its gossip topics: /allegro/1/<8 hex digits>. */
  readonly topicPrefix: string;
  private readonly keys: readonly VoteKey[];

  /** Members must ascend strictly by key. It throws an Error that names the fault. */
  constructor(chainId: bigint, epoch: bigint, start: bigint, end: bigint, laneKind: LaneKind, members: readonly Member[]) {
    if (chainId === 0n) throw new Error('committee: chain id is 0');
    if (start >= end) throw new Error(`committee: start ${start} is not before end ${end}`);
    if (members.length === 0 || members.length > maxMembers) {
      throw new Error(`committee: ${members.length} members: between 1 and ${maxMembers} are possible`);
    }
    members.forEach((m, i) => {
      if (m.weight < 1n || m.weight > maxWeight) throw new Error(`committee: member ${i} weighs ${m.weight}: between 1 and 2^32 are possible`);
      if (i > 0 && members[i - 1]!.key >= m.key) throw new Error(`committee: member ${i} is not above its predecessor by key`);
      if ((m.nodeKey === zeros) !== (laneKind === 0)) throw new Error(`committee: member ${i}: a node key belongs to a sub-block lane, and only there`);
    });
    this.chainId = chainId;
    this.epoch = epoch;
    this.start = start;
    this.end = end;
    this.laneKind = laneKind;
    this.members = members;
    this.total = members.reduce((sum, m) => sum + m.weight, 0n);
    this.quorum = (2n * this.total) / 3n + 1n;
    this.keys = members.map((m) => new VoteKey(fromHex(m.key)));
    this.id = hexOf('committee', encode([
      chainId, epoch, start, end, BigInt(laneKind), members.map((m) => [m.key, m.weight, m.nodeKey]),
    ]));
    this.topicPrefix = `/allegro/1/${hexOf('topic', fromHex(this.id)).slice(2, 10)}`;
  }

  /** verify reports whether a signature of member i over a digest is good. */
  verify(i: number, digest: Uint8Array, signature: Uint8Array): boolean {
    return this.keys[i]?.verify(digest, signature) ?? false;
  }

  /** signer checks a signer index that came off the wire. */
  signer(index: bigint): number {
    if (index >= BigInt(this.members.length)) {
      throw invalid(`signer ${index} is not in committee ${short(this.id)} of ${this.members.length} members`);
    }
    return Number(index);
  }

  /** weightOf adds up the weights of different members. */
  weightOf(signers: Iterable<number>): bigint {
    let sum = 0n;
    for (const i of new Set(signers)) sum += this.members[i]!.weight;
    return sum;
  }
}

/** short is the beginning of a hash, for texts. */
export function short(hash: Hex): string {
  return `${hash.slice(0, 10)}…`;
}
