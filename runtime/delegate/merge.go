package delegate

import (
	"slices"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/shimrun/shimrun/shim"
)

// Merge gives rules in which the calls of a profile are notifications wherever
// the given ones allow them; nil stands for rules that allow everything. A call
// that is denied, in any case or in some, is left as it is: it is not served
// then, or not at all.
func Merge(rules *specs.LinuxSeccomp, traps []shim.Trap, listener string) *specs.LinuxSeccomp {
	merged := specs.LinuxSeccomp{DefaultAction: specs.ActAllow, Architectures: native()}
	if rules != nil {
		merged = *rules
		merged.Syscalls = nil
		for _, rule := range rules.Syscalls {
			rule.Names = slices.Clone(rule.Names)
			merged.Syscalls = append(merged.Syscalls, rule)
		}
	}
	merged.ListenerPath = listener
	for _, trap := range traps {
		merge(&merged, trap)
	}
	merged.Syscalls = slices.DeleteFunc(merged.Syscalls, func(rule specs.LinuxSyscall) bool { return len(rule.Names) == 0 })
	return &merged
}

func merge(rules *specs.LinuxSeccomp, trap shim.Trap) {
	named, denied := false, false
	for _, rule := range rules.Syscalls {
		if slices.Contains(rule.Names, trap.Name) {
			named = true
			denied = denied || !allows(rule.Action)
		}
	}
	switch {
	case denied:
	case named && !allows(rules.DefaultAction):
		// Each rule that allows it becomes a notification, with its conditions.
		var notify []specs.LinuxSyscall
		for i, rule := range rules.Syscalls {
			if !slices.Contains(rule.Names, trap.Name) {
				continue
			}
			rules.Syscalls[i].Names = slices.DeleteFunc(rule.Names, func(name string) bool { return name == trap.Name })
			notify = append(notify, specs.LinuxSyscall{Names: []string{trap.Name}, Action: specs.ActNotify, Args: rule.Args})
		}
		rules.Syscalls = append(rules.Syscalls, notify...)
	case allows(rules.DefaultAction):
		for i, rule := range rules.Syscalls {
			rules.Syscalls[i].Names = slices.DeleteFunc(rule.Names, func(name string) bool { return name == trap.Name })
		}
		rules.Syscalls = append(rules.Syscalls, notifications(trap)...)
	}
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

func allows(action specs.LinuxSeccompAction) bool {
	return action == specs.ActAllow || action == specs.ActLog
}
