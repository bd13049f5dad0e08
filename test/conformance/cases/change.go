package cases

import "golang.org/x/sys/unix"

// changes are the calls that would change a name or its metadata. The shim does
// not trap them: of a name that no kernel has they say that it is not there.
func changes(r *Record) {
	for _, kind := range []string{"range", "const", "keys", "keys/missing", "range/x"} {
		path := cstr(r.Path(kind))
		at := fdarg(unix.AT_FDCWD)
		for _, c := range []struct {
			name string
			nr   uintptr
			args []uintptr
		}{
			{"chmod", unix.SYS_CHMOD, []uintptr{path, 0o644}},
			{"fchmodat", unix.SYS_FCHMODAT, []uintptr{at, path, 0o644}},
			{"chown", unix.SYS_CHOWN, []uintptr{path, 0, 0}},
			{"lchown", unix.SYS_LCHOWN, []uintptr{path, 0, 0}},
			{"fchownat", unix.SYS_FCHOWNAT, []uintptr{at, path, 0, 0, 0}},
			{"utimensat", unix.SYS_UTIMENSAT, []uintptr{at, path, 0, 0}},
			{"unlink", unix.SYS_UNLINK, []uintptr{path}},
			{"unlinkat", unix.SYS_UNLINKAT, []uintptr{at, path, 0}},
			{"rmdir", unix.SYS_RMDIR, []uintptr{path}},
			{"mkdir", unix.SYS_MKDIR, []uintptr{path, 0o755}},
			{"mkdirat", unix.SYS_MKDIRAT, []uintptr{at, path, 0o755}},
			{"mknod", unix.SYS_MKNOD, []uintptr{path, unix.S_IFREG | 0o644, 0}},
			{"mknodat", unix.SYS_MKNODAT, []uintptr{at, path, unix.S_IFREG | 0o644, 0}},
			{"symlink", unix.SYS_SYMLINK, []uintptr{cstr("x"), path}},
			{"symlinkat", unix.SYS_SYMLINKAT, []uintptr{cstr("x"), at, path}},
			{"link", unix.SYS_LINK, []uintptr{path, cstr("/tmp/conformance-link")}},
			{"linkat", unix.SYS_LINKAT, []uintptr{at, path, at, cstr("/tmp/conformance-link"), 0}},
			{"rename", unix.SYS_RENAME, []uintptr{path, cstr("/tmp/conformance-link")}},
			{"renameat2", unix.SYS_RENAMEAT2, []uintptr{at, path, at, cstr("/tmp/conformance-link"), 0}},
		} {
			_, err := call(c.nr, c.args...)
			r.Say("%s(%s) = %s", c.name, kind, Errno(err))
		}
	}
	fd := fdarg(r.Fixture("range", unix.O_RDONLY))
	_, err := call(unix.SYS_FCHMOD, fd, 0o644)
	r.Say("fchmod = %s", Errno(err))
	_, err = call(unix.SYS_FCHOWN, fd, 0, 0)
	r.Say("fchown = %s", Errno(err))
}

const changeCalls = "chmod fchmodat chown lchown fchownat utimensat unlink unlinkat rmdir mkdir mkdirat mknod mknodat symlink symlinkat link linkat rename renameat2 fchmod fchown"

var changeCases = []Case{
	{Name: "change/as-root", Calls: changeCalls, Needs: Root, Known: true, Run: changes, Takes: ProcChanges},
	{Name: "change/as-nobody", Calls: changeCalls, Needs: Nobody, Known: true, Run: changes, Takes: ProcChanges},
}
