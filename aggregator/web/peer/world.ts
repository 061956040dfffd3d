// A network's cryptographic material for tests: the same at every run.
import { ed25519 } from '@noble/curves/ed25519.js';
import { accountOf, type Committee, encode, type Envelope, type Head, type Hex, Lane, Network, type NetworkJSON, QC, Raw, sha256, signTx, toHex, type Tx, zeros } from '../verifier/index.ts';
import { headDigest } from '../verifier/head.ts';
import { levels } from '../verifier/merkle.ts';
import { Batch, batchDigest, Certificate } from '../verifier/vote.ts';

const text = (s: string) => new TextEncoder().encode(s);

/** key is the secret of a name, of a vote key or of an account. */
export function key(name: string): Uint8Array {
  return sha256(text(name));
}

export const asset: Hex = `0x20c0${'00'.repeat(17)}01`;

/** World is a network of n members of weight 1, named v0, v1, … in the file's order. */
export class World {
  readonly file: NetworkJSON;
  readonly network: Network;
  readonly committee: Committee;
  private readonly secrets: Uint8Array[]; // by signer

  constructor(n: number) {
    const secrets = Array.from({ length: n }, (_, i) => key(`validator ${i}`));
    this.file = {
      version: 1, name: 'test', chain: { id: 1337, block_time_seconds: 5, finality: 'finalized', lane: 'payment', fifo: true },
      asset: [{ symbol: 'USD', address: asset, decimals: 6, min_amount: '1' }], fees: { max_fee_per_gas: ['1000'], fee_token: asset },
      limits: { min_settle_seconds: 60, max_life_seconds: 86_400, default_life_seconds: 600, sponsored_per_payer_per_hour: 10 },
      committee: [{
        epoch: 1, start: 0, end: '9000000000',
        member: secrets.map((s, i) => ({ name: `v${i}`, key: toHex(ed25519.getPublicKey(s)), weight: 1, sponsor: accountOf(key(`sponsor ${i}`)) })),
      }],
    };
    this.network = new Network(this.file);
    this.committee = this.network.committees[0]!;
    this.secrets = this.committee.members.map((m) => secrets.find((s) => toHex(ed25519.getPublicKey(s)) === m.key)!);
  }

  lane(payer: string): Lane {
    return new Lane(1337n, asset, accountOf(key(payer)));
  }

  /** tx is a payer's payment, the first of its lane if change says nothing else. */
  tx(payer: string, change: Partial<Envelope> = {}): Tx {
    const lane = this.lane(payer);
    const e: Envelope = {
      chainId: 1337n, committeeId: this.committee.id, asset, sender: lane.sender, seq: 0n, prev: lane.genesis(), recipient: accountOf(key('payee')),
      amount: 5n, maxFee: 1000n, parents: [], validBefore: 5_000n, restart: 0n, note: zeros, ...change,
    };
    return this.network.parseTx(signTx(e, this.committee, key(payer)));
  }

  /** batchBytes are a member's votes. */
  batchBytes(signer: number, ids: Hex[]): Uint8Array {
    const sorted = [...ids].sort();
    const digest = batchDigest(this.committee, signer, sorted.length, levels(sorted).at(-1)![0]!);
    return encode([this.committee.id, BigInt(signer), sorted, ed25519.sign(digest, this.secrets[signer]!)]);
  }

  batch(signer: number, ids: Hex[]): Batch {
    return this.network.parseBatch(this.batchBytes(signer, ids));
  }

  vote(signer: number, tx: Tx): Certificate {
    return Certificate.ofBatch(this.batch(signer, [tx.id]), 0);
  }

  qc(tx: Tx): QC {
    return QC.assemble(this.committee, tx, this.committee.members.map((_, i) => this.vote(i, tx)))!;
  }

  /** headBytes are a member's view at a height whose block is final. */
  headBytes(signer: number, height: bigint, time = 1_000n): Uint8Array {
    const h: Head = { committee: this.committee, signer, height, hash: zeros, time, finalizedHeight: height, finalizedHash: zeros, finalizedTime: time };
    return encode([1337n, this.committee.id, BigInt(signer), height, zeros, time, height, zeros, time, ed25519.sign(headDigest(h), this.secrets[signer]!)]);
  }

  head(signer: number, height: bigint, time = 1_000n): Head {
    return this.network.parseHead(this.headBytes(signer, height, time));
  }

  /** sign signs a digest with a member's vote key. */
  sign(signer: number, digest: Uint8Array): Uint8Array {
    return ed25519.sign(digest, this.secrets[signer]!);
  }
}

/** message is a tx message of payments with no parents. */
export function message(...txs: Tx[]): Uint8Array {
  return encode(txs.map((tx) => [new Raw(tx.raw), []]));
}
