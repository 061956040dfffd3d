package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/allegro-p2p/allegro/cmd/internal/home"
	"github.com/urfave/cli/v3"
	"golang.org/x/term"
)

// passwordFileFlag names a file with the password of a home's accounts.
func passwordFileFlag(usage string) cli.Flag {
	return &cli.StringFlag{Name: "password-file", Usage: usage, Local: true}
}

// lightKDFFlag makes the encryption of an account cheap.
func lightKDFFlag() cli.Flag {
	return &cli.BoolFlag{Name: "light-kdf", Usage: "encrypt in a tenth of a second instead of one: a password is then guessed faster too", Local: true}
}

// kdf is what lightKDFFlag asks for.
func kdf(cmd *cli.Command) home.KDF {
	if cmd.Bool("light-kdf") {
		return home.LightKDF
	}
	return home.StandardKDF
}

// accountPassword returns the password of a home's accounts: from --password-file,
// else from the file that the config names, else from the terminal. isNew: it is to
// encrypt something, so it is asked for twice.
func accountPassword(ctx context.Context, cmd *cli.Command, h *home.Home, isNew bool) (string, error) {
	if path := cmd.String("password-file"); path != "" {
		password, err := home.ReadPassword(path)
		return password, homeError(err)
	}
	password, ok, err := h.Password()
	if err != nil || ok {
		return password, homeError(err)
	}
	password, err = askPassword(ctx, cmd, "password of the accounts in "+h.Dir(), "--password-file")
	if err != nil || !isNew {
		return password, err
	}
	again, err := askPassword(ctx, cmd, "the same again", "--password-file")
	if err != nil {
		return "", err
	}
	if again != password {
		return "", fail(exitUsage, "the two passwords differ: nothing was changed, try again")
	}
	return password, nil
}

// askPassword asks for a password at the terminal. flag is the one that names a file
// instead, for whoever has no terminal.
func askPassword(ctx context.Context, cmd *cli.Command, question, flag string) (string, error) {
	in, isFile := cmd.Root().Reader.(*os.File)
	if !isFile || !term.IsTerminal(int(in.Fd())) {
		return "", fail(exitUsage, "there is no terminal to ask for a password (%s): name a file with it by %s", question, flag)
	}
	password, err := readHidden(ctx, in, cmd.Root().ErrWriter, question)
	switch {
	case errors.Is(err, context.Canceled):
		return "", err
	case errors.Is(err, io.EOF):
		return "", fail(exitUsage, "no password was given: type it, or name a file with it by %s", flag)
	case err != nil:
		return "", fail(exitInternal, "asking for a password: %w", err)
	case password == "":
		return "", fail(exitUsage, "the password is empty: whoever has the files has the account then, choose one")
	}
	return password, nil
}

// readHidden reads a line from a terminal without showing it.
func readHidden(ctx context.Context, in *os.File, prompt io.Writer, question string) (string, error) {
	fd := int(in.Fd())
	state, err := term.GetState(fd)
	if err != nil {
		return "", err
	}
	fmt.Fprintf(prompt, "%s: ", printable(question))
	type line struct {
		text []byte
		err  error
	}
	read := make(chan line, 1) // so that nobody waits for an answer that came too late
	go func() {
		text, err := term.ReadPassword(fd)
		read <- line{text, err}
	}()
	select {
	case l := <-read:
		fmt.Fprintln(prompt)
		return string(l.text), l.err
	case <-ctx.Done():
		// A read of a terminal cannot be broken off: it ends with the program,
		// which must leave a terminal that shows what is typed.
		fmt.Fprintln(prompt)
		return "", errors.Join(ctx.Err(), term.Restore(fd, state))
	}
}
