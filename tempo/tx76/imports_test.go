package tx76_test

import (
	"os/exec"
	"strings"
	"testing"
)

// The package is pure: of everything outside the standard library it may use
// only go-ethereum's basic types, cryptography and RLP, and uint256. What those
// need themselves counts as allowed only by name, so that an update which drags
// in more shows here.
func TestImports(t *testing.T) {
	out, err := exec.Command("go", "list", "-f", "{{join .Imports \"\\n\"}}", ".").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	allowed := map[string]bool{
		"github.com/ethereum/go-ethereum/common": true,
		"github.com/ethereum/go-ethereum/crypto": true,
		"github.com/ethereum/go-ethereum/rlp":    true,
		"github.com/holiman/uint256":             true,
		// Standard library, as far as a pure package needs it.
		"bytes": true, "errors": true, "fmt": true, "sync": true, "unicode/utf8": true, "math/big": true,
		"crypto/ecdsa": true, "crypto/elliptic": true, "crypto/sha256": true,
		"encoding/base64": true, "encoding/json": true,
	}
	for _, path := range strings.Fields(string(out)) {
		if !allowed[path] {
			t.Errorf("imports %s: the codec stays pure", path)
		}
	}

	deps, err := exec.Command("go", "list", "-deps", ".").Output()
	if err != nil {
		t.Fatalf("go list -deps: %v", err)
	}
	for _, path := range strings.Fields(string(deps)) {
		for _, forbidden := range []string{
			"net/http",
			"github.com/libp2p/", "github.com/ethereum/go-ethereum/rpc", "github.com/ethereum/go-ethereum/core",
			"github.com/ethereum/go-ethereum/ethclient",
		} {
			if strings.HasPrefix(path, forbidden) {
				t.Errorf("depends on %s: the codec stays pure", path)
			}
		}
		if strings.HasPrefix(path, "github.com/allegro-p2p/") && !strings.HasSuffix(path, "/tempo/tx76") {
			t.Errorf("depends on %s: the codec knows nobody", path)
		}
	}
}
