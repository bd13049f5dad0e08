package delegate

import (
	"slices"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/shimrun/shimrun/shim"
)

// Merge gives rules in which the calls of a profile are notifications wherever
// the given ones say SCMP_ACT_ALLOW; nil stands for rules that allow everything.
// Every other word stays: a call for which any rule says another one is left as
// it is, since libseccomp decides between rules of one call by their conditions
// and not by what they do. What is let through unserved then, [Unserved] tells.
//
// The given rules must have no agent of their own ([HasAgent]).
func Merge(rules *specs.LinuxSeccomp, traps []shim.Trap, listener string) *specs.LinuxSeccomp {
	merged := specs.LinuxSeccomp{DefaultAction: specs.ActAllow, Architectures: native()}
	if rules != nil {
		merged = *rules
		merged.Syscalls = nil
		for _, rule := range rules.Syscalls {
			rule.Names = slices.Clone(rule.Names)
			merged.Syscalls = append(merged.Syscalls, rule)
		}
		// The kernel refuses a filter for all threads that has a listener too
		// (seccomp_set_mode_filter in kernel/seccomp.c, EINVAL), and execve ends all
		// threads of a runtime but the filter's own.
		merged.Flags = slices.DeleteFunc(slices.Clone(rules.Flags), func(flag specs.LinuxSeccompFlag) bool { return flag == flagTsync })
	}
	merged.ListenerPath, merged.ListenerMetadata = listener, ""
	for _, trap := range traps {
		merge(&merged, trap)
	}
	merged.Syscalls = slices.DeleteFunc(merged.Syscalls, func(rule specs.LinuxSyscall) bool { return len(rule.Names) == 0 })
	return &merged
}

// flagTsync is for runtimes that know it; the specification does not.
const flagTsync specs.LinuxSeccompFlag = "SECCOMP_FILTER_FLAG_TSYNC"

func merge(rules *specs.LinuxSeccomp, trap shim.Trap) {
	own := rulesOf(rules, trap.Name)
	if slices.ContainsFunc(own, func(rule specs.LinuxSyscall) bool { return rule.Action != specs.ActAllow }) {
		return
	}
	var notify []specs.LinuxSyscall
	if rules.DefaultAction == specs.ActAllow {
		notify = notifications(trap)
	} else {
		// Each rule that allows it becomes a notification, with its conditions.
		for _, rule := range own {
			notify = append(notify, specs.LinuxSyscall{Names: []string{trap.Name}, Action: specs.ActNotify, Args: rule.Args})
		}
	}
	for i, rule := range rules.Syscalls {
		rules.Syscalls[i].Names = slices.DeleteFunc(rule.Names, func(name string) bool { return name == trap.Name })
	}
	rules.Syscalls = append(rules.Syscalls, notify...)
}

// rulesOf are the rules that name a call.
func rulesOf(rules *specs.LinuxSeccomp, name string) []specs.LinuxSyscall {
	var all []specs.LinuxSyscall
	for _, rule := range rules.Syscalls {
		if slices.Contains(rule.Names, name) {
			all = append(all, rule)
		}
	}
	return all
}

// notifications are the rules for one trap, with its conditions.
func notifications(trap shim.Trap) []specs.LinuxSyscall {
	if trap.Only == nil {
		return []specs.LinuxSyscall{{Names: []string{trap.Name}, Action: specs.ActNotify}}
	}
	var all []specs.LinuxSyscall
	for _, only := range trap.Only {
		mask := only.Mask
		if mask == 0 {
			mask = ^uint64(0)
		}
		all = append(all, specs.LinuxSyscall{Names: []string{trap.Name}, Action: specs.ActNotify, Args: []specs.LinuxSeccompArg{
			{Index: uint(only.Arg), Value: mask, ValueTwo: only.Value, Op: specs.OpMaskedEqual},
		}})
	}
	return all
}

// Unserved are the calls of a profile that rules let through and that would not
// come to the shim, always or in some cases: those that are logged, which a
// notification is not, and those for which several rules say different things.
func Unserved(rules *specs.LinuxSeccomp, traps []shim.Trap) []string {
	if rules == nil {
		return nil
	}
	var names []string
	for _, trap := range traps {
		if unserved(rules, rulesOf(rules, trap.Name)) {
			names = append(names, trap.Name)
		}
	}
	return names
}

// unserved does it for one call and the rules that name it.
func unserved(rules *specs.LinuxSeccomp, own []specs.LinuxSyscall) bool {
	letsThrough, merged, always := false, true, false
	for _, rule := range own {
		letsThrough = letsThrough || passes(rule.Action)
		merged = merged && rule.Action == specs.ActAllow
		always = always || len(rule.Args) == 0
	}
	// What no rule of the call's is about goes by the default.
	if !always && passes(rules.DefaultAction) {
		letsThrough = true
		merged = merged && rules.DefaultAction == specs.ActAllow
	}
	return letsThrough && !merged
}

// passes tells whether the kernel does a call for which a rule says this.
func passes(action specs.LinuxSeccompAction) bool {
	return action == specs.ActAllow || action == specs.ActLog
}
