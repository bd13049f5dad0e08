package cases

import (
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

var processCases = []Case{
	{
		Name: "process/wait-status", Calls: "wait4 exit_group kill", Like: Bare, Real: true,
		Run: func(r *Record) {
			for _, how := range []string{"exit 0", "exit 7", "exit 255", "kill 9", "kill 15", "kill 6", "kill 11", "kill 1"} {
				var verb, number string
				_, _ = fmt.Sscan(how, &verb, &number)
				r.Program("end", verb, number)
			}
		},
	},
	{
		Name: "process/no-new-privs", Calls: "prctl", Like: Bare, Real: true, Needs: Root,
		Run: func(r *Record) {
			v, err := call(unix.SYS_PRCTL, unix.PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0)
			r.Say("%d %s", v, Errno(err))
		},
		Takes: SysAdmin,
	},
	{
		// A kernel that lacks it fails to say what a process is before it was told to be it.
		Name: "process/subreaper", Calls: "prctl", Known: true, Needs: Own,
		Run: func(r *Record) {
			for _, set := range []uintptr{1, 7, 0, 1} {
				_, err := call(unix.SYS_PRCTL, unix.PR_SET_CHILD_SUBREAPER, set, 0, 0, 0)
				is := int32(-1)
				_, err2 := call(unix.SYS_PRCTL, unix.PR_GET_CHILD_SUBREAPER, pointer(&is), 0, 0, 0)
				r.Say("set %d %s, is %d %s", set, Errno(err), is, Errno(err2))
			}
			_, err := call(unix.SYS_PRCTL, unix.PR_GET_CHILD_SUBREAPER, 8, 0, 0, 0)
			r.Say("nowhere to say it %s", Errno(err))
		},
	},
	{
		Name: "process/orphan", Calls: "wait4 prctl", Known: true, Needs: Own,
		Run: func(r *Record) {
			_, err := call(unix.SYS_PRCTL, unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
			r.Say("subreaper %s", Errno(err))
			ended := make(chan os.Signal, 1)
			signal.Notify(ended, unix.SIGCHLD)
			// The shell ends before what it starts, and so does that one.
			cmd := exec.Command("/bin/sh", "-c", `(sh -c "sleep 0.5; exit 5"; exit 6) & (sleep 1; kill -9 $$; exit 7) & echo`)
			must("start", cmd.Run())
			// Real children first: a kernel without subreapers says ECHILD when there are none.
			waiting := exec.Command("/bin/sleep", "2")
			must("start", waiting.Start())
			for range 2 {
				var ws unix.WaitStatus
				pid := 0
				for pid == 0 {
					<-ended
					pid, err = unix.Wait4(-1, &ws, unix.WNOHANG, nil)
				}
				r.Say("orphan %v, status %d %s", pid != waiting.Process.Pid, ws.ExitStatus(), Errno(err))
			}
			r.Say("the child %v", waiting.Wait() == nil)
		},
	},
	{
		Name: "process/orphan-zombie", Calls: "exit_group wait4", Known: true, Needs: Own,
		Run: func(r *Record) {
			_, err := call(unix.SYS_PRCTL, unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
			r.Say("subreaper %s", Errno(err))
			ended := make(chan os.Signal, 1)
			signal.Notify(ended, unix.SIGCHLD)
			// The inner shell ends before sleep, which waits for nobody.
			cmd := exec.Command("/bin/sh", "-c", `sh -c "exit 5" & exec sleep 1`)
			must("start", cmd.Run())
			waiting := exec.Command("/bin/sleep", "2")
			must("start", waiting.Start())
			var ws unix.WaitStatus
			pid := 0
			for pid == 0 {
				if pid, err = unix.Wait4(-1, &ws, unix.WNOHANG, nil); pid == 0 {
					<-ended
				}
			}
			r.Say("orphan %v, status %d %s", pid != waiting.Process.Pid, ws.ExitStatus(), Errno(err))
			r.Say("the child %v", waiting.Wait() == nil)
		},
	},
	{
		Name: "process/pipe-owner", Calls: "fchown", Known: true, Needs: Root,
		Run: pipeOwner,
	},
	{
		Name: "process/pipe-owner-as-nobody", Calls: "fchown", Known: true, Needs: Nobody,
		Run: pipeOwner,
	},
	{
		Name: "process/setuid-program", Calls: "execve openat", Needs: Root,
		Run: func(r *Record) {
			dir := r.Tmp()
			self, _ := os.Executable()
			b, err := os.ReadFile(self[:len(self)-len("victim")] + "ids")
			must("read", err)
			must("write", os.WriteFile(dir+"/ids", b, 0o755))
			r.Command("/usr/bin/setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", dir+"/ids", r.Path("secret"))
			must("chmod", unix.Chmod(dir+"/ids", 0o4755))
			r.Command("/usr/bin/setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", dir+"/ids", r.Path("secret"))
		},
		Not: map[string]string{
			"gvisor": "its ptrace, as Linux's without CAP_SYS_PTRACE, runs setuid programs without their privilege",
		},
	},
	{
		Name: "process/exec-from-thread", Calls: "execve clone openat",
		Run: func(r *Record) { r.Program("threadexec", r.Path("const")) },
	},
	{
		Name: "process/own-filter", Calls: "seccomp prctl openat", Needs: Root,
		Run: func(r *Record) { r.Program("filter", r.Path("const")) },
	},
	{
		Name: "process/clone-untraced", Calls: "clone openat",
		Run: func(r *Record) { r.Program("untraced", r.Path("const")) },
	},
	{
		Name: "process/sleeps", Calls: "openat write writev sendto sendmsg sendfile recvfrom accept flock fcntl msgrcv msgsnd semop epoll_wait", Like: Bare, Real: true,
		Run: func(r *Record) { r.Program("sleeps", "/dev/null", r.Tmp()) },
	},
	{
		Name: "process/sleeps-followed", Calls: "openat write writev sendto sendmsg sendfile recvfrom accept flock fcntl msgrcv msgsnd semop epoll_wait", Like: Bare, Needs: Root,
		Run: func(r *Record) { r.Program("sleeps", "/dev/null", r.Tmp(), r.Path("range")) },
	},
	{
		Name: "process/signals-in-the-middle", Calls: "openat newfstatat setitimer rt_sigaction",
		Run: func(r *Record) { r.Program("signals", r.Path("const"), r.Path("keys"), "1") },
	},
	{
		Name: "process/signals-without-restart", Calls: "openat newfstatat setitimer rt_sigaction",
		Run: func(r *Record) { r.Program("signals", r.Path("const"), r.Path("keys"), "0") },
		Not: map[string]string{
			"native/seccomp":        "interrupts a call whose notification has not been received yet",
			"native-nobody/seccomp": "interrupts a call whose notification has not been received yet",
		},
	},
	{
		Name: "process/many-execs", Calls: "vfork execve wait4",
		// A thousand where a process is cheap, "execs" in gVisor.
		Run: func(r *Record) { r.Program("forks", r.Names["execs"], r.Path("const")) },
	},
	{
		Name: "process/own-tracer", Calls: "ptrace", Like: Bare, Real: true,
		Run: func(r *Record) { r.Program("tracer") },
		Not: map[string]string{
			"native/ptrace": "a process has one tracer", "native-nobody/ptrace": "a process has one tracer", "gvisor": "a process has one tracer",
		},
	},
	{
		Name: "process/goroutine-storm", Calls: "openat read",
		Run: func(r *Record) {
			var good, bad atomic.Int64
			var group sync.WaitGroup
			for i := range 200 {
				group.Add(1)
				go func() {
					defer group.Done()
					name, want := r.Path("const"), "65536\n"
					if i%2 == 0 {
						name, want = r.Path("keys")+"/maxkeys", "200\n"
					}
					for range 20 {
						b, err := os.ReadFile(name)
						if err == nil && string(b) == want {
							good.Add(1)
						} else {
							bad.Add(1)
						}
					}
				}()
			}
			group.Wait()
			r.Say("%d right, %d wrong", good.Load(), bad.Load())
		},
	},
	{
		Name: "process/stop-and-continue", Calls: "kill wait4", Real: true,
		Run: func(r *Record) {
			cmd := exec.Command("/bin/sh", "-c", "while :; do read x < "+r.Path("const")+"; done")
			must("start", cmd.Start())
			pid := cmd.Process.Pid
			for range 3 {
				time.Sleep(20 * time.Millisecond)
				var status unix.WaitStatus
				_ = unix.Kill(pid, unix.SIGSTOP)
				_, err := wait4(pid, &status, unix.WUNTRACED)
				r.Say("stopped: %v by %v %s", status.Stopped(), status.StopSignal(), Errno(err))
				b, _ := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
				r.Say("stays stopped: %v", len(b) > 0)
				_ = unix.Kill(pid, unix.SIGCONT)
				_, err = wait4(pid, &status, unix.WCONTINUED)
				r.Say("continued: %v %s", status.Continued(), Errno(err))
			}
			_ = unix.Kill(pid, unix.SIGKILL)
			var status unix.WaitStatus
			_, err := wait4(pid, &status, 0)
			r.Say("killed: %v by %v %s", status.Signaled(), status.Signal(), Errno(err))
		},
	},
	{
		Name: "process/stop-of-a-group", Calls: "kill wait4 setpgid",
		Run: func(r *Record) {
			cmd := exec.Command("/bin/bash", "-c", `set -m; sleep 100 & kill -STOP %1; sleep 1; jobs | sed 's/  */ /g'; kill -CONT %1; sleep 1; jobs | sed 's/  */ /g'; kill %1; wait %1 2>/dev/null; echo $?; cat `+r.Path("const"))
			out, err := cmd.CombinedOutput()
			r.Say("%s %v", out, err)
		},
	},
	{
		Name: "process/killed-in-a-call", Calls: "kill wait4 openat",
		Run: func(r *Record) {
			self, _ := os.Executable()
			for i := range 20 {
				cmd := exec.Command(self[:len(self)-len("victim")]+"loop", r.Path("const"))
				must("start", cmd.Start())
				time.Sleep(time.Duration(i) * time.Millisecond)
				_ = cmd.Process.Kill()
				err := cmd.Wait()
				if err == nil || err.Error() != "signal: killed" {
					r.Say("%v", err)
				}
			}
			r.Say("others are still served: %s", r.Content(r.Path("const")))
		},
	},
	{
		Name: "process/signal-ends-call", Calls: "kill wait4",
		Run: func(r *Record) {
			for _, signal := range []string{"TERM", "INT", "USR1"} {
				r.Command("/bin/bash", "-c", fmt.Sprintf("trap 'echo trapped' %s; for i in 1 2 3; do kill -%s $$; read x < %s; echo $x; done", signal, signal, r.Path("const")))
			}
		},
	},
	{
		Name: "process/shell-pipes", Calls: "pipe2 clone dup2",
		Run: func(r *Record) {
			r.Command("/bin/bash", "-c", `cat < `+r.Path("const")+` | tr 6 7 | { read x; echo got $x; }; echo "${PIPESTATUS[@]}"; x=$(<`+r.Path("const")+`); echo $x; diff <(cat `+r.Path("const")+`) `+r.Path("const")+` && echo same; false | true; echo $?; exit 3`)
		},
	},
	{
		Name: "process/script", Calls: "execve openat",
		Run: func(r *Record) {
			dir := r.Tmp()
			must("write", os.WriteFile(dir+"/script", []byte("#!/bin/sh\necho script $#; cat "+r.Path("const")+"\n"), 0o755))
			r.Command(dir+"/script", "a", "b")
		},
	},
	{
		Name: "process/exec-served", Calls: "execve execveat", Known: true,
		Takes: ServedNames,
		Run: func(r *Record) {
			for _, kind := range []string{"const", "keys"} {
				r.Say("execve(%s): %s", kind, Errno(unix.Exec(r.Path(kind), []string{"x"}, nil)))
			}
		},
	},
	{
		Name: "process/parent-and-ids", Calls: "getppid getpgid getsid", Like: Bare, Real: true,
		Run: func(r *Record) {
			pgid, _ := unix.Getpgid(0)
			sid, _ := unix.Getsid(0)
			r.Say("group is the process: %v, session is the process: %v", pgid == os.Getpid(), sid == os.Getpid())
			out, err := exec.Command("/bin/sh", "-c", "echo $PPID").Output()
			r.Say("a child's parent: %v %v", string(out) == strconv.Itoa(os.Getpid())+"\n", err)
		},
	},
}

func wait4(pid int, status *unix.WaitStatus, options int) (int, error) {
	for {
		n, err := unix.Wait4(pid, status, options, nil)
		if err != unix.EINTR {
			return n, err
		}
	}
}

// pipeOwner gives a pipe away. Who owns it then is not asked: the shim only
// says that it worked.
func pipeOwner(r *Record) {
	var p [2]int
	must("pipe", unix.Pipe2(p[:], unix.O_CLOEXEC))
	r.Hold(p[0])
	r.Hold(p[1])
	uid, gid := unix.Getuid(), unix.Getgid()
	for _, to := range [][2]int{{-1, -1}, {uid, gid}, {uid, -1}, {-1, gid}, {1000, 1000}, {-1, 1001}} {
		for _, fd := range p {
			r.Say("%d:%d %s", to[0], to[1], Errno(unix.Fchown(fd, to[0], to[1])))
		}
	}
	r.Say("closed %s", Errno(unix.Fchown(1<<20, 0, 0)))
}
