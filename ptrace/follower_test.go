package ptrace

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/shimrun/shimrun/shim"
)

// meeting is the descriptor at which victims wait for their follower.
const meeting = 77

// meet waits there and returns what the read said.
func meet() (int, error) {
	var b [1]byte
	return unix.Read(meeting, b[:])
}

// asleep finds the thread of a process that waits at its meeting.
func asleep(pid int) int {
	for range 5000 {
		calls, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/syscall", pid))
		check(err)
		for _, name := range calls {
			call, _ := os.ReadFile(name)
			if strings.HasPrefix(string(call), fmt.Sprintf("%d %#x ", unix.SYS_READ, meeting)) {
				tid, err := strconv.Atoi(filepath.Base(filepath.Dir(name)))
				check(err)
				return tid
			}
		}
		time.Sleep(time.Millisecond)
	}
	check(fmt.Errorf("nobody sleeps in process %d", pid))
	return 0
}

// letGo waits until a thread has no tracer, or has ended.
func letGo(tid int) {
	for {
		status, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", tid))
		if len(status) == 0 || bytes.Contains(status, []byte("TracerPid:\t0\n")) {
			return
		}
		time.Sleep(time.Millisecond)
	}
}

// tracer is who traces the calling process, as its leader's status says.
func tracer() string {
	status, err := os.ReadFile("/proc/self/status")
	check(err)
	_, rest, _ := strings.Cut(string(status), "TracerPid:\t")
	line, _, _ := strings.Cut(rest, "\n")
	return line
}

func init() {
	arrange := func() (release int) {
		var pipe [2]int
		check(unix.Pipe2(pipe[:], unix.O_CLOEXEC))
		check(unix.Dup3(pipe[0], meeting, unix.O_CLOEXEC))
		check(unix.Close(pipe[0]))
		return pipe[1]
	}

	scenarios["follower"] = scenario{
		policy: func() *forced {
			p := watching()
			held := func(path string) bool {
				target, err := os.Readlink(path)
				return err == nil && strings.Contains(target, "served")
			}
			p.followed = func(c *shim.Call) shim.Answer {
				data := make([]byte, c.Args[2])
				if !held(fmt.Sprintf("/proc/%d/fd/%d", c.TID, c.Args[0])) {
					return shim.Answer{}
				}
				if _, err := c.Tracee.ReadMemory(c.Args[1], data); err != nil || bytes.Equal(data, []byte("bad")) {
					return shim.Answer{Kind: shim.Fail, Errno: unix.EINVAL}
				}
				return shim.Answer{}
			}
			p.follows = func(tgid int) bool {
				fds, _ := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", tgid))
				for _, fd := range fds {
					if held(fd) {
						return true
					}
				}
				return false
			}
			return p
		},
		follower: func(f *Follower, pid int) {
			// Children of this process's own are none of the follower's.
			stop, wait := make(chan bool), sync.WaitGroup{}
			for range 2 {
				wait.Go(func() {
					for {
						select {
						case <-stop:
							return
						default:
							check(exec.Command("/bin/true").Run())
						}
					}
				})
			}
			for range 3 {
				tid := asleep(pid)
				check(f.Follow(tid))
				check(f.Follow(tid)) // a second descriptor
				check(unix.Kill(pid, unix.SIGUSR1))
				letGo(pid)
				letGo(tid)
			}
			close(stop)
			wait.Wait()
		},
		victim: func() {
			release := arrange()
			for range 3 {
				for range 4 {
					go func() { // threads that are brought in, and let go
						runtime.LockOSThread()
						for range 2000 {
							os.Getppid()
						}
					}()
				}
				fd := memfd("")
				hear := awaitSignal()
				done := make(chan error)
				go func() {
					_, err := meet()
					done <- err
				}()
				<-hear
				// By no call that waits until the thread has its descriptor.
				_, err := unix.Writev(release, [][]byte{{1}})
				check(err)
				check(<-done)
				followed := tracer() != "0"
				_, bad := unix.Write(fd, []byte("bad"))
				n, good := unix.Write(fd, []byte("good"))
				check(unix.Close(fd))
				for range 100 { // others are let go as they come by
					if tracer() == "0" {
						break
					}
					time.Sleep(time.Millisecond)
				}
				fmt.Println(followed, bad, n, good, tracer())
			}
		},
	}

	scenarios["lead"] = scenario{
		follower: func(f *Follower, pid int) {
			tid := asleep(pid)
			dir, err := unix.Open("/usr", unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
			check(err)
			check(f.Enter(tid, waits, dir))
			letGo(tid)
		},
		victim: func() {
			arrange()
			before := lowestFree()
			n, err := meet()
			cwd, wdErr := unix.Getwd()
			check(wdErr)
			fmt.Println(n, err, cwd, lowestFree() == before, tracer())
		},
	}

	scenarios["killed while led"] = scenario{
		follower: func(f *Follower, pid int) {
			tid := asleep(pid)
			check(f.Follow(tid))
			check(unix.Kill(pid, unix.SIGKILL))
			for f.Enter(tid, waits, 0) == nil { // until it is gone from the books
				time.Sleep(time.Millisecond)
			}
		},
		victim: func() {
			arrange()
			meet()
		},
	}
}

func TestFollower(t *testing.T) {
	natively(t)
	expect(t, "follower", strings.Repeat("true invalid argument 4 <nil> 0\n", 3))
}

func TestLead(t *testing.T) {
	natively(t)
	expect(t, "lead", "0 <nil> /usr true 0\n")
}

func TestKilledWhileLed(t *testing.T) {
	natively(t)
	begin(t, "killed while led").end()
}

// natively skips where there is no user notification to begin with.
func natively(t *testing.T) {
	t.Helper()
	if inGvisor() {
		t.Skip("followers are for kernels that have user notification")
	}
}

// awaitSignal hears one SIGUSR1.
func awaitSignal() chan os.Signal {
	hear := make(chan os.Signal, 1)
	signal.Notify(hear, unix.SIGUSR1)
	return hear
}

// waits says that a thread still waits in its call.
func waits() bool { return true }

// lowestFree is the number that the next descriptor gets.
func lowestFree() int {
	fd, err := unix.Dup(0)
	check(err)
	check(unix.Close(fd))
	return fd
}
