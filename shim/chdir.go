package shim

import "golang.org/x/sys/unix"

// chdir(2) into a directory that only the tree has. fchdir(2) needs no help:
// a served directory's descriptor is one that the kernel can enter.
func (w *Worker) chdir(c *Call) Answer {
	if a, done := w.chdirMounted(c); done {
		return a
	}
	name, ok := w.readPath(c.Tracee, c.Args[0])
	if !ok || len(name) == 0 {
		return Answer{}
	}
	t := w.resolve(c, atFDCWD, name, lookup{beyond: true, real: true})
	if t.node == nil && t.beyond >= 0 {
		return Answer{Kind: EnterDirectory, FD: t.beyond, CloseFD: true, Itself: true}
	}
	if t.node == nil || t.real {
		return t.refusal()
	}
	if !t.node.Mode.IsDir() {
		return Answer{Kind: Fail, Errno: unix.ENOTDIR}
	}
	who, err := w.who(c)
	if err != nil {
		return Answer{}
	}
	if !who.may(t.node, unix.X_OK, who.fsuid, who.fsgid) {
		return Answer{Kind: Fail, Errno: unix.EACCES}
	}
	fd, err := w.shim.directory(t.node, t.name)
	if err != nil {
		a, _ := w.failed(c, t.node, unix.O_RDONLY, err)
		return a
	}
	w.told(c, t.node)
	// Who may enter it need not be allowed to list it.
	return Answer{Kind: EnterDirectory, FD: fd, Itself: !who.may(t.node, unix.R_OK, who.fsuid, who.fsgid)}
}
