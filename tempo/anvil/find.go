package anvil

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
)

// Folder is where the repository pins anvil's version, and where npm installs it.
const Folder = "testnet/anvil"

// environment names the variable that names the program.
const environment = "ALLEGRO_ANVIL"

// ErrNotFound tells that there is no anvil, and how to get one.
var ErrNotFound = errors.New("anvil not found: npm ci --ignore-scripts in " + Folder + ", or name the program in " + environment)

// Find returns the path of the program: the one that ALLEGRO_ANVIL names, else the
// one that npm installed in [Folder] of the checkout that the working directory or
// this program lies in, else the one in PATH. The installed one comes before PATH
// because it has the version that this module is tested with.
//
// The error is ErrNotFound, or tells that ALLEGRO_ANVIL names no program.
func Find() (string, error) {
	if named := os.Getenv(environment); named != "" {
		path, err := exec.LookPath(named)
		if err != nil {
			return "", fmt.Errorf("the program that %s names: %w", environment, err)
		}
		return path, nil
	}
	// The package for the platform has the program itself. What npm links to is a
	// script in front of it, which needs node.
	installed := filepath.Join(Folder, "node_modules", "@foundry-rs", "anvil-"+runtime.GOOS+"-"+runtime.GOARCH, "bin", "anvil")
	for _, from := range origins() {
		for dir := from; ; dir = filepath.Dir(dir) {
			if path, err := exec.LookPath(filepath.Join(dir, installed)); err == nil {
				return path, nil
			}
			if dir == filepath.Dir(dir) {
				break
			}
		}
	}
	if path, err := exec.LookPath("anvil"); err == nil {
		return path, nil
	}
	return "", ErrNotFound
}

// origins returns the folders from which the checkout is looked for, upwards. One
// that cannot be told is left out.
func origins() (folders []string) {
	if dir, err := os.Getwd(); err == nil {
		folders = append(folders, dir)
	}
	if program, err := os.Executable(); err == nil {
		folders = append(folders, filepath.Dir(program))
	}
	return folders
}
