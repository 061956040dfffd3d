import { ascii, type Hex, isHex, zeros } from './bytes.ts';
import { Committee, type Member, short } from './committee.ts';
import type { Envelope } from './envelope.ts';
import { invalid, Refusal } from './errors.ts';
import { type Evidence, parseEvidence } from './evidence.ts';
import { hexOf } from './hash.ts';
import { type Head, parseHead } from './head.ts';
import { maxMessageSize, maxParents, maxPayments, maxU128, maxU64 } from './limits.ts';
import { QC } from './qc.ts';
import { parseQCFile } from './qcfile.ts';
import { encode, type Item, Reader } from './rlp.ts';
import { Tx } from './tx.ts';
import { Batch, Certificate } from './vote.ts';

/** A whole number in JSON: a number, or decimal digits where it may be above 2^31. */
type Whole = number | string;

/** NetworkJSON is the network file as JSON: the keys of network.toml. */
export interface NetworkJSON {
  version: Whole;
  name: string;
  chain: { id: Whole; block_time_seconds: Whole; finality: string; lane: string; fifo: boolean };
  asset: { symbol: string; address: string; decimals: Whole; min_amount: string }[];
  fees: { max_fee_per_gas: string[]; fee_token: string };
  limits: { min_settle_seconds: Whole; max_life_seconds: Whole; default_life_seconds: Whole; sponsored_per_payer_per_hour: Whole };
  committee: {
    epoch: Whole;
    start: Whole;
    end: Whole;
    member: { name: string; key: string; weight: Whole; node_key?: string; sponsor: string; addresses?: string[] }[];
  }[];
  /** Checked if it is there. */
  digest?: string;
}

/** Asset is a token that can be paid with; minAmount is in token units. */
export interface Asset {
  readonly symbol: string;
  readonly address: Hex;
  readonly decimals: number;
  readonly minAmount: bigint;
}

/** Payment is one verified item of a tx message: a payment, and QCs that were sent along. */
export interface Payment {
  readonly tx: Tx;
  readonly parents: readonly QC[];
}

/**
 * Network is what all peers of a network share: it verifies what comes off the wire. Its
 * parse methods throw a {@link Refusal}. Immutable.
 */
export class Network {
  readonly name: string;
  readonly chainId: bigint;
  readonly blockTime: bigint; // seconds, as are the times below
  readonly minSettle: bigint;
  readonly maxLife: bigint;
  readonly defaultLife: bigint;
  readonly assets: readonly Asset[];
  readonly maxFees: readonly bigint[]; // attodollars per gas; a wallet names the first
  readonly committees: readonly Committee[]; // by epoch, ascending
  /** Peers of another digest do not talk to each other. */
  readonly digest: Hex;
  private readonly byId = new Map<Hex, Committee>();
  private readonly sponsors = new Set<Hex>();
  private readonly names = new Map<Hex, string>(); // of members by vote key

  /** It throws an Error that names the key at fault. */
  constructor(file: NetworkJSON) {
    this.name = file.name;
    this.chainId = u64(file.chain.id, 'chain.id');
    this.blockTime = u64(file.chain.block_time_seconds, 'chain.block_time_seconds');
    this.minSettle = u64(file.limits.min_settle_seconds, 'limits.min_settle_seconds');
    this.maxLife = u64(file.limits.max_life_seconds, 'limits.max_life_seconds');
    this.defaultLife = u64(file.limits.default_life_seconds, 'limits.default_life_seconds');
    if (this.minSettle === 0n || this.defaultLife < this.minSettle || this.maxLife < this.defaultLife) {
      throw new Error('limits: want 1 <= min_settle <= default_life <= max_life');
    }
    this.assets = file.asset.map((a) => ({
      symbol: a.symbol, address: address(a.address, 'asset.address'), decimals: Number(u64(a.decimals, 'asset.decimals')),
      minAmount: u128(a.min_amount, 'asset.min_amount'),
    }));
    this.maxFees = file.fees.max_fee_per_gas.map((f) => u128(f, 'fees.max_fee_per_gas'));
    if (this.assets.length === 0 || this.maxFees.length === 0) throw new Error('the network file lists no asset or no max_fee_per_gas');
    if (file.chain.lane !== 'payment' && file.chain.lane !== 'subblock') throw new Error(`chain.lane is ${file.chain.lane}: want payment or subblock`);
    this.committees = file.committee.map((c) => this.committee(c, file.chain.lane === 'payment' ? 0 : 1));
    if (this.committees.length === 0) throw new Error('the network file lists no committee');
    this.committees.forEach((c, i) => {
      const before = this.committees[i - 1];
      if (before && (c.epoch <= before.epoch || c.start < before.end)) {
        throw new Error(`committee of epoch ${c.epoch} must come after epoch ${before.epoch} and start when that one has ended`);
      }
    });
    this.digest = this.computeDigest(file);
    if (file.digest !== undefined && file.digest !== this.digest) {
      throw new Error(`the network file's digest is ${this.digest}, its sender says ${file.digest}`);
    }
  }

