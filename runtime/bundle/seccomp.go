package bundle

import (
	"fmt"
	"slices"

	"github.com/opencontainers/runtime-spec/specs-go"
)

func checkSeccomp(seccomp *specs.LinuxSeccomp) error {
	if seccomp == nil {
		return nil
	}
	if !slices.Contains(seccompActions, seccomp.DefaultAction) {
		return fmt.Errorf("linux.seccomp.defaultAction: invalid action %q", seccomp.DefaultAction)
	}
	if seccomp.DefaultAction == specs.ActNotify {
		return fmt.Errorf("linux.seccomp.defaultAction: SCMP_ACT_NOTIFY cannot be used as default action")
	}
	for i, flag := range seccomp.Flags {
		if !slices.Contains(seccompFlags, flag) {
			return fmt.Errorf("linux.seccomp.flags[%d]: unknown flag %q", i, flag)
		}
	}
	for i, rule := range seccomp.Syscalls {
		where := fmt.Sprintf("linux.seccomp.syscalls[%d]", i)
		switch {
		case len(rule.Names) == 0:
			return fmt.Errorf("%s: names must not be empty", where)
		case !slices.Contains(seccompActions, rule.Action):
			return fmt.Errorf("%s: invalid action %q", where, rule.Action)
		case rule.Action == specs.ActNotify && slices.Contains(rule.Names, "write"):
			return fmt.Errorf("%s: SCMP_ACT_NOTIFY cannot be used for the write syscall", where)
		case rule.Action == specs.ActNotify && seccomp.ListenerPath == "":
			return fmt.Errorf("%s: SCMP_ACT_NOTIFY needs linux.seccomp.listenerPath", where)
		}
		for j, arg := range rule.Args {
			if arg.Index > 5 {
				return fmt.Errorf("%s.args[%d]: index %d is not between 0 and 5", where, j, arg.Index)
			}
			if !slices.Contains(seccompOperators, arg.Op) {
				return fmt.Errorf("%s.args[%d]: invalid operator %q", where, j, arg.Op)
			}
		}
	}
	return nil
}

var seccompActions = []specs.LinuxSeccompAction{
	specs.ActKill, specs.ActKillProcess, specs.ActKillThread, specs.ActTrap, specs.ActErrno, specs.ActTrace,
	specs.ActAllow, specs.ActLog, specs.ActNotify,
}

var seccompFlags = []specs.LinuxSeccompFlag{
	"SECCOMP_FILTER_FLAG_TSYNC", specs.LinuxSeccompFlagLog, specs.LinuxSeccompFlagSpecAllow, specs.LinuxSeccompFlagWaitKillableRecv,
}

var seccompOperators = []specs.LinuxSeccompOperator{
	specs.OpNotEqual, specs.OpLessThan, specs.OpLessEqual, specs.OpEqualTo, specs.OpGreaterEqual, specs.OpGreaterThan,
	specs.OpMaskedEqual,
}
