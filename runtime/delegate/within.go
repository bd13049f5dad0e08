package delegate

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	securejoin "github.com/cyphar/filepath-securejoin"
	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/shimrun/shimrun/runtime"
)

// wrapperName is the file of this program in a container that the shim enters,
// and argv[0] of a process that was started by it.
const wrapperName = "shimrun-within"

// A process that was started as the wrapper never reaches main: whatever
// program this package is part of (a test, say) can be its own.
func init() {
	if len(os.Args) > 2 && filepath.Base(os.Args[0]) == wrapperName {
		os.Exit(wrapperMain())
	}
}

// wrapperMain becomes the container's program under the shim. It returns only
// if that fails.
func wrapperMain() int {
	var plan runtime.Plan
	err := json.Unmarshal([]byte(os.Args[1]), &plan)
	if err == nil {
		plan.Args = os.Args[2:]
		plan.Path, err = runtime.LookPath(plan.Args[0])
	}
	if err == nil {
		err = runtime.Run(plan)
	}
	fmt.Fprintln(os.Stderr, "shimrun:", err)
	var exit *runtime.ExitError
	if errors.As(err, &exit) {
		return exit.Code
	}
	return runtime.StatusFailed
}

// wrapperPath is where the container has this program: on a /dev of its own,
// which goes with it, or else in the root.
func wrapperPath(spec *specs.Spec) string {
	for _, m := range spec.Mounts {
		if filepath.Clean(m.Destination) == "/dev" && m.Type == "tmpfs" {
			return "/dev/" + wrapperName
		}
	}
	return "/" + wrapperName
}

// maxPlan is what the kernel takes as one argument (MAX_ARG_STRLEN).
const maxPlan = 128<<10 - 1

// Wrap gives the arguments with which a process of the container comes under
// the shim by itself before it becomes what args name.
func (e Engine) Wrap(spec *specs.Spec, args []string) ([]string, error) {
	plan, err := json.Marshal(runtime.Plan{
		Backend: e.Container.Backend,
		Profile: e.Container.Profile,
		// There is no file in the container that the log could go to.
		Log:   runtime.LogPlan{Level: "disabled"},
		Apart: true,
	})
	if err != nil {
		return nil, err
	}
	if len(plan) > maxPlan {
		return nil, fmt.Errorf("the profile has %d bytes more than can be passed into a container; the seccomp backend does not pass it", len(plan)-maxPlan)
	}
	return append([]string{wrapperPath(spec), string(plan)}, args...), nil
}

// enter has the shim enter the container: as its process, and as a file.
func (e Engine) enter(spec *specs.Spec) error {
	if spec.Linux != nil {
		if err := checkWithin(spec.Linux.Seccomp); err != nil {
			return err
		}
		linux := *spec.Linux
		linux.Seccomp = untraced(linux.Seccomp)
		spec.Linux = &linux
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	process := *spec.Process
	if process.Args, err = e.Wrap(spec, process.Args); err != nil {
		return err
	}
	spec.Mounts = append(spec.Mounts, specs.Mount{
		Destination: process.Args[0], Type: "bind", Source: self, Options: []string{"bind", "ro", "nosuid", "nodev"},
	})
	spec.Process = &process
	return nil
}

// needed are the calls of the shim's that a container's rules may deny, beside
// those that every Go program makes.
var needed = []string{"ptrace", "seccomp", "memfd_create", "socketpair", "sendmsg", "recvmsg", "wait4", "setpgid", "setsid"}

// checkWithin refuses rules under which the shim cannot work: in the container
// they are rules for it too.
func checkWithin(rules *specs.LinuxSeccomp) error {
	var denied []string
	for _, name := range needed {
		if denies(rules, name) {
			denied = append(denied, name)
		}
	}
	if len(denied) == 0 {
		return nil
	}
	return fmt.Errorf("linux.seccomp denies %s, which the shim needs inside of the container; allow it, or use --backend seccomp where the runtime has user notification",
		strings.Join(denied, ", "))
}

// untraced are rules that say themselves what a trace comes to where there is no
// tracer, ENOSYS (seccomp(2)). The shim's own filter is loaded after them: its
// trace of the same call, or its notification, would hide theirs, and the call
// would be let through.
func untraced(rules *specs.LinuxSeccomp) *specs.LinuxSeccomp {
	if rules == nil {
		return nil
	}
	enosys := uint(unix.ENOSYS)
	clear := *rules
	if clear.DefaultAction == specs.ActTrace {
		clear.DefaultAction, clear.DefaultErrnoRet = specs.ActErrno, &enosys
	}
	clear.Syscalls = slices.Clone(rules.Syscalls)
	for i, rule := range clear.Syscalls {
		if rule.Action == specs.ActTrace {
			clear.Syscalls[i].Action, clear.Syscalls[i].ErrnoRet = specs.ActErrno, &enosys
		}
	}
	return &clear
}

// denies tells whether rules deny a call in every case, or leave it to an agent.
func denies(rules *specs.LinuxSeccomp, name string) bool {
	if rules == nil {
		return false
	}
	named, always := false, false
	for _, rule := range rules.Syscalls {
		switch {
		case !slices.Contains(rule.Names, name):
		case passes(rule.Action):
			return false
		default:
			named = true
			always = always || len(rule.Args) == 0
		}
	}
	if named && passes(rules.DefaultAction) {
		return always
	}
	return !passes(rules.DefaultAction)
}

// CheckProgram looks for a process's program where the container's process
// finds it. A runtime does that itself, but would find the wrapper; its words
// are kept. What cannot be seen from here is left to the wrapper.
func (e Engine) CheckProgram(spec *specs.Spec, p *specs.Process) error {
	_, pid := e.Status()
	root := fmt.Sprintf("/proc/%d/root", pid)
	if _, err := os.Stat(root + wrapperPath(spec)); err != nil {
		return nil // there is no process yet, or it is a sandbox with a kernel of its own
	}
	name := p.Args[0]
	if strings.Contains(name, "/") {
		if !filepath.IsAbs(name) {
			name = filepath.Join(p.Cwd, name)
		}
		if err := executableIn(root, name); err != nil {
			return &exec.Error{Name: p.Args[0], Err: err}
		}
		return nil
	}
	path := ""
	for _, variable := range p.Env {
		if value, ok := strings.CutPrefix(variable, "PATH="); ok {
			path = value
		}
	}
	for _, dir := range filepath.SplitList(path) {
		if executableIn(root, filepath.Join(p.Cwd, dir, name)) == nil || executableIn(root, filepath.Join(dir, name)) == nil {
			return nil
		}
	}
	return &exec.Error{Name: name, Err: exec.ErrNotFound}
}

// executableIn tells whether a name leads to a program, seen from a root.
func executableIn(root, name string) error {
	if strings.HasPrefix(filepath.Clean(name), "/proc/") {
		return nil // which leads elsewhere for each process
	}
	path, err := securejoin.SecureJoin(root, name)
	if err != nil {
		return err
	}
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return errors.Unwrap(err)
	case info.IsDir():
		return unix.EISDIR
	case info.Mode()&0o111 == 0:
		return unix.EACCES
	}
	return nil
}
