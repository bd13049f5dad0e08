package server

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// Process is what /proc says about one.
type Process struct {
	PID         int     `json:"pid"`
	Resident    int64   `json:"resident_bytes"`
	Descriptors int     `json:"descriptors"`
	Threads     int     `json:"threads"`
	CPU         float64 `json:"cpu_seconds"`
}

// ticks per second of /proc/PID/stat: USER_HZ, the same on every Linux that Go
// runs on.
const ticks = 100

// Look reads the figures of a process.
func Look(pid int) (Process, error) {
	p := Process{PID: pid}
	dir := "/proc/" + strconv.Itoa(pid)
	status, err := os.ReadFile(dir + "/status")
	if err != nil {
		return p, err
	}
	for line := range strings.Lines(string(status)) {
		name, value, _ := strings.Cut(line, ":")
		switch name {
		case "VmRSS":
			kib, _ := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(value), " kB"), 10, 64)
			p.Resident = kib << 10
		case "Threads":
			p.Threads, _ = strconv.Atoi(strings.TrimSpace(value))
		}
	}
	stat, err := os.ReadFile(dir + "/stat")
	if err != nil {
		return p, err
	}
	fields := statFields(stat)
	if len(fields) < 13 {
		return p, fmt.Errorf("%s/stat: %q", dir, stat)
	}
	user, _ := strconv.ParseFloat(fields[11], 64) // utime, the 14th of all
	system, _ := strconv.ParseFloat(fields[12], 64)
	p.CPU = (user + system) / ticks
	names, err := os.ReadDir(dir + "/fd")
	if err != nil {
		return p, err
	}
	p.Descriptors = len(names)
	return p, nil
}

// statFields are those after the name, which may hold anything.
func statFields(stat []byte) []string {
	return strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
}

// Processes are shimrun's supervisor, if there is one, and the server itself.
// What cannot be found is nil.
func (s *Server) Processes() (supervisor, server *Process) {
	look := func(pid int) *Process {
		if pid == 0 {
			return nil
		}
		p, err := Look(pid)
		if err != nil {
			return nil // it has just ended
		}
		return &p
	}
	if !s.opt.Under {
		return nil, look(s.cmd.Process.Pid)
	}
	return look(s.supervisor()), look(childOf(s.cmd.Process.Pid))
}

// supervisor finds shimrun's. It is nobody's child; but until the command
// ends its standard error is the command's, and so our log.
func (s *Server) supervisor() int {
	log, err := s.opt.Log.Stat()
	if err != nil {
		return 0
	}
	found := 0
	eachProcess(func(pid int, dir string) {
		if !isSupervisor(dir) {
			return
		}
		if itsError, err := os.Stat(dir + "/fd/2"); err == nil && os.SameFile(log, itsError) {
			found = max(found, pid) // the guardian, its parent, has the same name and is older
		}
	})
	return found
}

func isSupervisor(dir string) bool {
	line, err := os.ReadFile(dir + "/cmdline")
	if err != nil || !bytes.HasPrefix(line, []byte("shimrun-supervisor\x00")) {
		return false
	}
	name, err := os.ReadFile(dir + "/comm")
	return err == nil && strings.TrimSpace(string(name)) != "shimrun-guard"
}

// childOf finds the first child of a process: shimrun has but one.
func childOf(parent int) int {
	found := 0
	eachProcess(func(pid int, dir string) {
		stat, err := os.ReadFile(dir + "/stat")
		if err != nil {
			return
		}
		if fields := statFields(stat); len(fields) > 1 && fields[1] == strconv.Itoa(parent) && (found == 0 || pid < found) {
			found = pid
		}
	})
	return found
}

func eachProcess(do func(pid int, dir string)) {
	dirs, _ := filepath.Glob("/proc/[0-9]*")
	for _, dir := range dirs {
		if pid, err := strconv.Atoi(filepath.Base(dir)); err == nil {
			do(pid, dir)
		}
	}
}
