import { fromHex, type Hex } from './bytes.ts';
import { invalid } from './errors.ts';
import { hexOf } from './hash.ts';
import { maxMessageSize } from './limits.ts';
import { encode, Reader } from './rlp.ts';
import type { Tx } from './tx.ts';
import type { Batch } from './vote.ts';

/** Evidence is verified proof that a payer (signer null) or a member equivocated. */
export interface Evidence {
  readonly a: Tx;
  readonly b: Tx;
  readonly signer: number | null;
  /** Identifies the offence, whatever bytes prove it. */
  readonly key: Hex;
}

/** Parsers of what evidence is made of. They throw a Refusal. */
export interface EvidenceParsers {
  tx(raw: Uint8Array): Tx;
  batch(raw: Uint8Array): Batch;
}

/** parseEvidence decodes and verifies. It throws a Refusal. */
export function parseEvidence(raw: Uint8Array, parse: EvidenceParsers): Evidence {
  if (raw.length > maxMessageSize) throw invalid(`evidence has ${raw.length} bytes, at most ${maxMessageSize} are possible`);
  const r = Reader.of(raw, 'evidence');
  const kind = r.uint();
  const rawA = r.raw();
  const rawB = r.raw();
  r.end();
  if (kind === 0n) {
    const a = parse.tx(rawA);
    const b = parse.tx(rawB);
    checkSlot(a, b);
    if (a.envelope.restart > b.envelope.restart || b.envelope.restart >= a.envelope.validBefore) {
      throw invalid('evidence: a lawful restart lies between the two payments');
    }
    return { a, b, signer: null, key: offence(kind, 0, a) };
  }
  if (kind !== 1n) throw invalid(`evidence of kind ${kind} is unknown`);
  const [a, voteA] = parseVote(rawA, parse);
  const [b, voteB] = parseVote(rawB, parse);
  checkSlot(a, b);
  if (a.envelope.restart !== b.envelope.restart) throw invalid('evidence: votes in two generations are lawful');
  if (voteA.signer !== voteB.signer) throw invalid('evidence: the votes are of two members');
  if (voteA.committee.id !== a.envelope.committeeId || voteB.committee.id !== a.envelope.committeeId) {
    throw invalid('evidence: votes and payments are of different committees');
  }
  if (!voteA.ids.includes(a.id) || !voteB.ids.includes(b.id)) throw invalid('evidence: a vote does not name its payment');
  return { a, b, signer: voteA.signer, key: offence(kind, voteA.signer, a) };
}

function parseVote(raw: Uint8Array, parse: EvidenceParsers): [Tx, Batch] {
  const r = Reader.of(raw, 'evidence: vote');
  const tx = r.raw();
  const batch = r.raw();
  r.end();
  return [parse.tx(tx), parse.batch(batch)];
}

function checkSlot(a: Tx, b: Tx): void {
  if (a.id === b.id || a.lane !== b.lane || a.envelope.seq !== b.envelope.seq || a.envelope.committeeId !== b.envelope.committeeId) {
    throw invalid('evidence: want two different payments of one slot and committee');
  }
}

function offence(kind: bigint, signer: number, tx: Tx): Hex {
  return hexOf('offence', encode([kind, BigInt(signer), fromHex(tx.lane), tx.envelope.seq, tx.envelope.committeeId]));
}
