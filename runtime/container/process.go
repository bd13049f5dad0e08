package container

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"

	"golang.org/x/sys/unix"
)

// Process is one process for good: a number alone can come to another one.
type Process struct {
	PID int `json:"pid"`
	// Start is the time of its start, in ticks since the machine's.
	Start uint64 `json:"start"`
}

// Find is the process that has a number now.
func Find(pid int) (Process, error) {
	s, err := readStat(pid)
	return Process{pid, s.start}, err
}

// Alive tells whether the process is there, and no zombie.
func (p Process) Alive() bool {
	if p.PID <= 0 {
		return false
	}
	s, err := readStat(p.PID)
	return err == nil && s.start == p.Start && s.state != 'Z' && s.state != 'X'
}

// Signal sends a signal to the process, and to no other. The error is ESRCH
// when it has ended.
func (p Process) Signal(sig unix.Signal) error {
	fd, err := unix.PidfdOpen(p.PID, 0)
	if err == nil {
		// Whatever the number means later, the descriptor means what it means
		// now, and that is looked at after it was opened.
		defer unix.Close(fd)
	}
	if !p.Alive() {
		return unix.ESRCH
	}
	if err == nil {
		return unix.PidfdSendSignal(fd, sig, nil, 0)
	}
	return unix.Kill(p.PID, sig)
}

// Parent is the parent's number.
func (p Process) Parent() int {
	s, _ := readStat(p.PID)
	return s.parent
}

// Descendants are all processes that descend from one, as it is now: a process
// whose parent ends becomes another's child, see PR_SET_CHILD_SUBREAPER(2const).
func Descendants(of int) []Process {
	children := map[int][]Process{}
	names, _ := filepath.Glob("/proc/[0-9]*")
	for _, name := range names {
		pid, err := strconv.Atoi(filepath.Base(name))
		if err != nil {
			continue
		}
		if s, err := readStat(pid); err == nil {
			children[s.parent] = append(children[s.parent], Process{pid, s.start})
		}
	}
	all := slices.Clone(children[of])
	for i := 0; i < len(all); i++ {
		all = append(all, children[all[i].PID]...)
	}
	return all
}

type stat struct {
	state  byte
	parent int
	start  uint64
}

// readStat reads /proc/PID/stat, see proc_pid_stat(5).
func readStat(pid int) (stat, error) {
	name := "/proc/" + strconv.Itoa(pid) + "/stat"
	text, err := os.ReadFile(name)
	if err != nil {
		return stat{}, err
	}
	s, err := parseStat(text)
	if err != nil {
		return stat{}, fmt.Errorf("%s: %w", name, err)
	}
	return s, nil
}

func parseStat(text []byte) (stat, error) {
	// The second field, the name, may hold anything.
	fields := bytes.Fields(text[bytes.LastIndexByte(text, ')')+1:])
	if len(fields) < 20 {
		return stat{}, fmt.Errorf("%d fields after the name", len(fields))
	}
	parent, err := strconv.Atoi(string(fields[1]))
	if err != nil {
		return stat{}, err
	}
	start, err := strconv.ParseUint(string(fields[19]), 10, 64)
	if err != nil {
		return stat{}, err
	}
	return stat{fields[0][0], parent, start}, nil
}
