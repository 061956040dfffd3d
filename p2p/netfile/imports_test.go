package netfile_test

import (
	"os/exec"
	"strings"
	"testing"
)

// A machine that only verifies a QC needs this package and no network code:
// nothing under it may bring in libp2p, the chain's client or a role.
func TestImports(t *testing.T) {
	out, err := exec.Command("go", "list", "-deps", ".").Output()
	if err != nil {
		t.Fatalf("go list -deps: %v", err)
	}
	const module = "github.com/allegro-p2p/allegro/"
	allowed := map[string]bool{module + "fastpay": true, module + "tempo/tx76": true, module + "p2p/netfile": true, module + "p2p/netfile/strict": true}
	for _, path := range strings.Fields(string(out)) {
		if strings.HasPrefix(path, module) && !allowed[path] {
			t.Errorf("depends on %s", path)
		}
		for _, forbidden := range []string{"github.com/libp2p/", "github.com/ethereum/go-ethereum/rpc", "github.com/ethereum/go-ethereum/ethclient", "net/http"} {
			if strings.HasPrefix(path, forbidden) {
				t.Errorf("depends on %s", path)
			}
		}
	}
}
