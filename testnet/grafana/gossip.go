package grafana

// gossip is the dashboard of the gossip mesh and of what repairs its losses. go-libp2p
// ships dashboards of hosts and connections, but none of pubsub.
func gossip() Dashboard {
	return Dashboard{
		Name: "gossip", Title: "Allegro gossip",
		Description: "Do messages reach everybody, how fast, and what is lost on the way? Topics: tx, cert, head, evidence.",
		Rows: []Row{
			{Title: "Messages", Panels: []Panel{
				{
					Title: "Messages by result", Kind: TimeSeries, Unit: PerSecond, Width: 12, Stacked: true,
					Description: "Duplicates are normal: each message comes from several mesh peers. Rejected ones are faults of the sender, undeliverable ones of this peer.",
					Queries:     []Query{{Expr: by("sum", rate("allegro_gossip_messages_total"), "topic", "result"), Legend: "{{topic}} {{result}}"}},
				},
				{
					Title: "Copies per message", Kind: TimeSeries, Unit: Number, Width: 6,
					Description: "Received copies of a message for each first one. Above the mesh's size bandwidth is wasted.",
					Queries: []Query{{
						Expr: by("sum", rate("allegro_gossip_messages_total", `result=~"delivered|duplicate"`), "topic") + " / " +
							by("sum", rate("allegro_gossip_messages_total", `result="delivered"`), "topic"),
						Legend: "{{topic}}",
					}},
				},
				{
					Title: "Bytes", Kind: TimeSeries, Unit: Bytes, Width: 6,
					Description: "Gossip RPCs in and out.",
					Queries:     []Query{{Expr: by("sum", rate("allegro_gossip_bytes_total"), "instance", "dir"), Legend: "{{instance}} {{dir}}"}},
				},
				{
					Title: "Time from the first copy to later ones", Kind: TimeSeries, Unit: Seconds, Width: 8,
					Description: "How far behind the fastest path the others are: the spread of the mesh. No send time is on the wire.",
					Queries:     quantiles("allegro_gossip_duplicate_delay_seconds", "topic"),
				},
				{
					Title: "Time to validate", Kind: TimeSeries, Unit: Seconds, Width: 8,
					Description: "To decode, verify and hand over a message. It delays every hop.",
					Queries:     quantiles("allegro_gossip_validation_seconds", "topic"),
				},
				{
					Title: "Messages not forwarded, by reject code", Kind: TimeSeries, Unit: PerSecond, Width: 8,
					Description: "Known messages aside. Codes of invalid messages lower the sender's score.",
					Queries:     []Query{{Expr: by("sum", rate("allegro_gossip_rejected_total"), "topic", "code"), Legend: "{{topic}} {{code}}", Quiet: noGossipBad}},
				},
			}},
			{Title: "Mesh", Panels: []Panel{
				{
					Title: "Mesh peers", Kind: TimeSeries, Unit: Number, Width: 8,
					Description: "0 while there are peers means that gossip on the topic does not reach this peer by the mesh.",
					Queries:     []Query{{Expr: by("sum", series("allegro_gossip_mesh_peers"), "instance", "topic"), Legend: "{{instance}} {{topic}}"}},
				},
				{
					Title: "Grafts and prunes", Kind: TimeSeries, Unit: PerSecond, Width: 8,
					Description: "A mesh that keeps changing has peers with bad scores or connections.",
					Queries: []Query{
						{Expr: by("sum", rate("allegro_gossip_graft_total"), "instance"), Legend: "{{instance}} graft"},
						{Expr: by("sum", rate("allegro_gossip_prune_total"), "instance"), Legend: "{{instance}} prune"},
					},
				},
				{
					Title: "Connected peers", Kind: TimeSeries, Unit: Number, Width: 8,
					Description: "Peers whose hello succeeded, by their role.",
					Queries:     []Query{{Expr: by("sum", series("allegro_peers"), "instance", "role"), Legend: "{{instance}} {{role}}"}},
				},
			}},
			{Title: "Losses and their repair", Panels: []Panel{
				{
					Title: "Messages lost in full queues", Kind: TimeSeries, Unit: PerSecond, Width: 8,
					Description: "It must be 0: a queue that fills has a peer or a machine behind it that is too slow.",
					Queries: []Query{
						{Expr: by("sum", rate("allegro_gossip_drop_total"), "instance", "where"), Legend: "{{instance}} {{where}}"},
						{Expr: by("sum", rate("allegro_gossip_rpc_dropped_total"), "instance"), Legend: "{{instance}} rpc"},
					},
				},
				{
					Title: "Payments that sync brought", Kind: TimeSeries, Unit: PerSecond, Width: 8,
					Description: "What gossip did not bring in time, by why it was asked for. Payments that votes named (wanted) come so to a client in nobody's mesh; much of the rest while peers stay connected means that gossip loses messages.",
					Queries:     []Query{{Expr: by("sum", rate("allegro_sync_recovered_items_total"), "instance", "kind"), Legend: "{{instance}} {{kind}}", Quiet: noFetches}},
				},
				{
					Title: "Requests to peers", Kind: TimeSeries, Unit: PerSecond, Width: 8,
					Description: "Hello, submit and sync as asked here, by result. Whatever is not ok names a peer that is slow, overloaded or foreign.",
					Queries: []Query{
						{Expr: by("sum", rate("allegro_hello_total"), "result"), Legend: "hello {{result}}"},
						{Expr: by("sum", rate("allegro_submit_requests_total"), "result"), Legend: "submit {{result}}"},
						{Expr: by("sum", rate("allegro_sync_requests_total"), "kind", "result"), Legend: "sync {{kind}} {{result}}"},
					},
				},
				{
					Title: "Time to answer peers", Kind: TimeSeries, Unit: Seconds, Width: 12,
					Description: "Requests of other peers, by protocol.",
					Queries:     quantiles("allegro_stream_seconds", "protocol"),
				},
				{
					Title: "Dials", Kind: TimeSeries, Unit: PerSecond, Width: 12,
					Description: "Of configured peers and members of the committee, by result. Errors that go on: an address is wrong or a peer is down.",
					Queries:     []Query{{Expr: by("sum", rate("allegro_dials_total"), "instance", "result"), Legend: "{{instance}} {{result}}"}},
				},
			}},
		},
	}
}
