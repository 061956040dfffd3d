package grafana

// Reasons why a query may have no data while nothing is wrong.
const (
	noRefusals  = "no payment is refused"
	noEvidence  = "nobody equivocates"
	noDrops     = "no queue is full"
	noGossipBad = "no peer gossips what is invalid"
	noFetches   = "gossip loses nothing, so nothing is asked for"
)

// overview is the dashboard that answers whether the network keeps its promise: a
// payment is certified before the next block.
func overview() Dashboard {
	margin := by("min", series("allegro_committee_reachable")+" - "+series("allegro_committee_threshold"), "instance", "epoch")
	return Dashboard{
		Name: "overview", Title: "Allegro overview",
		Description: "Is the network keeping its promise? Every peer counts what it sees itself.",
		Rows: []Row{
			{Title: "The promise", Panels: []Panel{
				{
					Title: "QCs before the next block", Kind: Stat, Unit: Ratio, Width: 5,
					Description: "The share of QCs that formed before the next block, at the chosen peer that saw the lowest, over the last five minutes. A payment without a QC is not in it: see Quorum margin.",
					Steps:       []Step{{0, Red}, {.95, Amber}, {.99, Green}},
					Queries:     []Query{{Expr: by("min", series("allegro_qc_before_block_ratio"))}},
				},
				{
					Title: "Lead, median", Kind: Stat, Unit: Seconds, Width: 4,
					Description: "Time from a QC to the next height. Below 0 the block came first.",
					Steps:       []Step{{-1, Red}, {0, Amber}, {.25, Green}},
					Queries:     []Query{{Expr: quantile(.5, "allegro_qc_lead_seconds")}},
				},
				{
					Title: "Time to QC, 99th percentile", Kind: Stat, Unit: Seconds, Width: 4,
					Description: "From a payment's first sight at a peer to its QC there.",
					Steps:       []Step{{0, Green}, {.25, Amber}, {1, Red}},
					Queries:     []Query{{Expr: quantile(.99, "allegro_qc_latency_seconds")}},
				},
				{
					Title: "Quorum margin", Kind: Stat, Unit: Number, Width: 4,
					Description: "Weight that can be lost before no QC forms, at the chosen peer that reaches least. Below 0 no QC forms now.",
					Steps:       []Step{{-1, Red}, {0, Amber}, {1, Green}},
					Queries:     []Query{{Expr: by("min", margin)}},
				},
				{
					Title: "Age of the head", Kind: Stat, Unit: Seconds, Width: 4,
					Description: "Time since a new block was seen, at the chosen peer that waits longest. Compare with the chain's block time.",
					Steps:       []Step{{0, Green}, {10, Amber}, {15, Red}},
					Queries:     []Query{{Expr: by("max", series("allegro_chain_head_age_seconds"))}},
				},
				{
					Title: "Equivocations", Kind: Stat, Unit: Number, Width: 3,
					Description: "Proven by evidence since the peers started. It must be 0.",
					Steps:       []Step{{0, Green}, {1, Red}},
					Queries:     []Query{{Expr: orZero(by("max", series("allegro_equivocation_total")))}},
				},
				{
					Title: "Lead of QCs over the next block", Kind: Heatmap, Unit: Seconds, Width: 12,
					Description: "Each QC at each chosen peer by how long before the next height it formed.",
					Queries:     buckets("allegro_qc_lead_seconds"),
				},
				{
					Title: "Time to QC", Kind: TimeSeries, Unit: Seconds, Width: 12,
					Description: "From a payment's first sight at a peer to its QC there.",
					Queries:     quantiles("allegro_qc_latency_seconds", "instance"),
				},
			}},
			{Title: "Payments", Panels: []Panel{
				{
					Title: "Payments by stage", Kind: TimeSeries, Unit: PerSecond, Width: 6, Stacked: true,
					Description: "Payments that reach a stage, at the chosen peer that sees most.",
					Queries:     []Query{{Expr: by("max", by("sum", rate("allegro_tx_stage_total"), "instance", "stage"), "stage"), Legend: "{{stage}}"}},
				},
				{
					Title: "Payments refused by validators", Kind: TimeSeries, Unit: PerSecond, Width: 6,
					Description: "Decisions against payments by reject code.",
					Queries:     []Query{{Expr: by("sum", rate("allegro_tx_rejected_total"), "code"), Legend: "{{code}}", Quiet: noRefusals}},
				},
				{
					Title: "Certificates received", Kind: TimeSeries, Unit: PerSecond, Width: 6,
					Description: "Valid votes by validator, at the chosen peer that sees most. One that is lower than the others is slow, cut off or down.",
					Queries:     []Query{{Expr: by("max", rate("allegro_cert_received_total"), "validator"), Legend: "{{validator}}"}},
				},
				{
					Title: "Payments without a block that a QC stands on", Kind: Heatmap, Unit: Number, Width: 6,
					Description: "How long the chains of certified payments are when one more is certified. Validators sign no more than 32 above a block.",
					Queries:     buckets("allegro_qc_depth"),
				},
			}},
			{Title: "Committee and chain", Panels: []Panel{
				{
					Title: "Quorum margin by peer", Kind: TimeSeries, Unit: Number, Width: 6,
					Description: "Weight that a peer can lose sight of before no QC forms there.",
					Queries:     []Query{{Expr: margin, Legend: "{{instance}}, epoch {{epoch}}"}},
				},
				{
					Title: "Chain height", Kind: TimeSeries, Unit: Number, Width: 6,
					Description: "The newest block and the newest final one. A peer that lags behind the others has a bad node.",
					Queries: []Query{
						{Expr: series("allegro_chain_height"), Legend: "{{instance}} newest"},
						{Expr: series("allegro_chain_finalized_height"), Legend: "{{instance}} final"},
					},
				},
				{
					Title: "Requests to chain nodes", Kind: TimeSeries, Unit: PerSecond, Width: 6,
					Description: "By result. Whatever is not ok means a node that is gone or wrong.",
					Queries:     []Query{{Expr: by("sum", rate("allegro_chain_rpc_requests_total"), "instance", "result"), Legend: "{{instance}} {{result}}"}},
				},
				{
					Title: "Peers by version", Kind: TimeSeries, Unit: Number, Width: 6,
					Description: "More than one version means that an upgrade is under way.",
					Queries:     []Query{{Expr: by("count", series("allegro_build_info"), "role", "version"), Legend: "{{role}} {{version}}"}},
				},
			}},
		},
	}
}
