package ptrace

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/shimrun/shimrun/shim"
)

// watching hands out /served for writing and takes only numbers there.
func watching() *forced {
	fd := memfd("0")
	var mine unix.Stat_t
	check(unix.Fstat(fd, &mine))
	isServed := func(path string) bool {
		var st unix.Stat_t
		return unix.Stat(path, &st) == nil && st.Dev == mine.Dev && st.Ino == mine.Ino
	}
	inspected := 0
	return &forced{
		handle: func(c *shim.Call) shim.Answer {
			if pathOf(c, 1) != "/served" {
				return shim.Answer{}
			}
			return shim.Answer{Kind: shim.Install, FD: fd, Flags: int(c.Args[2]), Follow: true}
		},
		interest: func(nr int) shim.Interest {
			switch nr {
			case unix.SYS_WRITE:
				return shim.Inspect
			case unix.SYS_CLOSE, unix.SYS_DUP3, unix.SYS_EXECVE:
				return shim.Recheck
			}
			return shim.Ignore
		},
		followed: func(c *shim.Call) shim.Answer {
			inspected++
			if !isServed(fmt.Sprintf("/proc/%d/fd/%d", c.TID, c.Args[0])) {
				return shim.Answer{}
			}
			data := make([]byte, c.Args[2])
			if _, err := c.Tracee.ReadMemory(c.Args[1], data); err != nil {
				return shim.Answer{Kind: shim.Fail, Errno: unix.EFAULT}
			}
			if _, err := strconv.Atoi(string(bytes.TrimSpace(data))); err != nil {
				return shim.Answer{Kind: shim.Fail, Errno: unix.EINVAL}
			}
			_, err := unix.Pwrite(fd, data, 0)
			check(err)
			n := int64(len(data))
			return shim.Answer{Kind: shim.Rewrite, Nr: unix.SYS_LSEEK,
				Args: [6]uint64{c.Args[0], uint64(n), unix.SEEK_CUR}, Override: true, Value: n}
		},
		follows: func(tgid int) bool {
			dir := fmt.Sprintf("/proc/%d/fd", tgid)
			fds, _ := os.ReadDir(dir)
			for _, fd := range fds {
				if isServed(dir + "/" + fd.Name()) {
					return true
				}
			}
			return false
		},
		done: func() { fmt.Println("inspected:", inspected) },
	}
}

func try(fd int, text string) {
	n, err := unix.Write(fd, []byte(text))
	fmt.Println(text, n, err)
}

func init() {
	scenarios["follow"] = scenario{
		traps:  []int{unix.SYS_OPENAT},
		policy: watching,
		victim: func() {
			other := memfd("")
			for range 3 {
				fd, err := unix.Openat(unix.AT_FDCWD, "/served", unix.O_RDWR, 0)
				check(err)
				try(fd, "12")
				try(fd, "x")
				at, err := unix.Seek(fd, 0, unix.SEEK_CUR)
				check(err)
				var buf [8]byte
				n, err := unix.Pread(fd, buf[:], 0)
				check(err)
				fmt.Println(at, string(buf[:n]))
				_, err = unix.Write(other, []byte("x"))
				check(err)
				check(unix.Close(fd))
				// Nobody looks at these any more.
				for range 1000 {
					_, err = unix.Write(other, []byte("x"))
					check(err)
				}
			}
		},
	}
	scenarios["follow threads"] = scenario{
		traps:  []int{unix.SYS_OPENAT},
		policy: watching,
		victim: func() {
			// Threads that sleep in a call, that run, and that come later.
			var wait, asleep sync.WaitGroup
			fds := make(chan int)
			var pipe [2]int
			check(unix.Pipe(pipe[:]))
			refused := make(chan bool, 100)
			write := func(fd int) {
				_, err := unix.Write(fd, []byte("y"))
				refused <- err == unix.EINVAL
				wait.Done()
			}
			wait.Add(16)
			asleep.Add(8)
			for range 8 {
				go func() {
					runtime.LockOSThread()
					var b [1]byte
					asleep.Done()
					_, err := unix.Read(pipe[0], b[:])
					check(err)
					write(<-fds)
				}()
			}
			asleep.Wait()
			fd, err := unix.Openat(unix.AT_FDCWD, "/served", unix.O_WRONLY, 0)
			check(err)
			_, err = unix.Write(pipe[1], make([]byte, 8))
			check(err)
			for range 8 {
				go func() {
					runtime.LockOSThread()
					write(<-fds)
				}()
			}
			for range 16 {
				fds <- fd
			}
			wait.Wait()
			close(refused)
			for ok := range refused {
				fmt.Println(ok)
			}
		},
	}
	scenarios["follow children"] = scenario{
		traps:  []int{unix.SYS_OPENAT},
		policy: watching,
		victim: func() {
			file, err := os.OpenFile("/served", os.O_WRONLY, 0)
			check(err)
			script := exec.Command("/bin/sh", "-c", `
				echo bad >&3 2>/dev/null; echo $?
				echo 17 >&3; echo $?
				(echo bad >&3; echo $?) 2>/dev/null
				exec 4>&3 3>&-
				/bin/sh -c 'echo bad >&4; echo $?; echo 18 >&4; echo $?' 2>/dev/null
				exec 4>&-
				echo done`)
			script.ExtraFiles = []*os.File{file}
			out, err := script.Output()
			check(err)
			fmt.Print(string(out))
		},
	}
}

func TestFollow(t *testing.T) {
	s := expect(t, "follow", strings.Repeat("12 2 <nil>\nx -1 invalid argument\n2 12\n", 3))
	// Per round: two tries, three lines printed, one other write; and now and
	// then the Go runtime wakes its poller.
	_, said, _ := strings.Cut(s.said.String(), "inspected: ")
	if inspected, err := strconv.Atoi(strings.TrimSpace(said)); err != nil || inspected < 3*6 || inspected > 3*10 {
		t.Errorf("the supervisor said %q", s.said.String())
	}
}

func TestFollowThreads(t *testing.T) {
	expect(t, "follow threads", strings.Repeat("true\n", 16))
}

func TestFollowChildren(t *testing.T) {
	s := begin(t, "follow children")
	out, state := s.end()
	want := []string{"refused", "0", "refused", "refused", "0", "done"}
	got := strings.Fields(out)
	for i, word := range got {
		if word == "1" || word == "2" {
			got[i] = "refused"
		}
	}
	if !state.Success() || strings.Join(got, " ") != strings.Join(want, " ") {
		t.Errorf("%v, %q", state, out)
	}
}
