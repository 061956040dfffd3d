// Package acceptance says when a payee takes a payment for good: a coffee when it is
// CERTIFIED, a car when it is FINALIZED. A [Policy] is a list of rules, and each
// [Decision] names the rule that made it.
//
// It is pure: it knows neither the network nor the clock nor what was decided before.
// Package orders asks it.
package acceptance
