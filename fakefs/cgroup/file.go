package cgroup

import (
	"bytes"
	"time"

	"golang.org/x/sys/unix"
)

// A kind is what makes a controller: its files, and the state behind them.
type kind struct {
	name  string
	files []spec
	// threaded tells that threads of one process may be in different groups of
	// the controller, and also beside groups (cgroup-v2.rst, "Threads").
	threaded bool
	// fresh makes the state of a new group; its parent, if it has one, has its own.
	fresh func(g *Group) any
	// attach says whether a process may come into the group.
	attach func(g *Group) error
}

// A spec is one row of a controller's table of files.
type spec struct {
	name  string
	mode  uint32
	where where
	// read gives the whole text; nil for files that can only be written. It is told who
	// reads where the text depends on that.
	read    func(g *Group, who Caller) (string, error)
	depends bool
	// now is what it says as processes were last looked at, for a file that changes
	// by itself and that programs wait for.
	now func(g *Group) string
	// write takes what one write(2) brought, cut at its first NUL as the
	// kernel's string functions do; nil for files that only can be read.
	write func(g *Group, who Caller, text string) error
}

// where tells in which groups a file is.
type where uint8

const (
	everywhere where = iota
	onRoot
	belowRoot
)

// A File is one file of a group.
type File struct {
	g    *Group
	spec *spec
	// controller is the one that the file came with, "" for those of every group;
	// gone tells that it went with it.
	controller string
	gone       bool
	ino        uint64
	attribute  Attributes
}

// Name is the file's name in its directory.
func (f *File) Name() string { return f.spec.name }

// Controller names the one that the file belongs to.
func (f *File) Controller() string {
	if f.controller != "" {
		return f.controller
	}
	return f.g.h.kinds[0].name
}

// Stat describes the file.
func (f *File) Stat() Stat {
	f.g.h.of.mu.Lock()
	defer f.g.h.of.mu.Unlock()
	return Stat{Attributes: f.attribute, Ino: f.ino, Links: 1, Made: f.g.made}
}

// Change sets the file's attributes.
func (f *File) Change(change func(*Attributes)) {
	f.g.h.of.mu.Lock()
	defer f.g.h.of.mu.Unlock()
	change(&f.attribute)
}

// fresh is how old figures may be, so that a reader of many files does not have all
// processes looked at for each one: more where a look takes long, so that no more than a
// twentieth of the time goes into them.
func (hs *Hierarchies) fresh() time.Duration {
	const least, most = 100 * time.Millisecond, 500 * time.Millisecond
	return min(max(least, 20*hs.members.took), most)
}

// Depends tells whether the file's text depends on who reads it.
func (f *File) Depends() bool { return f.spec.depends }

// Read gives the file's text to a reader, who need not be known where it does not depend
// on that.
func (f *File) Read(who Caller) ([]byte, error) {
	hs := f.g.h.of
	hs.mu.Lock()
	defer hs.mu.Unlock()
	if f.g.gone || f.gone {
		return nil, unix.ENODEV
	}
	if f.spec.read == nil {
		return nil, unix.EINVAL
	}
	text, err := f.spec.read(f.g, who)
	return []byte(text), err
}

// Write takes what one write(2) brought, wherever its offset: all or nothing.
// More than a page does not get through (kernfs_fop_write_iter in fs/kernfs/file.c).
func (f *File) Write(who Caller, data []byte) (int, error) {
	hs := f.g.h.of
	hs.mu.Lock()
	defer hs.mu.Unlock()
	switch {
	case len(data) > 4096:
		return 0, unix.E2BIG
	case f.g.gone || f.gone:
		return 0, unix.ENODEV
	case len(data) == 0:
		return 0, nil
	case f.spec.write == nil:
		return 0, unix.EINVAL
	}
	text, _, _ := bytes.Cut(data, []byte{0})
	if err := f.spec.write(f.g, who, string(text)); err != nil {
		return 0, err
	}
	hs.written(f.spec)
	return len(data), nil
}
