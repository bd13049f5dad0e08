package shim

import (
	"errors"
	"fmt"
	"os"
	"path"
	"slices"
	"strconv"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/shimrun/shimrun/fakefs"
)

// A backing is the one object behind a node that every reader shares, so that
// a value written by one is seen by all, also through descriptors that are
// open already.
type backing struct {
	mu      sync.Mutex
	fd      int
	version uint64
	filled  bool
	// content is what the shim itself has put into a memfd; anything else in
	// there was written by a tracee that nobody followed.
	content []byte
	// known are the identities of a directory's stand-in and of those above it.
	known []identity
}

// backings are the shared objects by node name.
type backings struct {
	mu      sync.RWMutex
	all     map[string]*backing
	retired []retired
}

// retired is a descriptor whose node is gone. It may be on its way to a tracee
// still, which would be given whatever its number has become.
type retired struct {
	fd    int
	since time.Time
}

// retirement is longer than any descriptor is on its way.
const retirement = 10 * time.Second

func (b *backings) of(name string) *backing {
	b.mu.RLock()
	k := b.all[name]
	b.mu.RUnlock()
	if k != nil {
		return k
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.all == nil {
		b.all = map[string]*backing{}
	}
	if k = b.all[name]; k == nil {
		k = &backing{fd: -1}
		b.all[name] = k
	}
	return k
}

// forget retires what stands in for a directory that was removed, and for
// all that was below it. Who still has it open holds a directory that is
// removed to the kernel, too.
func (s *Shim) forget(name string) {
	s.shared.mu.Lock()
	defer s.shared.mu.Unlock()
	now := time.Now()
	s.shared.closeRetired(now.Add(-retirement))
	for at, k := range s.shared.all {
		if !isBelow([]byte(at), name) {
			continue
		}
		k.mu.Lock()
		if k.fd >= 0 {
			s.shared.retired = append(s.shared.retired, retired{k.fd, now})
			k.fd = -1
		}
		s.handed.remove(k.known)
		delete(s.shared.all, at)
		k.mu.Unlock()
	}
}

// closeRetired closes what was retired before a time.
func (b *backings) closeRetired(before time.Time) {
	for len(b.retired) > 0 && b.retired[0].since.Before(before) {
		unix.Close(b.retired[0].fd)
		b.retired = b.retired[1:]
	}
}

func (b *backings) close() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.closeRetired(time.Now())
	for _, k := range b.all {
		if k.fd >= 0 {
			unix.Close(k.fd)
		}
	}
	b.all = nil
}

// sharedFile returns the memfd behind a node whose readers all see the same.
func (s *Shim) sharedFile(n *fakefs.Node, name string, v fakefs.View) (int, error) {
	b := s.shared.of(name)
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.fd >= 0 {
		s.adoptStray(b, n, v)
	}
	version, _ := n.Content.Shared()
	if b.filled && version == b.version {
		return b.fd, nil
	}
	content, err := n.Content.Read(v)
	if err != nil {
		return -1, err
	}
	if b.fd >= 0 {
		if err = fill(b.fd, content); errors.Is(err, unix.EBADF) {
			s.log.Warn().Str("file", name).Int("descriptor", b.fd).Str("state", stateOf(b.fd)).
				Msg("the descriptor of a shared file is bad, and the file is made anew; please report this")
			b.fd = -1 // nobody's, or another's by now: not closed
		} else if err != nil {
			return -1, err
		}
	}
	if b.fd < 0 {
		fd, err := s.newFile(content, &handedOut{node: n, name: name, shared: true})
		if err != nil {
			return -1, err
		}
		b.fd = fd
	}
	b.version, b.content, b.filled = version, content, true
	return b.fd, nil
}

// adoptStray looks for what a tracee wrote into a shared memfd behind the shim's back, which
// happens only where its process could not be followed (another tracer has it). Such a write
// is validated now: taken if the kernel would have, undone if not.
func (s *Shim) adoptStray(b *backing, n *fakefs.Node, v fakefs.View) {
	if !s.unfollowed.Load() {
		return
	}
	found := make([]byte, len(b.content)+pathMax)
	k, err := unix.Pread(b.fd, found, 0)
	if err != nil || string(found[:k]) == string(b.content) {
		return
	}
	if _, err := n.Content.Write(v, found[:k], 0); err != nil {
		s.log.Warn().Str("file", n.Name).Bytes("written", found[:k]).Err(err).
			Msg("a value was refused only after its write had succeeded: its process could not be followed")
	}
	b.filled = false
}

