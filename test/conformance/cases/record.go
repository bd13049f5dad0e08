package cases

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Result is what one row recorded.
type Result struct {
	Case  string   `json:"case"`
	Lines []string `json:"lines"`
}

// Record is a row's way to the files under test and to its record.
type Record struct {
	Names  Names
	lines  []string
	fds    []int
	atExit []func()
}

// Run runs one row and returns its record. What the row opened is closed, and
// the working directory is put back.
func Run(c *Case, names Names) (res Result) {
	r := &Record{Names: names}
	res.Case = c.Name
	defer func() {
		if p := recover(); p != nil {
			r.Say("panic: %v", p)
		}
		for i := len(r.atExit) - 1; i >= 0; i-- {
			r.atExit[i]()
		}
		for _, fd := range r.fds {
			_ = unix.Close(fd)
		}
		_ = unix.Chdir("/")
		res.Lines = r.lines
	}()
	_ = unix.Chdir("/")
	c.Run(r)
	return res
}

// Say adds a line to the record.
func (r *Record) Say(format string, args ...any) {
	r.lines = append(r.lines, r.Names.Normal(fmt.Sprintf(format, args...)))
}

// Path is the path of a symbolic name.
func (r *Record) Path(symbolic string) string { return r.Names.Path(symbolic) }

// Defer runs f when the row is done.
func (r *Record) Defer(f func()) { r.atExit = append(r.atExit, f) }

// Hold closes fd when the row is done.
func (r *Record) Hold(fd int) int {
	r.fds = append(r.fds, fd)
	return fd
}

// Tmp makes a directory for the row.
func (r *Record) Tmp() string {
	dir, err := os.MkdirTemp("/tmp", "conformance-")
	if err != nil {
		panic(err)
	}
	_ = os.Chmod(dir, 0o755)
	r.Defer(func() { _ = os.RemoveAll(dir) })
	return dir
}

// Fixture opens a symbolic name for a row that is about something else.
func (r *Record) Fixture(symbolic string, flags int) int {
	fd, err := unix.Open(r.Path(symbolic), flags, 0)
	if err != nil {
		panic(fmt.Sprintf("open %s: %s", symbolic, Errno(err)))
	}
	return r.Hold(fd)
}

// Restore remembers what a file says now and writes it back when the row is done.
func (r *Record) Restore(symbolic string) {
	before, err := os.ReadFile(r.Path(symbolic))
	if err != nil {
		panic(fmt.Sprintf("read %s: %s", symbolic, Errno(err)))
	}
	r.Defer(func() {
		if err := os.WriteFile(r.Path(symbolic), before, 0); err != nil {
			r.Say("could not restore %s: %s", symbolic, Errno(err))
		}
	})
}

// Content is what a file says now, quoted, or its error.
func (r *Record) Content(path string) string {
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return Errno(err)
	}
	defer func() { _ = unix.Close(fd) }()
	return Drain(fd)
}

// Drain reads a descriptor to its end.
func Drain(fd int) string {
	var all []byte
	buf := make([]byte, 4096)
	for {
		n, err := unix.Read(fd, buf)
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return fmt.Sprintf("%q then %s", all, Errno(err))
		}
		if n == 0 {
			return fmt.Sprintf("%q", all)
		}
		all = append(all, buf[:n]...)
	}
}

// Program runs one of the C victims, which stand beside this program, and
// records what it prints and how it ends.
func (r *Record) Program(name string, args ...string) {
	self, err := os.Executable()
	if err != nil {
		panic(err)
	}
	r.Command(filepath.Join(filepath.Dir(self), name), args...)
}

// Command runs a program and records what it prints and how it ends.
func (r *Record) Command(path string, args ...string) {
	var out bytes.Buffer
	cmd := exec.Command(path, args...)
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		r.Say("%s: %s", filepath.Base(path), Errno(err))
		return
	}
	hung := ""
	timer := time.AfterFunc(60*time.Second, func() {
		hung = doing(cmd.Process.Pid)
		_ = cmd.Process.Kill()
	})
	err := cmd.Wait()
	if !timer.Stop() {
		r.Say("%s: hangs: %s", filepath.Base(path), hung)
	}
	if text := strings.TrimSuffix(out.String(), "\n"); text != "" {
		for _, line := range strings.Split(text, "\n") {
			r.Say("%s: %s", filepath.Base(path), line)
		}
	}
	if err != nil {
		r.Say("%s: %s", filepath.Base(path), err)
	}
}

// doing is what the kernel says that a process does, as far as it says anything.
func doing(pid int) string {
	var all []string
	for _, name := range []string{"stat", "syscall", "wchan", "maps"} {
		text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/%s", pid, name))
		all = append(all, strings.TrimSpace(string(text)))
	}
	return strings.Join(all, "; ")
}

// Errno is an error's symbolic name, "ok" for none.
func Errno(err error) string {
	if err == nil {
		return "ok"
	}
	var e syscall.Errno
	switch err := err.(type) {
	case syscall.Errno:
		e = err
	case *os.PathError:
		return Errno(err.Err)
	case *os.SyscallError:
		return Errno(err.Err)
	case *os.LinkError:
		return Errno(err.Err)
	default:
		return err.Error()
	}
	if e == 0 {
		return "ok"
	}
	if name := unix.ErrnoName(e); name != "" {
		return name
	}
	return fmt.Sprintf("errno %d", int(e))
}
