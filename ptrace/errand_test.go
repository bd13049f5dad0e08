package ptrace

import (
	"fmt"
	"os"
	"runtime"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/shimrun/shimrun/shim"
)

func open(name string) string {
	fd, err := unix.Openat(unix.AT_FDCWD, name, unix.O_RDONLY, 0)
	if err != nil {
		return err.Error()
	}
	defer unix.Close(fd)
	text := make([]byte, 16)
	n, err := unix.Read(fd, text)
	check(err)
	return string(text[:n])
}

func init() {
	serve := func() bool { return true }

	// One call is answered when another tracee's has been, as if that one served
	// the file that the first one names.
	scenarios["errands"] = scenario{
		traps: []int{unix.SYS_OPENAT},
		policy: func() *forced {
			asked := make(chan struct{})
			fd := memfd("served")
			return &forced{serve: serve, handle: func(c *shim.Call) shim.Answer {
				switch pathOf(c, 1) {
				case "/waiting":
					<-asked
					runtime.GC()
					return shim.Answer{Kind: shim.Fail, Errno: unix.ETXTBSY}
				case "/served":
					close(asked)
					return shim.Answer{Kind: shim.Install, FD: fd, Flags: int(c.Args[2])}
				}
				return shim.Answer{}
			}}
		},
		victim: func() {
			waiting := make(chan string)
			for range 8 {
				go func() { waiting <- open("/waiting") }()
			}
			time.Sleep(50 * time.Millisecond)
			fmt.Println(open("/served"))
			for range 8 {
				fmt.Println(<-waiting)
			}
			fmt.Println(open("/none"))
		},
	}

	// A process ends while the answer to a call of its is waited for.
	scenarios["errand for the dead"] = scenario{
		traps: []int{unix.SYS_OPENAT},
		policy: func() *forced {
			gone, late := make(chan struct{}), make(chan int, 1)
			return &forced{
				serve: serve,
				handle: func(c *shim.Call) shim.Answer {
					switch pathOf(c, 1) {
					case "/waiting":
						for c.Tracee.Valid() {
							time.Sleep(time.Millisecond)
						}
						late <- memfd("too late")
						close(gone)
						fd := <-late
						late <- fd
						return shim.Answer{Kind: shim.Install, FD: fd, CloseFD: true}
					case "/after":
						<-gone
					}
					return shim.Answer{}
				},
				done: func() {
					if err := unix.Fstat(<-late, &unix.Stat_t{}); err != unix.EBADF {
						check(fmt.Errorf("an answer that nobody waited for is still held: %v", err))
					}
				},
			}
		},
		victim: func() {
			if len(os.Args) > 1 && os.Args[1] == "child" {
				go func() {
					time.Sleep(50 * time.Millisecond)
					os.Exit(7)
				}()
				open("/waiting")
				return
			}
			check(os.Setenv(roleEnv, "victim"))
			child, err := os.StartProcess("/proc/self/exe", []string{os.Args[0], "child"},
				&os.ProcAttr{Env: os.Environ(), Files: []*os.File{nil, os.Stdout, os.Stderr}})
			check(err)
			state, err := child.Wait()
			check(err)
			fmt.Println(state, open("/after"))
			// The supervisor hears of the answer before it hears of our end.
			time.Sleep(50 * time.Millisecond)
		},
	}
}

func TestErrands(t *testing.T) {
	want := "served\n"
	for range 8 {
		want += "text file busy\n"
	}
	expect(t, "errands", want+"no such file or directory\n")
}

func TestErrandForTheDead(t *testing.T) {
	expect(t, "errand for the dead", "exit status 7 no such file or directory\n")
}
