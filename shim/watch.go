package shim

import (
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"github.com/shimrun/shimrun/fakefs/cgroup"
)

// Watches on files of served groups (inotify(7)): programs wait so for a group to have
// no processes any more. The program's own inotify instance watches a memfd, into which
// the supervisor writes what the file says when that has changed. So it is the
// kernel that makes events, and all that waits for them is the kernel's too.
//
//	inotify_add_watch(fd, ".../cgroup.events")  ─▶ a watch of fd on the memfd
//	a process of the group ends ─▶ groups look ─▶ a write to the memfd ─▶ IN_MODIFY
//	rmdir of the group          ─▶ its last descriptor is closed ─▶ IN_DELETE_SELF

// groupWatches are the files that are watched.
type groupWatches struct {
	begin sync.Once
	// active tells that there are any, wake that processes are to be looked at.
	active atomic.Bool
	wake   chan struct{}
	again  time.Duration
	ends   int // epoll(7) of pidfds
	mu     sync.Mutex
	// members are the processes of each watched group that were seen and live, pidfds
	// those that are waited for.
	members []map[int]struct{}
	pidfds  map[int]int
}

// watchedFile is the memfd of one of them.
type watchedFile struct {
	fd int
	of *groupWatches
}

func (f watchedFile) Changed(text string) { _, _ = unix.Pwrite(f.fd, []byte(text), 0) }
func (f watchedFile) Stirred()            { f.of.awake() }
func (f watchedFile) Gone()               { _ = unix.Close(f.fd) }

// watchable makes a memfd with a descriptor whose writes make events: the one that
// memfd_create(2) gives makes none (FMODE_NONOTIFY of pseudo files, since Linux 6.14).
func (s *Shim) watchable(name, text string) (fd int, err error) {
	made, err := s.memfd(name, []byte(text), written)
	if err != nil {
		return -1, err
	}
	defer unix.Close(made)
	if fd, err = unix.Open("/proc/self/fd/"+itoa(made), unix.O_WRONLY|unix.O_CLOEXEC, 0); err != nil {
		return -1, err
	}
	if err := unix.Fchmod(fd, 0o444); err != nil { // who watches has to be one who may read
		unix.Close(fd)
		return -1, err
	}
	return raise(fd), nil
}

// watchGroup has the caller's inotify instance watch a file of a group. done is false
// where that cannot be done, and then no event ever comes.
func (w *Worker) watchGroup(c *Call, file *cgroup.File) (a Answer, done bool) {
	w.shim.watches.start(w.shim.tree.Cgroups())
	watcher, ok, err := file.Watch(func(text string) (cgroup.Watcher, error) {
		fd, err := w.shim.watchable(file.Name(), text)
		return watchedFile{fd, &w.shim.watches}, err
	})
	if err != nil || !ok {
		return Answer{}, false
	}
	w.shim.watches.awake()
	object := "/fd/" + itoa(watcher.(watchedFile).fd)
	// Nothing of it is a folder, and what names it is a link.
	mask := uint32(c.Args[2]) &^ (unix.IN_DONT_FOLLOW | unix.IN_ONLYDIR)
	if own, err := w.shareDescriptor(c, dirfdOf(c.Args[0])); err == nil {
		defer unix.Close(own)
		wd, err := unix.InotifyAddWatch(own, "/proc/self"+object, mask)
		if err != nil {
			return fail(err), true
		}
		return Answer{Kind: Return, Value: int64(wd)}, true
	}
	// The caller does it itself, if the supervisor's descriptors have the same name for it.
	shown, _, known := numbering(c.TID)
	if !c.Tracee.CanRewrite() || shown != nil || !known || !w.sharesRoot(c, w.shim.ground.Load()) {
		return Answer{}, false
	}
	if who, err := w.who(c); err != nil || who.euid != w.shim.self.euid {
		return Answer{}, false
	}
	args := c.Args
	args[2] = uint64(mask)
	return Answer{Kind: Finish, Nr: c.Nr, Args: args, Name: []byte("/proc/" + itoa(supervisor) + object + "\x00"), NameAt: 1}, true
}

// shareDescriptor gives the supervisor a descriptor of the tracee's own open file.
func (w *Worker) shareDescriptor(c *Call, fd int) (own int, err error) {
	who, err := w.who(c)
	if err != nil {
		return -1, err
	}
	pidfd, err := unix.PidfdOpen(who.tgid, 0)
	if err != nil {
		return -1, err
	}
	defer unix.Close(pidfd)
	if own, err = unix.PidfdGetfd(pidfd, fd, 0); err != nil {
		return -1, err
	}
	if !c.Tracee.Valid() {
		unix.Close(own)
		return -1, unix.ESRCH
	}
	return own, nil
}

// start begins to look at groups, if nobody does yet.
func (g *groupWatches) start(groups *cgroup.Hierarchies) {
	g.begin.Do(func() {
		g.wake = make(chan struct{}, 1)
		g.active.Store(true)
		if fd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC); err == nil {
			g.ends = raise(fd)
			go g.waitForEnds()
		}
		go func() {
			for range g.wake {
				g.look(groups)
			}
		}()
	})
}

// awake has processes looked at.
func (g *groupWatches) awake() {
	select {
	case g.wake <- struct{}{}:
	default: // they are about to be
	}
}

// A process takes a moment to stop that was told to. It is looked at again first after
// settles, and ever more seldom.
const settles, settlesAtMost = 10 * time.Millisecond, time.Second

// look looks at groups. It is dear, and done when the last process that was seen in one
// of them has ended: others, of which nobody knows yet, may be there.
func (g *groupWatches) look(groups *cgroup.Hierarchies) {
	members, unsettled := groups.Look()
	g.mu.Lock()
	g.members = g.members[:0]
	for _, pids := range members {
		in := map[int]struct{}{}
		for _, pid := range pids {
			in[pid] = struct{}{}
			g.waitFor(pid)
		}
		g.members = append(g.members, in)
	}
	g.mu.Unlock()
	if !unsettled {
		g.again = 0
		return
	}
	g.again = min(max(2*g.again, settles), settlesAtMost)
	time.AfterFunc(g.again, g.awake)
}

// left says that a process has ended.
func (g *groupWatches) left(pid int) {
	if !g.active.Load() {
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, in := range g.members {
		if _, was := in[pid]; was {
			if delete(in, pid); len(in) == 0 {
				g.awake()
			}
		}
	}
}

// waitFor waits for a process to end, where the kernel has pidfds (pidfd_open(2)) and no
// tracer says so. The caller holds mu.
func (g *groupWatches) waitFor(pid int) {
	if _, waits := g.pidfds[pid]; waits || g.ends == 0 {
		return
	}
	fd, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		return
	}
	fd = raise(fd)
	event := unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(pid)}
	if unix.EpollCtl(g.ends, unix.EPOLL_CTL_ADD, fd, &event) != nil {
		unix.Close(fd)
		return
	}
	if g.pidfds == nil {
		g.pidfds = map[int]int{}
	}
	g.pidfds[pid] = fd
}

// waitForEnds says which processes have ended.
func (g *groupWatches) waitForEnds() {
	events := make([]unix.EpollEvent, 16)
	for {
		n, err := unix.EpollWait(g.ends, events, -1)
		if err != nil && err != unix.EINTR {
			return
		}
		for _, e := range events[:max(n, 0)] {
			pid := int(e.Fd)
			g.mu.Lock()
			unix.Close(g.pidfds[pid])
			delete(g.pidfds, pid)
			g.mu.Unlock()
			g.left(pid)
		}
	}
}
