/** The reject codes of the protocol (section 4.6). Others may come from newer peers. */
export type Code =
  | 'INVALID_FORMAT'
  | 'WRONG_CHAIN'
  | 'WRONG_COMMITTEE'
  | 'EXPIRED'
  | 'NOT_PAYMENT_TX'
  | 'NONCE_SEQ_TOO_LOW'
  | 'NONCE_SEQ_TOO_HIGH'
  | 'EQUIVOCATION'
  | 'INSUFFICIENT_FUNDS'
  | 'MISSING_PARENT_QC'
  | 'INVALID_PARENT_QC'
  | 'TEMPORARY_UNAVAILABLE';

/** Refusal says why something was not taken. Its message starts with the code. */
export class Refusal extends Error {
  readonly code: Code;

  constructor(code: Code, text: string) {
    super(`${code}: ${text}`);
    this.name = 'Refusal';
    this.code = code;
  }
}

/** invalid is the refusal of what can never be valid. */
export function invalid(text: string): Refusal {
  return new Refusal('INVALID_FORMAT', text);
}

/** What gossip does with a message: forward it, drop it, or drop it and blame its sender. */
export type Verdict = 'accept' | 'ignore' | 'reject';

const rejected = new Set<Code>(['INVALID_FORMAT', 'WRONG_CHAIN', 'INVALID_PARENT_QC']);

/**
 * verdictOf maps an error of this package to what gossip does. Anything that is no
 * refusal is a fault of this peer, for which nobody is blamed.
 */
export function verdictOf(error: unknown): Verdict {
  return error instanceof Refusal && rejected.has(error.code) ? 'reject' : 'ignore';
}
