package ptrace

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// vmRead and vmWrite are process_vm_readv(2) and process_vm_writev(2) of one
// range. Both respect the pages' protection, as the tracee's own kernel calls do.
func vmRead(tid int, addr uint64, buf []byte) (int, unix.Errno) {
	return vmCopy(unix.SYS_PROCESS_VM_READV, tid, addr, buf)
}

func vmWrite(tid int, addr uint64, data []byte) (int, unix.Errno) {
	return vmCopy(unix.SYS_PROCESS_VM_WRITEV, tid, addr, data)
}

func vmCopy(trap uintptr, tid int, addr uint64, buf []byte) (int, unix.Errno) {
	local := unix.Iovec{Base: unsafe.SliceData(buf)}
	local.SetLen(len(buf))
	remote := unix.RemoteIovec{Base: uintptr(addr), Len: len(buf)}
	n, _, errno := unix.RawSyscall6(trap, uintptr(tid),
		uintptr(unsafe.Pointer(&local)), 1, uintptr(unsafe.Pointer(&remote)), 1, 0)
	if errno != 0 {
		return 0, errno
	}
	return int(n), 0
}

// vmCopyWaiting is vmCopy where that may sleep: other threads of ours go on meanwhile.
func vmCopyWaiting(trap uintptr, tid int, addr uint64, buf []byte) (int, unix.Errno) {
	local := unix.Iovec{Base: unsafe.SliceData(buf)}
	local.SetLen(len(buf))
	remote := unix.RemoteIovec{Base: uintptr(addr), Len: len(buf)}
	n, _, errno := unix.Syscall6(trap, uintptr(tid),
		uintptr(unsafe.Pointer(&local)), 1, uintptr(unsafe.Pointer(&remote)), 1, 0)
	if errno != 0 {
		return 0, errno
	}
	return int(n), 0
}

// pread and pwrite are the raw calls: on /proc/PID/mem they do not block.
func pread(fd int, buf []byte, offset uint64) (int, unix.Errno) {
	n, _, errno := unix.RawSyscall6(unix.SYS_PREAD64, uintptr(fd),
		uintptr(unsafe.Pointer(unsafe.SliceData(buf))), uintptr(len(buf)), uintptr(offset), 0, 0)
	if errno != 0 {
		return 0, errno
	}
	return int(n), 0
}

func pwrite(fd int, data []byte, offset uint64) (int, unix.Errno) {
	n, _, errno := unix.RawSyscall6(unix.SYS_PWRITE64, uintptr(fd),
		uintptr(unsafe.Pointer(unsafe.SliceData(data))), uintptr(len(data)), uintptr(offset), 0, 0)
	if errno != 0 {
		return 0, errno
	}
	return int(n), 0
}
