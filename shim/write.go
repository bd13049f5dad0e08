package shim

import (
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/shimrun/shimrun/fakefs"
	"github.com/shimrun/shimrun/internal/procfs"
)

// Writes to served files. The filter stops those to descriptors with high numbers
// (high.go); while a process holds another writable descriptor of a served file a
// follower sees every call of it. Those below are carried out here, so that write(2)
// itself can say EINVAL and no byte of an invalid value is ever seen by a reader.

// Interest says what a follower has to do with a call of a followed process.
type Interest uint8

const (
	// Ignore: the call is of no interest.
	Ignore Interest = iota
	// Inspect: hand the call to [Worker.HandleFollowed] at its entry.
	Inspect
	// Recheck: after the call's exit, ask [Shim.Follows] whether the process
	// still needs following.
	Recheck
)

// FollowInterest classifies a system call number for followers: write(2) and
// its kin are inspected, close(2), dup2(2), execve(2) and their kin rechecked.
func FollowInterest(nr int) Interest {
	switch nr {
	case unix.SYS_WRITE, unix.SYS_PWRITE64, unix.SYS_WRITEV, unix.SYS_PWRITEV, unix.SYS_PWRITEV2,
		unix.SYS_FTRUNCATE, unix.SYS_LSEEK, unix.SYS_FALLOCATE, unix.SYS_SENDFILE, unix.SYS_SPLICE, unix.SYS_COPY_FILE_RANGE:
		return Inspect
	case unix.SYS_CLOSE, unix.SYS_CLOSE_RANGE, unix.SYS_DUP3, unix.SYS_EXECVE, unix.SYS_EXECVEAT:
		return Recheck
	}
	return followInterestLegacy(nr)
}

// maxWrite bounds one write to a served file, as the kernel bounds one to a
// sysctl (KMALLOC_MAX_SIZE, ENOMEM above it).
const maxWrite = 4 << 20

// Drops tells whether a call that a followed process makes may close a writable served
// descriptor: only then is it worth looking through its whole table afterwards.
func (w *Worker) Drops(c *Call) bool {
	fd := dirfdOf(c.Args[0])
	switch c.Nr {
	case unix.SYS_CLOSE:
	case sysDup2, unix.SYS_DUP3:
		fd = dirfdOf(c.Args[1])
	default:
		return true
	}
	h := w.handedTo(c, fd)
	return h != nil && h.node.Content != nil
}

// HandleFollowed decides a call made by a followed process: a write to a served
// file is validated and carried out here; all else continues.
func (w *Worker) HandleFollowed(c *Call) (a Answer) {
	defer w.recovered(c, &a)
	fd := dirfdOf(c.Args[0])
	if c.Nr == unix.SYS_SENDFILE || c.Nr == unix.SYS_SPLICE || c.Nr == unix.SYS_COPY_FILE_RANGE {
		return w.refuseTransfer(c)
	}
	h := w.handedTo(c, fd)
	if h == nil || h.node.Content == nil {
		return Answer{}
	}
	who, err := w.who(c)
	if err != nil {
		return Answer{}
	}
	switch c.Nr {
	case unix.SYS_LSEEK:
		return h.seek(c)
	case unix.SYS_FTRUNCATE, unix.SYS_FALLOCATE:
		if !w.writable(c.TID, fd, h) {
			return Answer{}
		}
		return Answer{Kind: Return} // see truncate
	}
	if !w.writable(c.TID, fd, h) {
		return Answer{} // EBADF
	}
	if isSysctl(h.node.Name) && !who.may(h.node, unix.W_OK, who.fsuid, who.fsgid) {
		return Answer{Kind: Fail, Errno: unix.EPERM} // asked again at each write (proc_sys_call_handler)
	}
	data, ok := w.written(c)
	if !ok {
		return Answer{Kind: Fail, Errno: unix.EFAULT}
	}
	offset, moves := h.position.Load(), true
	switch c.Nr {
	case unix.SYS_PWRITE64, unix.SYS_PWRITEV:
		offset, moves = int64(c.Args[3]), false
	case unix.SYS_PWRITEV2:
		if int64(c.Args[3]) != -1 {
			offset, moves = int64(c.Args[3]), false
		}
	}
	return w.store(c, h, data, offset, moves)
}

// store hands what was written to the node, and shows every reader the result.
func (w *Worker) store(c *Call, h *handedOut, data []byte, offset int64, moves bool) Answer {
	v := &view{tid: c.TID, name: h.name, shim: w.shim, tracee: c.Tracee, worker: w}
	w.told(c, h.node)
	if len(data) == 0 {
		return Answer{Kind: Return}
	}
	n, err := h.node.Content.Write(v, data, offset)
	if err != nil {
		errno, ok := err.(unix.Errno)
		if !ok {
			errno = unix.EIO
			w.count.failed(h.node.Lie)
			w.shim.log.Error().Err(err).Str("file", h.name).Msg("write failed")
		}
		return Answer{Kind: Fail, Errno: errno}
	}
	if err := w.show(c, h, v); err != nil {
		w.count.failed(h.node.Lie)
		w.shim.log.Error().Err(err).Str("file", h.name).Msg("a new value cannot be shown")
	}
	if !moves {
		return Answer{Kind: Return, Value: int64(n)}
	}
	h.position.Store(offset + int64(n))
	if h.writeOnly || !c.Tracee.CanRewrite() {
		return Answer{Kind: Return, Value: int64(n)}
	}
	// The tracee's position moves as if the kernel had written.
	return Answer{Kind: Rewrite, Nr: unix.SYS_LSEEK, Args: [6]uint64{c.Args[0], uint64(n), unix.SEEK_CUR}, Override: true, Value: int64(n)}
}

