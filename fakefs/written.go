package fakefs

import (
	"io/fs"
	"sync"

	"golang.org/x/sys/unix"
)

// writtenDocuments are the files of a pattern that programs have written to, by name. A
// node of a pattern is made for each look-up, and what was written has to stay.
type writtenDocuments struct {
	mu  sync.RWMutex
	all map[string]*document
}

// mostWritten bounds what programs can make a supervisor keep: each is a [document].
const mostWritten = 1 << 10

// document is the Content of a file of the pattern, or of a plain name where w is nil.
func (w *writtenDocuments) document(name, text string, mode fs.FileMode) Content {
	if w == nil || mode&0o222 == 0 {
		return newDocument(text, mode)
	}
	return &patternDocument{all: w, name: name, text: text, mode: mode}
}

// patternDocument is one file of a pattern: as the profile gives it until the first write.
type patternDocument struct {
	all        *writtenDocuments
	name, text string
	mode       fs.FileMode
}

// now is the document that was written to, or a new one, which nobody else has.
func (p *patternDocument) now() *document {
	p.all.mu.RLock()
	defer p.all.mu.RUnlock()
	if d := p.all.all[p.name]; d != nil {
		return d
	}
	return newDocument(p.text, p.mode)
}

func (p *patternDocument) Read(v View) ([]byte, error) { return p.now().Read(v) }

func (p *patternDocument) Shared() (uint64, bool) { return p.now().Shared() }

// Write fails with ENOSPC where too many files of the pattern have been written to.
func (p *patternDocument) Write(v View, data []byte, offset int64) (int, error) {
	p.all.mu.Lock()
	defer p.all.mu.Unlock()
	d := p.all.all[p.name]
	switch {
	case d != nil:
	case len(p.all.all) >= mostWritten:
		return 0, unix.ENOSPC
	default:
		d = newDocument(p.text, p.mode)
	}
	n, err := d.Write(v, data, offset)
	if err == nil {
		if p.all.all == nil {
			p.all.all = map[string]*document{}
		}
		p.all.all[p.name] = d
	}
	return n, err
}
