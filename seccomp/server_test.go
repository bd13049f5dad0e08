package seccomp

import (
	"bytes"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/shimrun/shimrun/shim"
)

// drained waits for the server's end, which comes with the last filtered task's.
func (v *victim) drained(t testing.TB) {
	t.Helper()
	select {
	case err := <-v.served:
		if err != nil {
			t.Errorf("serve: %v", err)
		}
	case <-time.After(10 * time.Second):
		t.Error("the server goes on though no task has the filter")
	}
}

// testWorker reads the path of openat and chdir and asks handle about those
// under /t; everything else continues.
type testWorker struct {
	handle func(*shim.Call, string) shim.Answer
	path   [128]byte
}

func (w *testWorker) Answered(*shim.Call, shim.Answer, time.Time) {}

func (w *testWorker) Passes(*shim.Call) bool { return false }

func (w *testWorker) Aside() shim.Aside { return shim.Aside{} }

func (w *testWorker) Ahead(*shim.Call, int, bool, unix.Errno) {}

func (w *testWorker) Handle(c *shim.Call) shim.Answer {
	var addr uint64
	switch c.Nr {
	case unix.SYS_OPENAT:
		addr = c.Args[1]
	case unix.SYS_CHDIR:
		addr = c.Args[0]
	case unix.SYS_UNAME:
		return w.handle(c, "uname")
	}
	n, err := c.Tracee.ReadMemory(addr, w.path[:])
	if err != nil || !bytes.HasPrefix(w.path[:n], []byte("/t/")) {
		return shim.Answer{}
	}
	name, _, _ := strings.Cut(string(w.path[:n]), "\x00")
	return w.handle(c, name)
}

func fileAnswer(text string, flags uint64) shim.Answer {
	fd, err := unix.MemfdCreate("served", unix.MFD_CLOEXEC)
	if err != nil {
		return shim.Answer{Kind: shim.Fail, Errno: unix.EIO}
	}
	_, _ = unix.Write(fd, []byte(text))
	return shim.Answer{Kind: shim.Install, FD: fd, Flags: int(flags), CloseFD: true}
}

