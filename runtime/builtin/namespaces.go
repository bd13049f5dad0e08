package builtin

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	goruntime "runtime"
	"slices"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/shimrun/shimrun/internal/ground"
)

// namespace is a kind of namespace: its name below /proc/PID/ns, and its flag.
type namespace struct {
	name string
	flag int
}

// namespaces are those that a process can enter without another one's help. A
// process number space or a user's takes a child, and the program would not be
// the process that its caller started.
var namespaces = map[specs.LinuxNamespaceType]namespace{
	specs.MountNamespace:   {"mnt", unix.CLONE_NEWNS},
	specs.UTSNamespace:     {"uts", unix.CLONE_NEWUTS},
	specs.IPCNamespace:     {"ipc", unix.CLONE_NEWIPC},
	specs.NetworkNamespace: {"net", unix.CLONE_NEWNET},
	specs.CgroupNamespace:  {"cgroup", unix.CLONE_NEWCGROUP},
}

var (
	errNotHere = errors.New("mode builtin has none; the process would not be its caller's child")
	errNoneNew = errors.New("the kernel says yes, and makes none")
)

// unshare makes or enters the namespaces of the bundle, as far as the kernel
// lets it.
func (i *initProcess) unshare() error {
	if i.Spec.Linux == nil {
		return nil
	}
	for _, asked := range i.Spec.Linux.Namespaces {
		what := "namespace " + string(asked.Type)
		ns, known := namespaces[asked.Type]
		if asked.Path != "" {
			_, err := os.Stat(asked.Path)
			if err != nil && known && ns.current() == "" && filepath.Base(asked.Path) == ns.name {
				// Another process's, where the kernel tells nobody's; a shim may.
				if ns.flag == unix.CLONE_NEWUTS && ns.enter(asked.Path) == nil {
					i.private = append(i.private, ns.name)
				} else {
					i.lack(what, err)
				}
				continue
			}
			if err != nil {
				return fmt.Errorf("%s: %w", what, err)
			}
		}
		if !known {
			i.lack(what, errNotHere)
			continue
		}
		before := ns.current()
		var err error
		if asked.Path != "" {
			err = ns.enter(asked.Path)
		} else if err = ns.tryOut(); err == nil {
			err = os.NewSyscallError("unshare", unix.Unshare(ns.flag))
		}
		after := ns.current()
		switch {
		case err == nil && asked.Path != "" && after == nameOf(asked.Path):
		case err == nil && after != "" && after != before:
		case err == nil && ns.flag == unix.CLONE_NEWUTS && asked.Path == "":
			// tryOut has seen that it is one: old gVisor tells nobody's, and a shim
			// gives names and nothing else.
		case err == nil && ns.flag == unix.CLONE_NEWCGROUP && !i.kernelGroups && atGroupsRoot():
		case err == nil:
			err = errNoneNew
		}
		if err != nil {
			i.lack(what, err)
			continue
		}
		i.private = append(i.private, ns.name)
		if asked.Type == specs.NetworkNamespace && asked.Path == "" {
			if err := ground.RaiseLoopback(); err != nil {
				i.lack("network interface lo", err)
			}
		}
	}
	return nil
}

// tryOut finds out on a thread of its own whether a new namespace would be of
// use: there is no way back from one. Old gVisor makes network namespaces in
// which there is no network whatever, not even to itself.
//
// A name that is set in a UTS namespace has to stay in there.
func (n namespace) tryOut() error {
	before, err := os.Hostname()
	if err != nil {
		return err
	}
	try := map[int]func() error{unix.CLONE_NEWNET: ground.RaiseLoopback, unix.CLONE_NEWUTS: setProbeName}[n.flag]
	if try == nil {
		return nil
	}
	outcome := make(chan error)
	go func() {
		goruntime.LockOSThread() // and never unlocked: the thread ends here
		err := os.NewSyscallError("unshare", unix.Unshare(n.flag))
		if err == nil {
			err = try()
		}
		outcome <- err
	}()
	err = <-outcome
	if after, _ := os.Hostname(); after == probeName && after != before {
		_ = unix.Sethostname([]byte(before))
		return errNoneNew
	}
	return err
}

