package runtime

import (
	"fmt"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"unsafe"

	"golang.org/x/sys/unix"
)

// victims are programs that the tests run.
var victims = map[string]func(args []string) int{
	"prepare": victimPrepare,
	"loop":    victimLoop,
}

// victimLoop reads a served file in several threads until its input ends, and
// fails if it ever reads anything else.
func victimLoop([]string) int {
	var stop atomic.Bool
	var group sync.WaitGroup
	var reads, failures atomic.Int64
	for range 3 {
		group.Go(func() {
			for !stop.Load() {
				text, err := os.ReadFile("/proc/shimtest")
				reads.Add(1)
				if err != nil || string(text) != "hello\n" {
					failures.Add(1)
					fmt.Printf("read %q, %v\n", text, err)
				}
			}
		})
	}
	_, _ = os.Stdin.Read(make([]byte, 1))
	stop.Store(true)
	group.Wait()
	fmt.Println(reads.Load(), "reads")
	if failures.Load() > 0 {
		return 1
	}
	return 0
}

// victimPrepare gives itself an unusual state and executes its arguments, to
// be the caller that shimrun must be transparent to.
func victimPrepare(args []string) int {
	const personalityNoRandomize = 0x0040000
	unix.Umask(0o137)
	_ = unix.Setpriority(unix.PRIO_PROCESS, 0, 5)
	_, _, _ = unix.RawSyscall(unix.SYS_PERSONALITY, personalityNoRandomize, 0, 0)
	_ = unix.Prctl(unix.PR_SET_PDEATHSIG, uintptr(unix.SIGUSR2), 0, 0, 0)
	_ = unix.Prctl(unix.PR_SET_TIMERSLACK, 123456, 0, 0, 0)
	_ = unix.Setrlimit(unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: 77, Max: 999})
	_ = unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{Cur: 0, Max: 0})
	_ = unix.Setrlimit(unix.RLIMIT_STACK, &unix.Rlimit{Cur: 4 << 20, Max: 5 << 20})
	for resource, l := range map[int]unix.Rlimit{
		unix.RLIMIT_CPU: {Cur: 5000, Max: 6000}, unix.RLIMIT_FSIZE: {Cur: 1 << 30, Max: 1 << 31},
		unix.RLIMIT_DATA: {Cur: 1 << 40, Max: 1 << 41}, unix.RLIMIT_MEMLOCK: {Cur: 4096, Max: 8192},
		unix.RLIMIT_NPROC: {Cur: 9999, Max: 19999}, unix.RLIMIT_MSGQUEUE: {Cur: 1000, Max: 2000},
	} {
		_ = unix.Setrlimit(resource, &l)
	}
	_ = os.WriteFile("/proc/self/oom_score_adj", []byte("17"), 0)
	unix.Close(0)
	c := caller{
		Ignored: signalSet(unix.SIGHUP, unix.SIGINT, unix.SIGPIPE, unix.SIGTERM, unix.SIGURG, 40),
		Blocked: signalSet(unix.SIGUSR1, unix.SIGSEGV, unix.SIGURG, unix.SIGCHLD, 50),
	}
	c.restore()
	argv0p, _ := unix.BytePtrFromString(args[0])
	argvp := pointers(append([]string{"an argv[0]"}, args[1:]...))
	envp := pointers([]string{"A=1", "PATH=" + os.Getenv("PATH"), "A=2", "no equals sign", "", "B="})
	_, _, errno := unix.RawSyscall(unix.SYS_EXECVE, uintptr(unsafe.Pointer(argv0p)),
		uintptr(unsafe.Pointer(&argvp[0])), uintptr(unsafe.Pointer(&envp[0])))
	fmt.Println("exec:", errno)
	return 1
}

func signalSet(signals ...unix.Signal) (set uint64) {
	for _, s := range signals {
		set |= 1 << (s - 1)
	}
	return set
}

func pointers(list []string) []*byte {
	var p []*byte
	for _, s := range list {
		b, err := unix.BytePtrFromString(s)
		if err != nil {
			panic(fmt.Sprintf("%q: %v", strings.ToValidUTF8(s, "?"), err))
		}
		p = append(p, b)
	}
	return append(p, nil)
}
