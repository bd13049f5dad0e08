package fakefs

import (
	"maps"
	"slices"

	"golang.org/x/sys/unix"
)

// refusable are the calls that a profile may answer with a fixed errno
// ("calls: {io_uring_setup: ENOSYS}"): those that programs have a way around,
// and that sandboxes lack or refuse in a way that programs do not expect. A
// call without which no program runs (read, mmap, execve) is not among them.
var refusable = map[string]int{
	"add_key":                 unix.SYS_ADD_KEY,
	"bpf":                     unix.SYS_BPF,
	"clone3":                  unix.SYS_CLONE3,
	"close_range":             unix.SYS_CLOSE_RANGE,
	"copy_file_range":         unix.SYS_COPY_FILE_RANGE,
	"faccessat2":              unix.SYS_FACCESSAT2,
	"fallocate":               unix.SYS_FALLOCATE,
	"fanotify_init":           unix.SYS_FANOTIFY_INIT,
	"fchmod":                  unix.SYS_FCHMOD,
	"fchmodat2":               unix.SYS_FCHMODAT2,
	"fchown":                  unix.SYS_FCHOWN,
	"fsconfig":                unix.SYS_FSCONFIG,
	"fsmount":                 unix.SYS_FSMOUNT,
	"fsopen":                  unix.SYS_FSOPEN,
	"io_uring_enter":          unix.SYS_IO_URING_ENTER,
	"io_uring_register":       unix.SYS_IO_URING_REGISTER,
	"io_uring_setup":          unix.SYS_IO_URING_SETUP,
	"ioprio_set":              unix.SYS_IOPRIO_SET,
	"kcmp":                    unix.SYS_KCMP,
	"keyctl":                  unix.SYS_KEYCTL,
	"landlock_create_ruleset": unix.SYS_LANDLOCK_CREATE_RULESET,
	"mbind":                   unix.SYS_MBIND,
	"membarrier":              unix.SYS_MEMBARRIER,
	"memfd_create":            unix.SYS_MEMFD_CREATE,
	"mount":                   unix.SYS_MOUNT,
	"mount_setattr":           unix.SYS_MOUNT_SETATTR,
	"move_mount":              unix.SYS_MOVE_MOUNT,
	"open_tree":               unix.SYS_OPEN_TREE,
	"openat2":                 unix.SYS_OPENAT2,
	"perf_event_open":         unix.SYS_PERF_EVENT_OPEN,
	"personality":             unix.SYS_PERSONALITY,
	"pidfd_getfd":             unix.SYS_PIDFD_GETFD,
	"pidfd_open":              unix.SYS_PIDFD_OPEN,
	"pidfd_send_signal":       unix.SYS_PIDFD_SEND_SIGNAL,
	"pivot_root":              unix.SYS_PIVOT_ROOT,
	"process_vm_readv":        unix.SYS_PROCESS_VM_READV,
	"process_vm_writev":       unix.SYS_PROCESS_VM_WRITEV,
	"quotactl":                unix.SYS_QUOTACTL,
	"request_key":             unix.SYS_REQUEST_KEY,
	"rseq":                    unix.SYS_RSEQ,
	"sched_setattr":           unix.SYS_SCHED_SETATTR,
	"sched_setscheduler":      unix.SYS_SCHED_SETSCHEDULER,
	"seccomp":                 unix.SYS_SECCOMP,
	"set_mempolicy":           unix.SYS_SET_MEMPOLICY,
	"setns":                   unix.SYS_SETNS,
	"statx":                   unix.SYS_STATX,
	"swapoff":                 unix.SYS_SWAPOFF,
	"swapon":                  unix.SYS_SWAPON,
	"sync_file_range":         unix.SYS_SYNC_FILE_RANGE,
	"syslog":                  unix.SYS_SYSLOG,
	"umount2":                 unix.SYS_UMOUNT2,
	"unshare":                 unix.SYS_UNSHARE,
	"userfaultfd":             unix.SYS_USERFAULTFD,
}

// Refusable lists the calls that a profile may answer with a fixed errno, sorted.
func Refusable() []string { return slices.Sorted(maps.Keys(refusable)) }

// CallNumber is the number of one of these calls.
func CallNumber(name string) (nr int, ok bool) {
	nr, ok = refusable[name]
	return nr, ok
}
