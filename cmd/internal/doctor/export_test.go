package doctor

import "os"

// SyncOn judges the disk of a folder on which each sync takes as long as wait does.
func SyncOn(dir string, wait func()) Finding {
	return Sync(measureSync(dir, func(dir string) (scratch, error) {
		f, err := os.CreateTemp(dir, ".doctor-*")
		return slowFile{f, wait}, err
	}))
}

// slowFile is a file on a slow disk.
type slowFile struct {
	*os.File
	wait func()
}

func (f slowFile) Sync() error {
	f.wait()
	return f.File.Sync()
}
