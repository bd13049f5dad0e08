package builtin

import (
	"fmt"
	"os"
	"syscall"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

var resources = map[string]int{
	"RLIMIT_AS": unix.RLIMIT_AS, "RLIMIT_CORE": unix.RLIMIT_CORE, "RLIMIT_CPU": unix.RLIMIT_CPU,
	"RLIMIT_DATA": unix.RLIMIT_DATA, "RLIMIT_FSIZE": unix.RLIMIT_FSIZE, "RLIMIT_LOCKS": unix.RLIMIT_LOCKS,
	"RLIMIT_MEMLOCK": unix.RLIMIT_MEMLOCK, "RLIMIT_MSGQUEUE": unix.RLIMIT_MSGQUEUE, "RLIMIT_NICE": unix.RLIMIT_NICE,
	"RLIMIT_NOFILE": unix.RLIMIT_NOFILE, "RLIMIT_NPROC": unix.RLIMIT_NPROC, "RLIMIT_RSS": unix.RLIMIT_RSS,
	"RLIMIT_RTPRIO": unix.RLIMIT_RTPRIO, "RLIMIT_RTTIME": unix.RLIMIT_RTTIME,
	"RLIMIT_SIGPENDING": unix.RLIMIT_SIGPENDING, "RLIMIT_STACK": unix.RLIMIT_STACK,
}

// raiseLimits sets those limits that take a privilege, while it is there. The
// others could stop this process itself, and wait for the last moment.
func (i *initProcess) raiseLimits(limits []specs.POSIXRlimit) {
	for _, limit := range limits {
		resource := resources[limit.Type]
		var now syscall.Rlimit
		if err := syscall.Getrlimit(resource, &now); err != nil {
			i.lack("rlimit "+limit.Type, os.NewSyscallError("getrlimit", err))
			continue
		}
		if limit.Hard > now.Max {
			// The kernel's own limits bound it too (fs.nr_open).
			if err := syscall.Setrlimit(resource, &syscall.Rlimit{Cur: now.Cur, Max: limit.Hard}); err != nil {
				i.lack("rlimit "+limit.Type, os.NewSyscallError("setrlimit", err))
				limit.Hard, limit.Soft = now.Max, min(limit.Soft, now.Max)
			}
		}
		i.late = append(i.late, limit)
	}
}

// lowerLimits sets what is left.
func (i *initProcess) lowerLimits() error {
	for _, limit := range i.late {
		if err := syscall.Setrlimit(resources[limit.Type], &syscall.Rlimit{Cur: limit.Soft, Max: limit.Hard}); err != nil {
			return fmt.Errorf("process.rlimits %s: %w", limit.Type, os.NewSyscallError("setrlimit", err))
		}
	}
	return nil
}
