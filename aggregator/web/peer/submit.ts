import { Certificate, encode, type Hex, invalid, maxMessageSize, maxPayments, type Network, type QC, Raw, Reader, type Tx, zeros } from '../verifier/index.ts';

/** The submit stream: its protocol and, in bytes and milliseconds, its limits. */
export const submitProtocol = '/allegro/submit/1';
export const maxSubmitResponse = 64 << 10;
export const submitTimeout = 10_000;

const maxCode = 32;
const maxText = 512;

/** Reject is a refusal as another peer sent it: a code for programs, perhaps of a newer version, and a text for people. */
export interface Reject {
  code: string;
  text: string;
  retryable: boolean;
}

/** Outgoing is a payment with the QCs of parents that go along. */
export interface Outgoing {
  tx: Tx;
  parents: readonly QC[];
}

/** encodePayments is a tx message. QCs that leave no room for the payment stay behind: whoever lacks them asks for them. */
export function encodePayments(items: readonly Outgoing[]): Uint8Array {
  if (items.length === 0 || items.length > maxPayments) throw new Error(`${items.length} payments: between 1 and ${maxPayments} fit into a message`);
  const message = (parents: boolean) => encode(items.map((i) => [new Raw(i.tx.raw), parents ? i.parents.map((qc) => new Raw(qc.raw)) : []]));
  const whole = message(true);
  return whole.length <= maxMessageSize ? whole : message(false);
}

/** SubmitResult is a validator's answer to one payment: a verified vote, or why not. */
export type SubmitResult = { certificate: Certificate; reject: null } | { certificate: null; reject: Reject };

/** decodeSubmitResults reads the answer to payments and verifies every certificate. It throws a Refusal, then nothing of it counts. */
export function decodeSubmitResults(data: Uint8Array, n: Network, items: readonly Outgoing[]): SubmitResult[] {
  const r = Reader.of(data, 'submit response');
  const results = items.map(({ tx }): SubmitResult => {
    const item = r.list();
    const id: Hex = item.hex(32);
    const certificates = item.all(1, (c) => c.raw());
    const rejects = item.all(1, readReject);
    item.end();
    if (certificates.length + rejects.length !== 1) throw invalid('submit response has not exactly one of certificate and refusal');
    if (id !== tx.id && (certificates.length === 1 || id !== zeros)) throw invalid(`submit response is of payment ${id}`);
    const raw = certificates[0];
    return raw ? { certificate: n.parseCertificate(tx, raw), reject: null } : { certificate: null, reject: rejects[0]! };
  });
  r.end();
  return results;
}

/** readReject takes [code, text, retryable]. What is not printable is blanked. */
export function readReject(outer: Reader): Reject {
  const r = outer.list();
  const code = r.bytes();
  const text = r.bytes();
  const retryable = r.bool();
  r.end();
  if (code.length === 0 || code.length > maxCode || text.length > maxText) throw invalid(`refusal with a code of ${code.length} bytes and a text of ${text.length}`);
  return { code: printable(code), text: printable(text), retryable };
}

/** printable decodes UTF-8 and blanks control characters. */
export function printable(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes).replace(/[\p{C}\p{Zl}\p{Zp}]/gu, ' ');
}
