package delegate

import (
	"strings"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/shimrun/shimrun/shim"
)

func TestJudge(t *testing.T) {
	traps := []shim.Trap{{Name: "openat"}, {Name: "chdir"}}
	rules := func(byDefault specs.LinuxSeccompAction, syscalls ...specs.LinuxSyscall) *specs.Linux {
		return &specs.Linux{Seccomp: &specs.LinuxSeccomp{DefaultAction: byDefault, Syscalls: syscalls}}
	}
	rule := func(action specs.LinuxSeccompAction, names ...string) specs.LinuxSyscall {
		return specs.LinuxSyscall{Names: names, Action: action}
	}
	for name, test := range map[string]struct {
		linux       *specs.Linux
		annotations map[string]string
		// outside and within are what is said where the shim is there; a "!" before
		// it that the shim leaves the container alone.
		outside, within string
	}{
		"no linux":          {nil, nil, "", ""},
		"no rules":          {&specs.Linux{}, nil, "", ""},
		"all is allowed":    {rules(specs.ActAllow), nil, "", ""},
		"denied":            {rules(specs.ActAllow, rule(specs.ActErrno, "openat")), nil, "", ""},
		"denied by default": {rules(specs.ActErrno, rule(specs.ActAllow, "read", "openat")), nil, "", ""},
		"one is logged":     {rules(specs.ActAllow, rule(specs.ActLog, "chdir")), nil, "go to the kernel for that: chdir", ""},
		"all is logged":     {rules(specs.ActLog), nil, "go to the kernel for that: openat, chdir", ""},
		"an agent":          {rules(specs.ActAllow, rule(specs.ActNotify, "mkdir")), nil, "!an agent of its own", ""},
		"an agent for what is served": {rules(specs.ActAllow, rule(specs.ActNotify, "mkdir", "chdir")), nil,
			"!an agent of its own", "!that the shim needs to an agent of its own: chdir"},
		"an agent for what the shim does": {rules(specs.ActAllow, rule(specs.ActNotify, "ptrace")), nil,
			"!an agent of its own", "!that the shim needs to an agent of its own: ptrace"},
		"an agent in crun": {rules(specs.ActAllow), map[string]string{"run.oci.seccomp.plugins": "/x.so"}, "!an agent of its own", ""},
	} {
		t.Run(name, func(t *testing.T) {
			spec := &specs.Spec{Linux: test.linux, Annotations: test.annotations}
			for within, want := range map[bool]string{false: test.outside, true: test.within} {
				words, leaves := strings.CutPrefix(want, "!")
				serves, lacks := Judge(spec, traps, within)
				if serves == leaves || (len(lacks) > 0) != (want != "") || len(lacks) > 0 && !strings.Contains(lacks[0].Why, words) {
					t.Errorf("within %v: serves: %v, %+v; want %q", within, serves, lacks, want)
				}
			}
			if serves, lacks := Judge(spec, nil, false); !serves || lacks != nil {
				t.Errorf("without a profile: %v, %+v", serves, lacks)
			}
		})
	}
}
