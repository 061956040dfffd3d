package netfile_test

import (
	"fmt"

	"github.com/allegro-p2p/allegro/p2p/netfile"
)

// A network file gives names to what a certificate only numbers.
func ExampleLoad() {
	network, err := netfile.Load("testdata/network.toml")
	if err != nil {
		fmt.Println(err)
		return
	}
	rules, err := network.Rules()
	if err != nil {
		fmt.Println(err)
		return
	}
	committee := rules.CommitteeAt(1_700_000_000)
	fmt.Println(network)
	for i := range committee.Len() {
		fmt.Println(i, network.MemberName(committee.ID(), i))
	}
	// Output:
	// demo (chain 31337, digest 0xb5401bc1…)
	// 0 dave
	// 1 edgar
}

func ExampleParseAmount() {
	units, err := netfile.ParseAmount("10.50", 6)
	fmt.Println(units.Dec(), err)
	_, err = netfile.ParseAmount("10.0000001", 6)
	fmt.Println(err)
	// Output:
	// 10500000 <nil>
	// amount 10.0000001 has 7 digits behind the point, the asset has 6 decimals: round it
}
