package oci

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"
	libseccomp "github.com/seccomp/libseccomp-golang"
	"golang.org/x/sys/unix"

	"github.com/shimrun/shimrun/runtime/agent"
)

// judge is a bundle's own seccomp agent: it refuses to make folders, with an
// errno that no filesystem has, and lets all other calls through. It listens
// until the given function is called.
func judge(t *testing.T, socket string) (end func()) {
	t.Helper()
	listener, err := agent.Listen(socket)
	must(t, err)
	go func() {
		for {
			conn, err := listener.AcceptUnix()
			if err != nil {
				return
			}
			process, err := agent.Receive(conn)
			conn.Close()
			if err == nil {
				go refuseFolders(process.Listener)
			}
		}
	}()
	end = func() { listener.Close() }
	t.Cleanup(end)
	return end
}

func refuseFolders(listener *os.File) {
	defer listener.Close()
	fd := libseccomp.ScmpFd(listener.Fd())
	for {
		// A receive waits for good once nobody is under the filter any more.
		ready := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}
		if _, err := unix.Poll(ready, -1); err != nil && !errors.Is(err, unix.EINTR) || ready[0].Revents&unix.POLLHUP != 0 {
			return
		}
		call, err := libseccomp.NotifReceive(fd)
		if err != nil {
			continue
		}
		answer := &libseccomp.ScmpNotifResp{ID: call.ID, Flags: libseccomp.NotifRespFlagContinue}
		if name, _ := call.Data.Syscall.GetName(); name == "mkdir" || name == "mkdirat" {
			answer.Flags, answer.Error = 0, int32(unix.ENOMEDIUM)
		}
		_ = libseccomp.NotifRespond(fd, answer)
	}
}

// judged has rules that leave calls to an agent.
func judged(socket string, names ...string) func(*specs.Spec) {
	return func(s *specs.Spec) {
		s.Root.Readonly = false
		s.Linux.Seccomp = &specs.LinuxSeccomp{
			DefaultAction: specs.ActAllow, ListenerPath: socket,
			Syscalls: []specs.LinuxSyscall{{Names: names, Action: specs.ActNotify}},
		}
	}
}

