package shim

import (
	"os"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/shimrun/shimrun/fakefs"
)

// A backing is the one object behind a node that all share who open it: a file that
// is read, a removed directory for a directory. No tracee can change it, by whatever
// way it opens it again. A value written by one is seen by all, also through
// descriptors that are open already.
type backing struct {
	mu sync.Mutex
	fd int // for tracees; -1 for none
	// own is where the supervisor changes it: fd, or one of a mount that is not
	// read-only; -1 where nothing can be changed.
	own     int
	version uint64 // of the text in it
	used    time.Time
	// text is what was said at the last open, by a node as it was then, of a file that
	// may say something else at each; object is what says it, while fd is one.
	text   string
	node   *fakefs.Node
	object identity
	// forgotten tells that the name is gone, and what is kept here would never be found.
	forgotten bool
	// known are the identities of a directory's stand-in and of those above it.
	known []identity
}

// forget retires what stands in for a directory that was removed, and for
// all that was below it. Who still has it open holds a directory that is
// removed to the kernel, too.
func (s *Shim) forget(name string) {
	b := &s.shared
	b.mu.Lock()
	gone := map[string]*backing{}
	for at, k := range b.all {
		if isBelow([]byte(at), name) {
			gone[at] = k
			delete(b.all, at)
		}
	}
	b.closeRetired(time.Now().Add(-retirement))
	b.mu.Unlock()
	for _, k := range gone {
		k.mu.Lock()
		k.forgotten = true
		if k.fd >= 0 {
			s.retire(k) // what is in a directory is never live
		}
		s.handed.remove(k.known)
		k.mu.Unlock()
	}
}

// sharedFile returns the file behind a node whose readers all see the same. once
// tells that it is nobody else's, and to be closed after it was handed out.
func (s *Shim) sharedFile(n *fakefs.Node, name string, v fakefs.View) (fd int, once bool, err error) {
	s.adoptStrays(n, v)
	b := s.shared.of(name)
	b.mu.Lock()
	defer b.mu.Unlock()
	version, _ := n.Content.Shared()
	if b.fd >= 0 && version == b.version {
		b.used = time.Now()
		return b.fd, false, nil
	}
	content, err := n.Content.Read(v)
	if err != nil {
		return -1, false, err
	}
	if b.fd >= 0 {
		if err := fill(b.own, content); err != nil {
			return -1, false, err
		}
		b.version, b.used = version, time.Now()
		return b.fd, false, nil
	}
	kind := sealed
	if n.Mode.Perm()&0o222 != 0 {
		kind = live
	}
	b.version = version
	return s.keep(b, kind, content, &handedOut{node: n, name: name, shared: true})
}

// saidFile returns the file behind a node that may say something else at each open, for
// one who reads it: text is what it says now. Most of a group's files say the same for
// as long as the group is there, and are read every few seconds. What was said the last
// time as well is kept, and handed out again; all else is made for this open alone.
func (s *Shim) saidFile(n *fakefs.Node, name string, text []byte) (fd int, once bool, err error) {
	b := s.shared.of(name)
	b.mu.Lock()
	defer b.mu.Unlock()
	again := b.node != nil && b.text == string(text) && looksLike(b.node, n)
	switch {
	case again && b.fd >= 0:
		b.used = time.Now()
		return b.fd, false, nil
	case again && !b.forgotten:
		return s.keep(b, sealed, text, &handedOut{node: n, name: name, shared: true})
	case b.fd >= 0:
		s.retire(b)
	}
	b.text, b.node = string(text), n
	fd, err = s.newFile(text, sealed, &handedOut{node: n, name: name})
	return fd, true, err
}

// looksLike tells whether a node is the same object as one that was looked up before,
// and nobody has changed its attributes since.
func looksLike(was, is *fakefs.Node) bool {
	return was.Object == is.Object && was.Mode == is.Mode && was.UID == is.UID && was.GID == is.GID
}

// retire parts with a backing's file, which the caller has locked. Who has it open still
// has what it said.
func (s *Shim) retire(b *backing) {
	s.shared.retire(b.fd)
	s.handed.alone(b.object)
	b.fd, b.own = -1, -1
}

// refresh has descriptors that are open already say what a node says now.
func (s *Shim) refresh(n *fakefs.Node, name string, v fakefs.View) error {
	b := s.shared.of(name)
	b.mu.Lock()
	none := b.fd < 0
	b.mu.Unlock()
	if none {
		return nil
	}
	_, _, err := s.sharedFile(n, name, v)
	return err
}

// placeholder is an object that only O_PATH descriptors refer to. There is nothing in
// it: who opens it by a way that is not trapped need not be one who may read the node.
func (s *Shim) placeholder(n *fakefs.Node, name string) (fd int, once bool, err error) {
	b := s.shared.of(name + "\x00") // no node's name
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.fd >= 0 {
		b.used = time.Now()
		return b.fd, false, nil
	}
	return s.keep(b, closed, nil, &handedOut{node: n, name: name, shared: true})
}

// keep makes the file of a backing, which the caller has locked; or, where there is no
// room, one for this open alone.
func (s *Shim) keep(b *backing, kind memfdKind, content []byte, o *handedOut) (fd int, once bool, err error) {
	if !s.shared.keep(s.handed.alone) {
		o.shared = false
		s.crowded()
		if kind == live {
			kind = sealed
		}
		fd, err = s.newFile(content, kind, o)
		return fd, true, err
	}
	own := -1
	if kind == live {
		fd, own, err = s.liveFile(content, o.name)
	} else {
		fd, err = s.memfd(o.name, content, kind)
	}
	if err == nil {
		if b.object, err = s.handOut(fd, o); err != nil {
			unix.Close(fd)
			if own >= 0 && own != fd {
				unix.Close(own)
			}
		}
	}
	if err != nil {
		s.shared.release()
		return -1, false, err
	}
	b.fd, b.own, b.used = fd, own, time.Now()
	return fd, false, nil
}

// liveFile makes a file that the supervisor changes by own, and tracees have by fd.
func (s *Shim) liveFile(content []byte, name string) (fd, own int, err error) {
	if fd, own, err = s.nowhere.file(content); err == nil {
		return fd, own, nil
	}
	fd, err = s.memfd(name, content, live)
	return fd, fd, err
}

// crowded says once that the limit on descriptors is too low to keep all.
func (s *Shim) crowded() {
	if s.shared.most >= enough {
		return
	}
	s.crowdedOnce.Do(func() {
		s.log.Warn().Int("kept", s.shared.most).
			Msg("the limit on open files (ulimit -n) is low: files that are served are made anew at each open")
	})
}

// newFile makes a memfd that is entered into the register.
func (s *Shim) newFile(content []byte, k memfdKind, o *handedOut) (int, error) {
	fd, err := s.memfd(o.name, content, k)
	if err != nil {
		return -1, err
	}
	if _, err := s.handOut(fd, o); err != nil {
		unix.Close(fd)
		return -1, err
	}
	return fd, nil
}

// handOut enters an object into the register.
func (s *Shim) handOut(fd int, o *handedOut) (identity, error) {
	var st unix.Stat_t
	if e := fstat(fd, &st); e != 0 {
		return identity{}, os.NewSyscallError("fstat", e)
	}
	s.register(&st, o)
	return identityOf(&st), nil
}

func (s *Shim) register(st *unix.Stat_t, o *handedOut) {
	if st.Mode&unix.S_IFMT == unix.S_IFDIR {
		s.passing.addObject(identityOf(st)) // names lead to it, by way of its descriptors
	}
	s.handed.put(identityOf(st), o)
}
