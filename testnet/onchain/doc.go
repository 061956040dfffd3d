// Package onchain holds the tests of networks that settle on a chain which others
// wrote: Foundry's anvil, with sockets, disks and clocks as they are. One plays the
// scene; each of the others is an attack or a fault, after which every peer must show
// the payments in the stage that the protocol names, with its evidence.
//
// The same subjects are tested in virtual time in package testnet, on the embedded
// chain. The tests here need anvil: see package anvil.
package onchain
