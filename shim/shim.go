package shim

import (
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"

	"github.com/shimrun/shimrun/fakefs"
	"github.com/shimrun/shimrun/internal/procfs"
)

// Shim is one policy at work: a tree of served names, the lies about
// filesystems, and what has been handed out so far. It is shared by all the
// threads of a supervisor.
type Shim struct {
	tree     *fakefs.Tree
	log      zerolog.Logger
	started  time.Time
	timing   bool
	foreign  bool      // see Options
	high     bool      // writers may have high numbers
	handlers []handler // by call number; nil where the policy traps nothing
	traps    []Trap
	quirks   quirks

	passing Passing // with what changes for all threads: roots, mounts
	firsts  firsts
	roots   []string // the folders below which all is that is served
	// tellsFolders is set where folders may be told that programs can make.
	tellsFolders bool
	hasLinks     bool     // readlink(2) has something to say: of links, or of names that the kernel lacks
	procLinks    []string // those of them below /proc
	openat2      bool     // the kernel has openat2(2), which the shim then has too
	exactLinks   bool     // links of served descriptors in /proc/PID/fd are told

	// ground is what the machine has where names are served.
	ground     atomic.Pointer[territory]
	mounts     mountWatch
	mountinfo  func() ([]byte, error)
	initial    map[int]struct{} // the mounts that were there when the shim began, by id
	namespace  []byte           // the supervisor's mount namespace, as its link says
	unfollowed atomic.Bool

	// self is who the supervisor is: its capabilities are all that there are here.
	self       status
	namespaces userNamespaces
	departures departures

	handed  handedOuts
	shared  backings
	nowhere nowhere
	strays  strays
	// crowdedOnce has the shim say once that it may keep too few descriptors.
	crowdedOnce sync.Once
	virtual     virtualMounts
	programs    programs
	unmade      unmade
	streams     streams
	highs       highs
	reapers     subreapers
	watches     groupWatches
	spaces      atomic.Bool // some process has a cgroup namespace of the served groups
	stats       statistics
}

// Options of a [Shim].
type Options struct {
	Log zerolog.Logger
	// Timing measures each call from stop to answer, for --stats and --metrics.
	Timing bool
	// Foreign says that the filter is made by another program (runc), which takes no
	// rule about write(2): writers are followed, and have no high numbers.
	Foreign bool
	// Mountinfo is the supervisor's own /proc/self/mountinfo; nil reads it.
	Mountinfo func() ([]byte, error)
	// Ledger is what an earlier supervisor has left, and where this one leaves it; nil
	// for none. Made and Seen are that one's mounts, 0 where it had none, and Kept is told
	// of those that this one makes: they have to outlive it, or no object in them does.
	Ledger     *Ledger
	Made, Seen int
	Kept       func(made, seen int)
}

// quirks are the work-arounds that the profile asks for, asked once.
type quirks struct {
	statxNoAutomount bool
	statfsENOSYS     bool
	mountPropagation bool
	mountRemount     bool
	mountBindLink    bool
	mountBindRec     bool
	childSubreaper   bool
	fchownPipe       bool
}

// New makes the policy of a tree ready to answer.
func New(tree *fakefs.Tree, opt Options) (*Shim, error) {
	p := tree.Profile()
	s := &Shim{tree: tree, log: opt.Log, timing: opt.Timing, foreign: opt.Foreign, mountinfo: opt.Mountinfo, started: time.Now()}
	if s.mountinfo == nil {
		s.mountinfo = func() ([]byte, error) { return procfs.ReadFile("/proc/self/mountinfo") }
	}
	s.quirks = quirks{
		statxNoAutomount: p.Quirk("statx-no-automount"),
		statfsENOSYS:     p.Quirk("statfs-enosys"),
		mountPropagation: p.Quirk("mount-propagation"),
		mountRemount:     p.Quirk("mount-remount"),
		mountBindLink:    p.Quirk("mount-bind-link"),
		mountBindRec:     p.Quirk("mount-bind-recursive"),
		childSubreaper:   p.Quirk("child-subreaper"),
		fchownPipe:       p.Quirk("fchown-pipe"),
	}
	s.roots = tree.Roots()
	s.firsts = newFirsts(s.roots)
	for _, n := range tree.Named() {
		s.tellsFolders = s.tellsFolders || tellsFolder(n)
		if n.Mode&modeSymlink != 0 {
			s.hasLinks = true
			if isBelow([]byte(n.Name), "/proc") {
				s.procLinks = append(s.procLinks, n.Name)
			}
		}
	}
	s.hasLinks = s.hasLinks || len(p.Filesystems) > 0 || // the links in /sys/block
		hasOwnNames(tree)
	s.exactLinks = p.Exact()
	s.openat2 = hasOpenat2()
	if link, err := os.Readlink("/proc/self/ns/mnt"); err == nil {
		s.namespace = []byte(link)
	}
	s.streams.shim = s
	s.handed.devs = &s.passing.handed
	s.namespaces.begin()
	var err error
	if s.self, err = s.who(os.Getpid()); err != nil {
		return nil, err
	}
	if err := s.beginMounts(); err != nil {
		return nil, err
	}
	s.beginPrograms()
	s.beginUnmade()
	if err := s.plan(); err != nil {
		return nil, err
	}
	s.passing.fill(s)
	s.succeed(opt)
	s.stand(s.survey())
	return s, nil
}

// hasOwnNames tells whether the tree serves names that the kernel lacks. Such a
// name is no link, and readlink(2) has to say EINVAL of it and not ENOENT: that
// is how realpath(3), and by it sysctl(8), know that it is there.
func hasOwnNames(tree *fakefs.Tree) bool {
	if tree.ServesAllSysctls() {
		return true // and no kernel has them all
	}
	for _, n := range tree.Named() {
		if n.WhenPresent || n.Mode.IsDir() {
			continue
		}
		if n.Pattern != "" {
			return true
		}
		if _, err := os.Lstat(n.Name); err != nil {
			return true
		}
	}
	return false
}

// Adopted tells the shim that it has been put in front of a container, which has a root
// and namespaces of its own: what its names mean is asked for each of them from the
// first one on. process is one of the container's.
func (s *Shim) Adopted(process int) {
	s.passing.roots.Store(true)
	s.passing.namespaces.Store(s.namespace != nil)
	s.namespaces.add(strconv.Itoa(process))
}

// MayServe tells the shim that a tracee may serve files itself, by FUSE, or memory, by
// userfaultfd(2): one has opened the device, or may have before this shim began. From
// then on to look up a name, or to read it, may be to wait for a tracee, even for the
// answer to one of its calls. It is the same where a filesystem is mounted
// whose server is elsewhere and may be slow: who waits for it must hold up nobody else.
func (s *Shim) MayServe() { traceesServe.Store(true) }

// Serve tells whether a tracee may serve files.
func (s *Shim) Serve() bool { return traceesServe.Load() }

// Timed tells whether latencies are wanted.
func (s *Shim) Timed() bool { return s.timing }

// Close gives back every descriptor that the shim holds.
func (s *Shim) Close() error {
	s.shared.close()
	s.streams.close()
	return nil
}
