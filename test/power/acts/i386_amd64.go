package acts

import (
	"errors"
	"fmt"
	"runtime/debug"

	"golang.org/x/sys/unix"
)

// interrupt makes a call of a 32-bit program, by int $0x80. No filter of a shim
// sees those.
func interrupt(nr, a, b, c, d uint32) int32

// attempt is interrupt, or ENOSYS where there is no such gate: in kernels without
// IA32_EMULATION, and under hypervisors that give their guests none.
func attempt(nr, a, b, c, d uint32) (result int32) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if recover() != nil {
			result = -int32(unix.ENOSYS)
		}
	}()
	return interrupt(nr, a, b, c, d)
}

// Numbers of arch/x86/entry/syscalls/syscall_32.tbl.
const (
	i386Open      = 5
	i386Creat     = 8
	i386Chmod     = 15
	i386Truncate  = 92
	i386Openat    = 295
	i386Mkdirat   = 296
	i386Symlinkat = 304
)

// low gives a text an address that 32 bits can name.
func low(text string) (uint32, func(), error) {
	mem, err := mapLow(len(text) + 1)
	if err != nil {
		return 0, nil, err
	}
	copy(mem, text)
	return uint32(address(mem)), func() { unmapLow(mem) }, nil
}

func call32(nr uint32, name string, before []uint32, after ...uint32) (int, error) {
	addr, release, err := low(name)
	if err != nil {
		return -1, fmt.Errorf("memory below 4 GiB: %w", err)
	}
	defer release()
	args := append(append(append([]uint32{}, before...), addr), after...)
	args = append(args, 0, 0, 0, 0)
	if v := attempt(nr, args[0], args[1], args[2], args[3]); v < 0 {
		return -1, unix.Errno(-v)
	} else {
		return int(v), nil
	}
}

func call32Open(path string, flags int) (int, error) {
	return call32(i386Open, path, nil, uint32(flags), 0)
}

func call32Creat(path string) (int, error) { return call32(i386Creat, path, nil, 0o666) }

func call32Truncate(path string) error {
	_, err := call32(i386Truncate, path, nil, 0)
	return err
}

func call32Chmod(path string, mode uint32) error {
	_, err := call32(i386Chmod, path, nil, mode)
	return err
}

func call32Openat(dirfd int, path string, flags int) (int, error) {
	return call32(i386Openat, path, []uint32{uint32(dirfd)}, uint32(flags), 0)
}

func call32Mkdirat(dirfd int, path string, mode uint32) error {
	_, err := call32(i386Mkdirat, path, []uint32{uint32(dirfd)}, mode)
	return err
}

// call32Symlinkat makes a link whose text is its own name.
func call32Symlinkat(dirfd int, path string) error {
	addr, release, err := low(path)
	if err != nil {
		return err
	}
	defer release()
	if v := attempt(i386Symlinkat, addr, uint32(dirfd), addr, 0); v < 0 {
		return errors.Join(unix.Errno(-v))
	}
	return nil
}
