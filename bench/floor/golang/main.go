// Command golang is the floor of user notification once more, in Go: what a
// supervisor costs that is written in Go and does nothing but what exactness needs
// for a name that is not served. It tells no lies, and is measured where none are
// told.
//
// It imports nothing but the standard library's smallest packages, for what is
// imported is initialised at every start.
package main

// #define _GNU_SOURCE
// #include <fcntl.h>
// #include <linux/seccomp.h>
// #include <sys/ioctl.h>
// #include <sys/syscall.h>
//
// extern int floor_socket;
//
// // Constants that cgo cannot take from macros with types in them.
// enum { recv = SECCOMP_IOCTL_NOTIF_RECV, send = SECCOMP_IOCTL_NOTIF_SEND, setFlags = SECCOMP_IOW(4, __u64) };
import "C"

import (
	"bytes"
	"runtime"
	"strconv"
	"syscall"
	"unsafe"
)

const (
	syncWakeUp = 1 // SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP
	goOn       = 1 // SECCOMP_USER_NOTIF_FLAG_CONTINUE
	pollHangUp = 0x10
)

type supervisor struct {
	listener uintptr
	call     struct {
		notification C.struct_seccomp_notif
		spare        [256]byte
	}
	answer  C.struct_seccomp_notif_resp
	name    [4096]byte
	through [4096 + 64]byte
	local   syscall.Iovec
	remote  struct{ base, size uintptr }
	st      syscall.Stat_t
}

func main() {
	runtime.LockOSThread()
	socket := int(C.floor_socket)
	_, _ = syscall.Write(socket, []byte{0})
	s := &supervisor{listener: uintptr(taken(socket))}
	syscall.RawSyscall(syscall.SYS_IOCTL, s.listener, C.setFlags, syncWakeUp)
	_, _ = syscall.Write(socket, []byte{0})
	for {
		s.serve()
	}
}

// taken receives the listener.
func taken(socket int) int {
	control := make([]byte, syscall.CmsgSpace(4))
	_, n, _, _, err := syscall.Recvmsg(socket, make([]byte, 1), control, syscall.MSG_CMSG_CLOEXEC)
	if err != nil {
		syscall.Exit(125)
	}
	messages, err := syscall.ParseSocketControlMessage(control[:n])
	if err != nil || len(messages) != 1 {
		syscall.Exit(125)
	}
	fds, err := syscall.ParseUnixRights(&messages[0])
	if err != nil || len(fds) != 1 {
		syscall.Exit(125)
	}
	return fds[0]
}

// atEnd ends the process if no task has the filter any more: every request fails then.
func (s *supervisor) atEnd() {
	p := struct {
		fd              int32
		events, revents int16
	}{fd: int32(s.listener)}
	var now syscall.Timespec
	syscall.RawSyscall6(syscall.SYS_PPOLL, uintptr(unsafe.Pointer(&p)), 1, uintptr(unsafe.Pointer(&now)), 0, 0, 0)
	if p.revents&pollHangUp != 0 {
		syscall.Exit(0)
	}
}

func (s *supervisor) serve() {
	n := &s.call.notification
	*n = C.struct_seccomp_notif{}
	// Not telling the scheduler of a call that blocks is what a real program cannot
	// afford; one that has nothing else to do is interrupted by it now and then.
	if _, _, e := syscall.RawSyscall(syscall.SYS_IOCTL, s.listener, C.recv, uintptr(unsafe.Pointer(n))); e != 0 {
		s.atEnd()
		return
	}
	switch n.data.nr {
	case C.SYS_openat, C.SYS_newfstatat:
		s.look(int(n.pid), int(int32(n.data.args[0])), uintptr(n.data.args[1]))
	}
	s.answer = C.struct_seccomp_notif_resp{id: n.id, flags: goOn}
	syscall.RawSyscall(syscall.SYS_IOCTL, s.listener, C.send, uintptr(unsafe.Pointer(&s.answer)))
}

// look reads the name and asks the kernel what lies there, as look in supervise.h.
func (s *supervisor) look(pid, dirfd int, address uintptr) {
	s.local.Base = &s.name[0]
	s.local.SetLen(len(s.name))
	s.remote.base, s.remote.size = address, uintptr(len(s.name))
	size, _, e := syscall.RawSyscall6(C.SYS_process_vm_readv, uintptr(pid), uintptr(unsafe.Pointer(&s.local)), 1,
		uintptr(unsafe.Pointer(&s.remote)), 1, 0)
	if e != 0 {
		return
	}
	end := bytes.IndexByte(s.name[:size], 0)
	if end < 0 || bytes.HasPrefix(s.name[:end], []byte("/proc/")) {
		return
	}
	name, flags := s.name[:end+1], C.AT_SYMLINK_NOFOLLOW
	if name[0] != '/' {
		own := strconv.AppendInt(append(s.through[:0], "/proc/"...), int64(pid), 10)
		if dirfd == C.AT_FDCWD {
			own = append(own, "/cwd/"...)
		} else {
			own = append(strconv.AppendInt(append(own, "/fd/"...), int64(dirfd), 10), '/')
		}
		if end == 0 { // the descriptor itself
			own, flags = own[:len(own)-1], 0
		}
		name = append(own, name...)
	}
	at := C.AT_FDCWD
	syscall.RawSyscall6(C.SYS_newfstatat, uintptr(at), uintptr(unsafe.Pointer(&name[0])),
		uintptr(unsafe.Pointer(&s.st)), uintptr(flags), 0, 0)
}
