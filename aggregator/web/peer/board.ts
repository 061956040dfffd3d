import { type Batch, Certificate, type Committee, type Head, type Hex, isNewer, type Network, QC, type Tx } from '../verifier/index.ts';
import type { Drops } from './drops.ts';
import type { Reject } from './submit.ts';

/** Vote is a member's verified vote with the moment it came here, in milliseconds of performance.now. */
export interface Vote {
  certificate: Certificate;
  seenAt: number;
}

/** Record is what this tab holds of one payment. */
export interface Record {
  readonly tx: Tx;
  readonly committee: Committee;
  readonly firstSeenAt: number;
  readonly votes: Map<number, Vote>; // by signer
  readonly rejects: Map<number, Reject>; // each member's own word, by signer
  qc: QC | null;
  certifiedAt: number | null;
  /** The last responder's stage: a hint, never a proof. */
  hint: string;
  /** Finalized height at which the payment was last heard of as not final. */
  openAt: bigint;
  /** Gossip has carried it: it is forwarded once. */
  gossiped: boolean;
  /** Number of its last change. */
  version: bigint;
  /** Never evicted. */
  pinned: boolean;
}

/** What a tab holds at most: of the rest the oldest goes, and is counted. */
const maxRecords = 2048;
const maxOrphans = 1024; // votes for unknown payments, per member
const maxOffences = 1024;

/** The stage at which validators, who decide at final blocks, have a payment in the balance. */
const final = 'FINALIZED';

/** isFinal reports whether the last responder has the payment in a final block. */
export function isFinal(r: Record): boolean {
  return r.hint === final;
}

/**
 * Board is the verified evidence that this tab holds: payments, votes, QCs, refusals and
 * the members' Heads. It takes verified values only.
 */
export class Board {
  private readonly network: Network;
  private readonly drops: Drops;
  private readonly now: () => number;
  private readonly records = new Map<Hex, Record>(); // the latest change last
  private readonly orphans = new Map<string, Map<Hex, Certificate>>(); // by committee and signer
  private readonly heads = new Map<string, { head: Head; seenAt: number }>(); // the same
  private readonly offences = new Set<Hex>();
  private readonly listeners = new Set<() => void>();
  private version = 0n;

  /** now is performance.now, or a clock like it. */
  constructor(network: Network, drops: Drops, now: () => number) {
    this.network = network;
    this.drops = drops;
    this.now = now;
  }

  /** onChange is called after every change; the function returned ends that. */
  onChange(f: () => void): () => void {
    this.listeners.add(f);
    return () => this.listeners.delete(f);
  }

  /** latest is the number of the last change. */
  get latest(): bigint {
    return this.version;
  }

  /** get returns what is held of a payment. */
  get(id: Hex): Record | undefined {
    return this.records.get(id);
  }

  /** all returns what is held, in the order of the last change. */
  all(): IterableIterator<Record> {
    return this.records.values();
  }

  /** lane returns the payments of a lane, by slot. */
  lane(lane: Hex): Record[] {
    return [...this.records.values()].filter((r) => r.tx.lane === lane).sort((a, b) => (a.tx.envelope.seq < b.tx.envelope.seq ? -1 : 1));
  }

  /** addTx takes a payment, with the votes that came before it. It returns false if it was held. */
  addTx(tx: Tx, pinned = false): boolean {
    const held = this.records.get(tx.id);
    if (held) {
      held.pinned ||= pinned;
      return false;
    }
    const committee = this.network.committeeOf(tx.envelope.committeeId);
    const record: Record = {
      tx, committee, firstSeenAt: this.now(), votes: new Map(), rejects: new Map(), qc: null, certifiedAt: null, hint: '',
      openAt: this.finalizedHeight(committee), gossiped: false, version: 0n, pinned,
    };
    this.records.set(tx.id, record);
    committee.members.forEach((_, signer) => {
      const orphans = this.orphans.get(key(committee, signer));
      const vote = orphans?.get(tx.id);
      if (vote) {
        orphans!.delete(tx.id);
        this.count(record, vote);
      }
    });
    this.changed(record);
    this.evict();
    return true;
  }

  /** unpin lets a payment be evicted. */
  unpin(id: Hex): void {
    const record = this.records.get(id);
    if (record) record.pinned = false;
  }

  /** addCertificate takes a vote for a payment that is held. It returns false if that member's vote was. */
  addCertificate(c: Certificate): boolean {
    const record = this.records.get(c.id);
    if (!record || record.votes.has(c.signer)) return false;
    this.count(record, c);
    this.changed(record);
    return true;
  }

  /** addBatch takes a member's votes. It returns the ids of payments that are not held, and whether any vote was new. */
  addBatch(b: Batch): { unknown: Hex[]; news: boolean } {
    const unknown: Hex[] = [];
    let news = false;
    b.ids.forEach((id, i) => {
      if (this.records.has(id)) {
        if (!this.records.get(id)!.votes.has(b.signer)) news = this.addCertificate(Certificate.ofBatch(b, i)) || news;
        return;
      }
      const orphans = this.orphans.get(key(b.committee, b.signer)) ?? new Map<Hex, Certificate>();
      this.orphans.set(key(b.committee, b.signer), orphans);
      unknown.push(id);
      if (orphans.has(id)) return;
      news = true;
      orphans.set(id, Certificate.ofBatch(b, i));
      if (orphans.size > maxOrphans) {
        orphans.delete(orphans.keys().next().value!);
        this.drops.count('votes_for_unknown_payments');
      }
    });
    return { unknown, news };
  }

