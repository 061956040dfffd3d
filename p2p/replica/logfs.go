package replica

import (
	"strings"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// logFS is a file system whose write-ahead logs never tell Pebble that they failed.
// Pebble answers such a fault, in the middle of a rotation of the log, by unlocking a
// mutex twice, which no program survives; and a peer with a broken disk must stay
// answerable. The fault goes to fail instead, which every commit asks once Pebble says
// that it is done, so nothing that is not on disk is taken for being there.
//
// From the first fault on nothing of a log is written or removed: a later start finds
// what was there at that moment.
type logFS struct {
	vfs.FS
	fail   func(error)
	failed func() bool
}

// isLog reports whether a file is a write-ahead log.
func isLog(name string) bool { return strings.HasSuffix(name, ".log") }

// Create implements [vfs.FS].
func (f *logFS) Create(name string, category vfs.DiskWriteCategory) (vfs.File, error) {
	if !isLog(name) {
		return f.FS.Create(name, category)
	}
	return f.open(func() (vfs.File, error) { return f.FS.Create(name, category) })
}

// ReuseForWrite implements [vfs.FS].
func (f *logFS) ReuseForWrite(oldname, newname string, category vfs.DiskWriteCategory) (vfs.File, error) {
	if !isLog(newname) {
		return f.FS.ReuseForWrite(oldname, newname, category)
	}
	return f.open(func() (vfs.File, error) { return f.FS.ReuseForWrite(oldname, newname, category) })
}

// open opens a log, or one in memory that nobody reads if the disk has failed.
func (f *logFS) open(open func() (vfs.File, error)) (vfs.File, error) {
	if !f.failed() {
		file, err := open()
		if err == nil {
			return &logFile{file, f}, nil
		}
		f.fail(err)
	}
	return vfs.NewMem().Create("log", vfs.WriteCategoryUnspecified)
}

// Remove implements [vfs.FS].
func (f *logFS) Remove(name string) error {
	if isLog(name) && f.failed() {
		return nil
	}
	return f.FS.Remove(name)
}

// logFile is a write-ahead log.
type logFile struct {
	vfs.File
	fs *logFS
}

// do does something with the file unless it has failed, and notes if it fails.
func (f *logFile) do(op func() error) {
	if f.fs.failed() {
		return
	}
	if err := op(); err != nil {
		f.fs.fail(err)
	}
}

// Write implements [vfs.File].
func (f *logFile) Write(p []byte) (int, error) {
	f.do(func() error {
		_, err := f.File.Write(p)
		return err
	})
	return len(p), nil
}

// WriteAt implements [vfs.File].
func (f *logFile) WriteAt(p []byte, offset int64) (int, error) {
	f.do(func() error {
		_, err := f.File.WriteAt(p, offset)
		return err
	})
	return len(p), nil
}

// Preallocate implements [vfs.File].
func (f *logFile) Preallocate(offset, length int64) error {
	f.do(func() error { return f.File.Preallocate(offset, length) })
	return nil
}

// Sync implements [vfs.File].
func (f *logFile) Sync() error {
	f.do(f.File.Sync)
	return nil
}

// SyncData implements [vfs.File].
func (f *logFile) SyncData() error {
	f.do(f.File.SyncData)
	return nil
}

// SyncTo implements [vfs.File].
func (f *logFile) SyncTo(length int64) (full bool, err error) {
	f.do(func() error {
		full, err = f.File.SyncTo(length)
		return err
	})
	return full, nil
}

// Close implements [vfs.File].
func (f *logFile) Close() error {
	if err := f.File.Close(); err != nil {
		f.fs.fail(err)
	}
	return nil
}
