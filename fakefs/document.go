package fakefs

import (
	"bytes"
	"io/fs"
	"sync"

	"golang.org/x/sys/unix"
)

// document is the Content of a file whose text the profile gives. Where its
// mode lets it be written, a write at the start replaces all of it, as with
// files of procfs and sysfs; later offsets go on from there.
type document struct {
	writable bool

	mu      sync.RWMutex
	text    []byte
	version uint64
}

// documentLimit bounds what programs can make a supervisor keep.
const documentLimit = 1 << 20

func newDocument(text string, mode fs.FileMode) *document {
	return &document{text: []byte(text), writable: mode&0o222 != 0}
}

func (d *document) Read(View) ([]byte, error) {
	d.mu.RLock()
	defer d.mu.RUnlock()
	return bytes.Clone(d.text), nil
}

func (d *document) Write(_ View, data []byte, offset int64) (int, error) {
	if !d.writable {
		return 0, unix.EACCES
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case offset < 0:
		return 0, unix.EINVAL
	case offset > documentLimit-int64(len(data)):
		return 0, unix.EFBIG
	}
	text := bytes.Clone(d.text[:min(offset, int64(len(d.text)))])
	text = append(text, make([]byte, offset-int64(len(text)))...)
	d.text = append(text, data...)
	d.version++
	return len(data), nil
}

func (d *document) Shared() (uint64, bool) {
	d.mu.RLock()
	defer d.mu.RUnlock()
	return d.version, true
}
