// Package webhook tells a payee's programs of orders, and is what such a program checks
// the messages with.
//
// [Webhook] posts a message to a URL, signed as Standard Webhooks 1.0 says; [Command] runs
// a program with it. Both tell one message once: when it is told again, and in which
// order, is the business of package orders.
//
// On the other side a [Verifier] checks who has written a message and when, and [Prove]
// that validators of the network stand for the payment it speaks of. Neither needs a peer.
// The form is that of docs/spec.md, "Order messages".
package webhook
