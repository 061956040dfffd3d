// Package p2p is Allegro's network: the only importer of libp2p. It turns bytes
// of other peers into verified values of package fastpay and hands those to a
// role, and it sends a role's values out. Section numbers in comments are those
// of docs/spec.md.
//
// A [Node] is one peer. It gossips on four topics per committee and answers
// three request streams:
//
//	/allegro/1/<8 hex>/{tx,cert,head,evidence}   gossip, verified before it is forwarded
//	/allegro/hello/1                             who are you, of which network, of which committee
//	/allegro/submit/1                            payments in, certificates or refusals out
//	/allegro/sync/1                              what gossip lost
//
// Gossip is never relied on: first messages after a join get lost and queues
// drop. The submit stream is the reliable way for a payment, the sync stream for
// everything else.
//
// The role provides a [Sink] for gossip and a [Responder] for streams. Both are
// called concurrently and get verified values only. What an error of a Sink means
// for the sender is decided in one place, by [fastpay.Classify].
package p2p