  private committee(c: NetworkJSON['committee'][number], laneKind: 0 | 1): Committee {
    const members = c.member.map((m): Member => {
      const key = key32(m.key, 'member.key');
      this.names.set(key, m.name);
      this.sponsors.add(address(m.sponsor, 'member.sponsor'));
      return { key, weight: u64(m.weight, 'member.weight'), nodeKey: key32(m.node_key || zeros, 'member.node_key') };
    });
    members.sort((a, b) => (a.key < b.key ? -1 : 1));
    const made = new Committee(this.chainId, u64(c.epoch, 'epoch'), u64(c.start, 'start'), u64(c.end, 'end'), laneKind, members);
    this.byId.set(made.id, made);
    return made;
  }

  private computeDigest(file: NetworkJSON): Hex {
    const assets = [...this.assets].sort((a, b) => (a.address < b.address ? -1 : 1));
    const committees = file.committee.map((c, i): Item => {
      const made = this.committees[i]!;
      const sponsors = new Map(c.member.map((m) => [m.key.toLowerCase(), address(m.sponsor, 'member.sponsor')]));
      return [made.epoch, made.start, made.end, made.members.map((m) => [m.key, m.weight, m.nodeKey, sponsors.get(m.key)!])];
    });
    return hexOf('network', encode([
      u64(file.version, 'version'), this.chainId, this.blockTime, ascii(file.chain.finality), ascii(file.chain.lane), file.chain.fifo,
      assets.map((a) => [a.address, BigInt(a.decimals), a.minAmount]), [...this.maxFees].sort((a, b) => (a < b ? -1 : 1)), address(file.fees.fee_token, 'fees.fee_token'),
      [this.minSettle, this.maxLife, this.defaultLife, u64(file.limits.sponsored_per_payer_per_hour, 'limits.sponsored_per_payer_per_hour')],
      committees,
    ]));
  }

  /** committeeOf returns the committee of an id, or throws WRONG_COMMITTEE. */
  readonly committeeOf = (id: Hex): Committee => {
    const c = this.byId.get(id);
    if (!c) throw new Refusal('WRONG_COMMITTEE', `committee ${short(id)} is not in this network file: update it`);
    return c;
  };

  /** committeeAt returns the committee that votes at a chain time: the last one that has started, or the first. */
  committeeAt(time: bigint): Committee {
    return this.committees.findLast((c) => c.start <= time) ?? this.committees[0]!;
  }

  /** memberName names a member for people. */
  memberName(c: Committee, signer: number): string {
    return this.names.get(c.members[signer]?.key ?? zeros) ?? `member ${signer}`;
  }

  /** nameOfKey names the member of a vote key; null if there is none. */
  nameOfKey(key: Hex): string | null {
    return this.names.get(key) ?? null;
  }

  /** parseTx decodes and verifies a FastPayTx. */
  parseTx(raw: Uint8Array): Tx {
    return Tx.parse(raw, this.committeeOf, (e) => this.checkPolicy(e));
  }

  /** parseQC decodes and verifies a QC. The lists of assets and fees are not asked. */
  parseQC(raw: Uint8Array): QC {
    return QC.parse(raw, this.committeeOf);
  }

  /** parseQCFile verifies a QC file: bytes, and that its view says the same. */
  parseQCFile(text: string): QC {
    return parseQCFile(text, (raw) => this.parseQC(raw));
  }

