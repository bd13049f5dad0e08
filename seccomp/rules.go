package seccomp

import (
	"errors"
	"fmt"

	"github.com/opencontainers/runtime-spec/specs-go"
	libseccomp "github.com/seccomp/libseccomp-golang"
	"golang.org/x/sys/unix"
)

// Rules compiles the rules of a container's specification (linux.seccomp) into
// a program, and says with which flags it is to be loaded. A name of a system
// call that libseccomp does not know is left out, as runc does: a profile lists
// calls that other kernels and architectures have. A call above all that are
// named is answered ENOSYS, see [unknown].
//
// SCMP_ACT_NOTIFY is an error: who would answer is not known here.
func Rules(rules *specs.LinuxSeccomp) ([]unix.SockFilter, Flags, error) {
	usual, err := verdict(rules.DefaultAction, rules.DefaultErrnoRet)
	if err != nil {
		return nil, 0, fmt.Errorf("defaultAction: %w", err)
	}
	filter, err := libseccomp.NewFilter(usual)
	if err != nil {
		return nil, 0, err
	}
	defer filter.Release()
	arches, err := architectures(rules)
	if err != nil {
		return nil, 0, err
	}
	for _, arch := range arches {
		if err := filter.AddArch(arch); err != nil {
			return nil, 0, fmt.Errorf("architectures: %s: %w", arch, err)
		}
	}
	_ = filter.SetOptimize(2)
	for i, rule := range rules.Syscalls {
		action, err := verdict(rule.Action, rule.ErrnoRet)
		if err != nil {
			return nil, 0, fmt.Errorf("syscalls[%d]: %w", i, err)
		}
		if action == usual {
			continue // libseccomp refuses a rule that changes nothing
		}
		for _, name := range rule.Names {
			number, err := libseccomp.GetSyscallFromName(name)
			if err != nil {
				continue
			}
			if err := addRule(filter, number, action, rule.Args); err != nil {
				return nil, 0, fmt.Errorf("syscalls[%d]: %s: %w", i, name, err)
			}
		}
	}
	program, err := export(filter)
	if err != nil {
		return nil, 0, err
	}
	return append(unknown(rules, arches), program...), loadFlags(rules.Flags), nil
}

// addRule adds one call with its conditions. libseccomp takes each argument
// once in a rule; several conditions on one are rules of their own, any of
// which may fit, as runc has it.
func addRule(filter *libseccomp.ScmpFilter, number libseccomp.ScmpSyscall, action libseccomp.ScmpAction, args []specs.LinuxSeccompArg) error {
	if len(args) == 0 {
		return filter.AddRule(number, action)
	}
	var conditions []libseccomp.ScmpCondition
	seen := map[uint]bool{}
	twice := false
	for _, arg := range args {
		condition, err := libseccomp.MakeCondition(arg.Index, operators[arg.Op], arg.Value, arg.ValueTwo)
		if err != nil {
			return err
		}
		conditions = append(conditions, condition)
		twice = twice || seen[arg.Index]
		seen[arg.Index] = true
	}
	if !twice {
		return filter.AddRuleConditional(number, action, conditions)
	}
	for _, condition := range conditions {
		if err := filter.AddRuleConditional(number, action, []libseccomp.ScmpCondition{condition}); err != nil {
			return err
		}
	}
	return nil
}

var operators = map[specs.LinuxSeccompOperator]libseccomp.ScmpCompareOp{
	specs.OpNotEqual: libseccomp.CompareNotEqual, specs.OpLessThan: libseccomp.CompareLess,
	specs.OpLessEqual: libseccomp.CompareLessOrEqual, specs.OpEqualTo: libseccomp.CompareEqual,
	specs.OpGreaterEqual: libseccomp.CompareGreaterEqual, specs.OpGreaterThan: libseccomp.CompareGreater,
	specs.OpMaskedEqual: libseccomp.CompareMaskedEqual,
}

// errNotify is for rules whose calls somebody else is to answer.
var errNotify = errors.New("SCMP_ACT_NOTIFY: the shim listens itself, and a process has one listener; use --mode delegate")

func verdict(action specs.LinuxSeccompAction, errno *uint) (libseccomp.ScmpAction, error) {
	code := int16(unix.EPERM)
	if errno != nil {
		code = int16(*errno)
	}
	switch action {
	case specs.ActKill, specs.ActKillThread:
		return libseccomp.ActKillThread, nil
	case specs.ActKillProcess:
		return libseccomp.ActKillProcess, nil
	case specs.ActTrap:
		return libseccomp.ActTrap, nil
	case specs.ActErrno:
		return libseccomp.ActErrno.SetReturnCode(code), nil
	case specs.ActTrace:
		// What a call gets that has no tracer, seccomp(2). The only tracer that the
		// process can have is the shim; and of two filters' verdicts a notification
		// goes before a trace, so that the shim's would let the call through.
		return libseccomp.ActErrno.SetReturnCode(int16(unix.ENOSYS)), nil
	case specs.ActAllow:
		return libseccomp.ActAllow, nil
	case specs.ActLog:
		return libseccomp.ActLog, nil
	case specs.ActNotify:
		return libseccomp.ActInvalid, errNotify
	}
	return libseccomp.ActInvalid, fmt.Errorf("unknown action %q", action)
}

// loadFlags are the flags that mean something to one thread's filter.
func loadFlags(names []specs.LinuxSeccompFlag) (flags Flags) {
	for _, name := range names {
		switch name {
		case specs.LinuxSeccompFlagLog:
			flags |= unix.SECCOMP_FILTER_FLAG_LOG
		case specs.LinuxSeccompFlagSpecAllow:
			flags |= unix.SECCOMP_FILTER_FLAG_SPEC_ALLOW
		}
	}
	return flags
}
