package delegate

import (
	"slices"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/shimrun/shimrun/runtime/container"
	"github.com/shimrun/shimrun/shim"
)

// pluginsAnnotation has crun answer notifications by itself (crun(1)), whatever
// the rules' listenerPath says.
const pluginsAnnotation = "run.oci.seccomp.plugins"

// HasAgent tells whether a bundle leaves calls to an agent of its own. A chain of
// filters has one listener (seccomp_unotify(2): a second one is EBUSY), and that
// is the agent's: what it was asked to judge, nobody else may let through.
func HasAgent(spec *specs.Spec) bool {
	return hasRules(spec) && (len(judged(spec.Linux.Seccomp)) > 0 || spec.Annotations[pluginsAnnotation] != "")
}

func hasRules(spec *specs.Spec) bool { return spec.Linux != nil && spec.Linux.Seccomp != nil }

// judged are the calls that rules leave to an agent.
func judged(rules *specs.LinuxSeccomp) []string {
	var names []string
	for _, rule := range rules.Syscalls {
		if rule.Action == specs.ActNotify {
			names = append(names, rule.Names...)
		}
	}
	return names
}

// Judge decides whether the shim can serve a container beside the bundle's own
// seccomp rules, which go before it, and tells what of a profile it cannot serve
// then. within is where the shim would be.
func Judge(spec *specs.Spec, traps []shim.Trap, within bool) (serves bool, lacks []container.Lack) {
	if len(traps) == 0 || !hasRules(spec) {
		return true, nil
	}
	why := ""
	switch {
	case within:
		// A notification goes before the ptrace backend's stop (seccomp(2)): the
		// shim would not see the call, and its own calls would be the agent's to
		// refuse or to delay.
		if names := judgedOf(spec.Linux.Seccomp, traps); len(names) > 0 {
			why = "linux.seccomp leaves calls that the shim needs to an agent of its own: " + strings.Join(names, ", ")
		}
	case HasAgent(spec):
		why = "linux.seccomp has an agent of its own, and a process has one; --backend ptrace serves from within the container what the agent does not judge"
	default:
		if names := Unserved(spec.Linux.Seccomp, traps); len(names) > 0 {
			return true, []container.Lack{{What: "profile", Why: "linux.seccomp logs, or denies in some cases, calls that go to the kernel for that: " + strings.Join(names, ", ")}}
		}
	}
	if why == "" {
		return true, nil
	}
	return false, []container.Lack{{What: "profile", Why: why}}
}

// judgedOf are the calls that rules leave to an agent and that the shim needs.
func judgedOf(rules *specs.LinuxSeccomp, traps []shim.Trap) []string {
	var names []string
	for _, name := range judged(rules) {
		if slices.Contains(needed, name) || slices.ContainsFunc(traps, func(trap shim.Trap) bool { return trap.Name == name }) {
			names = append(names, name)
		}
	}
	return names
}
