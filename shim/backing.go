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
		if k.fd >= 0 {
			b.retire(k.fd)
			k.fd, k.own = -1, -1 // what is in a directory is never live
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
	if !s.shared.keep() {
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
		if err = s.handOut(fd, o); err != nil {
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
	if err := s.handOut(fd, o); err != nil {
		unix.Close(fd)
		return -1, err
	}
	return fd, nil
}

// handOut enters an object into the register.
func (s *Shim) handOut(fd int, o *handedOut) error {
	var st unix.Stat_t
	if e := fstat(fd, &st); e != 0 {
		return os.NewSyscallError("fstat", e)
	}
	s.register(&st, o)
	return nil
}

func (s *Shim) register(st *unix.Stat_t, o *handedOut) {
	if st.Mode&unix.S_IFMT == unix.S_IFDIR {
		s.passing.addObject(identityOf(st)) // names lead to it, by way of its descriptors
	}
	s.handed.put(identityOf(st), o)
}
