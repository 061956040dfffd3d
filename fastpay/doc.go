// Package fastpay is the Allegro protocol as pure values and functions: what a
// payment, a vote, a certificate and a quorum certificate (QC) are, when they
// are valid, when a validator may sign, and what stage the evidence proves.
// Section numbers in comments are those of docs/spec.md.
//
// Nothing here reads a clock, a disk or a network, starts a goroutine or logs:
// time is an argument and the chain is a [Snapshot]. The verified types [Tx],
// [Batch], [Certificate], [QC], [Head] and [Evidence] have unexported fields
// and are made only by verifying constructors, so unverified bytes cannot reach
// a decision.
package fastpay
