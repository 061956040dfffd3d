package doctor

import (
	"fmt"
	"io/fs"
	"os"

	"github.com/allegro-p2p/allegro/cmd/internal/home"
)

// Private is a file or folder that is for its owner alone.
type Private struct {
	Path   string
	Secret bool // it holds a key or a password; else it may
	Mode   fs.FileMode
	Err    error // why it could not be looked at; one that is missing is told elsewhere
}

func measurePermissions(h *home.Home) []Private {
	var out []Private
	for _, p := range h.PrivatePaths() {
		info, err := os.Stat(p.Path)
		if os.IsNotExist(err) {
			continue
		}
		one := Private{Path: p.Path, Secret: p.Secret, Err: err}
		if err == nil {
			one.Mode = info.Mode()
		}
		out = append(out, one)
	}
	return out
}

// Permissions judges who can read what is private.
func Permissions(all []Private) []Finding {
	var out []Finding
	for _, p := range all {
		want := 600
		if p.Mode.IsDir() {
			want = 700
		}
		remedy := fmt.Sprintf("chmod %d %s", want, p.Path)
		switch {
		case p.Err != nil:
			out = append(out, bad(Red, "permissions", "give it to the user that runs the peer", "%v", p.Err))
		case p.Mode.Perm()&0o077 == 0:
		case p.Secret:
			out = append(out, bad(Red, "permissions", remedy+", and take a new key if somebody may have read it", "%s has mode %04o: others can read a secret", p.Path, p.Mode.Perm()))
		default:
			out = append(out, bad(Yellow, "permissions", remedy, "%s has mode %04o: others can look into it", p.Path, p.Mode.Perm()))
		}
	}
	if len(out) == 0 {
		out = append(out, green("permissions", "%d private files and folders are closed to others", len(all)))
	}
	return out
}