// answerAll gives every kind of answer.
func answerAll(c *shim.Call, name string) shim.Answer {
	switch name {
	case "/t/fail":
		return shim.Answer{Kind: shim.Fail, Errno: unix.EXDEV}
	case "/t/return":
		return shim.Answer{Kind: shim.Return, Value: 1 << 33}
	case "/t/file":
		return fileAnswer("served\n", c.Args[2])
	case "/t/dir":
		fd, err := unix.Open("/proc", unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
		if err != nil {
			return shim.Answer{Kind: shim.Fail, Errno: unix.EIO}
		}
		return shim.Answer{Kind: shim.Install, FD: fd, Flags: int(c.Args[2]), CloseFD: true}
	case "/t/enter":
		fd, err := unix.Open("/proc", unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
		if err != nil {
			return shim.Answer{Kind: shim.Fail, Errno: unix.EIO}
		}
		return shim.Answer{Kind: shim.EnterDirectory, FD: fd, CloseFD: true}
	case "uname":
		if err := c.Tracee.WriteMemory(c.Args[0], []byte("Shim\x00")); err != nil {
			return shim.Answer{Kind: shim.Fail, Errno: err.(unix.Errno)}
		}
		return shim.Answer{Kind: shim.Return}
	}
	return shim.Answer{}
}

var victims = map[string]func(args []string) error{
	"answers": victimAnswers,
	"threads": victimThreads,
	"signals": victimSignals,
	"memory":  victimMemory,
	"own":     victimOwnFilter,
	"stuck":   victimStuck,
	"pass":    victimPass,
	"hang":    victimHang,
	"daemon":  victimDaemon,
	"bench":   victimBench,
}

func TestAnswers(t *testing.T) { serve(t, answerAll, "answers") }

func victimAnswers([]string) error {
	if _, err := unix.Open("/t/fail", unix.O_RDONLY, 0); err != unix.EXDEV {
		return fmt.Errorf("fail: %v, want EXDEV", err)
	}
	path := []byte("/t/return\x00")
	value, _, errno := unix.Syscall6(unix.SYS_OPENAT, 0, uintptr(unsafe.Pointer(&path[0])), 0, 0, 0, 0)
	if value != 1<<33 || errno != 0 {
		return fmt.Errorf("return: %#x, %v", value, errno)
	}
	if _, err := unix.Open("/t/continue", unix.O_RDONLY, 0); err != unix.ENOENT {
		return fmt.Errorf("continue: %v, want ENOENT", err)
	}
	before := lowestFree()
	for _, cloexec := range []int{0, unix.O_CLOEXEC} {
		fd, err := unix.Open("/t/file", unix.O_RDWR|unix.O_APPEND|cloexec, 0)
		if err != nil {
			return fmt.Errorf("install: %w", err)
		}
		if fd != before {
			return fmt.Errorf("install: descriptor %d, want the lowest, %d", fd, before)
		}
		if flags, _ := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0); (flags == unix.FD_CLOEXEC) != (cloexec != 0) {
			return fmt.Errorf("install: descriptor flags %#x, opened with %#x", flags, cloexec)
		}
		if flags, _ := unix.FcntlInt(uintptr(fd), unix.F_GETFL, 0); flags&(unix.O_ACCMODE|unix.O_APPEND) != unix.O_RDWR|unix.O_APPEND {
			return fmt.Errorf("install: file flags %#x", flags)
		}
		text := make([]byte, 100)
		if n, err := unix.Read(fd, text); string(text[:n]) != "served\n" {
			return fmt.Errorf("install: read %q, %v", text[:n], err)
		}
		unix.Close(fd)
	}
	fd, err := unix.Open("/t/dir", unix.O_RDONLY|unix.O_DIRECTORY, 0)
	if err != nil {
		return fmt.Errorf("directory: %w", err)
	}
	unix.Close(fd)
	var limit unix.Rlimit
	_ = unix.Getrlimit(unix.RLIMIT_NOFILE, &limit)
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: uint64(before), Max: limit.Max}); err != nil {
		return err
	}
	if _, err := unix.Open("/t/file", unix.O_RDONLY, 0); err != unix.EMFILE {
		return fmt.Errorf("install over the limit: %v, want EMFILE", err)
	}
	_ = unix.Setrlimit(unix.RLIMIT_NOFILE, &limit)
	if err := unix.Chdir("/t/enter"); err != unix.EACCES {
		return fmt.Errorf("enter a directory without a follower: %v, want EACCES", err)
	}
	var name unix.Utsname
	if err := unix.Uname(&name); err != nil || string(name.Sysname[:4]) != "Shim" {
		return fmt.Errorf("uname: %q, %v", name.Sysname[:5], err)
	}
	return nil
}

func lowestFree() int {
	fd, _ := unix.Dup(0)
	unix.Close(fd)
	return fd
}

// Go victims signal themselves with SIGURG; here every thread is signalled all
// the time on top.
func TestThreads(t *testing.T) { serve(t, answerAll, "threads") }

// A signal to a receiver must not lose an answer.
func TestSignalsToTheServer(t *testing.T) {
	stop := make(chan struct{})
	var group sync.WaitGroup
	group.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
			}
			tasks, _ := os.ReadDir("/proc/self/task")
			for _, task := range tasks {
				tid, _ := strconv.Atoi(task.Name())
				_ = unix.Tgkill(os.Getpid(), tid, unix.SIGURG)
			}
		}
	})
	serve(t, answerAll, "threads")
	close(stop)
	group.Wait()
}

