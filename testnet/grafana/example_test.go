package grafana_test

import (
	"encoding/json"
	"fmt"

	"github.com/allegro-p2p/allegro/testnet/grafana"
)

// A dashboard of one's own has the look of the others.
func ExampleDashboard_Encode() {
	for _, d := range grafana.Dashboards() {
		fmt.Println(d.File(), "-", d.Title)
	}
	own := grafana.Dashboard{Name: "shop", Title: "Allegro: shop", Rows: []grafana.Row{{Title: "Orders", Panels: []grafana.Panel{{
		Title: "Messages that nobody has taken", Kind: grafana.Stat, Unit: grafana.Number, Width: 6,
		Steps:   []grafana.Step{{From: 0, Color: grafana.Green}, {From: 1, Color: grafana.Amber}},
		Queries: []grafana.Query{{Expr: "sum(allegro_orders_untold)", Legend: "messages"}},
	}}}}}
	data, err := own.Encode()
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(own.File(), json.Valid(data))
	// Output:
	// overview.json - Allegro overview
	// gossip.json - Allegro gossip
	// validator.json - Allegro validator
	// shop.json true
}
