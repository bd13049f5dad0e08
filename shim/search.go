package shim

import "golang.org/x/sys/unix"

// forAll are the bits of a folder that everybody may pass through.
const forAll = unix.S_IXUSR | unix.S_IXGRP | unix.S_IXOTH

// search is who passes through folders. Most walks do not ask.
type search struct {
	who *status
}

// may tells whether the tracee may pass through a folder of the kernel's.
func (s *search) may(w *Worker, c *Call, st *unix.Stat_t) bool {
	if st.Mode&forAll == forAll {
		return true
	}
	who := s.caller(w, c)
	return who != nil && (who.allowed(st.Mode, st.Uid, st.Gid, unix.X_OK) || who.overrides(unix.X_OK, true, st.Uid, st.Gid))
}

// caller is who walks, nil where nobody can tell.
func (s *search) caller(w *Worker, c *Call) *status {
	if s.who == nil {
		if who, err := w.who(c); err == nil {
			s.who = &who
		}
	}
	return s.who
}
