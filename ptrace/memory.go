package ptrace

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/shimrun/shimrun/internal/procfs"
	"github.com/shimrun/shimrun/shim"
)

// access is a way into another process's memory, the best first.
type access uint8

const (
	accessUnknown access = iota
	accessVM             // process_vm_readv, process_vm_writev
	accessFile           // /proc/TGID/mem; in old gVisor for reading only
	accessWords          // PTRACE_PEEKDATA, PTRACE_POKEDATA
)

// probe finds out, on the first tracee, which way works each way: by reading a
// word below its stack's red zone and writing the same word back.
func (t *thread) probe() {
	var regs registers
	if regs.get(t.tid) != 0 {
		return
	}
	addr := regs.stack() - redZone - 8
	var word [8]byte
	if _, errno := vmRead(t.tid, addr, word[:]); errno == 0 {
		t.reader = accessVM
	} else if _, errno := t.fileRead(addr, word[:]); errno == 0 {
		t.reader = accessFile
	} else if t.wordRead(addr, word[:]) == nil {
		t.reader = accessWords
	} else {
		return // killed; the next one will tell
	}
	if _, errno := vmWrite(t.tid, addr, word[:]); errno == 0 {
		t.writer = accessVM
	} else if _, errno := t.fileWrite(addr, word[:]); errno == 0 {
		t.writer = accessFile
	} else {
		t.writer = accessWords
	}
	t.log.Debug().Uint8("read", uint8(t.reader)).Uint8("write", uint8(t.writer)).Msg("way into the tracees' memory")
}

const pageSize = 4096 // the smallest there is: a step, not a fact about this machine

// ReadMemory implements [shim.Tracee]: one call where all of buf is mapped.
func (t *thread) ReadMemory(addr uint64, buf []byte) (int, error) {
	if len(buf) == 0 {
		return 0, nil
	}
	if t.reader == accessUnknown {
		t.probe()
	}
	n, errno := t.read(addr, buf)
	if errno == 0 && n > 0 {
		return n, nil
	}
	// gVisor's process_vm_readv is all or nothing: ask page by page.
	for n = 0; n < len(buf); {
		step := min(len(buf)-n, pageSize-int((addr+uint64(n))%pageSize))
		m, errno := t.read(addr+uint64(n), buf[n:n+step])
		n += m
		if errno != 0 || m < step {
			break
		}
	}
	if n == 0 {
		return 0, unix.EFAULT
	}
	return n, nil
}

func (t *thread) read(addr uint64, buf []byte) (n int, errno unix.Errno) {
	switch t.reader {
	case accessVM:
		n, errno = t.vmCopy(unix.SYS_PROCESS_VM_READV, addr, buf)
	case accessFile:
		n, errno = t.fileRead(addr, buf)
	default:
		errno = unix.EACCES
	}
	if !forbidden(errno) {
		return n, errno
	}
	// Another user's process, and we have no CAP_SYS_PTRACE (Docker's
	// capabilities do not have it): a tracer may still peek.
	if t.wordRead(addr, buf) != nil {
		return 0, unix.EFAULT
	}
	return len(buf), 0
}

// patience is how long the tracing thread waits for memory.
const patience = 10 * time.Millisecond

// vmCopy copies to or from a range. Where a tracee may have to provide the page first
// (userfaultfd(2), a mapped file on a FUSE), and for that may need the tracing thread,
// another one does it, and is left behind if it takes too long: it ends when the page
// is there, or with the tracee.
func (t *thread) vmCopy(trap uintptr, addr uint64, buf []byte) (int, unix.Errno) {
	if !t.policy.Serve() {
		return vmCopy(trap, t.tid, addr, buf)
	}
	type outcome struct {
		n     int
		errno unix.Errno
	}
	own, done := bytes.Clone(buf), make(chan outcome, 1)
	go func() {
		n, errno := vmCopyWaiting(trap, t.tid, addr, own)
		done <- outcome{n, errno}
	}()
	select {
	case o := <-done:
		if trap == unix.SYS_PROCESS_VM_READV {
			copy(buf, own[:o.n])
		}
		return o.n, o.errno
	case <-time.After(patience):
		return 0, unix.EFAULT
	}
}

// forbidden tells whether a way was refused for whom it leads to.
func forbidden(errno unix.Errno) bool { return errno == unix.EACCES || errno == unix.EPERM }

// fileRead reads through /proc/TGID/mem, opened at the first read of a process.
func (t *thread) fileRead(addr uint64, buf []byte) (int, unix.Errno) {
	fd, errno := t.memoryFile()
	if errno != 0 {
		return 0, errno
	}
	n, errno := pread(fd, buf, addr)
	if n == 0 && t.process.threads > 1 && errno != unix.EFAULT {
		// In gVisor the file is a thread's, and the leader's fails once it has
		// ended before the others. Open it anew by a thread that is stopped now.
		unix.Close(fd)
		if t.process.memory, errno = openMemory(t.tid); errno != 0 {
			return 0, errno
		}
		n, errno = pread(t.process.memory, buf, addr)
	}
	if n == 0 && errno == 0 {
		errno = unix.EFAULT
	}
	return n, errno
}

