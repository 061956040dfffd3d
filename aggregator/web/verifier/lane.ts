import { concat, fromHex, type Hex, toBigInt } from './bytes.ts';
import type { Committee } from './committee.ts';
import { H, hexOf } from './hash.ts';
import { encode } from './rlp.ts';

/** Lane is the one sequence of payments that an account has in a token (section 1). */
export class Lane {
  readonly chainId: bigint;
  readonly asset: Hex;
  readonly sender: Hex;
  readonly id: Hex;

  constructor(chainId: bigint, asset: Hex, sender: Hex) {
    this.chainId = chainId;
    this.asset = asset;
    this.sender = sender;
    this.id = hexOf('lane', encode([chainId, asset, sender]));
  }

  /** genesis is the predecessor of the lane's first payment. */
  genesis(): Hex {
    return hexOf('genesis', fromHex(this.id));
  }

  /** foreign is the position of slot k that a transaction outside the protocol took. */
  foreign(k: bigint, chainTx: Hex): Hex {
    return hexOf('foreign', encode([this.id, k, chainTx]));
  }

  /** restart is the predecessor that opens generation r at slot k. */
  restart(k: bigint, r: bigint): Hex {
    return hexOf('restart', encode([this.id, k, r]));
  }

  /** nonceKey is the 2D nonce key of the lane's chain transactions under a committee. */
  nonceKey(c: Committee): bigint {
    const t = H('noncekey', encode([this.chainId, this.asset]));
    if (c.laneKind === 0) return toBigInt(concat(Uint8Array.of(0x41), t.slice(0, 31)));
    const home = fromHex(c.members[this.home(c)]!.nodeKey);
    return toBigInt(concat(Uint8Array.of(0x5b), home.slice(0, 15), t.slice(0, 16)));
  }

  /** home is the index of the member that submits the lane's payments first. */
  home(c: Committee): number {
    return Number(BigInt(this.id) % BigInt(c.members.length));
  }
}
