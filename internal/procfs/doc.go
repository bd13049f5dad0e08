// Package procfs reads from /proc what the supervisor has to know of the whole
// machine: its mounts and its processes. It is no library for procfs: each
// function reads the few fields that somebody here needs, and bears what old
// gVisor leaves out.
package procfs
