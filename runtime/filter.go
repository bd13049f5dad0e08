package runtime

import (
	"github.com/shimrun/shimrun/ptrace"
	"github.com/shimrun/shimrun/seccomp"
	"github.com/shimrun/shimrun/shim"
)

// filterFor compiles the policy's traps for a backend.
func filterFor(backend string, p policy) ([]byte, error) {
	traps, action := append(p.Traps(), shim.Always()...), seccomp.Notify()
	if backend == BackendPtrace {
		traps, action = append(traps, ptrace.Traps()...), seccomp.Trace(ptrace.FilterData)
	}
	program, err := seccomp.Program(traps, action)
	if err != nil {
		return nil, err
	}
	return seccomp.Encode(program), nil
}

// probeTrap picks the call with which the launcher sees whether it is served:
// one that is trapped in any case, if there is one.
func probeTrap(traps []shim.Trap) shim.Trap {
	for _, trap := range traps {
		if trap.Only == nil {
			return trap
		}
	}
	return traps[0]
}

// badArguments are nothing but bad pointers and descriptors, so that the call
// does nothing should it reach the kernel, but for what makes it trapped.
func badArguments(trap shim.Trap) (args [6]uint64) {
	for i := range args {
		args[i] = ^uint64(0)
	}
	if len(trap.Only) > 0 {
		only := trap.Only[0]
		mask := only.Mask
		if mask == 0 {
			mask = ^uint64(0)
		}
		args[only.Arg] = args[only.Arg]&^mask | only.Value
	}
	return args
}
