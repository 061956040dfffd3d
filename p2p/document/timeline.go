package document

import (
	"maps"
	"slices"
	"time"

	"github.com/allegro-p2p/allegro/fastpay"
	"github.com/allegro-p2p/allegro/p2p/replica"
)

// EventName says what happened to a payment.
type EventName string

// The events, in the order of a payment that goes well, then the bad ends.
const (
	EventFirstSeen  EventName = "first_seen"
	EventVote       EventName = "vote"
	EventCertified  EventName = "certified"
	EventQueued     EventName = "queued"
	EventIncluded   EventName = "included"
	EventFinalized  EventName = "finalized"
	EventRejected   EventName = "rejected"
	EventExpired    EventName = "expired"
	EventFailed     EventName = "failed"
	EventConflicted EventName = "conflicted"
)

// ends are the events of the stages that end a payment badly.
var ends = map[fastpay.Stage]EventName{
	fastpay.StageRejected: EventRejected, fastpay.StageExpired: EventExpired,
	fastpay.StageFailed: EventFailed, fastpay.StageConflicted: EventConflicted,
}

// timelineOf lists what happened to a payment, the earliest first. What this peer did
// not see happen has no time and comes first.
func (d *Describer) timelineOf(c *fastpay.Committee, t replica.Timeline, stage fastpay.Stage) []Event {
	type moment struct {
		at time.Time
		Event
	}
	var list []moment
	add := func(at time.Time, e Event) {
		e.Micros = microsOrNull(at)
		list = append(list, moment{at, e})
	}
	if !t.FirstSeen.IsZero() {
		add(t.FirstSeen, Event{Event: EventFirstSeen})
	}
	for _, signer := range slices.Sorted(maps.Keys(t.Votes)) {
		add(t.Votes[signer], Event{Event: EventVote, Validator: new(d.name(c, signer))})
	}
	if !t.QC.IsZero() {
		add(t.QC, Event{Event: EventCertified, Height: Decimal(t.HeightAtQC)})
	}
	for _, e := range []struct {
		at   time.Time
		name EventName
	}{{t.Queued, EventQueued}, {t.Included, EventIncluded}, {t.Finalized, EventFinalized}} {
		if !e.at.IsZero() {
			add(e.at, Event{Event: e.name})
		}
	}
	slices.SortStableFunc(list, func(a, b moment) int { return a.at.Compare(b.at) })
	events := make([]Event, 0, len(list)+1)
	for _, m := range list {
		events = append(events, m.Event)
	}
	if end, ended := ends[stage]; ended {
		events = append(events, Event{Event: end})
	}
	return events
}
