package delegate

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/shimrun/shimrun/shim"
)

func TestMerge(t *testing.T) {
	traps := []shim.Trap{{Name: "openat"}, {Name: "lseek", Only: []shim.ArgEquals{{Arg: 2, Value: 0}}}}
	rule := func(action specs.LinuxSeccompAction, names ...string) specs.LinuxSyscall {
		return specs.LinuxSyscall{Names: names, Action: action}
	}
	lseek := rule(specs.ActNotify, "lseek")
	lseek.Args = []specs.LinuxSeccompArg{{Index: 2, Value: ^uint64(0), ValueTwo: 0, Op: specs.OpMaskedEqual}}
	one := []specs.LinuxSeccompArg{{Index: 0, Value: 1, Op: specs.OpEqualTo}}
	conditional := func(action specs.LinuxSeccompAction) specs.LinuxSyscall {
		return specs.LinuxSyscall{Names: []string{"openat"}, Action: action, Args: one}
	}
	for name, test := range map[string]struct {
		rules *specs.LinuxSeccomp
		want  []specs.LinuxSyscall
	}{
		"no rules": {nil, []specs.LinuxSyscall{rule(specs.ActNotify, "openat"), lseek}},
		"what is allowed by its name is answered": {
			&specs.LinuxSeccomp{DefaultAction: specs.ActErrno, Syscalls: []specs.LinuxSyscall{rule(specs.ActAllow, "read", "openat")}},
			[]specs.LinuxSyscall{rule(specs.ActAllow, "read"), rule(specs.ActNotify, "openat")},
		},
		"what is denied stays denied": {
			&specs.LinuxSeccomp{DefaultAction: specs.ActAllow, Syscalls: []specs.LinuxSyscall{rule(specs.ActErrno, "openat")}},
			[]specs.LinuxSyscall{rule(specs.ActErrno, "openat"), lseek},
		},
		"in some cases too": {
			&specs.LinuxSeccomp{DefaultAction: specs.ActAllow, Syscalls: []specs.LinuxSyscall{conditional(specs.ActKill)}},
			[]specs.LinuxSyscall{conditional(specs.ActKill), lseek},
		},
		"what is allowed in some cases is answered in these": {
			&specs.LinuxSeccomp{DefaultAction: specs.ActErrno, Syscalls: []specs.LinuxSyscall{conditional(specs.ActAllow)}},
			[]specs.LinuxSyscall{conditional(specs.ActNotify)},
		},
		"what is logged stays logged": {
			&specs.LinuxSeccomp{DefaultAction: specs.ActLog, Syscalls: []specs.LinuxSyscall{rule(specs.ActAllow, "lseek")}},
			[]specs.LinuxSyscall{rule(specs.ActNotify, "lseek")},
		},
		"in some cases too, whatever the default": {
			&specs.LinuxSeccomp{DefaultAction: specs.ActErrno, Syscalls: []specs.LinuxSyscall{rule(specs.ActAllow, "openat"), conditional(specs.ActLog)}},
			[]specs.LinuxSyscall{rule(specs.ActAllow, "openat"), conditional(specs.ActLog)},
		},
		"denied by default": {
			&specs.LinuxSeccomp{DefaultAction: specs.ActErrno, Syscalls: []specs.LinuxSyscall{rule(specs.ActAllow, "read")}},
			[]specs.LinuxSyscall{rule(specs.ActAllow, "read")},
		},
	} {
		t.Run(name, func(t *testing.T) {
			before := cmp.Diff(nil, test.rules)
			got := Merge(test.rules, traps, "/agent")
			if diff := cmp.Diff(test.want, got.Syscalls); diff != "" {
				t.Error(diff)
			}
			if got.ListenerPath != "/agent" {
				t.Errorf("the listener is %q", got.ListenerPath)
			}
			if diff := cmp.Diff(nil, test.rules); diff != before {
				t.Error("the given rules were changed")
			}
		})
	}
}

// A notification is a call that the rules allow, and never one for which they
// have another word; and what they let through otherwise is told. All pairs of
// rules for one call, conditional or not, under each default.
func TestMergeLoosensNothing(t *testing.T) {
	actions := []specs.LinuxSeccompAction{
		specs.ActAllow, specs.ActLog, specs.ActErrno, specs.ActKillProcess, specs.ActKillThread, specs.ActTrap, specs.ActTrace,
	}
	rules := []specs.LinuxSyscall{{Names: []string{"other"}, Action: specs.ActAllow}}
	for _, action := range actions {
		for _, args := range [][]specs.LinuxSeccompArg{nil, {{Index: 0, Value: 1, Op: specs.OpEqualTo}}, {{Index: 0, Value: 2, Op: specs.OpEqualTo}}} {
			rules = append(rules, specs.LinuxSyscall{Names: []string{"other", "openat"}, Action: action, Args: args})
		}
	}
	traps := []shim.Trap{{Name: "openat"}}
	for _, byDefault := range actions {
		for _, first := range rules {
			for _, second := range rules {
				given := &specs.LinuxSeccomp{DefaultAction: byDefault, Syscalls: []specs.LinuxSyscall{first, second}}
				merged := Merge(given, traps, "/agent")
				unserved := false
				for value := range uint64(3) {
					before, after := said(given, "openat", value), said(merged, "openat", value)
					switch {
					case slices.Contains(after, specs.ActNotify):
						if slices.ContainsFunc(before, func(a specs.LinuxSeccompAction) bool { return a != specs.ActAllow }) {
							t.Errorf("%+v: %v became %v for %d", given, before, after, value)
						}
					case !slices.Equal(before, after):
						t.Errorf("%+v: %v became %v for %d", given, before, after, value)
					default:
						unserved = unserved || slices.ContainsFunc(before, passes)
					}
					if was, is := said(given, "other", value), said(merged, "other", value); !slices.Equal(was, is) {
						t.Errorf("%+v: another call's %v became %v", given, was, is)
					}
				}
				if told := len(Unserved(given, traps)) > 0; told != unserved {
					t.Errorf("%+v: it is told to be unserved: %v, and is: %v", given, told, unserved)
				}
			}
		}
	}
}

// said is all that rules say of a call with this argument. Which of several words
// counts is libseccomp's to decide, so all of them have to stay.
func said(rules *specs.LinuxSeccomp, name string, value uint64) (all []specs.LinuxSeccompAction) {
	for _, rule := range rules.Syscalls {
		if slices.Contains(rule.Names, name) && (len(rule.Args) == 0 || rule.Args[0].Value == value) {
			all = append(all, rule.Action)
		}
	}
	if len(all) == 0 {
		all = append(all, rules.DefaultAction)
	}
	return all
}

func TestMergeFlags(t *testing.T) {
	given := &specs.LinuxSeccomp{
		DefaultAction: specs.ActAllow, ListenerMetadata: "for another agent", DefaultErrnoRet: new(uint),
		Flags: []specs.LinuxSeccompFlag{flagTsync, specs.LinuxSeccompFlagLog, specs.LinuxSeccompFlagSpecAllow},
	}
	got := Merge(given, nil, "/agent")
	if diff := cmp.Diff([]specs.LinuxSeccompFlag{specs.LinuxSeccompFlagLog, specs.LinuxSeccompFlagSpecAllow}, got.Flags); diff != "" {
		t.Error(diff)
	}
	if got.ListenerMetadata != "" || got.DefaultErrnoRet != given.DefaultErrnoRet || len(given.Flags) != 3 {
		t.Errorf("%+v of %+v", got, given)
	}
}
