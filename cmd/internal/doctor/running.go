package doctor

import (
	"fmt"
	"strings"

	"github.com/allegro-p2p/allegro/cmd/internal/api"
)

// Versions judges whether everybody runs the same program. version is this program's.
func Versions(p *Peer, version string) []Finding {
	const check = "version"
	var out []Finding
	if own := p.Self.Version; own != version {
		out = append(out, bad(Yellow, check, "start the peer again with this program", "the running peer is of version %s, this program of %s", own, version))
	}
	var others []string
	compared := 0
	for _, peer := range p.Peers.Peers {
		if peer.Version == nil {
			continue
		}
		compared++
		if *peer.Version != p.Self.Version {
			name := peer.PeerID
			if peer.Name != nil {
				name = *peer.Name
			}
			others = append(others, fmt.Sprintf("%s has %s", name, *peer.Version))
		}
	}
	if len(others) > 0 {
		out = append(out, bad(Yellow, check, "agree with their operators on one version", "this peer has %s, %s", p.Self.Version, strings.Join(others, ", ")))
	}
	if len(out) == 0 {
		out = append(out, green(check, "%s, and so have all that have told theirs: %d", p.Self.Version, compared))
	}
	return out
}

// Work judges whether a running peer does what it is there for.
func Work(self *api.Self) []Finding {
	r := self.Running
	var out []Finding
	if r.Signing != nil {
		if *r.Signing {
			out = append(out, green("signing", "this validator signs"))
		} else {
			why := "no reason is told"
			if r.WhyNot != nil {
				why = *r.WhyNot
			}
			out = append(out, bad(Red, "signing", "what keeps it says what to do; a validator that recovers signs when members of a quorum's weight have answered", "this validator does not sign: %s", why))
		}
	}
	if r.Store != nil {
		return append(out, bad(Red, "store", "mend the disk and start the peer again", "%s", *r.Store))
	}
	return append(out, green("store", "what this peer learns is stored"))
}
