// Signing a payment that the aggregator planned. Nothing of the plan is believed: it is
// decoded, compared with what the payer ordered and hashed anew before a key touches it.
// Loaded when somebody pays: it brings the curves.
import {
  encode, encodeEnvelope, fromHex, Network, noteHash, Raw, Reader, readEnvelope, signingHashOf, signTx, sponsoredForm, toHex, transferOf, txIdOf,
  type Envelope, type Hex, type NetworkJSON, type Tx,
} from '../../verifier/index.ts';
import type { Prepared } from '../api/documents.ts';

/** Selector of transferWithMemo(address,uint256,bytes32). */
const TRANSFER_WITH_MEMO = '0x95777d59';
/** The gas limit of every payment (docs/spec.md, FastPayTx). */
const PAYMENT_GAS = 1_000_000n;

export interface Order {
  from: string;
  to: string;
  asset: string;
  /** Token units. */
  amount: bigint;
  /** Text of which the payment has the SHA-256; empty for none. */
  note: string;
}

/** A plan that is what the payer ordered. */
export interface Checked {
  txId: Hex;
  envelope: Envelope;
  /** What the payer signs. */
  signingHash: Hex;
  network: Network;
}

/** Returns the plan if it is the order and nothing else; an error says what differs. */
export function check(plan: Pick<Prepared, 'tx_id' | 'envelope' | 'signing_hash'>, order: Order, file: NetworkJSON): Checked {
  const network = new Network(file);
  const outer = Reader.of(encode([new Raw(fromHex(plan.envelope))]), 'plan');
  const envelope = readEnvelope(outer);
  outer.end();
  const differs = (what: string, has: unknown, wants: unknown) => {
    if (String(has).toLowerCase() !== String(wants).toLowerCase()) {
      throw new Error(`the plan's ${what} is ${String(has)}, the order says ${String(wants)}: nothing was signed`);
    }
  };
  differs('payer', envelope.sender, order.from);
  differs('payee', envelope.recipient, order.to);
  differs('token', envelope.asset, order.asset);
  differs('amount', envelope.amount, order.amount);
  differs('note', envelope.note, noteHash(order.note));
  const committee = network.committeeOf(envelope.committeeId);
  differs('chain', envelope.chainId, network.chainId);
  if (!network.maxFees.includes(envelope.maxFee)) throw new Error(`the plan allows a fee of ${envelope.maxFee}, which the network file does not list: nothing was signed`);
  const txId = txIdOf(envelope);
  differs('tx id', plan.tx_id, txId);
  const signingHash = toHex(signingHashOf(envelope, committee));
  differs('signing hash', plan.signing_hash, signingHash);
  return { txId, envelope, signingHash, network };
}

/** Signs a checked plan and returns the Tempo transaction to hand over. */
export function sign(checked: Checked, key: Uint8Array): Hex {
  const { envelope, network } = checked;
  const raw = signTx(envelope, network.committeeOf(envelope.committeeId), key);
  return withSignature(checked, network.parseTx(raw));
}

/**
 * Takes what a wallet returned for a checked plan: it must be that transaction with a
 * signature of the payer and nothing else.
 */
export function acceptSigned(checked: Checked, signed: string): Hex {
  const raw = fromHex(signed.toLowerCase());
  if (raw[0] !== 0x76) throw new Error(`the wallet returned a transaction of type 0x${(raw[0] ?? 0).toString(16).padStart(2, '0')}, not of Tempo's type 0x76`);
  const outer = Reader.of(raw.slice(1), 'transaction');
  let last: Uint8Array = new Uint8Array();
  while (outer.more) last = outer.raw();
  const signature = Reader.of(encode([new Raw(last)]), 'signature').bytes();
  const { envelope, network } = checked;
  const tx = network.parseTx(encode([new Raw(encodeEnvelope(envelope)), signature]));
  const want = withSignature(checked, tx);
  if (want !== toHex(raw)) throw new Error('the wallet signed another transaction than this payment');
  return want;
}

function withSignature({ envelope, network }: Checked, tx: Tx): Hex {
  return toHex(sponsoredForm(transferOf(envelope, network.committeeOf(envelope.committeeId)), tx.signature));
}

/** The request that asks an EIP-1193 wallet to sign, in the names that Tempo's wallets use. */
export function walletRequest({ envelope, network }: Checked): Record<string, unknown> {
  const t = transferOf(envelope, network.committeeOf(envelope.committeeId));
  const quantity = (n: bigint) => `0x${n.toString(16)}`;
  const word = (hex: string) => hex.padStart(64, '0');
  const data = TRANSFER_WITH_MEMO + word(t.recipient.slice(2)) + word(t.amount.toString(16)) + t.memo.slice(2);
  return {
    type: '0x76', chainId: quantity(t.chainId), from: envelope.sender, gas: quantity(PAYMENT_GAS), maxFeePerGas: quantity(t.maxFee), maxPriorityFeePerGas: '0x0',
    nonceKey: quantity(t.nonceKey), nonce: quantity(t.nonce), validBefore: quantity(t.validBefore), feePayer: true,
    calls: [{ to: t.asset, value: '0x0', data }],
  };
}
