package man

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/urfave/cli/v3"
)

func TestPage(t *testing.T) {
	root := &cli.Command{
		Name: "till", Usage: "keep the till",
		Commands: []*cli.Command{
			{
				Name: "coin", Usage: "work on coins",
				Commands: []*cli.Command{
					{
						Name: "add", Usage: "put coins in", ArgsUsage: "COIN ...",
						Description: "A first line that goes on for as long as lines of descriptions do, and then\nflows.\nA line of its own.\n\n.Dots and \\backslashes stay.",
						Flags: []cli.Flag{
							&cli.StringFlag{Name: "drawer", Aliases: []string{"d"}, Usage: "into `DRAWER`", Value: "top", Sources: cli.EnvVars("TILL_DRAWER")},
							&cli.BoolFlag{Name: "secret", Hidden: true},
						},
					},
					{Name: "count", Usage: "count them"},
				},
			},
			{Name: "test", Hidden: true},
		},
	}
	m := New(root, "v1.2.3", "2027-01-31", Section{"FILES", "In the shop:", []Term{{"till-1", "the till"}}})
	require.Equal(t, []string{"till", "till-coin", "till-coin-add", "till-coin-count"}, m.Pages())
	for name, want := range map[string]string{
		"till": `.TH "TILL" "1" "2027-01-31" "till v1.2.3" "Manual of till"
.SH "NAME"
till \- keep the till
.SH "SYNOPSIS"
\fBtill\fR
COMMAND
.SH "COMMANDS"
.TP
\fBtill\-coin(1)\fR
work on coins
.SH "FILES"
In the shop:
.TP
\fBtill\-1\fR
the till
`,
		"till-coin-add": `.TH "TILL-COIN-ADD" "1" "2027-01-31" "till v1.2.3" "Manual of till"
.SH "NAME"
till\-coin\-add \- put coins in
.SH "SYNOPSIS"
\fBtill coin add\fR
[OPTIONS] COIN ...
.SH "DESCRIPTION"
A first line that goes on for as long as lines of descriptions do, and then
flows.
.br
A line of its own.
.PP
\&.Dots and \ebackslashes stay.
.SH "OPTIONS"
.TP
\fB\-\-drawer DRAWER, \-d DRAWER\fR
into DRAWER (default: "top") [$TILL_DRAWER]
.SH "SEE ALSO"
till\-coin(1), till(1), till\-coin\-count(1)
`,
	} {
		var page strings.Builder
		require.NoError(t, m.Write(&page, name))
		require.Equal(t, want, page.String())
	}
	require.ErrorContains(t, m.Write(&strings.Builder{}, "till-test"), "no page till-test")
}
