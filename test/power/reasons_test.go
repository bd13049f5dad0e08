package power

import "regexp"

// A reason says where another outcome than without the shim is right: which acts,
// as which callers and on which grounds, as regular expressions of whole words.
type reason struct {
	act, caller, ground string
	why                 string
}

const changing = `(chmod|chown|give-away|unlink|rename|rename-over|link|utimes|mkdir|mknod|symlink|mkdir-i386|open-i386)`

// Where less is achieved. docs/syscalls.md has what these say.
var less = []reason{
	{act: `name/served/.*/` + changing,
		why: "what changes a name that only the profile has is left to the kernel, which has no such name"},
	{act: `name/served/new/create`,
		why: "nothing is made in a served folder"},
	{act: `way/.*/` + changing,
		why: "what changes names is left to the kernel, and the way leads through a folder that it does not have"},
	{act: `(name/.*/open-to-truncate|descriptor/truncate-by-.*|descriptor/again-to-truncate)`,
		why: "a served file is truncated without effect, as a sysctl"},
	{act: `(name/served/readonly/.*|descriptor/(again|create)-.*|path-descriptor/write-by-.*)`, caller: "root",
		why: "a served file that nobody may write is read-only for root as well"},
	{act: `descriptor/(fchmod|fchown|fsetxattr|folder-.*|chmod-by-.*|chown-by-name|seal|set-.*|link-into-own-folder|lease-to-write)`,
		why: "of what is handed out only the descriptor can be changed"},
	{act: `path-descriptor/(chmod|chown|give-away|link)`,
		why: "the same, by a descriptor without a file"},
	{act: `oracle/bound/.*/inotify`, ground: tables,
		why: "inotify_add_watch does not pass the mounts of the shim's own table"},
	{act: `path-descriptor/read-by-i386`,
		why: "calls of 32-bit programs are the kernel's, and what is handed out without a file has nothing in it"},
	{act: `way/.*/(read-readonly|open-in-root)`, caller: unseen, ground: blind,
		why: "the supervisor may not look at the folder that the way begins in"},
	{act: `name/served/(everybodys|group)/path-descriptor`, caller: unseen, ground: blind,
		why: "the supervisor may not look at the descriptor that is opened anew"},
	{act: `own-user/make-group`, ground: "gvisor1[23]-.*",
		why: "gVisor does not tell user namespaces apart, nor which ids one has"},
	{act: `process/seize`, ground: ".*/(ptrace|within|builtin-ptrace)",
		why: "a process has one tracer, and that is the supervisor"},
	{act: `name/bound/.*/(rename|rename-over|link)`, ground: linked,
		why: "it is from one mount to another"},
}

// unseen are callers whom a supervisor without CAP_SYS_PTRACE may not look at, and
// blind the grounds where it has not got that (ptrace(2), "access mode checking").
const (
	unseen = "(nobody|member-of-group|root-of-own-namespace)"
	blind  = "(container/within|gvisor1[23]-docker/ptrace)"
)

// tables are the grounds where mounts are of the shim's own table.
const tables = "(native-without-mounts/.*|gvisor1[23]-docker/.*|container/within)"

// linked are those of them where root cannot mount without the shim: a link
// stands in for the bind mount there, and names cannot go from a mount to another.
const linked = "(gvisor1[23]-docker/.*|container/within)"

// Where more is achieved, of what exists under the shim alone.
var more = []reason{
	{act: `mount/.*`, caller: "root", ground: tables,
		why: "mounts that the kernel refuses are made in the shim's own table, by root with all that shimrun has"},
	{act: `mount/bind-recursive`, caller: "root", ground: "gvisor12-all/.*",
		why: "this kernel binds nothing recursively, and a quirk does it for root, who may bind each of the mounts"},
	{act: `oracle/bound/.*/inotify`, ground: tables,
		why: "inotify_add_watch does not pass the mounts of the table, and says so of every name"},
	{act: `own-user/chroot-elsewhere`, caller: unseen, ground: blind,
		why: "the supervisor may not look at the caller's root, and takes it for the common one: what is read is what the profile serves"},
}

// explained gives the reason for an outcome, or "".
func explained(reasons []reason, act, caller, ground string) string {
	for _, r := range reasons {
		if matches(r.act, act) && matches(r.caller, caller) && matches(r.ground, ground) {
			return r.why
		}
	}
	return ""
}

func matches(pattern, name string) bool {
	return pattern == "" || regexp.MustCompile("^"+pattern+"$").MatchString(name)
}
