// Package relay plans payments for accounts and hands signed ones to the validators,
// for programs that are no peers of the network. It has no key and decides nothing:
// whoever signs what it plans recomputes the tx id first, and validators check all of
// it again.
package relay
