package strict_test

import (
	"fmt"

	"github.com/allegro-p2p/allegro/p2p/netfile/strict"
)

// A mistake in a file is told with its line, and with what was probably meant.
func ExampleDecode() {
	var config struct {
		Chain struct {
			RPC string `toml:"rpc"`
		} `toml:"chain"`
		P2P struct {
			Listen []string `toml:"listen"`
		} `toml:"p2p"`
	}
	for _, text := range []string{
		"[chain]\nrpc = 'http://127.0.0.1:8545'\n",
		"[p2p]\nlistn = []\n",
		"[p2p]\nlisten = 4001\n",
	} {
		fmt.Println(strict.Decode([]byte(text), &config))
	}
	fmt.Println(config.Chain.RPC)
	// Output:
	// <nil>
	// line 2: key p2p.listn is unknown: did you mean listen?
	// line 2: key p2p.listen wants a list of texts in quotes
	// http://127.0.0.1:8545
}
