package cases

import (
	"runtime"
	"sync/atomic"
	"unsafe"

	"golang.org/x/sys/unix"
)

// The raw calls: nothing between the row and the kernel that checks, retries
// or sets a flag by itself.

// call makes a system call. An errno of 0 is returned as nil.
func call(nr uintptr, args ...uintptr) (int, error) {
	var a [6]uintptr
	copy(a[:], args)
	v, _, e := unix.Syscall6(nr, a[0], a[1], a[2], a[3], a[4], a[5])
	if e != 0 {
		return int(v), e
	}
	return int(v), nil
}

// cstr is a NUL-terminated copy of s.
func cstr(s string) uintptr {
	b := append([]byte(s), 0)
	// The copy must outlive the call that it is made for; rows are short and
	// the number of names is small, so they are simply kept.
	kept = append(kept, b)
	return uintptr(unsafe.Pointer(&b[0]))
}

var kept [][]byte

// pointer is a variable's address; the caller keeps it alive by using it afterwards.
// Only on the heap do variables stay where they are while a stack grows, and what a
// global refers to is there.
func pointer[T any](p *T) uintptr {
	atomic.StorePointer(&onHeap, unsafe.Pointer(p))
	return uintptr(unsafe.Pointer(p))
}

var onHeap unsafe.Pointer

// addr is a buffer's address, see pointer.
func addr(b []byte) uintptr { return pointer(unsafe.SliceData(b)) }

// fdarg is a descriptor, or AT_FDCWD, as a register holds it.
func fdarg(fd int) uintptr { return uintptr(fd) }

func openat(dirfd int, path string, flags, mode int) (int, error) {
	return call(unix.SYS_OPENAT, fdarg(dirfd), cstr(path), uintptr(flags), uintptr(mode))
}

func newfstatat(dirfd int, path string, st *unix.Stat_t, flags int) error {
	_, err := call(unix.SYS_NEWFSTATAT, fdarg(dirfd), cstr(path), pointer(st), uintptr(flags))
	return err
}

func statx(dirfd int, path string, flags, mask int, st *unix.Statx_t) error {
	_, err := call(unix.SYS_STATX, fdarg(dirfd), cstr(path), uintptr(flags), uintptr(mask), pointer(st))
	return err
}

func statfs(path string, st *unix.Statfs_t) error {
	_, err := call(unix.SYS_STATFS, cstr(path), pointer(st))
	return err
}

func openat2(dirfd int, path string, how *unix.OpenHow) (int, error) {
	fd, err := call(unix.SYS_OPENAT2, fdarg(dirfd), cstr(path), pointer(how), unsafe.Sizeof(*how))
	runtime.KeepAlive(how)
	return fd, err
}

// stat2 makes one of the calls of the form stat(path, buffer).
func stat2(nr uintptr, path string, st *unix.Stat_t) error {
	_, err := call(nr, cstr(path), pointer(st))
	return err
}

// guarded returns an address below which n bytes are readable and writable and
// from which on nothing is mapped.
func guarded() (end uintptr, page []byte) {
	size := unix.Getpagesize()
	mem, err := unix.Mmap(-1, 0, 2*size, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANON)
	if err != nil {
		panic(err)
	}
	if err := unix.Mprotect(mem[size:], unix.PROT_NONE); err != nil {
		panic(err)
	}
	return addr(mem) + uintptr(size), mem[:size]
}
