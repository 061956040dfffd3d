// Package planner finds where an account's next payment stands and what funds it: the
// state of its lanes at the newest finalized block, the evidence of a replica, and the
// promises of this peer. A wallet signs what it plans; a peer without keys plans for
// wallets elsewhere.
package planner
