package webhook

import (
	"fmt"
	"slices"
)

// maxTail is how much of a command's output is kept, in bytes.
const maxTail = 512

// tail keeps the end of what is written to it: there programs say why they fail.
type tail struct {
	kept  []byte
	whole int // bytes written in all
}

func (t *tail) Write(p []byte) (int, error) {
	t.whole += len(p)
	t.kept = append(t.kept, p...)
	t.kept = slices.Delete(t.kept, 0, max(0, len(t.kept)-maxTail))
	return len(p), nil
}

// String quotes what is kept, and says how much is not.
func (t *tail) String() string {
	if left := t.whole - len(t.kept); left > 0 {
		return fmt.Sprintf("%q behind %d bytes more", t.kept, left)
	}
	return fmt.Sprintf("%q", t.kept)
}