// newFile makes a memfd that is entered into the register.
func (s *Shim) newFile(content []byte, o *handedOut) (int, error) {
	fd, err := s.memfd(o.name, content)
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

// folderAbove is the nearest real directory above a name, with its device number.
func (s *Shim) folderAbove(name string) (dev uint64, dir string) {
	var st unix.Stat_t
	for dir = path.Dir(name); ; dir = path.Dir(dir) {
		if unix.Stat(dir, &st) == nil || dir == "/" {
			return uint64(st.Dev), dir
		}
	}
}

// depth is how far below its temporary directory a stand-in is made. The
// directories between are removed as well, so that as many ".." from inside lead
// nowhere that exists, and every such name comes to the shim.
const depth = 8

// directory returns the object behind a directory that only the tree has: one
// that was removed after it was opened, so that the kernel finds nothing in it
// and every name below comes to the shim.
func (s *Shim) directory(n *fakefs.Node, name string) (int, error) {
	b := s.shared.of(name)
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.fd >= 0 {
		var st unix.Stat_t
		if fstat(b.fd, &st) == 0 && slices.Contains(b.known, identityOf(&st)) {
			return b.fd, nil
		}
		s.log.Warn().Str("directory", name).Int("descriptor", b.fd).Str("state", stateOf(b.fd)).
			Msg("the descriptor of a directory's stand-in is bad, and it is made anew; please report this")
		s.handed.remove(b.known)
		b.fd, b.known = -1, nil // nobody's, or another's by now: not closed
	}
	made, err := temporaryDirectory()
	if err != nil {
		return -1, fmt.Errorf("stand-in for the directory %s: %w", name, err)
	}
	defer os.RemoveAll(made)
	outside := &handedOut{node: n, name: "", shared: true}
	inner := made
	for range depth {
		inner += "/d"
		// Whoever may enter was decided by the node; the object stops nobody.
		if err := os.Mkdir(inner, 0o755); err != nil {
			return -1, err
		}
		var st unix.Stat_t
		if err := unix.Stat(inner, &st); err == nil {
			s.register(&st, outside)
			b.known = append(b.known, identityOf(&st))
		}
	}
	fd, err := unix.Open(inner, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return -1, &os.PathError{Op: "open", Path: inner, Err: err}
	}
	fd = raise(fd)
	if err := s.handOut(fd, &handedOut{node: n, name: name, shared: true}); err != nil {
		unix.Close(fd)
		return -1, err
	}
	b.fd = fd
	return fd, nil
}

// temporaryDirectory makes a directory wherever one can be made.
func temporaryDirectory() (string, error) {
	var errs []error
	for _, parent := range []string{os.TempDir(), "/dev/shm", "/run", "/var/tmp", "/"} {
		made, err := os.MkdirTemp(parent, "shimrun-")
		if err == nil {
			return made, nil
		}
		errs = append(errs, err)
	}
	return "", errors.Join(errs...)
}

// view is a tracee's view of the machine, for generators.
type view struct {
	tid  int
	name string // of the node
	root string // prefix that leads to the tracee's root, "" for the common one
	shim *Shim  // whose mounts are there as well; nil for none
}

func (v *view) Real() ([]byte, error) { return v.ReadFile(v.name) }

func (v *view) ReadFile(name string) ([]byte, error) {
	if rest, ok := cutSelf(name); ok {
		name = "/proc/" + strconv.Itoa(v.tid) + rest
	}
	data, err := v.readFile(name)
	if err == nil && v.shim != nil {
		data = v.shim.withVirtual(name, data)
	}
	return data, err
}

func (v *view) readFile(name string) ([]byte, error) {
	if isBelow([]byte(name), "/proc") {
		return os.ReadFile(name)
	}
	return os.ReadFile(v.root + name)
}

func cutSelf(name string) (string, bool) {
	const self = "/proc/self"
	if len(name) > len(self) && name[:len(self)] == self && name[len(self)] == '/' {
		return name[len(self):], true
	}
	return "", false
}

func (v *view) Statfs(name string) (fakefs.Statfs, error) {
	var st unix.Statfs_t
	if err := unix.Statfs(v.root+name, &st); err != nil {
		return fakefs.Statfs{}, &os.PathError{Op: "statfs", Path: name, Err: err}
	}
	return fakefs.Statfs{Type: int64(st.Type), Bsize: int64(st.Bsize), Blocks: st.Blocks, Bfree: st.Bfree, Bavail: st.Bavail}, nil
}
