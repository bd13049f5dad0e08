package ptrace

import (
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/shimrun/shimrun/shim"
)

// myself runs another scenario's victim, under the same supervisor.
func myself(scenario string) *exec.Cmd {
	// By this name also for a user who may not pass the folders above the file.
	c := exec.Command("/proc/self/exe")
	check(os.Setenv(scenarioEnv, scenario)) // the last of two would not win in execve
	c.Env = os.Environ()
	c.Stdout, c.Stderr = os.Stdout, os.Stderr
	return c
}

func init() {
	opens := []int{unix.SYS_OPENAT}
	installs := serving(shim.Answer{Flags: unix.O_RDONLY | unix.O_CLOEXEC})

	// One thread opens without pause while another sends it signals, one after
	// the other: each must arrive.
	scenarios["signals"] = scenario{
		traps:  opens,
		policy: installs,
		victim: func() {
			if len(os.Args) > 1 {
				check(unix.Setgroups(nil))
				check(unix.Setresuid(65534, 65534, 65534))
			}
			arrived := make(chan os.Signal, 1)
			signal.Notify(arrived, unix.SIGUSR1)
			tid := make(chan int)
			var opened atomic.Int64
			go func() {
				runtime.LockOSThread()
				tid <- unix.Gettid()
				for {
					fd, err := unix.Openat(unix.AT_FDCWD, "/served", 0, 0)
					if err == unix.EINTR {
						continue
					}
					check(err)
					check(unix.Close(fd))
					opened.Add(1)
				}
			}()
			opener := <-tid
			for i := range 200 {
				check(unix.Tgkill(os.Getpid(), opener, unix.SIGUSR1))
				select {
				case <-arrived:
				case <-time.After(10 * time.Second):
					check(fmt.Errorf("signal %d was lost", i))
				}
			}
			for opened.Load() < 20 {
				time.Sleep(time.Millisecond)
			}
			fmt.Println("all arrived")
		},
	}

	// An open that sleeps, is interrupted by handled signals and restarted.
	scenarios["restarts"] = scenario{
		traps: opens,
		policy: func() *forced {
			return &forced{handle: func(c *shim.Call) shim.Answer {
				name := pathOf(c, 1)
				if !strings.HasSuffix(name, "/served") {
					return shim.Answer{}
				}
				fd, err := unix.Open(name, unix.O_PATH|unix.O_CLOEXEC, 0)
				check(err)
				return shim.Answer{Kind: shim.Install, FD: fd, Flags: int(c.Args[2]), CloseFD: true}
			}}
		},
		victim: func() {
			dir, err := os.MkdirTemp("", "fifo")
			check(err)
			defer os.RemoveAll(dir)
			check(unix.Mkfifo(filepath.Join(dir, "served"), 0o666))
			check(os.Link(filepath.Join(dir, "served"), filepath.Join(dir, "fifo")))
			arrived := make(chan os.Signal, 1)
			signal.Notify(arrived, unix.SIGUSR1)
			tid, done := make(chan int), make(chan error)
			go func() {
				runtime.LockOSThread()
				tid <- unix.Gettid()
				fd, err := unix.Openat(unix.AT_FDCWD, dir+"/served", unix.O_WRONLY, 0)
				if err == nil {
					_, err = unix.Write(fd, []byte("through"))
				}
				done <- err
			}()
			opener := <-tid
			for range 20 {
				time.Sleep(5 * time.Millisecond)
				check(unix.Tgkill(os.Getpid(), opener, unix.SIGUSR1))
				<-arrived
			}
			fd, err := unix.Open(dir+"/fifo", unix.O_RDONLY, 0)
			check(err)
			check(<-done)
			var buf [16]byte
			n, err := unix.Read(fd, buf[:])
			check(err)
			fmt.Println(string(buf[:n]))
		},
	}

	// The same with a call that sleeps under changed arguments.
	scenarios["restarts rewritten"] = scenario{
		traps: []int{unix.SYS_READV},
		policy: func() *forced {
			return &forced{handle: func(c *shim.Call) shim.Answer {
				args := c.Args
				args[2] = 1 // of two buffers
				return shim.Answer{Kind: shim.Rewrite, Args: args}
			}}
		},
		victim: func() {
			arrived := make(chan os.Signal, 1)
			signal.Notify(arrived, unix.SIGUSR1)
			var pipe [2]int
			check(unix.Pipe(pipe[:]))
			tid, done := make(chan int), make(chan string)
			go func() {
				runtime.LockOSThread()
				tid <- unix.Gettid()
				buf := make([]byte, 4)
				n, err := unix.Readv(pipe[0], [][]byte{buf[:2], buf[2:]})
				done <- fmt.Sprint(n, err, string(buf[:2]))
			}()
			reader := <-tid
			for range 20 {
				time.Sleep(2 * time.Millisecond)
				check(unix.Tgkill(os.Getpid(), reader, unix.SIGUSR1))
				<-arrived
			}
			_, err := unix.Write(pipe[1], []byte("abcd"))
			check(err)
			fmt.Println(<-done)
		},
	}

	scenarios["exec from a thread"] = scenario{
		traps: opens,
		victim: func() {
			for range 8 { // others that run and sleep meanwhile
				go func() {
					for {
						os.ReadFile("/proc/self/comm")
					}
				}()
			}
			for range 3 { // of three, two are not on the main thread
				go func() {
					runtime.LockOSThread()
					if unix.Gettid() == os.Getpid() {
						select {}
					}
					c := myself("pass")
					check(syscall.Exec(c.Path, c.Args, c.Env))
				}()
			}
			select {}
		},
	}

	scenarios["children"] = scenario{
		traps: opens,
		victim: func() {
			var wait sync.WaitGroup
			for range 4 {
				wait.Go(func() {
					for range 10 {
						// vfork in Go's os/exec, fork and pipes in the shell.
						out, err := exec.Command("/bin/sh", "-c", "(cat /proc/self/comm | cat); true & wait").Output()
						check(err)
						if string(out) != "cat\n" {
							check(fmt.Errorf("%q", out))
						}
					}
				})
			}
			wait.Wait()
			fmt.Println("reaped")
		},
	}

	scenarios["stop"] = scenario{
		traps: opens,
		victim: func() {
			fmt.Println("runs")
			for {
				_, err := os.ReadFile("/proc/self/comm")
				check(err)
				if _, err := os.Stat(os.Args[1]); err == nil {
					fmt.Println("ends")
					return
				}
			}
		},
	}

	scenarios["goroutines"] = scenario{
		traps:  opens,
		policy: installs,
		victim: func() {
			var wait sync.WaitGroup
			stop := time.After(time.Second)
			over := make(chan bool)
			go func() { <-stop; close(over) }()
			go func() { // every collection preempts by SIGURG
				for {
					runtime.GC()
				}
			}()
			for i := range 200 {
				wait.Go(func() {
					for n := 0; ; n++ {
						select {
						case <-over:
							return
						default:
						}
						name, want := "/served", "what is served"
						if (n+i)%2 == 0 {
							name, want = "/proc/self/comm", "ptrace.test\n"
						}
						content, err := os.ReadFile(name)
						check(err)
						if string(content) != want {
							check(fmt.Errorf("%s: %q", name, content))
						}
					}
				})
			}
			wait.Wait()
			fmt.Println("consistent")
		},
	}

	// Processes of several threads that open, fork and are killed all the time.
	scenarios["storm"] = scenario{
		traps:  opens,
		policy: watching,
		victim: func() {
			var wait sync.WaitGroup
			children := 100
			if inGvisor() {
				children = 30
			}
			for range children {
				wait.Go(func() {
					c := myself("storm child")
					if rand.IntN(2) == 0 && os.Geteuid() == 0 {
						c.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
					}
					check(c.Start())
					time.Sleep(time.Duration(rand.IntN(1000)) * time.Millisecond)
					check(c.Process.Kill())
					c.Wait()
				})
			}
			wait.Wait()
			fmt.Println("over")
		},
	}
	scenarios["storm child"] = scenario{
		victim: func() {
			for range 3 {
				go func() {
					for {
						if fd, err := unix.Openat(unix.AT_FDCWD, "/served", unix.O_RDWR, 0); err == nil {
							unix.Write(fd, []byte("12"))
							unix.Close(fd)
						}
					}
				}()
			}
			for {
				c := exec.Command("/bin/sh", "-c", "true & true")
				c.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: unix.SIGKILL}
				c.Run()
			}
		},
	}

	scenarios["outlives"] = scenario{
		traps: opens,
		policy: served("/served", func(*shim.Call) shim.Answer {
			return shim.Answer{Kind: shim.Fail, Errno: unix.EUSERS}
		}),
		victim: func() {
			c := exec.Command("/bin/sh", "-c", "sleep 0.3; cat /served")
			c.Stderr = os.Stdout
			c.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
			check(c.Start())
		},
	}

	scenarios["allocations"] = scenario{
		traps: opens,
		policy: func() *forced {
			var buf [256]byte
			var calls int
			var first, last runtime.MemStats
			return &forced{handle: func(c *shim.Call) shim.Answer {
				n, err := c.Tracee.ReadMemory(c.Args[1], buf[:])
				check(err)
				if !strings.HasPrefix(string(buf[:min(n, 5)]), "/pass") {
					return shim.Answer{}
				}
				switch calls++; calls {
				case 100:
					runtime.ReadMemStats(&first)
				case 5100:
					runtime.ReadMemStats(&last)
					// The runtime itself makes a few now and then.
					fmt.Println("allocations per call:", (last.Mallocs-first.Mallocs)/1000)
				}
				if calls%2 == 0 {
					return shim.Answer{Kind: shim.Fail, Errno: unix.ENOENT}
				}
				return shim.Answer{}
			}}
		},
		victim: func() {
			for range 5200 {
				if _, err := unix.Open("/pass", 0, 0); err != unix.ENOENT {
					check(err)
				}
			}
		},
	}
}

