package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// playedByNetns marks the blocks of docs/operators.md that show what testnet/netns.sh
// prints.
const playedByNetns = "played by testnet/netns.sh"

// TestFourHosts plays testnet/netns.sh, four hosts with a network between them. What
// docs/operators.md shows of them is what it types, in its order, and has the shape of what
// it prints. It skips where the machine allows no namespaces.
func TestFourHosts(t *testing.T) {
	t.Parallel() // it waits, most of the time
	out, err := exec.CommandContext(t.Context(), "bash", "../../testnet/netns.sh").CombinedOutput()
	t.Logf("%s", out)
	require.NoError(t, err)
	if reason, skipped := strings.CutPrefix(string(out), "SKIPPED: "); skipped {
		t.Skip(reason)
	}
	played := transcript(string(out))
	printedAs, shownAs := make(map[string]string), make(map[string]string) // hashes of the document, and of the script
	shown := 0
	for _, b := range consoleBlocks(t, "../../docs/operators.md") {
		if b.marker != playedByNetns {
			continue
		}
		for _, c := range b.commands() {
			shown++
			typed := commandShape(c.text)
			for len(played) > 0 && (played[0].host != c.host || !typed.MatchString(played[0].text)) {
				played = played[1:]
			}
			require.NotEmpty(t, played, "docs/operators.md:%d: testnet/netns.sh does not type, or not after what is above: %s$ %s", c.line, c.host, c.text)
			p := played[0]
			played = played[1:]
			text, printed := c.text, p.text
			if len(c.output) > 0 {
				text += "\n" + strings.Join(c.output, "\n")
				printed += "\n" + strings.Join(p.output, "\n")
			}
			shape := shapeOf(text, false)
			require.Regexp(t, shape, printed, "docs/operators.md:%d: what %s prints has not the shape that the document shows", c.line, c.text)
			hashes := shape.FindStringSubmatch(printed)[1:]
			for i, hash := range fullHash.FindAllString(text, -1) {
				if printedAs[hash] == "" && shownAs[hashes[i]] == "" {
					printedAs[hash], shownAs[hashes[i]] = hashes[i], hash
				}
				require.Equal(t, printedAs[hash], hashes[i], "docs/operators.md:%d: %s is of another payment", c.line, hash)
			}
		}
	}
	require.Greater(t, shown, 10)
}

// TestFourHostsInEitherWay: without user namespaces root still plays testnet/netns.sh, and
// where that is refused too the skip names both reasons. The programs are stand-ins: no
// machine refuses one way alone for a test.
func TestFourHostsInEitherWay(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, unshare, want string }{
		{"a user namespace", `echo "$@"`,
			"--map-root-user --net --mount --pid --fork --kill-child --mount-proc bash testnet/netns.sh inside\n"},
		{"root alone", `[ "$1" != --map-root-user ] || { echo "unshare: No space left on device" >&2; exit 1; }; echo "$@"`,
			"--net --mount --pid --fork --kill-child --mount-proc bash testnet/netns.sh inside\n"},
		{"neither", `echo "unshare: refused"; [ "$1" = --net ] || echo "in a user namespace"; exit 1`,
			"SKIPPED: four hosts: this machine allows no network namespaces, neither in a user namespace (unshare: refused, in a user namespace) nor to user somebody without one (unshare: refused)\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			programs := t.TempDir()
			for name, text := range map[string]string{"unshare": tt.unshare, "id": "echo somebody", "go": "", "ip": "", "jq": ""} {
				require.NoError(t, os.WriteFile(filepath.Join(programs, name), []byte("#!/bin/sh\n"+text+"\n"), 0o700))
			}
			cmd := exec.CommandContext(t.Context(), "bash", "../../testnet/netns.sh")
			cmd.Env = append(os.Environ(), "PATH="+programs+":"+os.Getenv("PATH"))
			out, err := cmd.CombinedOutput()
			require.NoError(t, err, "%s", out)
			require.Equal(t, tt.want, string(out))
		})
	}
}

// transcript are the commands that testnet/netns.sh shows, with what they print. Its
// headings begin with #, and what goes on in the background ends with &.
func transcript(out string) []shownCommand {
	var b docBlock
	for _, line := range strings.Split(out, "\n") {
		if !strings.HasPrefix(line, "# ") {
			b.lines = append(b.lines, strings.TrimSuffix(line, " &"))
		}
	}
	return b.commands()
}

// hexNumber is an address or a hash.
var hexNumber = regexp.MustCompile(`0x[0-9a-fA-F]+`)

// commandShape matches a command with other addresses and hashes.
func commandShape(text string) *regexp.Regexp {
	var literal []string
	for _, part := range hexNumber.Split(text, -1) {
		literal = append(literal, regexp.QuoteMeta(part))
	}
	return regexp.MustCompile(`^` + strings.Join(literal, hexNumber.String()) + `$`)
}
