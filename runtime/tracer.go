package runtime

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
)

// serveTracer is the ptrace backend: it seizes the launcher, which loads the
// filter when it has heard so. lacks says why it is not the other backend.
func (s *supervisor) serveTracer(first probe, name, lacks string) error {
	program, err := filterFor(BackendPtrace, s.policy)
	if err != nil {
		return s.refuse(lacks, fmt.Errorf("compile the filter: %w", err))
	}
	if err := errors.Join(s.launcher.attach(), s.guardian.traces()); err != nil {
		return s.refuse(lacks, err)
	}
	var orderErr error
	tracer := s.policy.tracer(s.log)
	tracer.Apart = apart
	err = tracer.Run(s.command, func(err error) {
		if err != nil {
			if words := tracedBy(s.command); words != "" {
				orderErr = s.launcher.exit(StatusFailed, words)
			} else {
				orderErr = s.refuse(lacks, err)
			}
			return
		}
		if orderErr = s.launcher.trace(program, first); orderErr == nil {
			go s.confirm(name, lacks)
		}
	})
	if err != nil {
		return nil // the launcher has told the user
	}
	return orderErr
}

// confirm lets the launcher become the command if its first trapped call arrived
// here. It does not where another supervisor's filter outranks ours (seccomp(2):
// SECCOMP_RET_USER_NOTIF goes before SECCOMP_RET_TRACE), as under a shimrun
// with the seccomp backend.
func (s *supervisor) confirm(name, lacks string) {
	_, _, err := s.launcher.answer()
	if err == nil && !s.saw(name) {
		err = errors.New("a trapped call does not reach the tracer, but another listener (is this run under shimrun, or in a container with a seccomp agent?)")
	}
	if err != nil {
		_ = s.refuse(lacks, err)
		return
	}
	if s.launcher.become(targetOf(s.plan), os.Getpid()) == nil {
		s.follow()
	}
}

func (s *supervisor) saw(name string) bool {
	for _, row := range s.policy.Snapshot().Calls {
		if row.Call == name && row.Seen > 0 {
			return true
		}
	}
	return false
}

// tracedBy says who traces a process already, for it can have one tracer; "" where
// nobody does who can be seen from here.
func tracedBy(pid int) string {
	tracer := TracerOf(pid)
	if tracer == 0 {
		return ""
	}
	if supervisorAround(pid) != 0 {
		return fmt.Sprintf("this runs under shimrun already, whose supervisor is process %d; what its commands are told is chosen where it was started, and no second one can trace them. "+
			"Give the flags to that one, or run this as it is, with --profile none", tracer)
	}
	return fmt.Sprintf("a process has one tracer, and this one has %s already (process %d); nothing was started", cmp.Or(commOf(tracer), "one"), tracer)
}

// supervisorAround is the supervisor that traces a process, 0 where none does.
func supervisorAround(pid int) int {
	if tracer := TracerOf(pid); tracer != 0 && commOf(tracer) == SupervisorComm {
		return tracer
	}
	return 0
}

// commOf is what the kernel calls a process; "" where it cannot be read.
func commOf(pid int) string {
	name, _ := os.ReadFile(fmt.Sprintf("/proc/%d/comm", pid))
	return strings.TrimSpace(string(name))
}

// TracerOf is the process that traces another, 0 where none does that can be seen
// from here. The kernel names the thread that does: proc_pid_status(5).
func TracerOf(pid int) int {
	thread := statusNumber(pid, "TracerPid")
	if thread == 0 {
		return 0
	}
	return cmp.Or(statusNumber(thread, "Tgid"), thread)
}

// statusNumber is a number in /proc/PID/status; 0 where it is not there.
func statusNumber(pid int, field string) int {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0
	}
	_, after, _ := strings.Cut(string(status), "\n"+field+":")
	line, _, _ := strings.Cut(after, "\n")
	n, _ := strconv.Atoi(strings.TrimSpace(line))
	return n
}

// refuse has the launcher end because no backend works.
func (s *supervisor) refuse(lacks string, err error) error {
	words := fmt.Sprintf("come under the ptrace backend: %v", err)
	if lacks != "" {
		words = fmt.Sprintf("no backend works here, and nothing was started; seccomp: %s; ptrace: %v", lacks, err)
	}
	return s.launcher.exit(StatusFailed, words)
}
