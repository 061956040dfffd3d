package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// terminal opens a pseudo terminal: what is written to keyboard is typed at it.
func terminal(t *testing.T) (keyboard, terminal *os.File) {
	t.Helper()
	keyboard, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Skipf("no pseudo terminals here: %v", err)
	}
	t.Cleanup(func() { keyboard.Close() })
	fd := int(keyboard.Fd())
	if err := unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	number, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	terminal, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { terminal.Close() })
	return keyboard, terminal
}

// echoes reports whether a terminal shows what is typed.
func echoes(t *testing.T, terminal *os.File) bool {
	t.Helper()
	state, err := unix.IoctlGetTermios(int(terminal.Fd()), unix.TCGETS)
	if err != nil {
		t.Error(err)
		return false
	}
	return state.Lflag&unix.ECHO != 0
}

func TestReadHidden(t *testing.T) {
	keyboard, tty := terminal(t)
	if _, err := keyboard.WriteString("correct horse\n"); err != nil {
		t.Fatal(err)
	}
	var prompt bytes.Buffer
	text, err := readHidden(t.Context(), tty, &prompt, "password")
	if text != "correct horse" || err != nil || prompt.String() != "password: \n" {
		t.Errorf("read %q, %v, after %q", text, err, &prompt)
	}
	if !echoes(t, tty) {
		t.Error("the terminal hides what is typed next")
	}
}

// An interrupt ends the question and leaves a terminal that shows what is typed.
func TestReadHiddenInterrupted(t *testing.T) {
	_, tty := terminal(t)
	ctx, interrupt := context.WithCancel(t.Context())
	prompted := make(writeSignal, 8)
	go func() {
		<-prompted
		// Wait until the terminal hides: then the question is really being asked.
		for echoes(t, tty) {
			time.Sleep(time.Millisecond)
		}
		interrupt()
	}()
	text, err := readHidden(ctx, tty, prompted, "password")
	if text != "" || !errors.Is(err, context.Canceled) {
		t.Errorf("read %q, %v", text, err)
	}
	if !echoes(t, tty) {
		t.Error("the terminal hides what is typed next")
	}
}

// writeSignal tells when something is written.
type writeSignal chan struct{}

func (c writeSignal) Write(p []byte) (int, error) {
	c <- struct{}{}
	return len(p), nil
}
