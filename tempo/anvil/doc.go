// Package anvil finds and starts anvil, Foundry's development node, as a Tempo
// chain: a chain that others wrote, for tests and demonstrations of what is
// settled on it.
//
// Anvil is no part of this module. Its version is pinned in the folder
// testnet/anvil, from where npm installs it; [Find] says how. It has no consensus
// and no sub-blocks, it knows the hardforks T0 to T4, and it funds ten accounts
// whose keys everybody has.
package anvil
