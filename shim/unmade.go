package shim

import (
	"bytes"
	"strconv"
	"strings"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/shimrun/shimrun/fakefs"
	"github.com/shimrun/shimrun/internal/ground"
	"github.com/shimrun/shimrun/internal/procfs"
)

// Namespaces that the kernel does not make, for root alone, as mounts in the table:
//
//	unshare(CLONE_NEWNET)   the thread stays where it is, in the network of all
//	unshare(CLONE_NEWUTS)   host and domain name become the thread's own: a copy,
//	                        which its children share
//
// A network's file in /proc/PID/ns is that of the network of all, so that to mount it,
// to enter it and to compare it is the same for each. What would be a power is none:
// nobody gets away from what he shares, and a name is told to those alone who asked
// for one, or whose parents did.

// unmade are the namespaces that are answered for the kernel.
type unmade struct {
	// flags are those of unshare(2) that are answered.
	flags uint64
	// network and hosts are the files of the namespaces that all are in; untold that
	// this kernel has another one for each look at it, as old gVisor.
	network, hosts identity
	untold         bool
	told           sync.Once

	mu sync.RWMutex
	// members are the threads and processes with names of their own.
	members map[int]member
}

// member is a process in a UTS namespace of its own, or a thread.
type member struct {
	start string // tells it from an earlier one with its number
	names *hostNames
}

// hostNames are what a UTS namespace has, under unmade.mu.
type hostNames struct{ host, domain string }

const utsNameMax = 64 // __NEW_UTS_LEN, linux/utsname.h

// beginUnmade finds out what the kernel does not make.
func (s *Shim) beginUnmade() {
	u := &s.unmade
	p := s.tree.Profile()
	file := func(name string) identity {
		var st unix.Stat_t
		if unix.Stat("/proc/self/ns/"+name, &st) != nil {
			return identity{}
		}
		return identityOf(&st)
	}
	if p.Quirk("network-namespace") && lacksFact("network-namespace") {
		u.flags |= unix.CLONE_NEWNET
		u.network = file("net")
		u.untold = u.network != file("net")
	}
	if s.tree.NamesHosts() {
		u.flags |= unix.CLONE_NEWUTS
		u.hosts = file("uts")
		u.members = map[int]member{}
	}
}

func lacksFact(name string) bool { return len(ground.Lacks(ground.Try(name))) > 0 }

func (u *unmade) answers(flag uint64) bool { return u.flags&flag != 0 }

// unshare answers unshare(2). With a user namespace of its own a process may have what
// root lacks here: that is the kernel's to say.
func (w *Worker) unshare(c *Call) Answer {
	flags := c.Args[0]
	ours := flags & w.shim.unmade.flags
	if flags&unix.CLONE_NEWUSER != 0 {
		ours = 0
	}
	if ours != 0 {
		if who, err := w.who(c); err != nil || !w.shim.privileged(&who) {
			ours = 0
		}
	}
	groups := w.leavesGroups(c)
	rest := c.Args
	rest[0] &^= ours | groups
	switch {
	case ours|groups == 0:
		return Answer{}
	case rest[0] == 0 && ours == 0:
		return Answer{Kind: Return}
	case rest[0] == 0:
		return w.unshared(c, 0)
	case c.Tracee.CanRewrite() && ours == 0:
		return Answer{Kind: Rewrite, Args: rest}
	case c.Tracee.CanRewrite():
		return Answer{Kind: Finish, Nr: c.Nr, Args: rest} // the kernel's part first
	}
	return Answer{} // all or nothing, and what the kernel lacks it refuses
}

// unshared gives a thread what the kernel did not, once its own part is done.
func (w *Worker) unshared(c *Call, result int64) Answer {
	if result != 0 {
		return answerOf(result)
	}
	u := &w.shim.unmade
	if c.Args[0]&u.flags&unix.CLONE_NEWNET != 0 {
		w.count.node(lieNetwork)
		u.told.Do(func() {
			w.shim.log.Warn().Str("lie", lieNetwork).
				Msg("there are no network namespaces here: who asks for one, such as a pod, shares the network of the machine, its addresses and ports")
		})
	}
	if c.Args[0]&u.flags&unix.CLONE_NEWUTS != 0 {
		w.count.node(lieHostName)
		names := hostNames{}
		u.mu.Lock()
		if old := u.of(c.TID); old != nil {
			names = *old
		} else {
			names.host, names.domain = w.shim.commonNames()
		}
		u.prune()
		u.members[c.TID] = member{startOf(c.TID), &names}
		u.mu.Unlock()
	}
	return Answer{Kind: Return}
}

