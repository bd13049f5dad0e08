package seccomp

import (
	"runtime"
	"strconv"
	"unsafe"

	"golang.org/x/sys/unix"
)

// tracee reaches into the thread whose call a receiver is answering. It
// implements [shim.Tracee], and lives in its receiver: nothing is allocated.
type tracee struct {
	listener *Listener
	follower Follower // or nil
	id       *uint64  // the notification's, for Valid
	tid      int

	local  unix.Iovec
	remote unix.RemoteIovec // its address is the tracee's: never a pointer to our collector
	path   [32]byte         // "/proc/TID/mem", "/proc/TID/task"
}

// ReadMemory reads with process_vm_readv(2), which stops where the mapping
// ends. Memory whose pages another process supplies, by userfaultfd or FUSE, can
// hold it up; the server then grows (pool.go), and Go's scheduler has to know.
func (t *tracee) ReadMemory(addr uint64, buf []byte) (int, error) {
	if len(buf) == 0 {
		return 0, nil
	}
	n, errno := t.transfer(unix.SYS_PROCESS_VM_READV, addr, buf)
	switch errno {
	case 0:
		return n, nil
	case unix.ENOSYS, unix.EPERM:
		return t.readFile(addr, buf)
	}
	return 0, errno
}

// WriteMemory writes with process_vm_writev(2), which honours the mapping's
// protection, as the kernel's own copy_to_user would.
func (t *tracee) WriteMemory(addr uint64, data []byte) error {
	if len(data) == 0 {
		return nil
	}
	// The number may be another thread's by now, and must not be written to.
	if !t.Valid() {
		return unix.ESRCH
	}
	n, errno := t.transfer(unix.SYS_PROCESS_VM_WRITEV, addr, data)
	switch {
	case errno == unix.ENOSYS || errno == unix.EPERM:
		return t.writeFile(addr, data)
	case errno != 0:
		return errno
	case n != len(data):
		return unix.EFAULT
	}
	return nil
}

// Valid asks the kernel whether the notification still waits for its answer.
func (t *tracee) Valid() bool { return t.listener.valid(t.id) }

// CanRewrite is false: a notification's answer cannot carry other arguments.
func (t *tracee) CanRewrite() bool { return false }

// WantsCopy is true where another thread of the process could change a name, and the
// follower can have this one make its call with a copy. A process that shares its memory
// could as well: that would take a look at all mappings, and is left as it is.
func (t *tracee) WantsCopy() bool {
	return t.follower != nil && t.hasSiblings() && !t.follower.Leads(t.tid)
}

// hasSiblings tells whether the tracee's process has other threads: a folder of /proc has
// a link for each of its own (proc_task_getattr in fs/proc/base.c).
func (t *tracee) hasSiblings() bool {
	path := append(t.path[:0], "/proc/"...)
	path = append(strconv.AppendInt(path, int64(t.tid), 10), "/task\x00"...)
	var st unix.Stat_t
	const alone = 3
	return fstatat(&path[0], &st) != 0 || st.Nlink > alone
}

func (t *tracee) transfer(nr uintptr, addr uint64, buf []byte) (int, unix.Errno) {
	t.local.Base = &buf[0]
	t.local.SetLen(len(buf))
	t.remote = unix.RemoteIovec{Base: uintptr(addr), Len: len(buf)}
	n, _, errno := unix.Syscall6(nr, uintptr(t.tid),
		uintptr(unsafe.Pointer(&t.local)), 1, uintptr(unsafe.Pointer(&t.remote)), 1, 0)
	t.local.Base = nil
	runtime.KeepAlive(buf)
	return int(n), errno
}

// readFile is the way where a sandbox denies process_vm_readv.
func (t *tracee) readFile(addr uint64, buf []byte) (int, error) {
	fd, err := t.openMemory(unix.O_RDONLY)
	if err != nil {
		return 0, err
	}
	defer unix.Close(fd)
	n, err := unix.Pread(fd, buf, int64(addr))
	if err == unix.EIO { // what procfs says for an unmapped address
		err = unix.EFAULT
	}
	return max(n, 0), err
}

func (t *tracee) writeFile(addr uint64, data []byte) error {
	fd, err := t.openMemory(unix.O_WRONLY)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	if n, err := unix.Pwrite(fd, data, int64(addr)); err != nil || n != len(data) {
		return unix.EFAULT
	}
	return nil
}

func (t *tracee) openMemory(flags int) (int, error) {
	path := append(t.path[:0], "/proc/"...)
	path = strconv.AppendInt(path, int64(t.tid), 10)
	path = append(path, "/mem"...)
	fd, err := unix.Open(string(path), flags|unix.O_CLOEXEC, 0)
	if err != nil {
		return -1, err
	}
	if !t.Valid() {
		unix.Close(fd)
		return -1, unix.ESRCH
	}
	return fd, nil
}
