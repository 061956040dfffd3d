package webhook

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/allegro-p2p/allegro/fastpay"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// script is a command that runs a shell script in an own folder.
func script(t *testing.T, text string, args ...string) (c *Command, dir string) {
	t.Helper()
	dir = t.TempDir()
	path := filepath.Join(dir, "script")
	require.NoError(t, os.WriteFile(path, []byte("cd '"+dir+"'\n"+text), 0o600))
	c, err := NewCommand(append([]string{"sh", path}, args...))
	require.NoError(t, err)
	return c, dir
}

func read(t *testing.T, dir, name string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(dir, name))
	require.NoError(t, err)
	return string(data)
}

// A word stays a word: no shell looks at it.
func TestCommandIsGivenTheMessage(t *testing.T) {
	c, dir := script(t, `cat >body; printf '%s\n' "$ALLEGRO_MESSAGE_ID" "$ALLEGRO_TX_ID" "$ALLEGRO_KIND" "$@" >words; [ "$PATH" ]`, "two words", "$HOME;*")
	id := fastpay.ID{0xab}
	require.NoError(t, c.Deliver(t.Context(), id, told))
	require.Equal(t, string(told.Body), read(t, dir, "body"))
	require.Equal(t, strings.Join([]string{id.Hex() + "-accepted", id.Hex(), "accepted", "two words", "$HOME;*", ""}, "\n"), read(t, dir, "words"))
}

func TestOnlyExitCode0Acknowledges(t *testing.T) {
	for text, says := range map[string]string{
		"exit 0":                       "", // without reading what it is told
		"echo fine":                    "",
		"exit 3":                       "order command: exit status 3",
		"echo no such order; exit 4":   `order command: exit status 4: "no such order\n"`,
		"echo no such order >&2;false": `order command: exit status 1: "no such order\n"`,
		`printf '\033[31mred'; exit 1`: `"\x1b[31mred"`,
		"kill -9 $$":                   "order command: signal: killed",
		"head -c 100000 /dev/zero | tr '\\0' x; echo end; exit 1": strings.Repeat("x", maxTail-4) + `end\n" behind 99492 bytes more`,
	} {
		t.Run(text, func(t *testing.T) {
			c, _ := script(t, text)
			err := c.Deliver(t.Context(), fastpay.ID{1}, told)
			if says == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, says)
			require.Less(t, len(err.Error()), 2*maxTail)
		})
	}
}

// brood is a script that starts a child, which writes into alive, a FIFO, and holds it and
// the script's output open as long as it lives.
const brood = `{ echo born; exec sleep 600; } 3>alive >&3 & `

// alive is opened once the child is there, and ends with it.
func alive(t *testing.T, dir string) *os.File {
	t.Helper()
	f, err := os.Open(filepath.Join(dir, "alive"))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, f.Close()) })
	born := make([]byte, len("born\n"))
	_, err = io.ReadFull(f, born)
	require.NoError(t, err)
	return f
}

func TestCommandIsKilledWithWhatItStarted(t *testing.T) {
	c, dir := script(t, brood+"wait")
	require.NoError(t, unix.Mkfifo(filepath.Join(dir, "alive"), 0o600))
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- c.Deliver(ctx, fastpay.ID{1}, told) }()
	child := alive(t, dir)
	cancel()
	require.ErrorIs(t, <-ended, context.Canceled)
	rest, err := io.ReadAll(child) // ends when nobody holds it
	require.NoError(t, err)
	require.Empty(t, rest)
}

func TestSlowCommandIsKilled(t *testing.T) {
	c, _ := script(t, "echo busy; exec sleep 600")
	require.Equal(t, Timeout, c.timeout)
	c.timeout = 100 * time.Millisecond
	require.ErrorContains(t, c.Deliver(t.Context(), fastpay.ID{1}, told), "order command: it did not end within 100ms and was killed")
}

// What a command leaves running is its own business, and does not undo that it took the
// message.
func TestCommandMayLeaveSomethingBehind(t *testing.T) {
	c, dir := script(t, "echo $$ >session; "+brood+"exit 0")
	require.NoError(t, unix.Mkfifo(filepath.Join(dir, "alive"), 0o600))
	ended := make(chan error, 1)
	go func() { ended <- c.Deliver(t.Context(), fastpay.ID{1}, told) }()
	child := alive(t, dir)
	result := <-ended
	var session int
	_, err := fmt.Sscan(read(t, dir, "session"), &session)
	require.NoError(t, err)
	require.NoError(t, unix.Kill(-session, unix.SIGKILL)) // it lives
	require.NoError(t, result)
	_, err = io.ReadAll(child)
	require.NoError(t, err)
}

func TestCommandMustExist(t *testing.T) {
	for _, words := range [][]string{{"no-such-program"}, {filepath.Join(t.TempDir(), "none")}, {t.TempDir()}} {
		_, err := NewCommand(words)
		require.ErrorContains(t, err, "order command: ")
		require.ErrorContains(t, err, words[0])
	}
	_, err := NewCommand(nil)
	require.ErrorContains(t, err, "want a program and its arguments")

	// It is found once: another folder does not change what is run.
	t.Chdir(t.TempDir())
	require.NoError(t, os.WriteFile("program", []byte("#!/bin/sh\n"), 0o700))
	c, err := NewCommand([]string{"./program"})
	require.NoError(t, err)
	t.Chdir(t.TempDir())
	require.NoError(t, c.Deliver(t.Context(), fastpay.ID{1}, told))
}
