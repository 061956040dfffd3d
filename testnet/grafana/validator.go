package grafana

// validator is the dashboard of what validators do: verify, decide, persist, sign and
// settle.
func validator() Dashboard {
	return Dashboard{
		Name: "validator", Title: "Allegro validator",
		Description: "Does the validator sign, what does it cost, and does it settle what it signed?",
		Rows: []Row{
			{Title: "Votes", Panels: []Panel{
				{
					Title: "Signing", Kind: Stat, Unit: Number, Width: 4,
					Description: "The lowest of the chosen validators: 1 may sign, 0 recovers or has stopped.",
					Steps:       []Step{{0, Red}, {1, Green}},
					Queries:     []Query{{Expr: by("min", series("allegro_validator_signing"))}},
				},
				{
					Title: "Equivocations", Kind: Stat, Unit: Number, Width: 4,
					Description: "Proven by evidence since the peers started. It must be 0.",
					Steps:       []Step{{0, Green}, {1, Red}},
					Queries:     []Query{{Expr: orZero(by("max", series("allegro_equivocation_total")))}},
				},
				{
					Title: "Votes signed", Kind: TimeSeries, Unit: PerSecond, Width: 8,
					Description: "Per validator. One that signs less than the others is slow or refuses what they take.",
					Queries:     []Query{{Expr: by("sum", rate("allegro_cert_issued_total"), "instance"), Legend: "{{instance}}"}},
				},
				{
					Title: "Payments refused", Kind: TimeSeries, Unit: PerSecond, Width: 8,
					Description: "By reject code. Validators that disagree read different chain states.",
					Queries:     []Query{{Expr: by("sum", rate("allegro_tx_rejected_total"), "instance", "code"), Legend: "{{instance}} {{code}}", Quiet: noRefusals}},
				},
				{
					Title: "Evidence by who is convicted", Kind: TimeSeries, Unit: Number, Width: 6,
					Description: "A payer, or a validator by its index, that signed two things that exclude each other. It must stay empty.",
					Queries:     []Query{{Expr: by("max", series("allegro_equivocation_total"), "kind", "validator"), Legend: "{{kind}} {{validator}}", Quiet: noEvidence}},
				},
				{
					Title: "Members' nodes with another final block", Kind: TimeSeries, Unit: Number, Width: 6,
					Description: "It must be 0: a fork of the chain, or a node that lies.",
					Queries:     []Query{{Expr: by("sum", series("allegro_head_conflicts_total"), "instance"), Legend: "{{instance}}"}},
				},
				{
					Title: "Votes that do not verify", Kind: TimeSeries, Unit: PerSecond, Width: 6,
					Description: "Gossiped batches, by reason. A peer sends junk.",
					Queries:     []Query{{Expr: by("sum", rate("allegro_cert_invalid_total"), "instance", "reason"), Legend: "{{instance}} {{reason}}", Quiet: noGossipBad}},
				},
				{
					Title: "Payments kept or dropped", Kind: TimeSeries, Unit: Number, Width: 6,
					Description: "Refused ones that may become valid, and what full queues lost per second.",
					Queries: []Query{
						{Expr: by("sum", series("allegro_validator_pool_payments"), "instance"), Legend: "{{instance}} in the pool"},
						{Expr: by("sum", rate("allegro_validator_dropped_total"), "instance", "where"), Legend: "{{instance}} dropped by {{where}}", Quiet: noDrops},
					},
				},
			}},
			{Title: "What votes cost", Panels: []Panel{
				{
					Title: "Time to verify certificates", Kind: TimeSeries, Unit: Seconds, Width: 8,
					Description: "One gossiped batch of votes. Milliseconds mean that the machine is overloaded.",
					Queries:     quantiles("allegro_cert_verify_seconds", "instance"),
				},
				{
					Title: "Time to sync the journal", Kind: TimeSeries, Unit: Seconds, Width: 8,
					Description: "One synced commit of votes. No vote leaves before it: a slow disk is a slow validator.",
					Queries:     quantiles("allegro_journal_sync_seconds", "instance"),
				},
				{
					Title: "Votes under one signature", Kind: Heatmap, Unit: Number, Width: 8,
					Description: "Larger batches under load are normal: they are what keeps up with it.",
					Queries:     buckets("allegro_validator_batch_votes"),
				},
				{
					Title: "Reads of chain state", Kind: TimeSeries, Unit: PerSecond, Width: 12,
					Description: "For decisions, by what and result.",
					Queries:     []Query{{Expr: by("sum", rate("allegro_validator_chain_reads_total"), "what", "result"), Legend: "{{what}} {{result}}"}},
				},
				{
					Title: "Blocks behind the newest one", Kind: TimeSeries, Unit: Number, Width: 12,
					Description: "Height of the newest block less that of the final one that decisions read.",
					Queries:     []Query{{Expr: series("allegro_chain_height") + " - " + series("allegro_validator_pinned_height"), Legend: "{{instance}}"}},
				},
			}},
			{Title: "Settlement", Panels: []Panel{
				{
					Title: "Payments handed to the node", Kind: TimeSeries, Unit: PerSecond, Width: 8,
					Description: "By the node's answer, or why not.",
					Queries:     []Query{{Expr: by("sum", rate("allegro_settle_submissions_total"), "instance", "result"), Legend: "{{instance}} {{result}}"}},
				},
				{
					Title: "Sponsor's balance", Kind: TimeSeries, Unit: Number, Width: 8,
					Description: "In units of the fee token. A payment costs about a thousand.",
					Queries:     []Query{{Expr: by("sum", series("allegro_settle_sponsor_balance_units"), "instance"), Legend: "{{instance}}"}},
				},
				{
					Title: "Sponsor cannot pay", Kind: TimeSeries, Unit: Number, Width: 8,
					Description: "1 while other members must settle for this one.",
					Queries:     []Query{{Expr: by("sum", series("allegro_settle_sponsor_dry"), "instance"), Legend: "{{instance}}"}},
				},
			}},
		},
	}
}