  /** parseCertificate decodes a certificate and verifies that it is a vote for the payment. */
  parseCertificate(tx: Tx, raw: Uint8Array): Certificate {
    return Certificate.parse(this.committeeOf(tx.envelope.committeeId), tx.id, raw);
  }

  /** parseBatch decodes and verifies a CertBatch. */
  parseBatch(raw: Uint8Array): Batch {
    return Batch.parse(raw, this.committeeOf);
  }

  /** parseHead decodes and verifies a Head. */
  parseHead(raw: Uint8Array): Head {
    return parseHead(raw, this.committeeOf);
  }

  /** parseEvidence decodes and verifies Evidence. */
  parseEvidence(raw: Uint8Array): Evidence {
    return parseEvidence(raw, { tx: (b) => this.parseTx(b), batch: (b) => this.parseBatch(b) });
  }

  /** parsePayment decodes and verifies one item of a tx message. */
  parsePayment(item: Uint8Array): Payment {
    const r = Reader.of(item, 'payment item');
    const rawTx = r.raw();
    const rawParents = r.all(maxParents, (p) => p.raw());
    r.end();
    const tx = this.parseTx(rawTx);
    return { tx, parents: rawParents.map((raw, i) => this.parseParent(i, raw)) };
  }

  private parseParent(i: number, raw: Uint8Array): QC {
    try {
      return this.parseQC(raw);
    } catch (error) {
      // One of a committee that this peer does not know is not the sender's fault.
      if (error instanceof Refusal && error.code !== 'WRONG_COMMITTEE') throw new Refusal('INVALID_PARENT_QC', `parent ${i}: ${error.message}`);
      throw error;
    }
  }

  /** checkPolicy applies the rules of this network file, which another network may set otherwise. */
  private checkPolicy(e: Envelope): void {
    const a = this.assets.find((asset) => asset.address === e.asset);
    if (!a) throw new Refusal('NOT_PAYMENT_TX', `asset ${e.asset} is not listed in the network file`);
    if (e.amount < a.minAmount) throw new Refusal('NOT_PAYMENT_TX', `amount ${e.amount} is below the network's least amount ${a.minAmount}`);
    if (this.sponsors.has(e.sender)) throw new Refusal('NOT_PAYMENT_TX', `sender ${e.sender} is a sponsor's account, which cannot pay through the network`);
    if (!this.maxFees.includes(e.maxFee)) throw new Refusal('NOT_PAYMENT_TX', `max_fee ${e.maxFee} is not one the network file allows`);
  }
}

/** splitPayments splits a tx message into its 1 to 64 items, which are not verified. It throws a Refusal. */
export function splitPayments(data: Uint8Array): Uint8Array[] {
  if (data.length > maxMessageSize) throw invalid(`message has ${data.length} bytes, at most ${maxMessageSize} are possible`);
  const items: Uint8Array[] = [];
  const r = Reader.of(data, 'tx message');
  while (r.more) items.push(r.raw());
  if (items.length === 0 || items.length > maxPayments) {
    throw invalid(`${items.length} payments in a message: between 1 and ${maxPayments} are possible`);
  }
  return items;
}

function whole(value: Whole, most: bigint, name: string): bigint {
  const n = typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 ? BigInt(value)
    : typeof value === 'string' && /^(0|[1-9][0-9]{0,38})$/.test(value) ? BigInt(value) : -1n;
  if (n < 0n || n > most) throw new Error(`network file: ${name} is ${String(value)}: want a whole number of at most ${most}`);
  return n;
}

function u64(value: Whole, name: string): bigint {
  return whole(value, maxU64, name);
}

function u128(value: Whole, name: string): bigint {
  return whole(value, maxU128, name);
}

function address(text: string, name: string): Hex {
  const lower = String(text).toLowerCase();
  if (!isHex(lower, 20)) throw new Error(`network file: ${name} is ${text}: want 0x and 40 hex digits`);
  return lower;
}

function key32(text: string, name: string): Hex {
  const lower = String(text).toLowerCase();
  if (!isHex(lower, 32)) throw new Error(`network file: ${name} is ${text}: want 0x and 64 hex digits`);
  return lower;
}
