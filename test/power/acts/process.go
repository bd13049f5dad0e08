package acts

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// What is tried with a process of root's. None of it does harm where it is
// allowed.
var processTries = []struct {
	name string
	do   func(pid int) string
}{
	{"signal", func(pid int) string { return word(unix.Kill(pid, 0)) }},
	{"signal-threads", func(pid int) string {
		tasks, err := os.ReadDir(fmt.Sprintf("/proc/%d/task", pid))
		if err != nil || len(tasks) == 0 {
			return "no threads are seen"
		}
		for _, task := range tasks {
			var tid int
			_, _ = fmt.Sscan(task.Name(), &tid)
			if err = unix.Tgkill(pid, tid, 0); err == nil {
				break
			}
		}
		return word(err)
	}},
	{"signal-by-descriptor", func(pid int) string {
		fd, err := unix.PidfdOpen(pid, 0)
		if err != nil {
			return word(err)
		}
		defer unix.Close(fd)
		return word(unix.PidfdSendSignal(fd, 0, nil, 0))
	}},
	{"take-descriptor", func(pid int) string {
		fd, err := unix.PidfdOpen(pid, 0)
		if err != nil {
			return word(err)
		}
		defer unix.Close(fd)
		return closed(unix.PidfdGetfd(fd, 0, 0))
	}},
	{"seize", func(pid int) string {
		// It is let go when this thread ends.
		_, err := call(unix.SYS_PTRACE, unix.PTRACE_SEIZE, uintptr(pid), 0, 0)
		return word(err)
	}},
	{"compare", func(pid int) string {
		_, err := call(unix.SYS_KCMP, uintptr(os.Getpid()), uintptr(pid), 1 /* KCMP_VM */, 0, 0)
		return word(err)
	}},
	{"read-memory", func(pid int) string {
		local := []unix.Iovec{{Base: &make([]byte, 4)[0], Len: 4}}
		_, err := unix.ProcessVMReadv(pid, local, []unix.RemoteIovec{{Base: 0, Len: 4}}, 0)
		return word(err) // EFAULT for whoever may
	}},
	{"write-memory", func(pid int) string {
		local := []unix.Iovec{{Base: &make([]byte, 4)[0], Len: 4}}
		_, err := unix.ProcessVMWritev(pid, local, []unix.RemoteIovec{{Base: 0, Len: 4}}, 0)
		return word(err)
	}},
	{"open-memory", openOf("mem", unix.O_RDWR)},
	{"open-root", openOf("root", unix.O_DIRECTORY)},
	{"read-through-root", openOf("root/etc/passwd", unix.O_RDONLY)},
	{"open-working-folder", openOf("cwd", unix.O_DIRECTORY)},
	{"open-program", openOf("exe", unix.O_RDONLY)},
	{"list-descriptors", openOf("fd", unix.O_DIRECTORY)},
	{"open-descriptor", openOf("fd/2", unix.O_PATH)},
	{"read-environment", openOf("environ", unix.O_RDONLY)},
	{"read-maps", openOf("maps", unix.O_RDONLY)},
	{"write-oom-score", openOf("oom_score_adj", unix.O_WRONLY)},
	{"clear-references", openOf("clear_refs", unix.O_WRONLY)},
	{"limits", func(pid int) string {
		var limit unix.Rlimit
		return word(unix.Prlimit(pid, unix.RLIMIT_NOFILE, nil, &limit))
	}},
	{"priority", func(pid int) string {
		now, err := unix.Getpriority(unix.PRIO_PROCESS, pid)
		if err != nil {
			return word(err)
		}
		return word(unix.Setpriority(unix.PRIO_PROCESS, pid, 20-now))
	}},
	{"affinity", func(pid int) string {
		var set unix.CPUSet
		if err := unix.SchedGetaffinity(pid, &set); err != nil {
			return word(err)
		}
		return word(unix.SchedSetaffinity(pid, &set))
	}},
	{"enter-mount-namespace", enter("mnt", unix.CLONE_NEWNS)},
	{"enter-user-namespace", enter("user", unix.CLONE_NEWUSER)},
}

func openOf(file string, flags int) func(int) string {
	return func(pid int) string {
		return closed(unix.Open(fmt.Sprintf("/proc/%d/%s", pid, file), flags|unix.O_CLOEXEC, 0))
	}
}

// enter opens a namespace. To enter it would end what this thread can do later,
// and it is all the same thread's.
func enter(file string, kind int) func(int) string {
	return func(pid int) string {
		fd, err := unix.Open(fmt.Sprintf("/proc/%d/ns/%s", pid, file), unix.O_RDONLY|unix.O_CLOEXEC, 0)
		if err != nil {
			return word(err)
		}
		defer unix.Close(fd)
		// EINVAL for whoever may: a namespace of a process with threads.
		return word(unix.Setns(fd, kind))
	}
}

func processActs() []Act {
	var list []Act
	for _, try := range processTries {
		list = append(list,
			Act{Name: "process/" + try.name, Do: func(s *Scene) string { return try.do(s.Target) }},
			// Root may have it all of its supervisor, and whoever stops it stops himself.
			Act{Name: "supervisor/" + try.name, Not: []string{Root}, Do: func(s *Scene) string { return try.do(s.Supervisor) }})
	}
	return list
}
