// Package devchain is a Tempo chain for development: one process, no consensus
// and no money. It runs inside the program that uses it, in virtual time too,
// and serves the same JSON-RPC with and without a socket. It lives in memory,
// and its blocks also in a file if it is given a folder (see Config.Dir).
//
// It speaks Tempo where Allegro's peers can tell the difference: transactions
// of type 0x76 with sponsors, time windows and all signature kinds but
// keychain; TIP-20 tokens and the nonce precompile with Tempo's storage
// layout, events and errors; fees taken in tokens; a reverted transaction that
// consumes its nonce; blocks in order of arrival; a finalized block behind the
// latest. It is at hardfork T4, where nonce keys with the prefix 0x5b are refused as
// every current node refuses them, or at T3, where they are those of sub-block
// lanes: see Config.Fork.
//
// What it leaves out is refused by name and never half done: contract code and
// creation, access keys, authorization lists, expiring nonces, native value.
// That what it does is what a node does is tested in package conformance, against a
// chain that others wrote.
//
// What differs from a node on purpose:
//   - A transaction whose nonce is not the next one of its key when a block is
//     built is dropped without a word, as anvil does. A node keeps gaps and
//     refuses replays. Submitters must check the nonce either way.
//   - Gas is charged by a fixed schedule that reproduces the costs measured on
//     Tempo for payments (see gas.go). The base fee is constant, by default 0.
//   - The block hash is that of the plain Ethereum header. Tempo hashes a
//     header of its own around it, so clients must take the hash from the JSON.
//   - Before T4 a real validator's sub-block could miss the next block, and its
//     transactions came in a later one. Here none does. The system transaction that
//     named the sub-blocks of a block is left out.
//   - Old blocks and their state are forgotten (see Config.RetainBlocks).
//
// [Chain] is safe for concurrent use.
package devchain
