package document_test

import (
	"encoding/json"
	"fmt"

	"github.com/allegro-p2p/allegro/p2p/document"
	"github.com/allegro-p2p/allegro/p2p/netfile"
)

// Whoever has the network file can show the committee in office as every peer's API does.
// What only a connected peer knows is null.
func ExampleCommitteeOf() {
	network, err := netfile.Load("../netfile/testdata/network.toml")
	if err != nil {
		fmt.Println(err)
		return
	}
	rules, err := network.Rules()
	if err != nil {
		fmt.Println(err)
		return
	}
	committee := document.CommitteeOf(network, rules.CommitteeAt(1_700_000_000))
	fmt.Println(committee.Schema, "epoch", committee.Epoch, "quorum", committee.Threshold, "of", committee.Total)
	for _, m := range committee.Members {
		m.Key, m.Sponsor, m.Addresses = m.Key[:10], m.Sponsor[:10], m.Addresses[:1] // to fit the page
		text, err := json.Marshal(m)
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(string(text))
	}
	// Output:
	// allegro.committee/v1 epoch 1 quorum 2 of 2
	// {"index":0,"name":"dave","key":"0x33f5a31b","weight":1,"sponsor":"0x00000000","addresses":["/ip4/127.0.0.1/tcp/4001/p2p/12D3KooWJffCHfWKZJVSutW2VdijqWM3UqQzHBhwQwa6HT6NiApL"],"reached":null,"peer_id":null,"problem":null,"head":null}
	// {"index":1,"name":"edgar","key":"0xce1a6eaa","weight":1,"sponsor":"0x00000000","addresses":["/ip4/127.0.0.1/tcp/4001/p2p/12D3KooWQw3J7m65JciCy32Y3CJfucGeRsdi7EpZgPDhK8YAJNo3"],"reached":null,"peer_id":null,"problem":null,"head":null}
}
