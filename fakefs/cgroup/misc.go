package cgroup

import "golang.org/x/sys/unix"

// miscFiles are misc_cg_files in kernel/cgroup/misc.c. There is no such resource.
var miscFiles = []spec{
	fixedFile("misc.capacity", onRoot, ""),
	fixedFile("misc.current", everywhere, ""),
	fixedFile("misc.peak", everywhere, ""),
	fixedFile("misc.events", belowRoot, ""),
	fixedFile("misc.events.local", belowRoot, ""),
	{name: "misc.max", mode: 0o644, where: belowRoot,
		read:  func(*Group, Caller) (string, error) { return "", nil },
		write: func(*Group, Caller, string) error { return unix.EINVAL }},
}