func victimThreads([]string) error {
	before := lowestFree()
	var group sync.WaitGroup
	errs := make(chan error, 8)
	for range 8 {
		group.Go(func() {
			runtime.LockOSThread()
			for range 300 {
				text, err := os.ReadFile("/t/file")
				if err != nil || string(text) != "served\n" {
					errs <- fmt.Errorf("read %q, %v", text, err)
					return
				}
				if _, err := unix.Open("/t/fail", 0, 0); err != unix.EXDEV {
					errs <- fmt.Errorf("fail: %v", err)
					return
				}
			}
		})
	}
	group.Wait()
	select {
	case err := <-errs:
		return err
	default:
	}
	if after := lowestFree(); after != before {
		return fmt.Errorf("a descriptor was left behind: %d free before, %d now", before, after)
	}
	return nil
}

func TestSignalsDuringCalls(t *testing.T) { serve(t, answerAll, "signals") }

func victimSignals([]string) error {
	before := lowestFree()
	runtime.LockOSThread()
	tid, stop := unix.Gettid(), make(chan struct{})
	// SIGURG is what the runtime itself uses, and has a handler.
	go func() {
		for {
			select {
			case <-stop:
				return
			default:
				_ = unix.Tgkill(unix.Getpid(), tid, unix.SIGURG)
			}
		}
	}()
	for i := range 2000 {
		fd, err := syscall.Open("/t/file", unix.O_RDONLY, 0)
		if err != nil {
			return fmt.Errorf("open %d: %w", i, err)
		}
		if fd != before {
			return fmt.Errorf("open %d gave descriptor %d, not %d: one was left behind", i, fd, before)
		}
		unix.Close(fd)
	}
	close(stop)
	return nil
}

func TestMemory(t *testing.T) {
	handle := func(c *shim.Call, name string) shim.Answer {
		switch name {
		case "uname": // the victim asks for the 200 bytes at this address
			buf := make([]byte, 200)
			n, err := c.Tracee.ReadMemory(c.Args[0], buf)
			if err != nil {
				return shim.Answer{Kind: shim.Fail, Errno: err.(unix.Errno)}
			}
			return shim.Answer{Kind: shim.Return, Value: int64(n)}
		case "/t/write": // and to write 8 bytes at this one
			if err := c.Tracee.WriteMemory(c.Args[2], []byte("12345678")); err != nil {
				return shim.Answer{Kind: shim.Fail, Errno: err.(unix.Errno)}
			}
			return shim.Answer{Kind: shim.Return}
		}
		return shim.Answer{}
	}
	serve(t, handle, "memory")
}

func victimMemory([]string) error {
	page := os.Getpagesize()
	memory, err := unix.Mmap(-1, 0, 3*page, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANON)
	if err != nil {
		return err
	}
	_ = unix.Mprotect(memory[page:2*page], unix.PROT_READ)
	_ = unix.Mprotect(memory[2*page:], unix.PROT_NONE) // unmapped would be taken anew at once
	base := uintptr(unsafe.Pointer(&memory[0]))
	read := func(at uintptr, want int, wantErr unix.Errno) error {
		n, _, errno := unix.Syscall(unix.SYS_UNAME, at, 0, 0)
		if errno == 0 && int(n) != want || errno != wantErr {
			return fmt.Errorf("read at %#x: %d, %v; want %d, %v", at-base, n, errno, want, wantErr)
		}
		return nil
	}
	path := []byte("/t/write\x00")
	write := func(at uintptr, want unix.Errno) error {
		_, _, errno := unix.Syscall6(unix.SYS_OPENAT, 0, uintptr(unsafe.Pointer(&path[0])), at, 0, 0, 0)
		if errno != want {
			return fmt.Errorf("write at %#x: %v, want %v", at-base, errno, want)
		}
		return nil
	}
	end := base + 2*uintptr(page)
	for _, err := range []error{
		read(base, 200, 0),
		read(base+uintptr(page)-50, 200, 0),
		read(end-50, 50, 0),
		read(end, 0, unix.EFAULT),
		read(0, 0, unix.EFAULT),
		write(base, 0),
		write(base+uintptr(page)-4, unix.EFAULT),
		write(base+uintptr(page), unix.EFAULT),
		write(end, unix.EFAULT),
	} {
		if err != nil {
			return err
		}
	}
	return nil
}

