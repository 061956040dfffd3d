package main

// vital is one line of what an operator looks at first: an expression over a peer's
// series, its unit, and when its value should worry somebody.
type vital struct {
	name string
	of   expression
	unit unit
	warn *condition // nil: never
	bad  *condition // nil: never
}

// vitals are the lines of allegro metrics, the payments first; a peer tells about twenty
// of them. The thresholds are for a network with blocks of a few seconds on one continent:
// who has other ones reads the numbers.
var vitals = []vital{
	{"payments accepted", total("allegro_tx_stage_total").of("stage", "ACCEPTED"), unitCount, nil, nil},
	{"payments certified", total("allegro_tx_stage_total").of("stage", "CERTIFIED"), unitCount, nil, nil},
	{"payments included", total("allegro_tx_stage_total").of("stage", "INCLUDED"), unitCount, nil, nil},
	{"payments refused", total("allegro_tx_rejected_total"), unitCount, nil, nil},
	{"QC latency", histogram{name: "allegro_qc_latency_seconds"}, unitSeconds, above(ofTail, 0.1), above(ofTail, 1)},
	{"QC lead to the next block", histogram{name: "allegro_qc_lead_seconds", low: true}, unitSeconds, below(ofTail, 0.25), below(ofMedian, 0.25)},
	{"QCs before the next block", share{of: histogram{name: "allegro_qc_lead_seconds"}}, unitRatio, below(ofValue, 0.99), below(ofValue, 0.9)},
	{"votes received", total("allegro_cert_received_total"), unitCount, nil, nil},
	{"votes signed", total("allegro_cert_issued_total"), unitCount, nil, nil},
	{"invalid batches of votes", total("allegro_cert_invalid_total"), unitCount, above(ofValue, 0), above(ofRate, 0)},
	{"vote verification", histogram{name: "allegro_cert_verify_seconds"}, unitSeconds, above(ofTail, 0.01), above(ofTail, 0.05)},
	{"vote journal sync", histogram{name: "allegro_journal_sync_seconds"}, unitSeconds, above(ofTail, 0.05), above(ofTail, 0.25)},
	{"equivocations", total("allegro_equivocation_total"), unitCount, nil, above(ofValue, 0)},
	{"quorum margin", margin{of: "allegro_committee_reachable", over: "allegro_committee_threshold"}, unitWeight, below(ofValue, 1), below(ofValue, 0)},
	{"validator signs", gauge{"allegro_validator_signing"}, unitCount, nil, below(ofValue, 1)},
	{"sponsor cannot pay", gauge{"allegro_settle_sponsor_dry"}, unitCount, nil, above(ofValue, 0)},
	{"chain height", gauge{"allegro_chain_height"}, unitCount, nil, nil},
	{"chain head age", gauge{"allegro_chain_head_age_seconds"}, unitSeconds, above(ofValue, 15), above(ofValue, 30)},
	{"backup chain node in use", gauge{"allegro_chain_node"}, unitCount, above(ofValue, 0), nil},
	{"peers", gauge{"allegro_peers"}, unitCount, nil, below(ofValue, 1)},
	// None is usual for a client among many: allegro doctor knows whether it matters.
	{"fewest mesh peers", least{of: "allegro_gossip_mesh_peers"}, unitCount, nil, nil},
	{"gossip delivered", total("allegro_gossip_messages_total").of("result", "delivered"), unitCount, nil, nil},
	{"copies per message", ratio{of: total("allegro_gossip_messages_total").of("result", "duplicate"),
		over: total("allegro_gossip_messages_total").of("result", "delivered")}, unitCount, above(ofValue, 12), nil},
	{"gossip rejected", total("allegro_gossip_messages_total").of("result", "rejected"), unitCount, above(ofValue, 0), above(ofRate, 0)},
	{"gossip checking", histogram{name: "allegro_gossip_validation_seconds"}, unitSeconds, above(ofTail, 0.05), above(ofTail, 0.5)},
	{"queues dropped", total("allegro_gossip_drop_total", "allegro_validator_dropped_total"), unitCount, above(ofValue, 0), above(ofRate, 0)},
	{"recovered by sync", total("allegro_sync_recovered_items_total"), unitCount, nil, nil},
	{"gossip bytes", total("allegro_gossip_bytes_total"), unitBytes, nil, nil},
}

// unit is what a value counts.
type unit string

const (
	unitCount   unit = "count"
	unitSeconds unit = "seconds"
	unitWeight  unit = "weight" // of validators
	unitBytes   unit = "bytes"
	unitRatio   unit = "ratio" // of a part to the whole, 0 to 1
)