// commonNames are those of all that have no others.
func (s *Shim) commonNames() (host, domain string) {
	var n unix.Utsname
	_ = unix.Uname(&n)
	told := s.tree.Uname()
	put(n.Nodename[:], told.Nodename)
	put(n.Domainname[:], told.Domainname)
	return unix.ByteSliceToString(n.Nodename[:]), unix.ByteSliceToString(n.Domainname[:])
}

// setns answers setns(2) into a namespace that all are in, which is where the thread
// is already; any other is the kernel's.
func (w *Worker) setns(c *Call) Answer {
	u := &w.shim.unmade
	if u.flags != 0 {
		flag := uint64(0)
		if st, e := w.statDescriptor(c.TID, dirfdOf(c.Args[0])); e == 0 {
			if names := w.shim.namesBehind(st); names != nil && (c.Args[1] == 0 || c.Args[1] == unix.CLONE_NEWUTS) {
				return w.enterNames(c, names)
			}
			switch {
			case u.isNetwork(st) && (!u.untold || c.Args[1] == unix.CLONE_NEWNET):
				flag = unix.CLONE_NEWNET
			case identityOf(st) != identity{} && identityOf(st) == u.hosts:
				flag = unix.CLONE_NEWUTS
			}
		}
		if u.answers(flag) && (c.Args[1] == 0 || c.Args[1] == flag) {
			if who, err := w.who(c); err == nil && w.shim.privileged(&who) {
				w.count.node(lieOf[flag])
				return Answer{Kind: Return}
			}
		}
	}
	return w.changesNamespace(c)
}

// openNames opens the file of a UTS namespace that the kernel does not have: one in
// /proc/PID/ns, of a process with names of its own. The kernel's file would be that of
// all.
func (w *Worker) openNames(c *Call, dirfd int, name []byte, flags int) (Answer, bool) {
	u := &w.shim.unmade
	if !u.answers(unix.CLONE_NEWUTS) || !bytes.HasSuffix(name, []byte("/ns/uts")) || flags&(unix.O_ACCMODE|unix.O_PATH|unix.O_NOFOLLOW) != unix.O_RDONLY {
		return Answer{}, false
	}
	own := w.asTracee(c, dirfd, name)
	at := strings.LastIndex(own, "/proc/")
	if at < 0 || !w.mayUnmake(c) {
		return Answer{}, false
	}
	switch e := fstatat(atFDCWD, append([]byte(own), 0), &w.st, 0); {
	case e == 0 && identityOf(&w.st) == u.hosts:
	case e == unix.ENOENT && u.hosts == identity{}: // old gVisor has no such files at all
	default:
		return Answer{}, false
	}
	process, _, _ := strings.Cut(own[at+len("/proc/"):], "/")
	pid, err := strconv.Atoi(process)
	if err != nil {
		return Answer{}, false
	}
	u.mu.RLock()
	names := u.of(pid)
	u.mu.RUnlock()
	if names == nil {
		return Answer{}, false
	}
	node := &fakefs.Node{Name: own[at:], Mode: 0o444, Ino: u.hosts.ino, Lie: lieHostName}
	fd, err := w.shim.newFile(nil, sealed, &handedOut{node: node, name: node.Name, names: names})
	if err != nil {
		return Answer{}, false
	}
	w.told(c, node)
	return Answer{Kind: Install, FD: fd, CloseFD: true, Flags: flags & unix.O_CLOEXEC}, true
}

// namesBehind are those of the namespace whose file an object is, nil for another one.
func (s *Shim) namesBehind(st *unix.Stat_t) *hostNames {
	if h, ok := s.handed.get(identityOf(st)); ok {
		return h.names
	}
	return nil
}

// enterNames puts a thread into a namespace.
func (w *Worker) enterNames(c *Call, names *hostNames) Answer {
	if !w.mayUnmake(c) {
		return Answer{Kind: Fail, Errno: unix.EPERM}
	}
	u := &w.shim.unmade
	u.mu.Lock()
	defer u.mu.Unlock()
	u.prune()
	u.members[c.TID] = member{startOf(c.TID), names}
	w.count.node(lieHostName)
	return Answer{Kind: Return}
}

