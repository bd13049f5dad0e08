package delegate

import (
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
