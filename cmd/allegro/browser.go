package main

import (
	"context"
	"os/exec"
	"runtime"
	"time"
)

// browserWait is how long a program that opens a browser may take to fail. Some go on as
// long as the browser does.
const browserWait = 3 * time.Second

// openBrowser opens a URL in the browser of this machine's user. An error says that no
// browser was opened.
func openBrowser(ctx context.Context, url string) error {
	words := []string{"xdg-open"}
	switch runtime.GOOS {
	case "darwin":
		words = []string{"open"}
	case "windows":
		words = []string{"rundll32", "url.dll,FileProtocolHandler"}
	}
	cmd := exec.CommandContext(ctx, words[0], append(words[1:], url)...)
	if err := cmd.Start(); err != nil {
		return err
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	select {
	case err := <-ended:
		return err
	case <-time.After(browserWait):
		return nil
	}
}
