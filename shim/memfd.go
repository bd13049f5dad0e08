package shim

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// highest is where the supervisor's own descriptors start: tracees that look at
// /dev/fd/3 are answered through the supervisor's own look-ups first, and should
// find nothing there.
const highest = 512

// raise moves a descriptor out of the low numbers.
func raise(fd int) int {
	up, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, highest)
	if err != nil {
		return fd
	}
	unix.Close(fd)
	return up
}

// memfdKind is whom a memfd is for.
type memfdKind uint8

const (
	// sealed is read, by whoever may read the node. Nobody can change it any more, not
	// even who opens it for writing: not the supervisor, not root (F_ADD_SEALS of fcntl(2)).
	sealed memfdKind = iota
	// live is read as well, and the supervisor changes what it says. It can be opened
	// for writing only by who overrides its permissions; [nowhere.file] by nobody.
	live
	// closed is for who need not be allowed to read: there is nothing in it, and only the
	// supervisor can open it anew.
	closed
	// written is one writer's own. What is in there is nobody else's text before
	// the node has accepted it, whatever way it came there.
	written
)

// memfd makes a file that holds content and is known as name in /proc/PID/fd.
//
// In old gVisor such a file was twice bad (EBADF) as soon as it had been made, in
// some million, once three times in a row. Nothing in the supervisor closes it, so
// the cause is not known, and each such event is logged with what can be seen of it.
// A kubelet that misses one file does not start; so the file is made again, some
// time later, and then without another number.
func (s *Shim) memfd(name string, content []byte, k memfdKind) (fd int, err error) {
	for attempt := range memfdAttempts {
		if fd, err = makeMemfd(name, content, k, attempt < memfdAttempts/2); !errors.Is(err, unix.EBADF) {
			break
		}
		s.log.Warn().Str("file", name).Int("attempt", attempt).Err(err).
			Msg("a descriptor is bad as soon as it is made; please report this")
		time.Sleep(time.Millisecond << attempt)
	}
	return fd, err
}

// memfdAttempts is how often a file is made; all waits together are 63 ms.
const memfdAttempts = 6

// makeMemfd makes one, whose number is raised if it is to be.
func makeMemfd(name string, content []byte, k memfdKind, raised bool) (int, error) {
	if len(name) > 200 { // NAME_MAX less the kernel's prefix
		name = name[len(name)-200:]
	}
	made, err := unix.MemfdCreate(name, unix.MFD_CLOEXEC|unix.MFD_ALLOW_SEALING)
	if err != nil {
		return -1, os.NewSyscallError("memfd_create", err)
	}
	fd := made
	if raised {
		fd = raise(made)
	}
	if err := write(fd, content); err != nil {
		if errors.Is(err, unix.EBADF) { // it is nobody's, or another's by now: not closed
			again := write(fd, content)
			return -1, fmt.Errorf("memfd %d, as %d (%s; a moment later: %v): %w", made, fd, stateOf(fd), again, err)
		}
		unix.Close(fd)
		return -1, err
	}
	// Opened anew by a tracee, the memfd's own bits are what the kernel checks. Who may
	// open the node was decided by the node's; a writer's is opened by nobody else.
	mode := map[memfdKind]uint32{sealed: 0o444, live: 0o444, closed: 0o400, written: 0o600}[k]
	err = os.NewSyscallError("fchmod", unix.Fchmod(fd, mode))
	if (k == sealed || k == closed) && err == nil {
		const all = unix.F_SEAL_SEAL | unix.F_SEAL_SHRINK | unix.F_SEAL_GROW | unix.F_SEAL_WRITE
		_, err = unix.FcntlInt(uintptr(fd), unix.F_ADD_SEALS, all)
		err = os.NewSyscallError("fcntl F_ADD_SEALS", err)
	}
	if err != nil {
		unix.Close(fd)
		return -1, err
	}
	return fd, nil
}

// stateOf tells what a descriptor is that cannot be written to.
func stateOf(fd int) string {
	flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFL, 0)
	if err != nil {
		return "F_GETFL: " + err.Error()
	}
	to, err := os.Readlink("/proc/thread-self/fd/" + strconv.Itoa(fd))
	if err != nil {
		to = err.Error()
	}
	return fmt.Sprintf("open with flags %#o, is %s", flags, to)
}

// fill replaces a memfd's content; a reader in the middle sees the new bytes before the
// old length goes, never an empty file.
func fill(fd int, content []byte) error {
	if err := write(fd, content); err != nil {
		return err
	}
	return os.NewSyscallError("ftruncate", unix.Ftruncate(fd, int64(len(content))))
}

// write writes content to the beginning of a file.
func write(fd int, content []byte) error {
	for off := 0; off < len(content); {
		n, err := unix.Pwrite(fd, content[off:], int64(off))
		if err != nil {
			return os.NewSyscallError("pwrite", err)
		}
		off += n
	}
	return nil
}
