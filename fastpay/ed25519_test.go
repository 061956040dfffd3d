package fastpay

import (
	"crypto/ed25519"
	"encoding/json"
	"os"
	"testing"

	"github.com/ethereum/go-ethereum/common/hexutil"
)

// TestEd25519Vectors: the signatures on which verifiers of Ed25519 differ, small orders
// and forms that are not canonical, with what "valid" means here (section 1). Verifiers in
// other languages are held to the same file.
func TestEd25519Vectors(t *testing.T) {
	data, err := os.ReadFile("testdata/ed25519.json")
	if err != nil {
		t.Fatal(err)
	}
	var vectors []struct {
		Name      string        `json:"name"`
		Key       hexutil.Bytes `json:"key"`
		Message   hexutil.Bytes `json:"message"`
		Signature hexutil.Bytes `json:"signature"`
		Valid     bool          `json:"valid"`
	}
	if err := json.Unmarshal(data, &vectors); err != nil {
		t.Fatal(err)
	}
	valid := 0
	for _, v := range vectors {
		if got := ed25519.Verify(ed25519.PublicKey(v.Key), v.Message, v.Signature); got != v.Valid {
			t.Errorf("%s: valid is %v, the file says %v", v.Name, got, v.Valid)
		}
		if v.Valid {
			valid++
		}
	}
	if valid == 0 || valid == len(vectors) {
		t.Errorf("%d of %d signatures are valid", valid, len(vectors))
	}
}
