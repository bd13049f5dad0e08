package runtime

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"unsafe"

	"golang.org/x/sys/unix"
)

// WriteDocument puts a value as JSON into a memory file, or a pipe, for a process
// that inherits it.
func WriteDocument(name string, value any) (*os.File, error) {
	text, err := json.Marshal(value)
	if err != nil {
		return nil, err
	}
	return memoryFile(name, text)
}

func memoryFile(name string, text []byte) (*os.File, error) {
	fd, err := unix.MemfdCreate(name, unix.MFD_CLOEXEC)
	if err != nil {
		return nil, os.NewSyscallError("memfd_create", err)
	}
	f := os.NewFile(uintptr(fd), name)
	if _, err := f.WriteAt(text, 0); err != nil {
		f.Close()
		if errors.Is(err, unix.EFBIG) { // RLIMIT_FSIZE
			return fullPipe(name, text)
		}
		return nil, err
	}
	return f, nil
}

// fullPipe is a pipe that has a text in it, and nobody who writes more: the size
// of files may be limited, and that of pipes is so otherwise.
func fullPipe(name string, text []byte) (*os.File, error) {
	var p [2]int
	if err := unix.Pipe2(p[:], unix.O_CLOEXEC); err != nil {
		return nil, os.NewSyscallError("pipe2", err)
	}
	defer unix.Close(p[1])
	f := os.NewFile(uintptr(p[0]), name)
	size, err := unix.FcntlInt(uintptr(p[1]), unix.F_SETPIPE_SZ, len(text))
	if err != nil || size < len(text) {
		f.Close()
		return nil, fmt.Errorf("%d bytes are more than fit into a file (ulimit -f) or a pipe: %w", len(text), os.NewSyscallError("fcntl", err))
	}
	if _, err := unix.Write(p[1], text); err != nil {
		f.Close()
		return nil, os.NewSyscallError("write", err)
	}
	return f, nil
}

// ReadDocument is the other side of [WriteDocument]. It closes fd, and leaves
// a file's offset alone, which others may share.
func ReadDocument(fd int, value any) error {
	f := os.NewFile(uintptr(fd), "document")
	defer f.Close()
	var from io.Reader = f
	if _, err := f.Seek(0, io.SeekCurrent); err == nil {
		from = io.NewSectionReader(f, 0, math.MaxInt64)
	}
	return json.NewDecoder(from).Decode(value)
}

// canRead tries to read a word of another process's memory as the seccomp
// backend will.
func canRead(pid int, address, want uint64) error {
	var got uint64
	local := []unix.Iovec{{Base: (*byte)(unsafe.Pointer(&got)), Len: 8}}
	remote := []unix.RemoteIovec{{Base: uintptr(address), Len: 8}}
	switch _, err := unix.ProcessVMReadv(pid, local, remote, 0); err {
	case nil:
	case unix.ENOSYS:
		if err := readWord(pid, address, &got); err != nil {
			return err
		}
	default:
		return os.NewSyscallError("process_vm_readv", err)
	}
	if got != want {
		return os.NewSyscallError("process_vm_readv", unix.EFAULT)
	}
	return nil
}

// readWord reads by way of /proc/PID/mem.
func readWord(pid int, address uint64, word *uint64) error {
	f, err := os.Open(fmt.Sprintf("/proc/%d/mem", pid))
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = f.ReadAt(unsafe.Slice((*byte)(unsafe.Pointer(word)), 8), int64(address))
	return err
}
