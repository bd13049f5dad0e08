package ptrace

import (
	"strconv"

	"golang.org/x/sys/unix"
)

// bulkSize is how many bytes are cheaper copied by the tracee than poked into
// it: an injected call takes about as many requests as thirty words.
const bulkSize = 384

// write is WriteMemory for more than a few words. Where only PTRACE_POKEDATA
// can write into another process (old gVisor), each word costs a call; there
// the tracee copies the data itself, out of an extended attribute of a file of
// ours: getxattr(2) names the file, so that the tracee needs no descriptor.
func (in *injection) write(addr uint64, data []byte) error {
	if in.writer == accessUnknown {
		in.probe()
	}
	if in.writer != accessWords || len(data) < bulkSize || in.process.route != byName {
		return in.WriteMemory(addr, data)
	}
	fd, err := in.loop.bulkFile()
	if err != nil {
		return in.WriteMemory(addr, data)
	}
	// Named after the thread: other threads' scripts go on meanwhile.
	name := "user." + strconv.Itoa(in.tid)
	if unix.Fsetxattr(fd, name, data, 0) != nil {
		return in.WriteMemory(addr, data)
	}
	defer func() { _ = unix.Fremovexattr(fd, name) }()
	path := supervisorFDs + strconv.Itoa(fd) + "\x00"
	m, err := in.borrow(len(path)+len(name)+1, func(uint64) []byte { return []byte(path + name + "\x00") })
	if err != nil {
		return in.WriteMemory(addr, data)
	}
	if m.addr < addr+uint64(len(data)) && addr < m.addr+uint64(len(m.was)) {
		in.giveBack(m) // it borrowed of the very place
		return in.WriteMemory(addr, data)
	}
	n, err := in.call(unix.SYS_GETXATTR, m.addr, m.addr+uint64(len(path)), addr, uint64(len(data)))
	if err != nil {
		return err
	}
	in.giveBack(m)
	if n == int64(len(data)) {
		return nil
	}
	return in.WriteMemory(addr, data)
}

// bulkFile is the file whose attributes tracees copy, made at its first use.
func (l *loop) bulkFile() (int, error) {
	if l.bulk < 0 {
		fd, err := unix.MemfdCreate("shimrun", unix.MFD_CLOEXEC)
		if err != nil {
			return -1, err
		}
		l.bulk = fd
	}
	return l.bulk, nil
}
