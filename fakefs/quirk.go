package fakefs

// Quirks are the work-arounds that a profile may ask for, each with the call
// that the kernel gets wrong.
var Quirks = map[string]string{
	"statx-no-automount":   "statx(2) with AT_NO_AUTOMOUNT fails with EINVAL: the flag is left out",
	"statfs-enosys":        "statfs(2) and fstatfs(2) of files of procfs and cgroupfs fail with ENOSYS: answered from the directory above",
	"mount-remount":        "mount(2) with MS_REMOUNT fails with EINVAL: answered with success where it makes nothing read-only",
	"mount-bind-link":      "mount(2) with MS_BIND mounts a symbolic link itself: the object that it leads to is mounted",
	"mount-bind-recursive": "mount(2) with MS_BIND and MS_REC fails with EINVAL: made without MS_REC, and once for each mount below",
	"child-subreaper":      "prctl(2) with PR_SET_CHILD_SUBREAPER fails with EINVAL: answered with success, and wait4(2) tells of orphans",
	"fchown-pipe":          "fchown(2) of a pipe fails with EPERM: answered with success for those who may",
	"network-namespace":    "unshare(2) makes no new network namespace of use: answered with success, and the thread stays in the one that it has",
	"uts-namespace":        "unshare(2) makes no new UTS namespace: answered with success, and the process and its children have a host name of their own",
	"mount-propagation":    "mount(2) that only changes propagation fails with EINVAL: answered with success",
}