func (t *thread) fileWrite(addr uint64, data []byte) (int, unix.Errno) {
	fd, errno := t.memoryFile()
	if errno != 0 {
		return 0, errno
	}
	return pwrite(fd, data, addr)
}

func (t *thread) memoryFile() (int, unix.Errno) {
	p := t.process
	if p.memory >= 0 {
		return p.memory, 0
	}
	var errno unix.Errno
	if p.memory, errno = openMemory(p.tgid); errno != 0 {
		p.memory, errno = openMemory(t.tid)
	}
	return p.memory, errno
}

func openMemory(tid int) (int, unix.Errno) {
	path := "/proc/" + strconv.Itoa(tid) + "/mem"
	fd, err := unix.Open(path, unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		fd, err = unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	}
	if err != nil {
		return -1, err.(unix.Errno)
	}
	return fd, 0
}

// wordRead reads by PTRACE_PEEKDATA.
func (t *thread) wordRead(addr uint64, buf []byte) error {
	var word [8]byte
	for len(buf) > 0 {
		var w uint64
		if peek(t.tid, addr&^7, &w) != 0 {
			return unix.EFAULT
		}
		binary.NativeEndian.PutUint64(word[:], w)
		n := copy(buf, word[addr&7:])
		buf, addr = buf[n:], addr+uint64(n)
	}
	return nil
}

// WriteMemory implements [shim.Tracee].
func (t *thread) WriteMemory(addr uint64, data []byte) error {
	if len(data) == 0 {
		return nil
	}
	if t.writer == accessUnknown {
		t.probe()
	}
	if t.writer == accessVM {
		n, errno := t.vmCopy(unix.SYS_PROCESS_VM_WRITEV, addr, data)
		if errno == 0 && n == len(data) {
			return nil
		}
		if !forbidden(errno) {
			return unix.EFAULT
		}
	}
	// These two write through read-only pages, for debuggers' breakpoints.
	if !t.mayWrite(addr, len(data)) {
		return unix.EFAULT
	}
	if t.writer == accessFile {
		n, errno := t.fileWrite(addr, data)
		if errno == 0 && n == len(data) {
			return nil
		}
		if !forbidden(errno) {
			return unix.EFAULT
		}
	}
	return t.wordWrite(addr, data)
}

// wordWrite writes by PTRACE_POKEDATA. Each word costs a call and a read of all
// of them costs one, so it reads first, and leaves out the words that are right
// already; that also gives the bytes around an unaligned range.
func (t *thread) wordWrite(addr uint64, data []byte) error {
	for len(data) > 0 {
		start := addr &^ 7
		was := t.page[:min(len(t.page)/2, (int(addr-start)+len(data)+7)&^7)]
		if n, err := t.ReadMemory(start, was); err != nil || n < len(was) {
			return unix.EFAULT
		}
		is := t.page[len(t.page)/2:][:len(was)]
		copy(is, was)
		n := copy(is[addr-start:], data)
		if err := t.pokeAll(start, was, is); err != nil {
			return err
		}
		addr, data = addr+uint64(n), data[n:]
	}
	return nil
}

// pokeAll turns whole words that are known into others.
func (t *thread) pokeAll(addr uint64, was, is []byte) error {
	for at := 0; at < len(is); at += 8 {
		word := binary.NativeEndian.Uint64(is[at:])
		if word == binary.NativeEndian.Uint64(was[at:]) {
			continue
		}
		if poke(t.tid, addr+uint64(at), word) != 0 {
			return unix.EFAULT
		}
	}
	return nil
}

// exchange is WriteMemory over whole words whose content is known.
func (t *thread) exchange(addr uint64, was, is []byte) error {
	if t.writer != accessWords {
		return t.WriteMemory(addr, is)
	}
	if !t.mayWrite(addr, len(is)) {
		return unix.EFAULT
	}
	return t.pokeAll(addr, was, is)
}

// Valid implements [shim.Tracee]. The thread is held by us, and until we have waited for
// its end nobody else can bear its number, but one that executes a program.
func (t *thread) Valid() bool { return t.threads[t.tid] == t && !executes(&t.call) }

// executes tells whether the thread that is held in a call has been replaced by another
// one of its process, which has called execve(2): it is not held, or held in that call,
// whose arguments are the new program's by now (proc_pid_syscall(5)). gVisor tells
// nothing, and gives nobody more rights by execve.
func executes(c *shim.Call) bool {
	text, err := procfs.ReadFile("/proc/" + strconv.Itoa(c.TID) + "/syscall")
	if err != nil {
		return false
	}
	number, _, _ := strings.Cut(string(text), " ")
	switch strings.TrimSpace(number) {
	case strconv.Itoa(unix.SYS_EXECVE), strconv.Itoa(unix.SYS_EXECVEAT):
		return !strings.HasPrefix(string(text), fmt.Sprintf("%d %#x %#x ", c.Nr, c.Args[0], c.Args[1]))
	case "running":
		return true
	}
	return false
}

// CanRewrite implements [shim.Tracee].
func (t *thread) CanRewrite() bool { return true }

// WantsCopy implements [shim.Tracee]. A process that shares its memory is as good as a
// thread, and a copy costs little here: everybody gets one.
func (t *thread) WantsCopy() bool { return true }
