package procfs

import (
	"bytes"
	"os"
	"strconv"

	"golang.org/x/sys/unix"

	"github.com/shimrun/shimrun/fakefs/cgroup"
)

// Processes lists all that live, by /proc/PID/stat. One that ends meanwhile is
// left out.
func (Machine) Processes() ([]cgroup.Process, error) {
	pids, err := Numbers("/proc")
	if err != nil {
		return nil, err
	}
	all := make([]cgroup.Process, 0, len(pids))
	var line [pageSize]byte
	for _, pid := range pids {
		b, err := readLine("/proc/"+strconv.Itoa(pid)+"/stat", line[:])
		if err != nil {
			continue
		}
		if p, ok := parseStat(b); ok {
			all = append(all, p)
		}
	}
	return all, nil
}

// NumbersUs tells whether /proc numbers processes as this one's pid namespace does.
// Where it is another namespace's, a number leads to somebody else there (proc(5),
// pid_namespaces(7)).
func NumbersUs() bool {
	self, err := os.Readlink("/proc/self")
	return err == nil && self == strconv.Itoa(os.Getpid())
}

// isOurs tells by what the kernel calls a process, with a bracket before it,
// whether it is a supervisor or a guardian (runtime/guardian.c), of whatever run.
func isOurs(name []byte) bool {
	return string(name) == "(shimrun-super" || string(name) == "(shimrun-guard"
}

// Threads lists the thread ids of a process.
func (Machine) Threads(pid int) ([]int, error) {
	return Numbers("/proc/" + strconv.Itoa(pid) + "/task")
}

// Numbers lists the names in a folder that are numbers: processes, threads, descriptors.
func Numbers(dir string) ([]int, error) {
	fd, err := open(dir, unix.O_DIRECTORY)
	if err != nil {
		return nil, err
	}
	defer unix.Close(fd)
	var numbers []int
	for buf, names := make([]byte, 16<<10), []string(nil); ; {
		n, err := retried(func() (int, error) { return unix.ReadDirent(fd, buf) })
		if err != nil {
			return nil, &os.PathError{Op: "getdents64", Path: dir, Err: err}
		}
		if n == 0 {
			return numbers, nil
		}
		_, _, names = unix.ParseDirent(buf[:n], -1, names[:0])
		for _, name := range names {
			if n, err := strconv.Atoi(name); err == nil {
				numbers = append(numbers, n)
			}
		}
	}
}

const (
	// tick is what times are counted in, USER_HZ, in nanoseconds.
	tick     = 1e7
	pageSize = 4096
)

// parseStat reads /proc/PID/stat (proc_pid_stat(5)); not ok for what is no such
// line, and for a process that has ended and waits for its parent.
func parseStat(b []byte) (p cgroup.Process, ok bool) {
	// The name may hold anything, also ") ".
	at := bytes.LastIndexByte(b, ')')
	first, _, found := bytes.Cut(b, []byte(" "))
	if at < 0 || !found {
		return p, false
	}
	f := bytes.Fields(b[at+1:])
	const missing = 3 // the fields here begin with the third
	if len(f) < 24-missing+1 || f[0][0] == 'Z' || f[0][0] == 'X' {
		return p, false
	}
	number := func(field int) uint64 {
		n, err := strconv.ParseUint(string(f[field-missing]), 10, 64)
		if err != nil {
			return 0 // -1, for one
		}
		return n
	}
	pid, err := strconv.Atoi(string(first))
	if err != nil || pid <= 0 {
		return p, false
	}
	group, session := int(number(5)), int(number(6))
	ours := isOurs(b[len(first)+1 : at])
	if ours {
		group, session = pid, pid // it stays in its command's session, and is none of it
	}
	return cgroup.Process{
		PID: pid, Parent: int(number(4)), Group: group, Session: session,
		User: number(14) * tick, System: number(15) * tick, ChildUser: number(16) * tick, ChildSystem: number(17) * tick,
		Stopped: f[0][0] == 'T' || f[0][0] == 't', Ours: ours,
		Threads: max(int(number(20)), 1), Start: number(22), RSS: number(24) * pageSize,
	}, true
}
