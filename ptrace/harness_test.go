package ptrace

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"github.com/rs/zerolog"
	"golang.org/x/sys/unix"

	"github.com/shimrun/shimrun/shim"
)

// A scenario is one test's three processes, all of them this test binary: a
// supervisor that answers with policy; a launcher, no child of the
// supervisor's, that loads a filter for traps and executes; and the victim that
// it becomes.
type scenario struct {
	traps  []int
	data   uint16 // what the filter returns beside RET_TRACE; 0 is FilterData
	policy func() *forced
	victim func()
	// follower, where not nil, is what the supervisor does in place of tracing
	// from the beginning.
	follower func(f *Follower, pid int)
}

// forced is a policy of functions. Those that are nil let everything pass.
type forced struct {
	traps    []int
	handle   func(*shim.Call) shim.Answer
	followed func(*shim.Call) shim.Answer
	interest func(nr int) shim.Interest
	follows  func(tgid int) bool
	finish   func(*shim.Call, int64) shim.Answer
	serve    func() bool
	done     func() // the supervisor is about to end
}

func (f *forced) Passes(*shim.Call) bool { return false }
func (f *forced) Waits(*shim.Call) bool  { return false }
func (f *forced) Handler() handler       { return f }
func (f *forced) Serve() bool            { return f.serve != nil && f.serve() }

func (f *forced) Handle(c *shim.Call) shim.Answer {
	if f.handle == nil {
		return shim.Answer{}
	}
	return f.handle(c)
}

func (f *forced) Finish(c *shim.Call, result int64) shim.Answer {
	if f.finish == nil {
		return shim.Answer{Kind: shim.Return, Value: result}
	}
	return f.finish(c, result)
}

func (f *forced) HandleFollowed(c *shim.Call) shim.Answer {
	if f.followed == nil {
		return shim.Answer{}
	}
	return f.followed(c)
}

func (f *forced) Interest(nr int) shim.Interest {
	if f.interest == nil {
		return shim.Ignore
	}
	return f.interest(nr)
}

func (f *forced) Follows(tgid int) bool { return f.follows != nil && f.follows(tgid) }

func (f *forced) Drops(*shim.Call) bool { return true }
func (f *forced) Handed(fd int)         { unix.Close(fd) }
func (f *forced) PassesOn(int)          {}
func (f *forced) Forked(int, int)       {}

func (f *forced) Leave(*shim.Place)          {}
func (f *forced) Ended(int, unix.WaitStatus) {}

func (f *forced) Traps() []shim.Trap {
	var traps []shim.Trap
	for _, nr := range f.traps {
		traps = append(traps, shim.Trap{Nr: nr})
	}
	return traps
}

func (f *forced) Timed() bool                                 { return false }
func (f *forced) Answered(*shim.Call, shim.Answer, time.Time) {}

var scenarios = map[string]scenario{}

// Roles of the test binary, by environment.
const (
	roleEnv     = "PTRACE_TEST_ROLE"
	scenarioEnv = "PTRACE_TEST_SCENARIO"
	pidEnv      = "PTRACE_TEST_PID"
)

func init() {
	// The launcher loads its filter and executes on the main thread.
	runtime.LockOSThread()
}

func TestMain(m *testing.M) {
	name := os.Getenv(scenarioEnv)
	switch role := os.Getenv(roleEnv); role {
	case "":
		runtime.UnlockOSThread()
		os.Exit(m.Run())
	case "supervisor":
		runtime.UnlockOSThread()
		supervise(scenarios[name])
	case "launcher":
		launch(scenarios[name])
	case "victim":
		runtime.UnlockOSThread()
		scenarios[name].victim()
	default:
		check(fmt.Errorf("no such role: %q", role))
	}
	os.Exit(0)
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "FAILED:", err)
		os.Exit(99)
	}
}

func supervise(s scenario) {
	pid, err := strconv.Atoi(os.Getenv(pidEnv))
	check(err)
	p := &forced{}
	if s.policy != nil {
		p = s.policy()
	}
	p.traps = s.traps
	if s.follower != nil {
		fmt.Println("seized")
		s.follower(newFollower(p, zerolog.New(os.Stdout)), pid)
		return
	}
	tracer := &Tracer{loop: newLoop(p, zerolog.New(os.Stdout))}
	check(tracer.Run(pid, func(err error) {
		check(err)
		fmt.Println("seized")
	}))
	if n := len(tracer.loop.threads) + len(tracer.loop.processes); n != 0 {
		check(fmt.Errorf("%d threads and processes are left on the books", n))
	}
	if p.done != nil {
		p.done()
	}
}

func launch(s scenario) {
	// Under Yama a process is traced only by its ancestors, or by whom it names.
	_ = unix.Prctl(unix.PR_SET_PTRACER, ^uintptr(0), 0, 0, 0)
	fmt.Println("ready")
	_, err := os.NewFile(3, "go").Read(make([]byte, 1))
	check(err)
	check(unix.Close(3))
	data := s.data
	if data == 0 {
		data = FilterData
	}
	check(loadFilter(s.traps, data))
	self, err := os.Executable()
	check(err)
	check(os.Setenv(roleEnv, "victim"))
	check(syscall.Exec(self, os.Args, os.Environ()))
}