// A tracee may have filters of its own, and no other listener beside ours.
func TestOwnFilter(t *testing.T) { serve(t, answerAll, "own") }

func victimOwnFilter([]string) error {
	program, err := Program([]shim.Trap{{Name: "chdir", Nr: unix.SYS_CHDIR}}, Trace(0))
	if err != nil {
		return err
	}
	if _, _, err := Load(program, 0); err != nil {
		return err
	}
	if _, err := unix.Open("/t/fail", 0, 0); err != unix.EXDEV {
		return fmt.Errorf("fail: %v, want EXDEV", err)
	}
	if err := Probe(); err == nil || !strings.Contains(err.Error(), unix.EBUSY.Error()) {
		return fmt.Errorf("a second listener: %v, want EBUSY", err)
	}
	return nil
}

// A handler may wait for what another tracee has to do first.
func TestStuckHandler(t *testing.T) {
	released := make(chan struct{})
	handle := func(c *shim.Call, name string) shim.Answer {
		switch name {
		case "/t/stuck":
			<-released
		case "/t/release":
			close(released)
		}
		return answerAll(c, "/t/fail")
	}
	serve(t, handle, "stuck")
}

func victimStuck([]string) error {
	var group sync.WaitGroup
	for range 6 {
		group.Go(func() { _, _ = unix.Open("/t/stuck", 0, 0) })
	}
	time.Sleep(100 * time.Millisecond)
	_, _ = unix.Open("/t/release", 0, 0)
	group.Wait()
	return nil
}

// The tracee is killed while its call is being answered.
func TestKilledDuringCall(t *testing.T) {
	var v *victim
	ready := make(chan struct{})
	v = start(t, func(c *shim.Call, name string) shim.Answer {
		<-ready
		_ = v.cmd.Process.Kill()
		for c.Tracee.Valid() {
			runtime.Gosched()
		}
		if err := c.Tracee.WriteMemory(c.Args[1], []byte("x")); err == nil {
			t.Error("the memory of a killed tracee could be written")
		}
		return answerAll(c, "/t/file")
	}, "hang")
	close(ready)
	if err := v.cmd.Wait(); err == nil {
		t.Error("the victim was not killed")
	}
	v.drained(t)
}

func victimHang([]string) error {
	_, err := unix.Open("/t/file", 0, 0)
	return fmt.Errorf("open came back: %w", err)
}

// What a tracee leaves behind is served until it is gone.
func TestDaemonIsServed(t *testing.T) {
	if out := serve(t, answerAll, "daemon"); !strings.Contains(out, "served") {
		t.Errorf("the daemon wrote %q", out)
	}
}

func victimDaemon(args []string) error {
	if len(args) == 0 {
		_, err := os.StartProcess("/proc/self/exe", []string{"daemon", "-victim", "daemon", "child"},
			&os.ProcAttr{Files: []*os.File{nil, os.Stdout, os.Stderr}})
		return err
	}
	time.Sleep(100 * time.Millisecond)
	text, err := os.ReadFile("/t/file")
	fmt.Printf("%s", text)
	return err
}

const passes = 20_000

// The pass path allocates nothing.
func TestPassAllocatesNothing(t *testing.T) {
	var before, after runtime.MemStats
	handle := func(c *shim.Call, name string) shim.Answer {
		runtime.ReadMemStats(&after)
		if before.Mallocs == 0 {
			before = after
		}
		return shim.Answer{}
	}
	serve(t, handle, "pass")
	if got := after.Mallocs - before.Mallocs; got > passes/20 {
		t.Errorf("%d allocations in %d calls", got, passes)
	}
}

func victimPass([]string) error {
	runtime.LockOSThread()
	_, _ = unix.Open("/t/begin", 0, 0)
	path := []byte("/proc/self/nothing\x00")
	for range passes {
		_, _, _ = unix.Syscall6(unix.SYS_OPENAT, ^uintptr(99), uintptr(unsafe.Pointer(&path[0])), 0, 0, 0, 0)
	}
	_, _ = unix.Open("/t/end", 0, 0)
	return nil
}
