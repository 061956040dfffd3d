// Package orders tells a payee's programs of payments that are accepted, once each and
// in order, whatever crashes between.
//
// The [Book] asks a policy (package acceptance) about every payment to the account. What
// it accepts becomes an order, and each turn of an order is a message: accepted,
// reversed if the payment came to nothing after all, final once a finalized block has
// it. A message is on disk before anybody hears it, and stays there until a [Deliverer]
// has taken it: it is told at least once, and who remembers its tx id and kind acts on
// it exactly once. The messages of one payer are told in their order; payers do not wait
// for each other.
//
// It knows neither how messages are told, which is the business of a Deliverer, nor the
// network.
package orders