var lieOf = map[uint64]string{unix.CLONE_NEWNET: lieNetwork, unix.CLONE_NEWUTS: lieHostName}

// sethostname and setdomainname change the names of a namespace of the thread's own.
func (w *Worker) sethostname(c *Call) Answer {
	return w.setName(c, func(n *hostNames) *string { return &n.host })
}

func (w *Worker) setdomainname(c *Call) Answer {
	return w.setName(c, func(n *hostNames) *string { return &n.domain })
}

// setName makes the checks of kernel/sys.c.
func (w *Worker) setName(c *Call, field func(*hostNames) *string) Answer {
	who, err := w.who(c)
	if err != nil || !w.shim.privileged(&who) {
		return Answer{} // EPERM
	}
	u := &w.shim.unmade
	u.mu.Lock()
	defer u.mu.Unlock()
	names := u.of(c.TID)
	if names == nil {
		return Answer{} // the machine's own, which the kernel lets nobody change, or its root
	}
	length := int64(int32(c.Args[1]))
	if length < 0 || length > utsNameMax {
		return Answer{Kind: Fail, Errno: unix.EINVAL}
	}
	if n, err := c.Tracee.ReadMemory(c.Args[0], w.data[:length]); err != nil || int64(n) < length {
		return Answer{Kind: Fail, Errno: unix.EFAULT}
	}
	name, _, _ := bytes.Cut(w.data[:length], []byte{0})
	*field(names) = string(name)
	w.count.node(lieHostName)
	return Answer{Kind: Return}
}

// of finds the names of a thread: its own, its process's, or those of the nearest
// process above that has some. The caller holds mu.
func (u *unmade) of(tid int) *hostNames {
	if len(u.members) == 0 {
		return nil
	}
	if names := u.known(tid); names != nil {
		return names
	}
	const deepest = 64 // and no circle can hold it
	for range deepest {
		who, err := statusOf(tid)
		if err != nil {
			return nil
		}
		if names := u.known(who.tgid); names != nil {
			return names
		}
		if who.ppid <= 1 {
			return nil
		}
		tid = who.ppid
	}
	return nil
}

func (u *unmade) known(id int) *hostNames {
	if m, ok := u.members[id]; ok && m.start == startOf(id) {
		return m.names
	}
	return nil
}

// hostNames tells a thread's names; ok is false where they are those of all.
func (s *Shim) hostNames(tid int) (names hostNames, ok bool) {
	u := &s.unmade
	if !u.answers(unix.CLONE_NEWUTS) {
		return hostNames{}, false
	}
	u.mu.RLock()
	defer u.mu.RUnlock()
	if n := u.of(tid); n != nil {
		return *n, true
	}
	return hostNames{}, false
}

// forked has a child share what its parent has, before the parent can be gone.
func (u *unmade) forked(parent, child int) {
	if !u.answers(unix.CLONE_NEWUTS) {
		return
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	if names := u.of(parent); names != nil {
		u.members[child] = member{startOf(child), names}
	}
}

// ended forgets a process.
func (u *unmade) ended(pid int) {
	if u.answers(unix.CLONE_NEWUTS) {
		u.mu.Lock()
		delete(u.members, pid)
		u.mu.Unlock()
	}
}

// prune forgets threads that have ended, once they may be many.
func (u *unmade) prune() {
	const many = 1024
	if len(u.members) < many {
		return
	}
	for id, m := range u.members {
		if m.start != startOf(id) {
			delete(u.members, id)
		}
	}
}

// startOf is when a thread or process began, in the kernel's words; it tells one from
// another that has its number later (proc_pid_stat(5), field 22).
func startOf(id int) string {
	b, err := procfs.ReadFile("/proc/" + strconv.Itoa(id) + "/stat")
	if err != nil {
		return ""
	}
	const start = 22 - 3 // the fields behind the name begin with the third
	f := strings.Fields(string(b[bytes.LastIndexByte(b, ')')+1:]))
	if len(f) <= start {
		return ""
	}
	return f[start]
}

var _ fakefs.NamedView = (*view)(nil)

// HostName is what the reader calls the machine that it is on.
func (v *view) HostName() (host, domain string) {
	if names, ok := v.shim.hostNames(v.tid); ok {
		return names.host, names.domain
	}
	return v.shim.commonNames()
}
