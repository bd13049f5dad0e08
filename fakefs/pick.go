package fakefs

import (
	"path"
	"slices"
	"strings"
)

// Facts are the lacks that were found on a machine, by the names that the
// profiles' match sections use; see [Lacks].
type Facts map[string]bool

const lackWords = "kmsg, rootfs-9p, statx-no-automount, statfs-enosys, mount-propagation, child-subreaper, netfilter, proc-root, network-namespace, uts-namespace, sysctl:NAME, file:PATH"

// validLack tells whether a lack is one that can be probed.
func validLack(name string) bool {
	kind, rest, found := strings.Cut(name, ":")
	switch {
	case found && kind == "sysctl":
		return validSysctl(sysctlPath(rest)) && rest != "*"
	case found && kind == "file":
		return path.IsAbs(rest) && path.Clean(rest) == rest
	}
	return !found && slices.Contains(strings.Split(lackWords, ", "), name)
}

// Lacks are the names of all probes that built-in profiles ask about, sorted.
// "sysctl:NAME" and "file:PATH" mean that the file is missing; the other words
// name what [Quirks] describe, "kmsg" that /dev/kmsg is missing, and
// "rootfs-9p" that / is of type 9p.
func Lacks() []string {
	var all []string
	for _, name := range Builtins() {
		all = append(all, mustBuiltin(name).Match.Lacks...)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// Pick chooses built-in profiles for --profile auto: those that match a lack
// of the machine and the command's base name, without the ones that another
// chosen one extends anyway. Nothing is chosen for a machine that lacks nothing.
func Pick(facts Facts, command string) []string {
	var chosen []string
	for _, name := range Builtins() {
		m := mustBuiltin(name).Match
		if len(m.Commands) > 0 && !slices.Contains(m.Commands, path.Base(command)) {
			continue
		}
		if slices.ContainsFunc(m.Lacks, func(lack string) bool { return facts[lack] }) {
			chosen = append(chosen, name)
		}
	}
	return slices.DeleteFunc(slices.Clone(chosen), func(name string) bool {
		return slices.ContainsFunc(chosen, func(other string) bool {
			return other != name && slices.Contains(ancestors(other), name)
		})
	})
}

// ancestors are the built-in profiles that one extends, directly or not.
func ancestors(name string) []string {
	var all []string
	for _, parent := range mustBuiltin(name).Extends {
		all = append(append(all, parent), ancestors(parent)...)
	}
	return all
}
