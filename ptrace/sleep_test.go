package ptrace

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/shimrun/shimrun/shim"
)

func init() {
	for name, followed := range map[string]bool{"interrupted transfers": false, "interrupted transfers, followed": true} {
		scenarios[name] = scenario{
			traps:  []int{unix.SYS_OPENAT},
			policy: watching,
			victim: func() { transfer(followed) },
		}
	}

	// A thread is interrupted in the last stop of a write of three bytes, two of
	// which were written, as the policy says. It tells of that at the call's end.
	scenarios["interrupted answer"] = scenario{
		traps: []int{unix.SYS_WRITE},
		policy: func() *forced {
			var tracee shim.Tracee
			return &forced{
				handle: func(c *shim.Call) shim.Answer {
					if c.Args[2] != 3 {
						return shim.Answer{}
					}
					tracee = c.Tracee
					return shim.Answer{Kind: shim.Finish, Nr: unix.SYS_GETPID}
				},
				finish: func(*shim.Call, int64) shim.Answer {
					tracee.(*thread).interrupt()
					return shim.Answer{Kind: shim.Return, Value: 2}
				},
			}
		},
		victim: func() {
			fmt.Println(unix.Write(memfd(""), []byte("12\n")))
		},
	}
}

// transfer has threads sleep in transfers that are interrupted, because their process
// begins to be followed. No signal comes, so no transfer ends short. Where the process
// was followed as they began, they are interrupted in a call whose exit is a stop.
func transfer(followed bool) {
	debug.SetGCPercent(-1) // which sends signals
	large := make([]byte, 1<<20)
	for i := range large {
		large[i] = byte(i * 2654435761 >> 24)
	}
	vector := [][]byte{large[:1000], {}, large[1000 : 1<<19], large[1<<19:]}
	stream := func() [2]int {
		p, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM, 0)
		check(err)
		return p
	}
	pipe := func() (p [2]int) {
		check(unix.Pipe2(p[:], 0))
		return p
	}
	file := memfd(string(large))
	transfers := []struct {
		ends [2]int
		send func(to int) (int, error)
	}{
		{pipe(), func(to int) (int, error) { return unix.Write(to, large) }},
		{pipe(), func(to int) (int, error) { return unix.Writev(to, vector) }},
		{stream(), func(to int) (int, error) { return unix.Write(to, large) }},
		{stream(), func(to int) (int, error) { return sendto(to, large) }},
		{stream(), func(to int) (int, error) {
			return unix.SendmsgBuffers(to, vector, unix.UnixRights(0), nil, 0)
		}},
		{stream(), func(to int) (int, error) {
			var at int64
			return unix.Sendfile(to, file, &at, len(large))
		}},
	}
	open := func() int {
		fd, err := unix.Openat(unix.AT_FDCWD, "/served", unix.O_RDWR, 0)
		check(err)
		return fd
	}
	fd := -1
	if followed {
		fd = open()
	}
	sent := make([]chan string, len(transfers))
	for i, t := range transfers {
		sent[i] = make(chan string, 1)
		go func() {
			n, err := t.send(t.ends[1])
			sent[i] <- fmt.Sprint(n, err)
		}()
	}
	for range 5 {
		time.Sleep(20 * time.Millisecond)
		if fd < 0 {
			fd = open()
			time.Sleep(20 * time.Millisecond)
		}
		check(unix.Close(fd))
		fd = -1
	}
	for i, t := range transfers {
		got := make([]byte, len(large))
		_, err := io.ReadFull(os.NewFile(uintptr(t.ends[0]), ""), got)
		fmt.Println(<-sent[i], err, bytes.Equal(got, large))
	}
}

// What ends short by the policy's answer is not gone on with.
func TestInterruptedAnswer(t *testing.T) { expect(t, "interrupted answer", "2 <nil>\n") }

func TestInterruptedTransfers(t *testing.T) {
	if !callsAreKept {
		t.Skip("this architecture forgets a call's first argument")
	}
	want := ""
	for range 6 {
		want += "1048576 <nil> <nil> true\n"
	}
	expect(t, "interrupted transfers", want)
	expect(t, "interrupted transfers, followed", want)
}
