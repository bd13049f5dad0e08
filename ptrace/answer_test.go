package ptrace

import (
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/shimrun/shimrun/shim"
)

// served answers an openat of one name and lets all else pass.
func served(name string, answer func(*shim.Call) shim.Answer) func() *forced {
	return func() *forced {
		return &forced{handle: func(c *shim.Call) shim.Answer {
			if c.Nr != unix.SYS_OPENAT || pathOf(c, 1) != name {
				return shim.Answer{}
			}
			return answer(c)
		}}
	}
}

func init() {
	scenarios["pass"] = scenario{
		traps: []int{unix.SYS_OPENAT, unix.SYS_GETPPID},
		victim: func() {
			for range 100 {
				content, err := os.ReadFile("/proc/self/comm")
				check(err)
				if len(content) == 0 || os.Getppid() < 0 {
					check(fmt.Errorf("%q", content))
				}
			}
			fmt.Println("passed")
		},
	}
	scenarios["fail"] = scenario{
		traps: []int{unix.SYS_OPENAT},
		policy: served("/etc/fails", func(*shim.Call) shim.Answer {
			return shim.Answer{Kind: shim.Fail, Errno: unix.EUSERS}
		}),
		victim: func() {
			_, err := unix.Open("/etc/fails", 0, 0)
			fmt.Println(err)
			_, err = unix.Open("/etc/fails-not", 0, 0)
			fmt.Println(err)
		},
	}
	scenarios["return"] = scenario{
		traps: []int{unix.SYS_GETPPID, unix.SYS_GETPGID},
		policy: func() *forced {
			return &forced{handle: func(c *shim.Call) shim.Answer {
				if c.Nr == unix.SYS_GETPPID {
					return shim.Answer{Kind: shim.Return, Value: 4242}
				}
				return shim.Answer{}
			}}
		},
		victim: func() {
			group, err := unix.Getpgid(0)
			check(err)
			fmt.Println(os.Getppid(), group == unix.Getpgrp())
		},
	}
	scenarios["rewrite"] = scenario{
		traps: []int{unix.SYS_LSEEK},
		policy: func() *forced {
			return &forced{handle: func(c *shim.Call) shim.Answer {
				args := c.Args
				args[1], args[2] = args[1]+3, unix.SEEK_SET
				return shim.Answer{Kind: shim.Rewrite, Args: args}
			}}
		},
		victim: func() {
			fd := memfd("0123456789")
			for range 10 {
				at, second := rawLseek(fd, 2, 2)
				fmt.Println(at, second)
			}
		},
	}
	scenarios["finish"] = scenario{
		traps: []int{unix.SYS_GETPPID},
		policy: func() *forced {
			var results []int64
			return &forced{handle: func(c *shim.Call) shim.Answer {
				results = nil
				return shim.Answer{Kind: shim.Finish, Nr: unix.SYS_DUP, Args: [6]uint64{1}}
			}, finish: func(c *shim.Call, result int64) shim.Answer {
				switch results = append(results, result); len(results) {
				case 1:
					return shim.Answer{Kind: shim.Finish, Nr: unix.SYS_CLOSE, Args: [6]uint64{uint64(result)}}
				case 2:
					return shim.Answer{Kind: shim.Finish, Nr: unix.SYS_CLOSE, Args: [6]uint64{uint64(results[0])}}
				}
				if results[0] < 3 || results[1] != 0 || results[2] != -int64(unix.EBADF) {
					return shim.Answer{Kind: shim.Return, Value: 1}
				}
				return shim.Answer{Kind: shim.Return, Value: 77}
			}}
		},
		victim: func() {
			for range 10 {
				fmt.Println(os.Getppid())
			}
		},
	}
	scenarios["write memory"] = scenario{
		traps: []int{unix.SYS_GETCWD},
		policy: func() *forced {
			return &forced{handle: func(c *shim.Call) shim.Answer {
				text := []byte("/it/says\x00")
				if err := c.Tracee.WriteMemory(c.Args[0], text); err != nil {
					return shim.Answer{Kind: shim.Fail, Errno: err.(unix.Errno)}
				}
				return shim.Answer{Kind: shim.Return, Value: int64(len(text))}
			}}
		},
		victim: func() {
			buf := make([]byte, 64)
			for i := range 9 { // at every alignment
				n, err := unix.Getcwd(buf[i:])
				check(err)
				fmt.Printf("%q %v\n", buf[i:i+n-1], i == 0 || buf[i-1] == '/')
			}
			page, err := unix.Mmap(-1, 0, 2*os.Getpagesize(), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANON)
			check(err)
			check(unix.Mprotect(page[os.Getpagesize():], unix.PROT_READ))
			_, err = unix.Getcwd(page[os.Getpagesize():])
			fmt.Println(err, page[os.Getpagesize()])
			_, err = unix.Getcwd(page[os.Getpagesize()-4:])
			fmt.Println(err)
			check(unix.Munmap(page))
		},
	}
	scenarios["write in bulk"] = scenario{
		traps: []int{unix.SYS_GETDENTS64, unix.SYS_GETXATTR},
		policy: func() *forced {
			written := false
			return &forced{handle: func(c *shim.Call) shim.Answer {
				written = false
				// As in old gVisor, in a process that has found our descriptors.
				t := c.Tracee.(*thread)
				t.probe()
				t.writer, t.process.route = accessWords, byName
				return shim.Answer{Kind: shim.Finish, Nr: unix.SYS_GETPID}
			}, finish: func(c *shim.Call, result int64) shim.Answer {
				if written {
					return shim.Answer{Kind: shim.Return, Value: int64(c.Args[2])}
				}
				written = true
				data := make([]byte, c.Args[2])
				for i := range data {
					data[i] = byte(i) | 1
				}
				return shim.Answer{Kind: shim.Finish, Nr: unix.SYS_GETPPID, Data: data, DataAt: c.Args[1]}
			}}
		},
		victim: func() {
			buf := make([]byte, 9000)
			for _, size := range []int{8, bulkSize - 1, bulkSize, 1001, 8191} {
				for at := range 2 {
					at *= 8 // unix.Getdents aligns what it is given
					clear(buf)
					n, err := unix.Getdents(0, buf[at:at+size])
					check(err)
					right := n == size && buf[at+size] == 0
					for i, b := range buf[at : at+size] {
						right = right && b == byte(i)|1
					}
					fmt.Println(size, right)
				}
			}
			page, err := unix.Mmap(-1, 0, os.Getpagesize(), unix.PROT_READ, unix.MAP_PRIVATE|unix.MAP_ANON)
			check(err)
			_, err = unix.Getdents(0, page)
			fmt.Println(err, page[0])
		},
	}
	scenarios["read memory"] = scenario{
		traps: []int{unix.SYS_CHDIR},
		policy: func() *forced {
			return &forced{handle: func(c *shim.Call) shim.Answer {
				var buf [100]byte
				n, err := c.Tracee.ReadMemory(c.Args[0], buf[:])
				if err != nil {
					return shim.Answer{Kind: shim.Fail, Errno: err.(unix.Errno)}
				}
				return shim.Answer{Kind: shim.Return, Value: int64(n)}
			}}
		},
		victim: func() {
			size := os.Getpagesize()
			pages, err := unix.Mmap(-1, 0, 3*size, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANON)
			check(err)
			check(munmapPart(pages, size, 2*size))
			for _, at := range []int{0, size - 100, size - 99, size - 1, size, 2*size - 50, 2 * size} {
				n, errno := rawChdir(&pages[0], at)
				fmt.Println(at-size, n, errno)
			}
			n, errno := rawChdir(nil, 0)
			fmt.Println(n, errno)
		},
	}
	scenarios["foreign filter"] = scenario{
		traps: []int{unix.SYS_GETPPID},
		data:  7,
		policy: func() *forced {
			return &forced{handle: func(*shim.Call) shim.Answer { return shim.Answer{Kind: shim.Return, Value: 1} }}
		},
		victim: func() {
			_, _, errno := unix.RawSyscall(unix.SYS_GETPPID, 0, 0, 0)
			fmt.Println(errno)
		},
	}
	scenarios["uses ptrace"] = scenario{
		traps: []int{unix.SYS_PTRACE},
		victim: func() {
			for range 2 {
				_, _, errno := unix.RawSyscall(unix.SYS_PTRACE, unix.PTRACE_TRACEME, 0, 0)
				fmt.Println(errno)
			}
		},
	}
	scenarios["exit status"] = scenario{victim: func() { os.Exit(43) }}
	scenarios["killed"] = scenario{victim: func() {
		check(unix.Kill(os.Getpid(), unix.SIGKILL))
		select {}
	}}
}