// probeName is a host name that is nobody's.
const probeName = "shimrun-probe"

func setProbeName() error {
	return os.NewSyscallError("sethostname", unix.Sethostname([]byte(probeName)))
}

// has tells whether a namespace is the process's own.
func (i *initProcess) has(name string) bool { return slices.Contains(i.private, name) }

// atGroupsRoot tells that the process's groups are the roots for it, as in a cgroup
// namespace of its own.
func atGroupsRoot() bool {
	text, err := os.ReadFile("/proc/self/cgroup")
	for line := range strings.Lines(string(text)) {
		if !strings.HasSuffix(line, ":/\n") {
			return false
		}
	}
	return err == nil && len(text) > 0
}

// current is the identity of the calling thread's namespace; empty where the
// kernel does not tell.
func (n namespace) current() string {
	return nameOf(fmt.Sprintf("/proc/self/task/%d/ns/%s", unix.Gettid(), n.name))
}

func nameOf(path string) string {
	var st unix.Stat_t
	if unix.Stat(path, &st) != nil {
		return ""
	}
	return fmt.Sprintf("%d:%d", st.Dev, st.Ino)
}

func (n namespace) enter(path string) error {
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return &os.PathError{Op: "open", Path: path, Err: err}
	}
	defer unix.Close(fd)
	return n.enterFD(fd)
}

func (n namespace) enterFD(fd int) error {
	if n.flag == unix.CLONE_NEWNS {
		// setns(2) wants a thread that shares its root with no other.
		if err := unix.Unshare(unix.CLONE_FS); err != nil {
			return os.NewSyscallError("unshare CLONE_FS", err)
		}
	}
	return os.NewSyscallError("setns", unix.Setns(fd, n.flag))
}

// joinContainer enters what a container's process is in.
func (i *initProcess) joinContainer() error {
	var fds []int
	var kinds []namespace
	for _, ns := range namespaces {
		if !slices.Contains(i.Join.Namespaces, ns.name) {
			continue
		}
		path := fmt.Sprintf("/proc/%d/ns/%s", i.Join.Init.PID, ns.name)
		fd, err := unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC, 0)
		if err == unix.ENOENT && ns.flag == unix.CLONE_NEWCGROUP {
			i.private = append(i.private, ns.name) // gVisor shows none; joinGroups has made it anew
			continue
		}
		if err != nil && ns.flag != unix.CLONE_NEWUTS {
			return &os.PathError{Op: "open", Path: path, Err: err}
		}
		defer unix.Close(fd)
		// The mount namespace last: afterwards the others' names mean something else.
		if ns.name == "mnt" {
			fds, kinds = append(fds, fd), append(kinds, ns)
		} else {
			fds, kinds = append([]int{fd}, fds...), append([]namespace{ns}, kinds...)
		}
	}
	if !i.Join.Init.Alive() {
		return ErrNotRunning
	}
	for n, ns := range kinds {
		before := ns.current()
		err := ns.enterFD(fds[n])
		if after := ns.current(); ns.flag == unix.CLONE_NEWUTS && (err != nil || after == "" || after == before) {
			// Old gVisor shows none to enter, and a shim has but names: these are made anew.
			err = os.NewSyscallError("unshare", unix.Unshare(ns.flag))
			if err == nil {
				i.private = append(i.private, ns.name)
				i.nameHost()
				continue
			}
		}
		if err != nil {
			return fmt.Errorf("namespace %s: %w", ns.name, err)
		}
		i.private = append(i.private, ns.name)
	}
	if i.has("mnt") {
		return nil // and its root with it
	}
	if i.tells() {
		if err := i.tellAgain(); err != nil {
			return err
		}
	}
	return changeRoot(i.Rootfs)
}

// nameHost sets the host's name where it is the container's own.
func (i *initProcess) nameHost() {
	set := func(what, name string, set func([]byte) error) {
		if name == "" {
			return
		}
		err := errors.New("there is no UTS namespace")
		if i.has("uts") {
			err = set([]byte(name))
		}
		if err != nil {
			i.lack(what, err)
		}
	}
	set("hostname", i.Spec.Hostname, unix.Sethostname)
	set("domainname", i.Spec.Domainname, unix.Setdomainname)
}
