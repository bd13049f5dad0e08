package main

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/shimrun/shimrun/test/power/acts"
)

// become turns this process, which is root's, into an actor of a caller's.
func become(args []string) error {
	runtime.LockOSThread()
	caller, scene := args[0], args[1]
	ids := map[string]syscall.Credential{
		acts.Nobody:  {Uid: acts.NobodyID, Gid: acts.NobodyID},
		acts.OwnRoot: {Uid: acts.NobodyID, Gid: acts.NobodyID},
		acts.Member:  {Uid: acts.MemberID, Gid: acts.MemberID, Groups: []uint32{acts.GroupID}},
	}
	who, other := ids[caller]
	if other {
		if err := change(who); err != nil {
			return err
		}
	}
	verb := "actor"
	switch caller {
	case acts.Powerless:
		if err := dropAll(); err != nil {
			return err
		}
	case acts.OwnRoot:
		// By a program of nobody's: what has changed its user since its execve is
		// root's, and so are its maps in /proc.
		verb = "divide"
	}
	return unix.Exec(os.Args[0], []string{os.Args[0], verb, scene}, os.Environ())
}

// divide has the actor be root of a user namespace of its own.
func divide(args []string) error {
	cmd := within(unix.CLONE_NEWUSER, "actor", args...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	return cmd.Run()
}

// change gives this process another user. Its next execve takes the capabilities.
func change(who syscall.Credential) error {
	groups := make([]int, len(who.Groups))
	for i, group := range who.Groups {
		groups[i] = int(group)
	}
	if err := syscall.Setgroups(groups); err != nil {
		return fmt.Errorf("setgroups: %w", err)
	}
	if err := syscall.Setgid(int(who.Gid)); err != nil {
		return fmt.Errorf("setgid: %w", err)
	}
	if err := syscall.Setuid(int(who.Uid)); err != nil {
		return fmt.Errorf("setuid: %w", err)
	}
	return nil
}

// dropAll empties the set of capabilities that an execve can give.
func dropAll() error {
	for capability := uintptr(0); capability < 64; capability++ {
		if err := unix.Prctl(unix.PR_CAPBSET_DROP, capability, 0, 0, 0); err == unix.EINVAL {
			break // the kernel knows no more
		} else if err != nil {
			return fmt.Errorf("drop capability %d: %w", capability, err)
		}
	}
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var none [2]unix.CapUserData
	return unix.Capset(&header, &none[0])
}

// within prepares a verb of this program in new namespaces. Its user is root in a
// user namespace.
func within(namespaces uintptr, verb string, args ...string) *exec.Cmd {
	cmd := exec.Command(os.Args[0], append([]string{verb}, args...)...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: namespaces, Pdeathsig: syscall.SIGKILL}
	if namespaces&unix.CLONE_NEWUSER != 0 {
		cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Geteuid(), Size: 1}}
		cmd.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getegid(), Size: 1}}
	}
	return cmd
}
