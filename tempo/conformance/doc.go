// Package conformance is a suite of tests that runs against package devchain and
// against anvil's Tempo network, at the hardforks T0 and T4, with free transactions
// and with fees. What it asserts holds on all of them, so that what is proven on
// the embedded chain is proven on one that others wrote too. Where the two differ
// and this list does not say so, devchain is wrong.
//
// The suite reads and submits through package tempo wherever that offers the call,
// and through go-ethereum's clients elsewhere. It needs anvil: see package anvil.
//
// Not compared, because nobody may rely on it:
//   - gas used, and how the base fee moves;
//   - state roots, header fields that Allegro does not read, and JSON fields that
//     only one chain has;
//   - texts and codes of errors, except that a revert has code 3 and its data;
//   - what becomes of a transaction whose nonce is not the next one: kept or
//     dropped, but never executed out of turn;
//   - whether a transaction that can never run is refused when it is submitted, or
//     dropped without a word;
//   - the order of transactions that offer different prices: every one here offers
//     the same;
//   - the pool's own view: txpool_*, pending blocks and pending nonces;
//   - eth_getRawTransactionByHash, which makes anvil 1.7.1 stop answering.
//
// Not compared, because anvil is not like a node there, and devchain is:
//   - the receipt's feePayer and feeToken: anvil names the sender always, and no
//     token. Who paid is compared by the fee's Transfer log;
//   - nonce keys with the prefix 0x5b, more than 32 calls, and a valid_after more
//     than 120 s ahead: a node refuses them, anvil takes them;
//   - a range of logs that ends before it begins: a node refuses it, anvil finds
//     none;
//   - native balances: a node answers a placeholder;
//   - the safe block, which anvil has one block behind the latest and devchain
//     where the finalized one is.
//
// Not compared, because devchain says that it leaves it out: contract creation,
// access keys, authorization lists, expiring nonces, signatures whose v is that of
// EIP-155, tempo_* and anvil_* methods beyond those that the suite calls. anvil_setStorageAt makes a block on devchain
// and none on anvil, so the suite reads only after the next block.
package conformance
