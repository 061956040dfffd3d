// Command generate writes the dashboards that package grafana declares into the folder
// dashboards below the working directory: run it by go generate in testnet/grafana.
package main

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/allegro-p2p/allegro/testnet/grafana"
)

func main() {
	if err := write("dashboards"); err != nil {
		fmt.Fprintln(os.Stderr, "generate:", err)
		os.Exit(1)
	}
}

// write writes every dashboard into a folder.
func write(dir string) error {
	for _, d := range grafana.Dashboards() {
		data, err := d.Encode()
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(dir, d.File()), data, 0o644); err != nil {
			return fmt.Errorf("writing dashboard %s: %w", d.Name, err)
		}
	}
	return nil
}
