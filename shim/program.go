package shim

import (
	"bytes"
	"os"
	"slices"

	"golang.org/x/sys/unix"
)

// execve(2) and execveat(2) of a program that shimrun takes the place of: a served
// file that is shimrun, or any file of a name that the profile has in its section
// programs. The kernel is given the name of shimrun instead; argv and environment are
// the caller's, so that shimrun knows by argv[0] what it is to be. To execute it is no
// power: everybody can who sees it.

// programs is what is executed in the place of others.
type programs struct {
	// names are those of files that shimrun takes the place of, sorted.
	names []string
	// served tells that a file is served that is shimrun.
	served bool
	// path is where shimrun lies, with its NUL, and self its identity.
	path []byte
	self identity
}

func (p *programs) none() bool { return len(p.names) == 0 && !p.served }

// beginPrograms finds out which programs the machine calls for.
func (s *Shim) beginPrograms() {
	p := &s.programs
	for name, program := range s.tree.Profile().Programs {
		if program.Lacks == "" || lacksFact(program.Lacks) {
			p.names = append(p.names, name)
		}
	}
	slices.Sort(p.names)
	for _, n := range s.tree.Named() {
		p.served = p.served || n.Program
	}
	var st, own unix.Stat_t
	path, err := os.Readlink("/proc/self/exe")
	if err == nil {
		err = unix.Stat("/proc/self/exe", &own)
	}
	if err == nil {
		err = unix.Stat(path, &st)
	}
	if err != nil || identityOf(&st) != identityOf(&own) {
		path = "/proc/" + itoa(supervisor) + "/exe" // replaced by a newer one, or removed
	}
	p.path, p.self = append([]byte(path), 0), identityOf(&own)
}

// Programs are the names of files in whose place shimrun is executed here.
func (s *Shim) Programs() []string { return slices.Clone(s.programs.names) }

func (w *Worker) execve(c *Call) Answer { return w.executes(c, atFDCWD, 0, 0) }

func (w *Worker) execveat(c *Call) Answer {
	return w.executes(c, dirfdOf(c.Args[0]), 1, c.Args[4])
}

// executes answers the execution of what argument at names.
func (w *Worker) executes(c *Call, dirfd, at int, flags uint64) Answer {
	name, ok := w.readPath(c.Tracee, c.Args[at])
	if !ok || len(name) == 0 || !w.sharesRoot(c, w.shim.ground.Load()) {
		return Answer{} // EFAULT, ENAMETOOLONG, ENOENT or a descriptor; or a container's own
	}
	nofollow := flags&unix.AT_SYMLINK_NOFOLLOW != 0
	t := w.resolve(c, dirfd, name, lookup{nofollow: nofollow, real: true})
	switch {
	case t.errno != 0:
		return Answer{Kind: Fail, Errno: t.errno}
	case t.node != nil && t.node.Program:
		who, err := w.who(c)
		if err != nil || !t.permits(&who, unix.X_OK) {
			return Answer{Kind: Fail, Errno: unix.EACCES}
		}
		w.told(c, t.node)
		return w.executeItself(c, at)
	case t.node != nil || !w.named(c, dirfd, name):
		// What the kernel executes is its own file in any case: the name that it reads
		// again adds no power.
		return Answer{}
	}
	w.count.node(liePrograms + string(lastOf(name)))
	w.shim.log.Debug().Int("tid", c.TID).Str("file", string(name)).Str("lie", "programs").Msg("executed shimrun in its place")
	return w.executeItself(c, at)
}

// named tells whether a file is one that shimrun takes the place of, and there.
func (w *Worker) named(c *Call, dirfd int, name []byte) bool {
	if _, found := slices.BinarySearch(w.shim.programs.names, string(lastOf(name))); !found {
		return false
	}
	own := w.asTracee(c, dirfd, name)
	if own == "" || fstatat(atFDCWD, append([]byte(own), 0), &w.st, 0) != 0 {
		return false
	}
	const executable = unix.S_IXUSR | unix.S_IXGRP | unix.S_IXOTH
	return w.st.Mode&unix.S_IFMT == unix.S_IFREG && w.st.Mode&executable != 0 && identityOf(&w.st) != w.shim.programs.self
}

// lastOf is the last component of a name.
func lastOf(name []byte) []byte { return name[bytes.LastIndexByte(name, '/')+1:] }

// executeItself has the tracee execute shimrun. By user notification it makes the call
// with the program's own signal mask, as one that may sleep.
func (w *Worker) executeItself(c *Call, at int) Answer {
	return Answer{Kind: Finish, Nr: c.Nr, Args: c.Args, Name: w.shim.programs.path, NameAt: at, Itself: !c.Tracee.CanRewrite()}
}
