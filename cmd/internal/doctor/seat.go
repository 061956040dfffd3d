package doctor

import (
	"crypto/ed25519"
	"fmt"
	"strings"
	"time"

	"github.com/allegro-p2p/allegro/cmd/internal/home"
	"github.com/allegro-p2p/allegro/p2p"
	"github.com/allegro-p2p/allegro/p2p/netfile"
)

// lastDays is how long before its committee ends a network should have the next one:
// its members exchange files by hand.
const lastDays = 7 * 24 * time.Hour

// SeatState is a peer's place in the network file.
type SeatState struct {
	Now time.Time
	End time.Time // of the last committee
	// Known is false if keys are missing that a validator's place goes by.
	Known bool
	Seat  bool // the peer is a validator; what follows is about it
	// Key is its vote key, PeerID and Sponsor are those of its home.
	Key     netfile.Key
	PeerID  string
	Sponsor netfile.Address
	Entries []SeatEntry
}

// SeatEntry is a committee with the validator as a member.
type SeatEntry struct {
	Epoch      uint64
	Start, End time.Time
	Sponsor    netfile.Address
	Addresses  []string // each ends in /p2p/ and a peer id
}

func measureSeat(h *home.Home, file *netfile.File, o Options) SeatState {
	s := SeatState{Now: o.Now(), Sponsor: h.Config().Validator.Sponsor}
	for _, c := range file.Committees {
		s.End = timeOf(c.End)
	}
	if h.Config().Node.Role != p2p.RoleValidator {
		s.Known = true
		return s
	}
	identity, err := h.Identity()
	key, kerr := h.VoteKey()
	if err != nil || kerr != nil {
		return s // missing keys are told elsewhere
	}
	s.Known, s.Seat, s.PeerID, s.Key = true, true, identity.PeerID().String(), netfile.Key(key.Public().(ed25519.PublicKey))
	for _, c := range file.Committees {
		for _, m := range c.Members {
			if m.Key == s.Key {
				s.Entries = append(s.Entries, SeatEntry{c.Epoch, timeOf(c.Start), timeOf(c.End), m.Sponsor, m.Addresses})
			}
		}
	}
	return s
}

// office is the committee in office with the validator; nil if there is none.
func (s *SeatState) office() *SeatEntry {
	for i := range s.Entries {
		if e := &s.Entries[i]; !s.Now.Before(e.Start) && s.Now.Before(e.End) {
			return e
		}
	}
	return nil
}

// timeOf is a moment of the chain's clock.
func timeOf(seconds uint64) time.Time { return time.Unix(int64(min(seconds, 1<<40)), 0).UTC() }

// Seat judges a peer's place in the network file.
func Seat(s SeatState, flag string) []Finding {
	out := []Finding{term(s)}
	if !s.Seat {
		return out
	}
	const check = "seat"
	remedy := "give what allegro id -o json" + flag + " prints to whoever makes the committee with allegro committee new"
	if len(s.Entries) == 0 {
		return append(out, bad(Red, check, remedy, "vote key %s is in no committee of network.toml", s.Key))
	}
	office := s.office()
	if office == nil {
		e := s.Entries[len(s.Entries)-1]
		return append(out, bad(Yellow, check, "wait for its term, or have the key put into the next committee", "vote key %s is not in office: epoch %d is from %s to %s", s.Key, e.Epoch, e.Start.Format(time.RFC3339), e.End.Format(time.RFC3339)))
	}
	if office.Sponsor != s.Sponsor {
		out = append(out, bad(Red, check, "make the two the same", "network.toml lists sponsor %s for this validator, config.toml has %s", office.Sponsor, s.Sponsor))
	}
	if others := foreign(office.Addresses, s.PeerID); len(others) > 0 {
		out = append(out, bad(Red, check, "use the transport key of that peer id, or have the addresses corrected", "network.toml sends others for this validator to %s, its peer id is %s", strings.Join(others, ", "), s.PeerID))
	}
	if len(office.Addresses) == 0 {
		out = append(out, bad(Yellow, check, remedy, "network.toml has no address of this validator: nobody can dial it"))
	}
	if len(out) == 1 {
		out = append(out, green(check, "vote key %s is in office in epoch %d", s.Key, office.Epoch))
	}
	return out
}

// Stopped judges whether a peer that does not run is missed: others count on a validator
// in office.
func Stopped(s SeatState, flag string) Finding {
	const check = "running"
	if office := s.office(); office != nil {
		return bad(Red, check, "allegro validator run"+flag, "this validator is in office in epoch %d and does not run: it signs nothing", office.Epoch)
	}
	return green(check, "no peer runs, and no committee in office counts on it")
}

// foreign returns the addresses that name another peer.
func foreign(addresses []string, peerID string) (out []string) {
	for _, a := range addresses {
		if !strings.HasSuffix(a, "/p2p/"+peerID) {
			out = append(out, a)
		}
	}
	return out
}

// term judges how long the network's committees last.
func term(s SeatState) Finding {
	const check, remedy = "term", "have the next committee put into everybody's network.toml, see allegro committee new"
	measured := fmt.Sprintf("the last committee of network.toml ends at %s", s.End.Format(time.RFC3339))
	switch left := s.End.Sub(s.Now); {
	case left <= 0:
		return bad(Red, check, remedy, "%s, which has passed: nothing is certified any more", measured)
	case left < lastDays:
		return bad(Yellow, check, remedy, "%s, in %s", measured, left.Round(time.Minute))
	}
	return green(check, "%s", measured)
}
