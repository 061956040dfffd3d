package doctor

import (
	"fmt"
	"sync"

	"github.com/allegro-p2p/allegro/fastpay"
	"github.com/allegro-p2p/allegro/p2p"
	"github.com/allegro-p2p/allegro/p2p/netfile"
)

// maxDials is the number of members that are tried at once.
const maxDials = 16

// MemberState is how a committee's member can be reached.
type MemberState struct {
	Name    string
	Weight  uint64
	Self    bool
	Reached bool
	Problem string // why not
}

// CommitteeState is how a committee can be reached: by the running peer if there is one,
// else by TCP connections to the addresses in the network file, which show that somebody
// listens there, and not who.
type CommitteeState struct {
	Running   bool
	Epoch     uint64
	Threshold uint64
	Members   []MemberState
}

// measureCommittee asks the running peer, or tries to connect.
func (e *examination) measureCommittee(file *netfile.File, rules *fastpay.Rules) CommitteeState {
	c := rules.CommitteeAt(uint64(max(e.Now().Unix(), 0)))
	s := CommitteeState{Epoch: c.Epoch(), Threshold: c.Quorum()}
	if e.Running != nil {
		s.ofPeer(e.Running)
		return s
	}
	members := file.MembersOf(c.ID())
	s.Members = make([]MemberState, len(members))
	own, _ := e.home.VoteKey() // only validators have one
	var wg sync.WaitGroup
	slots := make(chan struct{}, maxDials)
	for i, m := range members {
		state := &s.Members[i]
		*state = MemberState{Name: m.Name, Weight: m.Weight, Self: own != nil && netfile.Key(own[32:]) == m.Key}
		if state.Self {
			continue // it does not run, or does not answer
		}
		wg.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			state.Reached, state.Problem = e.tryMember(m.Addresses)
		})
	}
	wg.Wait()
	return s
}

// ofPeer fills in what the running peer has come to.
func (s *CommitteeState) ofPeer(p *Peer) {
	s.Running, s.Threshold = true, p.Committee.Threshold
	for _, m := range p.Committee.Members {
		state := MemberState{Name: m.Name, Weight: m.Weight, Reached: m.Reached != nil && *m.Reached, Self: m.PeerID != nil && *m.PeerID == p.Self.PeerID}
		if m.Problem != nil {
			state.Problem = *m.Problem
		}
		s.Members = append(s.Members, state)
	}
}

// tryMember connects to the first TCP address that answers.
func (e *examination) tryMember(addresses []string) (reached bool, problem string) {
	problem = "network.toml has no TCP address of it"
	for _, a := range addresses {
		network, hostport, err := p2p.Endpoint(a)
		if err != nil {
			problem = err.Error()
			continue
		}
		if network != "tcp" {
			continue
		}
		if err := connect(e.ctx, hostport); err != nil {
			problem = err.Error()
			continue
		}
		return true, ""
	}
	return false, problem
}

// Committee judges who is reached, and how many may still be lost.
func Committee(s CommitteeState, flag string) []Finding {
	const check = "committee"
	var out []Finding
	var reached, total, least uint64
	for _, m := range s.Members {
		total += m.Weight
		if m.Reached {
			reached += m.Weight
			if !m.Self && (least == 0 || m.Weight < least) {
				least = m.Weight
			}
			continue
		}
		if m.Self {
			continue // lock and running say why
		}
		out = append(out, bad(Yellow, check, "ask its operator whether it runs, and compare its addresses in network.toml: allegro committee show"+flag, "%s (weight %d) is not reached: %s", m.Name, m.Weight, m.Problem))
	}
	if len(out) == 0 {
		how := "this peer is connected to all others of the %d validators of epoch %d"
		if !s.Running {
			how = "of the %d validators of epoch %d all others answer at a TCP address in network.toml"
		}
		out = append(out, green(check, how, len(s.Members), s.Epoch))
	}
	return append(out, quorum(reached, total, s.Threshold, least))
}

// quorum judges the margin: the reached weight beyond what a QC needs. least is the
// least weight of another member that is reached. A committee that allows for no loss
// is no fault as long as nobody is lost.
func quorum(reached, total, threshold, least uint64) Finding {
	const check = "quorum"
	measured := fmt.Sprintf("weight %d of %d is reached, %d is needed", reached, total, threshold)
	if reached < threshold {
		return bad(Red, check, "bring validators of weight "+fmt.Sprint(threshold-reached)+" more back: until then nothing is certified", "%s", measured)
	}
	margin := reached - threshold
	if reached < total && margin < least {
		return bad(Yellow, check, "bring the missing validators back", "%s: margin %d, the next one that is lost stops certifying", measured, margin)
	}
	return green(check, "%s: margin %d", measured, margin)
}