// sockets have short names: there may be 107 bytes.
func socketFolder(t *testing.T) string {
	dir, err := os.MkdirTemp("/tmp", "judge")
	must(t, err)
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

// delegating are runc, and shimrun with runc in both of its ways.
func delegating(t *testing.T) []*engine {
	var list []*engine
	for _, e := range engines(t) {
		if e.name != "builtin" {
			list = append(list, e)
		}
	}
	return list
}

// A bundle's own agent judges what it would judge under runc, and the shim says
// that it stays away from such a container, or serves what is none of the
// agent's business.
func TestBundlesOwnAgent(t *testing.T) {
	real, err := os.ReadFile("/proc/sys/kernel/panic")
	must(t, err)
	const makeFolder = "mkdir /made; cat /proc/sys/kernel/panic"
	refused := "mkdir: can't create directory '/made': No medium found"
	for _, e := range delegating(t) {
		socket := filepath.Join(socketFolder(t), "agent")
		end := judge(t, socket)
		for _, names := range [][]string{{"mkdir", "mkdirat"}, {"mkdir", "mkdirat", "openat", "open", "chdir", "execve", "read", "close"}} {
			served := e.name == "within" && len(names) == 2
			dir := newBundle(t, t.TempDir(), all(args("sleep", "1000"), judged(socket, names...)))
			want := string(real)
			if served {
				want = "1234\n"
			}
			if r := e.run(t, "create", "--bundle", dir, "c"); r.code != 0 || lines(r.stderr, "lacks: profile") != warnings(e.reference || served) {
				t.Fatalf("%s: create: status %d, %s", e.name, r.code, r.stderr)
			}
			e.ok(t, "start", "c")
			if r := e.run(t, "exec", "c", "sh", "-c", makeFolder); r.stdout != want || r.stderr != refused {
				t.Errorf("%s: exec: %q, %q; want %q", e.name, r.stdout, r.stderr, want)
			}
			if lacks := e.state(t, "c").Annotations["io.shimrun.lacks"]; (lacks == "profile") != (!e.reference && !served) {
				t.Errorf("%s: it is said to lack %q", e.name, lacks)
			}
			if !e.reference {
				e.ok(t, "update", "--pids-limit", "100", "c")
			}
			e.ok(t, "delete", "--force", "c")

			dir = newBundle(t, t.TempDir(), all(script(makeFolder), judged(socket, names...)))
			r := e.run(t, "run", "--bundle", dir, "c")
			if _, err := os.Stat(filepath.Join(dir, "rootfs/made")); r.stdout != want || !strings.HasSuffix(r.stderr, refused) || err == nil {
				t.Errorf("%s: run: %q, %q; want %q; the folder: %v", e.name, r.stdout, r.stderr, want, err)
			}
			if e.reference {
				continue
			}
			strict := *e
			strict.command = append(e.command, "--strict")
			r = strict.run(t, "run", "--bundle", dir, "c")
			if served && r.stdout != want || !served && (r.code != 1 || r.stdout != "" || !strings.Contains(r.stderr, "--strict, and the container would lack: profile")) {
				t.Errorf("%s: strict: status %d, %q, %q", e.name, r.code, r.stdout, r.stderr)
			}
			e.empty(t)
		}
		end()
		dir := newBundle(t, t.TempDir(), all(args("true"), judged(socket, "mkdir")))
		if r := e.run(t, "run", "--bundle", dir, "c"); r.code == 0 || !strings.Contains(r.stderr, "failed to connect with seccomp agent") {
			t.Errorf("%s: with nobody who listens: status %d, %s", e.name, r.code, r.stderr)
		}
		e.empty(t)
	}
}

func warnings(none bool) int {
	if none {
		return 0
	}
	return 1
}

func lines(text, word string) int { return strings.Count(text, word) }

// What a bundle's rules say of a call, the shim changes for no container: each
// action, alone and under a condition, on a call that the profile traps.
func TestRulesStay(t *testing.T) {
	lazy := []specs.LinuxSeccompArg{{Index: 1, Value: unix.MNT_DETACH, Op: specs.OpEqualTo}}
	errno := uint(unix.ENOMEDIUM)
	type rules struct {
		name string
		*specs.LinuxSeccomp
	}
	rule := func(action specs.LinuxSeccompAction, args []specs.LinuxSeccompArg) specs.LinuxSyscall {
		r := specs.LinuxSyscall{Names: []string{"umount2"}, Action: action, Args: args}
		if action == specs.ActErrno {
			r.ErrnoRet = &errno
		}
		return r
	}
	var table []rules
	for _, action := range []specs.LinuxSeccompAction{specs.ActAllow, specs.ActLog, specs.ActErrno, specs.ActKillProcess, specs.ActTrap, specs.ActTrace} {
		table = append(table, rules{string(action), &specs.LinuxSeccomp{DefaultAction: specs.ActAllow, Syscalls: []specs.LinuxSyscall{rule(action, nil)}}})
	}
	for _, action := range []specs.LinuxSeccompAction{specs.ActErrno, specs.ActKillProcess} {
		table = append(table, rules{string(action) + " in some cases", &specs.LinuxSeccomp{DefaultAction: specs.ActAllow, Syscalls: []specs.LinuxSyscall{rule(action, lazy)}}})
	}
	others := specs.LinuxSyscall{Names: allCallsBut(t, "umount2"), Action: specs.ActAllow}
	for name, more := range map[string][]specs.LinuxSyscall{
		"denied by default":                 nil,
		"allowed in some cases":             {rule(specs.ActAllow, lazy)},
		"allowed, and logged in some cases": {rule(specs.ActLog, lazy), rule(specs.ActAllow, nil)},
		"allowed and killed, case by case":  {rule(specs.ActAllow, []specs.LinuxSeccompArg{{Index: 1, Value: 0, Op: specs.OpEqualTo}}), rule(specs.ActKillProcess, lazy)},
	} {
		table = append(table, rules{name, &specs.LinuxSeccomp{
			DefaultAction: specs.ActErrno, DefaultErrnoRet: &errno, Syscalls: append([]specs.LinuxSyscall{others}, more...),
		}})
	}
	list := delegating(t)
	for _, test := range table {
		t.Run(strings.ReplaceAll(test.name, " ", "_"), func(t *testing.T) {
			var want string
			for i := len(list) - 1; i >= 0; i-- { // runc is the last
				e := list[i]
				if e.name == "within" {
					continue // the rules are the bundle's own there
				}
				dir := newBundle(t, t.TempDir(), all(script("umount /proc; echo $?; umount -l /proc; echo $?; cat /proc/sys/kernel/panic >/read"), func(s *specs.Spec) {
					s.Linux.Seccomp, s.Root.Readonly = test.LinuxSeccomp, false
				}))
				r := e.run(t, "run", "--bundle", dir, "c")
				got := fmt.Sprintf("%d %q %q", r.code, r.stdout, withoutWarnings(r.stderr))
				if e.reference {
					want = got
					continue
				}
				if got != want {
					t.Errorf("%s: %s\nand runc: %s", e.name, got, want)
				}
				if read, err := os.ReadFile(filepath.Join(dir, "rootfs/read")); err != nil || string(read) != "1234\n" {
					t.Errorf("%s: what is not in the rules is not served: %q, %v", e.name, read, err)
				}
			}
		})
	}
}

// withoutWarnings takes the lines of shimrun's own log away.
func withoutWarnings(text string) string {
	var kept []string
	for line := range strings.Lines(text) {
		if !strings.Contains(line, "level=warning") {
			kept = append(kept, line)
		}
	}
	return strings.Join(kept, "")
}

// allCallsBut are the names of all calls that libseccomp knows here.
func allCallsBut(t *testing.T, but string) []string {
	var names []string
	for nr := range 600 {
		if name, err := libseccomp.ScmpSyscall(nr).GetName(); err == nil && name != but {
			names = append(names, name)
		}
	}
	if len(names) < 200 {
		t.Fatalf("only %d calls have names", len(names))
	}
	return names
}
