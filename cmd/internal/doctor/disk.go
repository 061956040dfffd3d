package doctor

import (
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"syscall"
	"time"
)

const (
	// syncs is the number of synced writes that are timed.
	syncs = 16
	// syncPatience ends that early on a slow disk.
	syncPatience = 2 * time.Second
	// syncSize is what is written each time, in bytes: a small batch of votes.
	syncSize = 4 << 10
	// A vote leaves only after a sync: the payer waits for one of each validator of the
	// quorum. slowSync is what a solid-state disk stays below by far, stuckSync what
	// makes certifying as slow as a fast block.
	slowSync  = 20 * time.Millisecond
	stuckSync = 200 * time.Millisecond
	// littleSpace is what a database that compacts may need at once, noSpace what is
	// left for a few hours, in bytes.
	littleSpace = 5 << 30
	noSpace     = 1 << 30
)

// SyncTimes is how long synced writes took.
type SyncTimes struct {
	Dir   string
	Times []time.Duration
	Err   error
}

// scratch is a file that is written to for a moment.
type scratch interface {
	io.WriteCloser
	Name() string
	Sync() error
}

// newScratch makes one in a folder.
func newScratch(dir string) (scratch, error) { return os.CreateTemp(dir, ".doctor-*") }

func measureSync(dir string, create func(dir string) (scratch, error)) (s SyncTimes) {
	s.Dir = dir
	f, err := create(dir)
	if err != nil {
		s.Err = err
		return s
	}
	defer func() { s.Err = errors.Join(s.Err, f.Close(), os.Remove(f.Name())) }()
	block := make([]byte, syncSize)
	for began := time.Now(); len(s.Times) < syncs && time.Since(began) < syncPatience; {
		start := time.Now()
		if _, err := f.Write(block); err != nil {
			s.Err = err
			return s
		}
		if err := f.Sync(); err != nil {
			s.Err = err
			return s
		}
		s.Times = append(s.Times, time.Since(start))
	}
	return s
}

// Sync judges the time of a synced write.
func Sync(s SyncTimes) Finding {
	const check = "sync"
	if s.Err != nil {
		return bad(Red, check, "make the folder writable for the user that runs the peer, and look whether the disk is full", "%s cannot be written: %v", s.Dir, s.Err)
	}
	sorted := slices.Sorted(slices.Values(s.Times))
	median, worst := sorted[len(sorted)/2], sorted[len(sorted)-1]
	measured := fmt.Sprintf("%d synced writes of %d bytes took %s in the median, %s at worst", len(sorted), syncSize, round(median), round(worst))
	remedy := "put the data folder on a local solid-state disk: every vote waits for a sync"
	switch {
	case median >= stuckSync:
		return bad(Red, check, remedy, "%s", measured)
	case median >= slowSync:
		return bad(Yellow, check, remedy, "%s", measured)
	}
	return green(check, "%s", measured)
}

// round leaves three digits or so.
func round(d time.Duration) time.Duration {
	switch {
	case d >= time.Second:
		return d.Round(10 * time.Millisecond)
	case d >= time.Millisecond:
		return d.Round(10 * time.Microsecond)
	}
	return d.Round(time.Microsecond)
}

// FreeSpace is what is left on the disk of a folder.
type FreeSpace struct {
	Dir   string
	Bytes uint64
	Err   error
}

func measureSpace(dir string) FreeSpace {
	var st syscall.Statfs_t
	if err := syscall.Statfs(dir, &st); err != nil {
		return FreeSpace{Dir: dir, Err: fmt.Errorf("looking at %s: %w", dir, err)}
	}
	return FreeSpace{Dir: dir, Bytes: uint64(st.Bavail) * uint64(st.Bsize)}
}

// Space judges the free space.
func Space(s FreeSpace) Finding {
	const check = "space"
	if s.Err != nil {
		return bad(Red, check, "look at the disk that has the data folder", "%v", s.Err)
	}
	measured := fmt.Sprintf("%.1f GiB are free for %s", float64(s.Bytes)/(1<<30), s.Dir)
	switch {
	case s.Bytes < noSpace:
		return bad(Red, check, "make room: a validator whose votes cannot be stored stops for good", "%s", measured)
	case s.Bytes < littleSpace:
		return bad(Yellow, check, "make room before it is full", "%s", measured)
	}
	return green(check, "%s", measured)
}
