package acts

import "golang.org/x/sys/unix"

// A thing is a file or folder of the scene.
type thing struct {
	name     string
	mode     uint32 // with the type
	uid, gid int
	text     string // or where a link leads
	served   bool   // by the shim; without one it is made
}

const (
	folder = unix.S_IFDIR
	file   = unix.S_IFREG
	link   = unix.S_IFLNK
)

// Covered is the one file of the scene that the kernel has and the profile
// serves: what it really says must never change.
const Covered = "real/covered"

// coveredText is what the kernel's own file says below the served one.
const coveredText = "only the kernel says this\n"

var things = []thing{
	{name: "real", mode: folder | 0o755},
	{name: "real/secret", mode: file | 0o600, text: "secret of root\n"},
	{name: "real/readonly", mode: file | 0o644, text: "text of root\n"},
	{name: "real/group", mode: file | 0o640, gid: GroupID, text: "text of a group\n"},
	{name: "real/theirs", mode: file | 0o600, uid: StrangerID, gid: StrangerID, text: "text of a stranger\n"},
	{name: "real/closed", mode: folder | 0o700},
	{name: "real/closed/there", mode: file | 0o644, text: "text below a closed folder\n"},
	{name: "real/shared", mode: folder | 0o1777},
	{name: "real/shared/roots", mode: file | 0o644, text: "text of root in a shared folder\n"},
	{name: Covered, mode: file | 0o644, text: "text that covers another\n", served: true},
	{name: "served", mode: folder | 0o755, served: true},
	{name: "served/secret", mode: file | 0o600, text: "served secret of root\n", served: true},
	{name: "served/readonly", mode: file | 0o444, text: "served text of root\n", served: true},
	{name: "served/writable", mode: file | 0o644, text: "served text that root changes\n", served: true},
	{name: "served/group", mode: file | 0o660, gid: GroupID, text: "served text of a group\n", served: true},
	{name: "served/theirs", mode: file | 0o600, uid: StrangerID, gid: StrangerID, text: "served text of a stranger\n", served: true},
	{name: "served/everybodys", mode: file | 0o666, text: "served text that everybody changes\n", served: true},
	{name: "served/closed", mode: folder | 0o700, served: true},
	{name: "served/closed/there", mode: file | 0o644, text: "served text below a closed folder\n", served: true},
	{name: "served/up", mode: link | 0o777, text: "..", served: true},
	{name: "source", mode: folder | 0o755},
	{name: "source/private", mode: file | 0o600, uid: StrangerID, gid: StrangerID, text: "text behind a bind mount\n"},
	{name: "source/readonly", mode: file | 0o644, text: "text of root behind a bind mount\n"},
	{name: "source/closed", mode: folder | 0o700},
	{name: "source/closed/there", mode: file | 0o644, text: "text in a closed folder behind a bind mount\n"},
	{name: "bound", mode: folder | 0o755},
	{name: "device", mode: unix.S_IFIFO | 0o600},
}

// Groups are the folders and files of the one served hierarchy of control
// groups that acts are tried on. Without a shim plain ones stand in for them.
var groupThings = []thing{
	{name: "cgroup", mode: folder | 0o755, served: true},
	{name: "cgroup/memory", mode: folder | 0o555, served: true},
	{name: "cgroup/memory/tasks", mode: file | 0o644, served: true},
	{name: "cgroup/memory/memory.limit_in_bytes", mode: file | 0o644, served: true},
	{name: "cgroup/memory/kept", mode: folder | 0o755, served: true},
	{name: "cgroup/memory/kept/tasks", mode: file | 0o644, served: true},
}
