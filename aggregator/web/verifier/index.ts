/**
 * What a browser needs to check a payment itself: the committee, the envelope and the
 * Tempo hash that its payer signs, votes, QCs. Pure: bytes in, verified values or a
 * {@link Refusal} out; no network, no clock, no WebCrypto, which pages of an insecure
 * origin lack. Held to the golden vectors of fastpay. Section numbers are those of
 * docs/spec.md.
 */
export { concat, equal, fromHex, type Hex, isHex, toHex, zeros } from './bytes.ts';
export { Committee, type Member, short } from './committee.ts';
export { encodeEnvelope, type Envelope, laneOf, noteHash, readEnvelope, signingHashOf, transferOf, txIdOf } from './envelope.ts';
export { type Code, invalid, Refusal, type Verdict, verdictOf } from './errors.ts';
export type { Evidence } from './evidence.ts';
export { H, sha256 } from './hash.ts';
export { type Head, isNewer } from './head.ts';
export { helloDigest } from './hello.ts';
export { Lane } from './lane.ts';
export * from './limits.ts';
export { type Asset, Network, type NetworkJSON, type Payment, splitPayments } from './network.ts';
export { QC } from './qc.ts';
export { fileOf, parseQCFile, type QCFile } from './qcfile.ts';
export { encode, type Item, Raw, Reader } from './rlp.ts';
export { accountOf, recoverSender } from './signature.ts';
export { sponsoredForm } from './transaction.ts';
export { idOf, signTx, Tx } from './tx.ts';
export { Batch, Certificate } from './vote.ts';
