package testcri

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
)

// procStat is what we want of /proc/PID/stat; times are in ticks, of which proc(5)
// has 100 in a second on every architecture that Go runs on.
type procStat struct {
	session        int
	minflt, majflt uint64
	ticks          uint64 // of the process and of the children it has waited for
	start          uint64
	rss            uint64 // bytes
}

const tickNanoseconds = 1e9 / 100

func readStat(pid int) (procStat, error) {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return procStat{}, err
	}
	return parseStat(data)
}

// parseStat starts behind the command's name, which may hold anything.
func parseStat(data []byte) (s procStat, err error) {
	fields := bytes.Fields(data[bytes.LastIndexByte(data, ')')+1:])
	field := func(n int) uint64 { // numbered as in proc(5)
		if n -= 3; n >= len(fields) {
			err = fmt.Errorf("stat: %d fields", len(fields))
			return 0
		}
		v, e := strconv.ParseInt(string(fields[n]), 10, 64)
		if e != nil {
			err = fmt.Errorf("stat: %w", e)
		}
		return uint64(max(v, 0))
	}
	s.session = int(field(6))
	s.minflt, s.majflt = field(10), field(12)
	s.ticks = field(14) + field(15) + field(16) + field(17)
	s.start = field(22)
	s.rss = field(24) * uint64(os.Getpagesize())
	return s, err
}

func startTime(pid int) (uint64, error) {
	s, err := readStat(pid)
	return s.start, err
}

// eachProcess calls f with all processes there are; one that ends meanwhile is
// left out.
func eachProcess(f func(pid int, s procStat)) {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return
	}
	for _, entry := range entries {
		pid, err := strconv.Atoi(entry.Name())
		if err != nil {
			continue
		}
		if s, err := readStat(pid); err == nil {
			f(pid, s)
		}
	}
}

// killSession kills what is left of a session.
func killSession(session int) {
	if session <= 1 {
		return
	}
	eachProcess(func(pid int, s procStat) {
		if s.session == session {
			syscall.Kill(pid, syscall.SIGKILL)
		}
	})
}

// diskUsage is what du says: links are not followed.
func diskUsage(dir string) (size, inodes uint64) {
	filepath.WalkDir(dir, func(_ string, entry fs.DirEntry, err error) error {
		if err != nil {
			return nil // it went while we walked
		}
		inodes++
		if info, err := entry.Info(); err == nil {
			if stat, ok := info.Sys().(*syscall.Stat_t); ok {
				size += uint64(stat.Blocks) * 512
			}
		}
		return nil
	})
	return size, inodes
}
