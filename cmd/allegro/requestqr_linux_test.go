package main

import (
	"bytes"
	"context"
	"io"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/urfave/cli/v3"
	"golang.org/x/sys/unix"
)

// TestAQRCodeFitsItsTerminal: it is drawn where it can be read, and where it is asked for.
func TestAQRCodeFitsItsTerminal(t *testing.T) {
	code, err := qrOf("allegro:")
	require.NoError(t, err)
	for _, c := range []struct {
		name    string
		columns int
		args    []string
		drawn   bool
		said    string
	}{
		{"wide enough", len(code), nil, true, ""},
		{"of unknown width", 0, nil, true, ""},
		{"too narrow", len(code) - 1, nil, false, "note: the QR code needs 29 columns, this terminal has 28"},
		{"too narrow and asked for", len(code) - 1, []string{"--qr"}, true, ""},
		{"not wanted", len(code), []string{"--qr=false"}, false, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			screen, tty := terminal(t)
			require.NoError(t, unix.IoctlSetWinsize(int(tty.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Col: uint16(c.columns), Row: 24}))
			shown := make(chan []byte, 1)
			go func() {
				data, _ := io.ReadAll(screen) // ends in an error once nobody has the terminal
				shown <- data
			}()
			var said bytes.Buffer
			cmd := &cli.Command{
				Writer: tty, ErrWriter: &said, Flags: []cli.Flag{qrFlag()},
				Action: func(_ context.Context, cmd *cli.Command) error { return code.print(cmd) },
			}
			require.NoError(t, cmd.Run(t.Context(), append([]string{"show"}, c.args...)))
			require.NoError(t, tty.Close())
			data := <-shown
			require.Equal(t, c.drawn, bytes.Contains(data, []byte("\x1b[30;107m")), "%q", data)
			if c.said == "" {
				require.Empty(t, said.String())
			}
			require.Contains(t, said.String(), c.said)
		})
	}
}
