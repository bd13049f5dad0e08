package builtin

import (
	"fmt"

	"github.com/shimrun/shimrun/seccomp"
)

// filter loads the bundle's own seccomp rules. They stand beside the shim's:
// of two filters' verdicts the kernel takes the stricter one (seccomp(2)), so
// that what the bundle denies stays denied.
func (i *initProcess) filter() error {
	if i.Spec.Linux == nil || i.Spec.Linux.Seccomp == nil {
		return nil
	}
	program, flags, err := seccomp.Rules(i.Spec.Linux.Seccomp)
	if err != nil {
		return fmt.Errorf("linux.seccomp: %w", err)
	}
	if _, _, err := seccomp.Load(program, flags); err != nil {
		return fmt.Errorf("linux.seccomp: %w", err)
	}
	return nil
}