// seek is lseek(2) on a file that is written to.
func (h *handedOut) seek(c *Call) Answer {
	at, known := int64(c.Args[1]), true
	switch c.Args[2] {
	case unix.SEEK_SET:
		if !h.writeOnly {
			h.position.Store(at)
		}
	case unix.SEEK_CUR:
		at += h.position.Load()
	case unix.SEEK_END: // of nothing
	default:
		known = false
	}
	if !h.writeOnly || !known {
		return Answer{}
	}
	if at < 0 {
		return Answer{Kind: Fail, Errno: unix.EINVAL}
	}
	h.position.Store(at)
	return Answer{Kind: Return, Value: at}
}

// show puts a node's new content where it is read: into the file that all share, and
// into the writer's own.
func (w *Worker) show(c *Call, h *handedOut, v *view) error {
	if _, shared := h.node.Content.Shared(); shared {
		if err := w.shim.refresh(h.node, h.name, v); err != nil {
			return err
		}
	}
	if h.writeOnly {
		return nil
	}
	content, err := h.node.Content.Read(v)
	if err != nil {
		return nil // it can only be written
	}
	fd, ok := w.openHanded(c, unix.O_RDWR)
	if !ok {
		return nil // another user's: who opens it anew reads the new content
	}
	defer unix.Close(fd)
	return fill(fd, content)
}

// refuseTransfer keeps data that never passes through memory out of a served
// file: procfs has no splice_write for sysctls worth having, EINVAL makes
// every program fall back to write(2).
func (w *Worker) refuseTransfer(c *Call) Answer {
	out := dirfdOf(c.Args[0])
	if c.Nr != unix.SYS_SENDFILE {
		out = dirfdOf(c.Args[2])
	}
	if h := w.handedTo(c, out); h != nil && h.node.Content != nil {
		return Answer{Kind: Fail, Errno: unix.EINVAL}
	}
	return Answer{}
}

// written copies what a write call brings, gathered from its vector.
func (w *Worker) written(c *Call) ([]byte, bool) {
	switch c.Nr {
	case unix.SYS_WRITE, unix.SYS_PWRITE64:
		return readAll(c.Tracee, nil, c.Args[1], c.Args[2])
	}
	var data []byte
	count := min(c.Args[2], 1024) // UIO_MAXIOV
	for i := range count {
		var iov [16]byte
		if n, err := c.Tracee.ReadMemory(c.Args[1]+16*i, iov[:]); err != nil || n < 16 {
			return nil, false
		}
		var ok bool
		if data, ok = readAll(c.Tracee, data, word(iov[0:]), word(iov[8:])); !ok {
			return nil, false
		}
	}
	return data, true
}

func readAll(t Tracee, data []byte, addr, size uint64) ([]byte, bool) {
	size = min(size, maxWrite)
	if size == 0 {
		return data, true
	}
	start := len(data)
	data = append(data, make([]byte, size)...)
	n, err := t.ReadMemory(addr, data[start:])
	return data, err == nil && uint64(n) == size
}

// writable tells whether a tracee's descriptor of what was handed out is open for
// writing.
func (w *Worker) writable(tid, fd int, h *handedOut) bool {
	return h.writeOnly || openForWriting(tid, fd)
}

// openForWriting reads the access mode from /proc/TID/fdinfo (proc_pid_fdinfo(5)).
func openForWriting(tid, fd int) bool {
	b, err := procfs.ReadFile("/proc/" + strconv.Itoa(tid) + "/fdinfo/" + strconv.Itoa(fd))
	if err != nil {
		return false
	}
	_, rest, ok := strings.Cut(string(b), "flags:")
	if !ok {
		return false
	}
	line, _, _ := strings.Cut(rest, "\n")
	flags, err := strconv.ParseUint(strings.TrimSpace(line), 8, 64)
	return err == nil && flags&unix.O_ACCMODE != unix.O_RDONLY
}

// Follows tells whether process tgid still holds a writable served descriptor
// whose writes no filter sees.
func (s *Shim) Follows(tgid int) bool {
	dir := "/proc/" + strconv.Itoa(tgid) + "/fd"
	f, err := os.Open(dir)
	if err != nil {
		return false
	}
	defer f.Close()
	names, _ := f.Readdirnames(-1)
	for _, name := range names {
		var st unix.Stat_t
		if fd, err := strconv.Atoi(name); err == nil && IsHigh(fd) || unix.Stat(dir+"/"+name, &st) != nil {
			continue
		}
		h, ok := s.handed.get(identityOf(&st))
		if !ok || h.node.Content == nil {
			continue
		}
		if fd, err := strconv.Atoi(name); err == nil && openForWriting(tgid, fd) {
			return true
		}
	}
	return false
}

var _ fakefs.View = (*view)(nil)
