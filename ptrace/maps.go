package ptrace

import (
	"bytes"
	"strconv"

	"golang.org/x/sys/unix"
)

// span is a range of addresses, end not included.
type span struct{ start, end uint64 }

func (s span) holds(addr uint64, n int) bool {
	return s.start <= addr && addr+uint64(n) <= s.end && addr+uint64(n) >= addr
}

// mayWrite tells whether the tracee itself could write there, by
// /proc/TID/maps. The mapping is remembered, since what is written to is nearly
// always the stack; a program that makes it read-only meanwhile is written to
// all the same, where it should have had EFAULT.
func (t *thread) mayWrite(addr uint64, n int) bool {
	p := t.process
	if p.writable.holds(addr, n) {
		return true
	}
	fd, err := unix.Open("/proc/"+strconv.Itoa(t.tid)+"/maps", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return true // another user's process, see forbidden: it cannot be known
	}
	defer unix.Close(fd)
	var found span // neighbouring writable mappings count as one
	have := 0
	for {
		m, err := unix.Read(fd, t.page[have:])
		if err != nil || m <= 0 {
			break
		}
		rest := t.page[:have+m]
		for {
			line, tail, whole := bytes.Cut(rest, []byte{'\n'})
			if !whole {
				break
			}
			rest = tail
			s, writable := parseMapping(line)
			switch {
			case !writable:
			case s.start == found.end:
				found.end = s.end
			case found.holds(addr, n):
				p.writable = found
				return true
			default:
				found = s
			}
		}
		have = copy(t.page[:], rest)
	}
	if !found.holds(addr, n) {
		return false
	}
	p.writable = found
	return true
}

// parseMapping reads "START-END PERMS …" of proc_pid_maps(5).
func parseMapping(line []byte) (s span, writable bool) {
	bounds, rest, _ := bytes.Cut(line, []byte{' '})
	start, end, _ := bytes.Cut(bounds, []byte{'-'})
	var err1, err2 error
	s.start, err1 = strconv.ParseUint(string(start), 16, 64)
	s.end, err2 = strconv.ParseUint(string(end), 16, 64)
	return s, err1 == nil && err2 == nil && len(rest) > 1 && rest[1] == 'w'
}
