package builtin

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

// setUser makes the process the program's user, with the capabilities that it
// is to have. All calls are the thread's own: the C library's would change the
// other threads as well, which end at execve(2).
func (i *initProcess) setUser(p *specs.Process) error {
	i.dropBounding(p.Capabilities)
	// The change of user would take all capabilities away.
	if err := unix.Prctl(unix.PR_SET_KEEPCAPS, 1, 0, 0, 0); err != nil {
		return os.NewSyscallError("prctl PR_SET_KEEPCAPS", err)
	}
	if err := setGroups(p.User.AdditionalGids); err != nil {
		return err
	}
	if err := setIDs(p.User.UID, p.User.GID); err != nil {
		return err
	}
	if err := unix.Prctl(unix.PR_SET_KEEPCAPS, 0, 0, 0, 0); err != nil {
		return os.NewSyscallError("prctl PR_SET_KEEPCAPS", err)
	}
	// With the capabilities that are left as well as without.
	entered := enter(p.Cwd)
	if err := i.setCapabilities(p.Capabilities); err != nil {
		return err
	}
	if entered != nil {
		if err := enter(p.Cwd); err != nil {
			return err
		}
	}
	if p.User.Umask != nil {
		unix.Umask(int(*p.User.Umask))
	} else {
		unix.Umask(0o022)
	}
	env, err := environment(p.Env, p.User.UID)
	p.Env = env
	return err
}

// enter changes into the program's working directory, and makes sure that it
// lies in the container.
func enter(cwd string) error {
	if err := unix.Chdir(cwd); err != nil {
		return fmt.Errorf("process.cwd: %w", &os.PathError{Op: "chdir", Path: cwd, Err: err})
	}
	var buf [unix.PathMax]byte
	n, err := unix.Getcwd(buf[:])
	if err != nil || n < 2 || buf[0] != '/' {
		return errors.New("process.cwd: the working directory is outside of the container's root")
	}
	return nil
}

// findProgram finds the program in the container's PATH, before anybody is
// told that the container is ready.
func (i *initProcess) findProgram(p *specs.Process) error {
	path := ""
	for _, variable := range p.Env {
		if value, ok := strings.CutPrefix(variable, "PATH="); ok {
			path = value
		}
	}
	if err := os.Setenv("PATH", path); err != nil {
		return err
	}
	var err error
	i.program, err = exec.LookPath(p.Args[0])
	if errors.Is(err, exec.ErrDot) {
		err = nil
	}
	return err
}