// loadFilter makes the calling thread's calls of these numbers return
// RET_TRACE with data.
func loadFilter(numbers []int, data uint16) error {
	const numberAt = 0 // offsetof(struct seccomp_data, nr)
	filter := []unix.SockFilter{{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: numberAt}}
	for i, nr := range numbers {
		filter = append(filter, unix.SockFilter{
			Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: uint32(nr), Jt: uint8(len(numbers) - i),
		})
	}
	filter = append(filter,
		unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ALLOW},
		unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_TRACE | uint32(data)},
	)
	prog := unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]}
	if os.Geteuid() != 0 {
		if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
			return err
		}
	}
	_, _, errno := unix.RawSyscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, 0, uintptr(unsafe.Pointer(&prog)))
	if errno == unix.EACCES { // root without CAP_SYS_ADMIN
		if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
			return err
		}
		_, _, errno = unix.RawSyscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, 0, uintptr(unsafe.Pointer(&prog)))
	}
	if errno != 0 {
		return os.NewSyscallError("seccomp", errno)
	}
	return nil
}

// A session is a scenario on its way.
type session struct {
	t          testing.TB
	victim     *exec.Cmd
	supervisor *exec.Cmd
	out        lines // of the victim
	said       bytes.Buffer
	ended      chan error
}

// lines collects output and lets a test wait for a line of it.
type lines struct {
	bytes.Buffer
	reader *bufio.Reader
}

// begin starts a scenario; attributes may change the launcher before it starts.
func begin(t testing.TB, name string, attributes ...func(*exec.Cmd)) *session {
	t.Helper()
	if _, ok := scenarios[name]; !ok {
		t.Fatalf("no scenario %q", name)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
	t.Cleanup(cancel)
	s := &session{t: t, ended: make(chan error, 1)}

	waiting, release, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer release.Close()
	s.victim = exec.CommandContext(ctx, self)
	s.victim.Env = append(os.Environ(), roleEnv+"=launcher", scenarioEnv+"="+name)
	s.victim.ExtraFiles = []*os.File{waiting}
	s.victim.Stderr = os.Stderr
	stdout, err := s.victim.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	s.out.reader = bufio.NewReader(stdout)
	for _, change := range attributes {
		change(s.victim)
	}
	if err := s.victim.Start(); err != nil {
		t.Fatal(err)
	}
	waiting.Close()
	s.line()

	s.supervisor = exec.CommandContext(ctx, self)
	s.supervisor.Env = append(os.Environ(), roleEnv+"=supervisor", scenarioEnv+"="+name,
		pidEnv+"="+strconv.Itoa(s.victim.Process.Pid))
	s.supervisor.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	s.supervisor.Stderr = os.Stderr
	report, err := s.supervisor.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.supervisor.Start(); err != nil {
		t.Fatal(err)
	}
	said := bufio.NewReader(report)
	if line, err := said.ReadString('\n'); err != nil || line != "seized\n" {
		s.victim.Process.Kill()
		t.Fatalf("the supervisor said %q, %v", line, err)
	}
	go func() {
		io.Copy(&s.said, said)
		s.ended <- s.supervisor.Wait()
	}()
	release.Write([]byte{1})
	return s
}

// line waits for the victim's next line.
func (s *session) line() string {
	s.t.Helper()
	line, err := s.out.reader.ReadString('\n')
	if err != nil {
		s.t.Errorf("the victim's output ended after %q: %v", line, err)
	}
	return strings.TrimSuffix(line, "\n")
}

// end waits for victim and supervisor, and returns what the victim still
// printed and how it ended.
func (s *session) end() (string, *os.ProcessState) {
	s.t.Helper()
	rest, _ := io.ReadAll(s.out.reader)
	_ = s.victim.Wait()
	if err := <-s.ended; err != nil {
		s.t.Errorf("the supervisor ended with %v; it said:\n%s", err, s.said.String())
	}
	return string(rest), s.victim.ProcessState
}

// expect runs a scenario whose victim prints want and exits with 0.
func expect(t *testing.T, name, want string, attributes ...func(*exec.Cmd)) *session {
	t.Helper()
	s := begin(t, name, attributes...)
	out, state := s.end()
	if !state.Success() {
		t.Errorf("victim: %v", state)
	}
	if out != want {
		t.Errorf("victim printed %q, want %q", out, want)
	}
	return s
}

// pathOf reads the name that a call of the openat family was given.
func pathOf(c *shim.Call, arg int) string {
	var buf [256]byte
	n, err := c.Tracee.ReadMemory(c.Args[arg], buf[:])
	if err != nil {
		return err.Error()
	}
	name, _, _ := bytes.Cut(buf[:n], []byte{0})
	return string(name)
}

// memfd makes a file without a name, as served files are.
func memfd(content string) int {
	fd, err := unix.MemfdCreate("served", unix.MFD_CLOEXEC)
	check(err)
	_, err = unix.Pwrite(fd, []byte(content), 0)
	check(err)
	return fd
}
