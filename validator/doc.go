// Package validator is the sidecar that votes: it takes payments from gossip and
// submits, decides on them with the pure rules of package fastpay, makes each
// vote durable before anybody learns of it, signs, publishes, and puts certified
// payments on the chain.
//
// The way of a payment, one goroutine per stage:
//
//	Submit, gossip ─► engine ─► committer ─► signer ─► gossip, answers
//	                    │ ▲        one sync per batch
//	                    ▼ │
//	                  readers (chain state at the pinned block)
//
// The engine owns the ledgers and the pinned snapshot. The settler watches the
// Board beside it. The package must not know clients or aggregators.
package validator