  /** voters returns the vote keys of the members whose votes for any of some payments are here before the payments. */
  voters(ids: readonly Hex[]): Set<Hex> {
    const voted = (c: Committee, signer: number) => {
      const orphans = this.orphans.get(key(c, signer));
      return orphans !== undefined && ids.some((id) => orphans.has(id));
    };
    return new Set(this.network.committees.flatMap((c) => c.members.filter((_, signer) => voted(c, signer)).map((m) => m.key)));
  }

  /** addQC takes a payment with a quorum's votes. It returns false if a QC of it was held. */
  addQC(qc: QC): boolean {
    if (this.records.get(qc.tx.id)?.qc) return false;
    this.addTx(qc.tx);
    for (const c of qc.certificates) this.addCertificate(c);
    return true;
  }

  /** noteGossiped returns whether this is the first time that gossip carries a payment that is held. */
  noteGossiped(id: Hex): boolean {
    const record = this.records.get(id);
    if (!record || record.gossiped) return false;
    record.gossiped = true;
    return true;
  }

  /** noteReject takes a member's refusal as that member's word. */
  noteReject(id: Hex, signer: number, reject: Reject): void {
    const record = this.records.get(id);
    if (!record || record.votes.has(signer)) return;
    record.rejects.set(signer, reject);
    this.changed(record);
  }

  /** noteStage takes a responder's stage as a hint of what the chain has. */
  noteStage(id: Hex, stage: string): void {
    const record = this.records.get(id);
    if (!record) return;
    if (isFinal(record)) return; // a responder that lags says less
    if (stage !== final) record.openAt = this.finalizedHeight(record.committee);
    if (record.hint === stage) return;
    record.hint = stage;
    this.changed(record);
  }

  /** addHead takes a member's view. It returns false if a newer one is held. */
  addHead(head: Head): boolean {
    const held = this.heads.get(key(head.committee, head.signer));
    if (held && !isNewer(head, held.head)) return false;
    this.heads.set(key(head.committee, head.signer), { head, seenAt: this.now() });
    this.tell();
    return true;
  }

  /** addOffence returns false if the offence is known, or there is no room for another. */
  addOffence(offence: Hex): boolean {
    if (this.offences.has(offence) || this.offences.size >= maxOffences) return false;
    this.offences.add(offence);
    return true;
  }

  /** headsOf returns the newest Heads of a committee's members with the moment each came here. */
  headsOf(c: Committee): { head: Head; seenAt: number }[] {
    return [...this.heads.values()].filter((h) => h.head.committee.id === c.id);
  }

  /** finalizedHeight is the highest one that at least one honest member says is final; 0 before anybody spoke. */
  finalizedHeight(c: Committee): bigint {
    return this.supported(c, (h) => h.finalizedHeight);
  }

  /** finalizedTime is the same of the chain time of the final block, in seconds. */
  finalizedTime(c: Committee): bigint {
    return this.supported(c, (h) => h.finalizedTime);
  }

  /** supported is the greatest value that Heads reach which are too heavy to be all of dishonest members. */
  private supported(c: Committee, value: (h: Head) => bigint): bigint {
    const heads = this.headsOf(c).map((h) => h.head).sort((a, b) => (value(a) > value(b) ? -1 : 1));
    let weight = 0n;
    for (const h of heads) {
      weight += c.members[h.signer]!.weight;
      if (weight > (c.total - 1n) / 3n) return value(h);
    }
    return 0n;
  }

  private count(record: Record, c: Certificate): void {
    record.votes.set(c.signer, { certificate: c, seenAt: this.now() });
    record.rejects.delete(c.signer);
    if (record.qc) return;
    record.qc = QC.assemble(record.committee, record.tx, [...record.votes.values()].map((v) => v.certificate));
    if (record.qc) record.certifiedAt = this.now();
  }

  private changed(record: Record): void {
    record.version = ++this.version;
    this.records.delete(record.tx.id);
    this.records.set(record.tx.id, record);
    this.tell();
  }

  private evict(): void {
    if (this.records.size <= maxRecords) return;
    for (const r of this.records.values()) {
      if (r.pinned) continue;
      this.records.delete(r.tx.id);
      this.drops.count('payments_evicted');
      return;
    }
  }

  private tell(): void {
    for (const f of this.listeners) f();
  }
}

function key(c: Committee, signer: number): string {
  return `${c.id}/${signer}`;
}

/** stageOf is how far a payment has come by the evidence of this tab, which has no chain: '', ACCEPTED, CERTIFIED or REJECTED. */
export function stageOf(r: Record): string {
  if (r.qc) return 'CERTIFIED';
  const refusing = [...r.rejects].filter(([signer, reject]) => !reject.retryable && !r.votes.has(signer)).map(([signer]) => signer);
  if (r.committee.total - r.committee.weightOf(refusing) < r.committee.quorum) return 'REJECTED';
  return r.votes.size > 0 ? 'ACCEPTED' : '';
}
