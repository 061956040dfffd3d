package examples_test

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/allegro-p2p/allegro/fastpay"
	"github.com/stretchr/testify/require"
)

// The table of refusals in integrators.md says what the code does.
func TestTableOfRefusalsIsTheCodes(t *testing.T) {
	text, err := os.ReadFile("../integrators.md")
	require.NoError(t, err)
	row := regexp.MustCompile(`(?m)^\| ([A-Z_]+) \| [^|]+ \| (yes|no) \| (\d+) \|$`)
	var told []string
	for _, m := range row.FindAllStringSubmatch(string(text), -1) {
		told = append(told, strings.Join(m[1:], " "))
	}
	var want []string
	for _, code := range fastpay.Codes() {
		c := fastpay.Classify(code)
		retryable := "no"
		if c.Retryable {
			retryable = "yes"
		}
		want = append(want, fmt.Sprintf("%s %s %d", code, retryable, c.HTTP))
	}
	require.Equal(t, want, told)
}
