// Package replica keeps one peer's Board in step with the network. It is what
// every role has in common: it takes verified gossip, answers and asks sync,
// stores what it verified, and tells the role what changed. Roles differ only in
// what they do with the evidence.
//
// The [Replica] owns the Board: nobody else holds it, and a role sees it only
// inside [Replica.Read] and [Replica.Update]. It knows neither the chain nor the
// roles; a role tells it what its node sees, and how to ask it about a lane.
package replica
