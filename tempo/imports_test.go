package tempo_test

import (
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// The package is one of the two ways to the outside world and knows neither the
// other one nor the payment protocol: of this module it uses the transaction
// codec only.
func TestImports(t *testing.T) {
	out, err := exec.Command("go", "list", "-deps", ".").CombinedOutput()
	require.NoError(t, err, "%s", out)
	const module = "github.com/allegro-p2p/allegro/"
	for _, path := range strings.Fields(string(out)) {
		require.False(t, strings.HasPrefix(path, "github.com/libp2p/"), path)
		if own, ok := strings.CutPrefix(path, module); ok {
			require.Contains(t, []string{"tempo", "tempo/tx76"}, own)
		}
	}
}