func TestSignals(t *testing.T) { expect(t, "signals", "all arrived\n") }

func TestSignalsToNobody(t *testing.T) {
	root(t)
	expect(t, "signals", "all arrived\n", func(c *exec.Cmd) { c.Args = append(c.Args, "nobody") })
}

func TestRestarts(t *testing.T) {
	if inGvisor() {
		t.Skip("a FIFO's open is not interrupted there")
	}
	expect(t, "restarts", "through\n")
}

func TestRestartsRewritten(t *testing.T) { expect(t, "restarts rewritten", "2 <nil>ab\n") }

func TestExecFromAThread(t *testing.T) { expect(t, "exec from a thread", "passed\n") }
func TestChildren(t *testing.T)        { expect(t, "children", "reaped\n") }
func TestGoroutines(t *testing.T)      { expect(t, "goroutines", "consistent\n") }
func TestStorm(t *testing.T)           { expect(t, "storm", "over\n") }

// A process that is left behind is served until its end.
func TestOutlives(t *testing.T) {
	s := begin(t, "outlives")
	out, _ := s.end()
	if !strings.Contains(out, "Too many users") {
		t.Errorf("%q", out)
	}
}

func TestStop(t *testing.T) {
	flag := filepath.Join(t.TempDir(), "end")
	s := begin(t, "stop", func(c *exec.Cmd) { c.Args = append(c.Args, flag) })
	s.line()
	pid := s.victim.Process.Pid
	for range 10 {
		var status unix.WaitStatus
		if err := unix.Kill(pid, unix.SIGSTOP); err != nil {
			t.Fatal(err)
		}
		if _, err := unix.Wait4(pid, &status, unix.WUNTRACED, nil); err != nil || !status.Stopped() {
			t.Fatalf("%v, %#x", err, status)
		}
		if err := unix.Kill(pid, unix.SIGCONT); err != nil {
			t.Fatal(err)
		}
		if _, err := unix.Wait4(pid, &status, unix.WCONTINUED, nil); err != nil || !status.Continued() {
			t.Fatalf("%v, %#x", err, status)
		}
	}
	if err := os.WriteFile(flag, nil, 0o666); err != nil {
		t.Fatal(err)
	}
	if out, state := s.end(); !state.Success() || out != "ends\n" {
		t.Errorf("%v %q", state, out)
	}
}

func TestAllocations(t *testing.T) {
	s := expect(t, "allocations", "")
	if !strings.Contains(s.said.String(), "allocations per call: 0\n") {
		t.Error(s.said.String())
	}
}
