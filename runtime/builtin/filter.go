package builtin

import (
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/shimrun/shimrun/seccomp"
)

// rules are the bundle's own seccomp rules, compiled. They stand beside the
// shim's: of two filters' verdicts the kernel takes the stricter one (seccomp(2)),
// so that what the bundle denies stays denied.
type rules struct {
	program []unix.SockFilter
	flags   seccomp.Flags
}

// compile makes the rules while nothing keeps this process from it.
func (i *initProcess) compile() error {
	if i.Spec.Linux == nil || i.Spec.Linux.Seccomp == nil {
		return nil
	}
	program, flags, err := seccomp.Rules(i.Spec.Linux.Seccomp)
	if err != nil {
		return fmt.Errorf("linux.seccomp: %w", err)
	}
	i.rules = &rules{program, flags}
	return nil
}

// filter puts them in force for this thread, and all that it becomes and starts.
func (i *initProcess) filter() error {
	if i.rules == nil {
		return nil
	}
	if _, _, err := seccomp.Load(i.rules.program, i.rules.flags); err != nil {
		return fmt.Errorf("linux.seccomp: %w", err)
	}
	return nil
}
