package doctor_test

import (
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/allegro-p2p/allegro/cmd/internal/doctor"
)

// causedElsewhere are the findings of a full disk, which TestDoctorFindsLittleSpace of
// cmd/allegro causes: it needs a mount of its own.
func causedElsewhere() []doctor.Finding {
	return []doctor.Finding{
		doctor.Space(doctor.FreeSpace{Dir: "data", Bytes: 1}),
		doctor.Space(doctor.FreeSpace{Dir: "data", Bytes: 2 << 30}),
	}
}

// Each finding that the package makes, apart from the green ones, is found in a home, a
// chain or a network where its cause was brought about. A finding that is added needs a
// row of its own.
func TestEveryFindingHasACause(t *testing.T) {
	var mu sync.Mutex
	var found []doctor.Finding
	causes := append(stoppedCauses(), runningCauses()...)
	t.Run("caused", func(t *testing.T) {
		for _, c := range causes {
			t.Run(c.check+" "+c.measured, func(t *testing.T) {
				t.Parallel()
				w := newWorld(t, c.chain)
				c.do(w)
				findings := w.examine()
				for _, f := range findings {
					if f.Check == c.check && f.Level == c.level && strings.Contains(f.Measured, c.measured) {
						mu.Lock()
						found = append(found, f)
						mu.Unlock()
						return
					}
				}
				t.Errorf("no %s finding of %s measured %q: %+v", c.level, c.check, c.measured, findings)
			})
		}
		for level, took := range map[doctor.Level]time.Duration{doctor.Yellow: 30 * time.Millisecond, doctor.Red: 300 * time.Millisecond} {
			t.Run("sync "+took.String(), func(t *testing.T) {
				dir := t.TempDir()
				synctest.Test(t, func(t *testing.T) {
					f := doctor.SyncOn(dir, func() { time.Sleep(took) })
					if f.Level != level || !strings.Contains(f.Measured, took.String()+" in the median") {
						t.Errorf("%+v", f)
					}
					mu.Lock()
					defer mu.Unlock()
					found = append(found, f)
				})
			})
		}
	})
	if t.Failed() || len(found) < len(causes)+2 {
		return // some rows alone say nothing of the others
	}
	kinds := kindsOf(t)
	for _, f := range append(found, causedElsewhere()...) {
		if n := kinds.meet(&f); n != 1 {
			t.Errorf("%d places of the package make the finding %+v: let each say something else", n, f)
		}
	}
	for _, k := range kinds {
		if !k.met {
			t.Errorf("%s: no test causes this %s finding", k.at, k.level)
		}
	}
}
