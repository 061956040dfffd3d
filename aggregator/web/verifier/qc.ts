import type { Hex } from './bytes.ts';
import { type Committee, short } from './committee.ts';
import { invalid, Refusal } from './errors.ts';
import { maxQCSize } from './limits.ts';
import { encode, Raw, Reader } from './rlp.ts';
import { Tx } from './tx.ts';
import { Certificate } from './vote.ts';

/**
 * QC is a verified quorum certificate: a payment with certificates of more than two thirds
 * of its committee's weight. Whoever has the committee can check it. Immutable.
 */
export class QC {
  readonly committee: Committee;
  readonly tx: Tx;
  readonly certificates: readonly Certificate[]; // ascending by signer
  readonly weight: bigint;
  /** Canonical bytes. Do not modify. */
  readonly raw: Uint8Array;

  private constructor(committee: Committee, tx: Tx, certificates: readonly Certificate[], raw: Uint8Array) {
    this.committee = committee;
    this.tx = tx;
    this.certificates = certificates;
    this.weight = committee.weightOf(certificates.map((c) => c.signer));
    this.raw = raw;
  }

  /** parse decodes and verifies everything. committeeOf returns the committee of an id or throws. It throws a Refusal. */
  static parse(raw: Uint8Array, committeeOf: (id: Hex) => Committee): QC {
    if (raw.length > maxQCSize) throw invalid(`QC has ${raw.length} bytes, at most ${maxQCSize} are possible`);
    const r = Reader.of(raw, 'QC');
    const committeeId = r.hex(32);
    const rawTx = r.raw();
    const rawCertificates = r.all(Number.POSITIVE_INFINITY, (p) => p.raw());
    r.end();
    const c = committeeOf(committeeId);
    const tx = Tx.parse(rawTx, (id) => {
      if (id !== c.id) throw invalid(`QC of committee ${short(c.id)} holds a payment for committee ${short(id)}`);
      return c;
    }, () => {});
    if (rawCertificates.length > c.members.length) {
      throw invalid(`QC has ${rawCertificates.length} certificates of ${c.members.length} members`);
    }
    const certificates = rawCertificates.map((p) => Certificate.parse(c, tx.id, p));
    for (let i = 1; i < certificates.length; i++) {
      if (certificates[i]!.signer <= certificates[i - 1]!.signer) throw invalid(`QC: certificates do not ascend strictly by signer at ${i}`);
    }
    const qc = new QC(c, tx, certificates, raw);
    if (qc.weight < c.quorum) throw invalid(`QC weighs ${qc.weight} of ${c.total}, the quorum is ${c.quorum}`);
    return qc;
  }

  /** parseFor is {@link QC.parse} with a committee alone: no chain, no network file and no peer is asked. */
  static parseFor(c: Committee, raw: Uint8Array): QC {
    return QC.parse(raw, (id) => {
      if (id !== c.id) throw new Refusal('WRONG_COMMITTEE', `QC is of committee ${short(id)}, not of ${short(c.id)}`);
      return c;
    });
  }

  /**
   * assemble makes a QC of verified certificates for tx, at most one per member is used and
   * just enough of them, the heaviest members first. It returns null if they weigh too little.
   */
  static assemble(c: Committee, tx: Tx, certificates: Iterable<Certificate>): QC | null {
    const bySigner = new Map<number, Certificate>();
    for (const cert of certificates) if (cert.id === tx.id && !bySigner.has(cert.signer)) bySigner.set(cert.signer, cert);
    const weight = (i: number) => c.members[i]!.weight;
    const heaviest = [...bySigner.keys()].sort((a, b) => (weight(a) === weight(b) ? a - b : weight(a) > weight(b) ? -1 : 1));
    const signers: number[] = [];
    while (c.weightOf(signers) < c.quorum) {
      const next = heaviest.shift();
      if (next === undefined) return null;
      signers.push(next);
    }
    const chosen = signers.sort((a, b) => a - b).map((i) => bySigner.get(i)!);
    const raw = encode([c.id, new Raw(tx.raw), chosen.map((cert) => new Raw(cert.raw))]);
    return new QC(c, tx, chosen, raw);
  }
}
