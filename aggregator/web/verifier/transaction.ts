import { keccak_256 } from '@noble/hashes/sha3.js';
import { concat, fromBigInt, fromHex, type Hex } from './bytes.ts';
import { encode, type Item, Raw } from './rlp.ts';

/** Transfer is the one Tempo transaction (type 0x76) that settles a payment. */
export interface Transfer {
  readonly chainId: bigint;
  readonly maxFee: bigint; // attodollars per gas
  readonly asset: Hex;
  readonly recipient: Hex;
  readonly amount: bigint;
  readonly memo: Hex; // the tx id
  readonly nonceKey: bigint;
  readonly nonce: bigint;
  readonly validBefore: bigint;
}

const paymentGas = 1_000_000n;

/** The raw zero byte in the fee payer slot, where the sponsor's signature is not signed for. */
const placeholder = new Raw(Uint8Array.of(0x00));

const none = new Uint8Array();

function fields(t: Transfer): Item[] {
  const input = concat(
    fromHex('0x95777d59'), // transferWithMemo(address,uint256,bytes32)
    new Uint8Array(12), fromHex(t.recipient), fromBigInt(t.amount, 32), fromHex(t.memo),
  );
  return [
    t.chainId, 0n, t.maxFee, paymentGas, [[t.asset, 0n, input]], [], t.nonceKey, t.nonce, t.validBefore, 0n, none, placeholder, [],
  ];
}

/** senderHash is what the payer signs: keccak256 of the form that leaves the fee to a sponsor. */
export function senderHash(t: Transfer): Uint8Array {
  return keccak_256(concat(Uint8Array.of(0x76), encode(fields(t))));
}

/** sponsoredForm is the transaction as it is handed to a sponsor, with the payer's signature or, for a wallet to sign, with none. */
export function sponsoredForm(t: Transfer, signature: Uint8Array = none): Uint8Array {
  return concat(Uint8Array.of(0x76), encode([...fields(t), signature]));
}

/** addressOf is the account of an uncompressed public key x ‖ y. */
export function addressOf(xy: Uint8Array): Uint8Array {
  return keccak_256(xy).slice(12);
}
