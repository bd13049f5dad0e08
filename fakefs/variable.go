package fakefs

import (
	"bytes"
	"errors"
	"io/fs"
	"sync"

	"golang.org/x/sys/unix"
)

// variable is the Content of a served sysctl: one value for all who look.
type variable struct {
	tree *Tree
	typ  sysctl

	mu sync.RWMutex
	// value is what a read prints, without its newline; only meaningful once set.
	value string
	// set means that a profile or a write has given the value; before, it is
	// the real kernel's, or derived, or the default.
	set     bool
	version uint64
	// missing means that the node is served only where the kernel has none, so
	// there is no real value to ask for.
	missing bool
}

// Read prints the value as the kernel's handlers do: tabs between numbers, a
// newline at the end.
func (s *variable) Read(v View) ([]byte, error) {
	if s.typ.mode&0o444 == 0 {
		return nil, unix.EACCES
	}
	value, err := s.current(v)
	if err != nil {
		return nil, err
	}
	return append(append(make([]byte, 0, len(value)+1), value...), '\n'), nil
}

func (s *variable) current(v View) (string, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.now(v)
}

// now is the value at this moment; the caller holds mu.
func (s *variable) now(v View) (string, error) {
	if s.set {
		return s.value, nil
	}
	if !s.missing && !s.typ.fresh {
		real, err := v.Real()
		if err == nil {
			return string(bytes.TrimSuffix(real, []byte("\n"))), nil
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return "", err
		}
	}
	if s.typ.derive != nil {
		return s.typ.derive(s.tree, v)
	}
	return s.typ.value, nil
}

// Write takes what the kernel would take; see [sysctl.store].
func (s *variable) Write(v View, data []byte, offset int64) (int, error) {
	if s.typ.mode&0o222 == 0 {
		return 0, unix.EACCES
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	old, err := s.now(v)
	if err != nil {
		old = s.typ.value
	}
	value, n, err := s.typ.store(old, data, offset)
	if value != old || err == nil {
		s.value, s.set = value, true
		s.version++
	}
	if err != nil {
		return 0, err
	}
	return n, nil
}

// Shared tells whether all readers see the same: from the moment on that the
// value no longer depends on the real machine.
func (s *variable) Shared() (uint64, bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	fixed := s.set || s.missing && s.typ.derive == nil
	return s.version, fixed && !s.typ.fresh
}
