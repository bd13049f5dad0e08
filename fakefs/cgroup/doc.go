// Package cgroup is a cgroup file system that lives in memory: hierarchies of
// version 1 with one controller each, or the unified one of version 2, groups that
// can be made and removed, processes that are moved between them, and files that
// take and give what the kernel's take and give.
//
//	write("/sys/fs/cgroup/memory/a/cgroup.procs", "42\n")
//	   │ the shim finds the group and the file by their names
//	   ▼
//	Group.Write ── refresh: who lives, who is whose child, who has used what
//	   │           (Machine: /proc as the supervisor sees it)
//	   ▼
//	spec.write ─── the kernel's own checks ── errno, or the new state
//
// Membership is kept for processes, in all hierarchies at once. A process that
// was not seen before is where its parent is; a backend that sees forks says
// so ([Hierarchies.Forked]), and then it is exact. Each process's time is
// charged to the group that it is in when it is looked at, and to all above.
//
// What it is not for: it limits nothing and forbids no device, and stops or kills
// only by signals that the caller sends.
// What is written is validated and read back, no more. It makes no system
// calls and knows nothing of names outside of a hierarchy.
package cgroup