func TestPass(t *testing.T)   { expect(t, "pass", "passed\n") }
func TestFail(t *testing.T)   { expect(t, "fail", "too many users\nno such file or directory\n") }
func TestReturn(t *testing.T) { expect(t, "return", "4242 true\n") }

func TestRewrite(t *testing.T) {
	want := ""
	for range 10 {
		want += "5 2\n" // the registers are the program's own again
	}
	expect(t, "rewrite", want)
}

func TestFinish(t *testing.T) { expect(t, "finish", strings.Repeat("77\n", 10)) }

func TestWriteInBulk(t *testing.T) {
	var want strings.Builder
	for _, size := range []int{8, bulkSize - 1, bulkSize, 1001, 8191} {
		fmt.Fprintf(&want, "%d true\n%[1]d true\n", size)
	}
	expect(t, "write in bulk", want.String()+"bad address 0\n")
}

func TestWriteMemory(t *testing.T) {
	want := ""
	for range 9 {
		want += fmt.Sprintf("%q %v\n", "/it/says", true)
	}
	expect(t, "write memory", want+"bad address 0\nbad address\n")
}

func TestReadMemory(t *testing.T) {
	size := os.Getpagesize()
	expect(t, "read memory", fmt.Sprintf("%d 100 errno 0\n", -size)+
		"-100 100 errno 0\n-99 99 errno 0\n-1 1 errno 0\n0 0 bad address\n"+
		fmt.Sprintf("%d 0 bad address\n%d 100 errno 0\n0 bad address\n", size-50, size))
}

// A filter of the tracee's own that says RET_TRACE gets ENOSYS.
func TestForeignFilter(t *testing.T) {
	// The number is in our list too, where PTRACE_GET_SYSCALL_INFO is missing
	// that wins: see readCall.
	if inGvisor() {
		t.Skip("no way to tell at the price of a stop")
	}
	expect(t, "foreign filter", "function not implemented\n")
}

func TestUsesPtrace(t *testing.T) {
	s := expect(t, "uses ptrace", "operation not permitted\noperation not permitted\n")
	if n := countLines(s.said.String(), "uses ptrace"); n != 1 {
		t.Errorf("logged %d times: %s", n, s.said.String())
	}
}

func TestExitStatus(t *testing.T) {
	s := begin(t, "exit status")
	if _, state := s.end(); state.ExitCode() != 43 {
		t.Error(state)
	}
}

func TestKilled(t *testing.T) {
	s := begin(t, "killed")
	_, state := s.end()
	if status := state.Sys().(syscall.WaitStatus); !status.Signaled() || status.Signal() != syscall.SIGKILL {
		t.Error(state)
	}
}
