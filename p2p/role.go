package p2p

import "fmt"

// Role is what a peer does in the network (section 2). It is told to others in
// hello and decides limits, never what is valid.
type Role string

const (
	// RoleValidator votes for payments and answers submits.
	RoleValidator Role = "validator"
	// RoleClient is a wallet: it pays, gathers certificates and assembles QCs.
	RoleClient Role = "client"
	// RoleAggregator mirrors everything it verified and serves it to readers.
	RoleAggregator Role = "aggregator"
)

// check reports whether r is one of the three roles.
func (r Role) check() error {
	switch r {
	case RoleValidator, RoleClient, RoleAggregator:
		return nil
	default:
		return fmt.Errorf("role %q is unknown: use %s, %s or %s", string(r), RoleValidator, RoleClient, RoleAggregator)
	}
}
