package doctor

import (
	"strings"

	"github.com/allegro-p2p/allegro/p2p/document"
)

// Gossip judges by which way messages get to a running peer. A neighbour that has it in
// its mesh forwards them as they come. Without one, a member's own messages come at once
// all the same while the peer is connected to it, and payments by sync.
func Gossip(topics *document.Topics, committee CommitteeState, flag string) Finding {
	const check = "gossip"
	var alone, missing []string
	for _, t := range topics.Topics {
		if len(t.Mesh) == 0 {
			alone = append(alone, t.Kind)
		}
	}
	for _, m := range committee.Members {
		if !m.Self && !m.Reached {
			missing = append(missing, m.Name)
		}
	}
	switch {
	case len(alone) == 0:
		return green(check, "neighbours forward each of %d topics as messages come", len(topics.Topics))
	case len(missing) == 0:
		return green(check, "the neighbours' meshes have no room for this peer in %s: members tell it at once, and sync brings their payments", strings.Join(alone, ", "))
	default:
		return bad(Yellow, check, "until they are reached, dial one more peer that reaches them: allegro config set"+flag+" p2p.peers MULTIADDR",
			"nobody forwards %s as messages come: what comes from %s comes seconds late", strings.Join(alone, ", "), strings.Join(missing, " and "))
	}
}
