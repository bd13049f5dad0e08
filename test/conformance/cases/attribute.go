package cases

import "golang.org/x/sys/unix"

var attributeCases = []Case{
	{
		Name: "attribute/path", Calls: "getxattr lgetxattr setxattr lsetxattr listxattr llistxattr removexattr lremovexattr",
		Run: func(r *Record) {
			for _, kind := range []string{"range", "const", "keys", "keys/missing", "range/x"} {
				path := cstr(r.Path(kind))
				buf := make([]byte, 100)
				for _, attr := range []string{"user.x", "security.selinux", "trusted.x", "nonsense", ""} {
					name := cstr(attr)
					n, err := call(unix.SYS_GETXATTR, path, name, addr(buf), 100)
					r.Say("getxattr(%s, %s) = %d %s", kind, attr, n, Errno(err))
					n, err = call(unix.SYS_LGETXATTR, path, name, addr(buf), 100)
					r.Say("lgetxattr(%s, %s) = %d %s", kind, attr, n, Errno(err))
					_, err = call(unix.SYS_SETXATTR, path, name, addr(buf), 1, 0)
					r.Say("setxattr(%s, %s) = %s", kind, attr, Errno(err))
					_, err = call(unix.SYS_LSETXATTR, path, name, addr(buf), 1, 0)
					r.Say("lsetxattr(%s, %s) = %s", kind, attr, Errno(err))
					_, err = call(unix.SYS_REMOVEXATTR, path, name)
					r.Say("removexattr(%s, %s) = %s", kind, attr, Errno(err))
					_, err = call(unix.SYS_LREMOVEXATTR, path, name)
					r.Say("lremovexattr(%s, %s) = %s", kind, attr, Errno(err))
				}
				n, err := call(unix.SYS_LISTXATTR, path, addr(buf), 100)
				r.Say("listxattr(%s) = %d %s", kind, n, Errno(err))
				n, err = call(unix.SYS_LLISTXATTR, path, 0, 0)
				r.Say("llistxattr(%s, size 0) = %d %s", kind, n, Errno(err))
			}
		},
		Takes: ProcXattr,
	},
	{
		Name: "attribute/descriptor", Calls: "fgetxattr fsetxattr flistxattr fremovexattr",
		Run: func(r *Record) {
			for _, kind := range []string{"range", "keys"} {
				fd := fdarg(r.Fixture(kind, unix.O_RDONLY))
				buf := make([]byte, 100)
				n, err := call(unix.SYS_FGETXATTR, fd, cstr("user.x"), addr(buf), 100)
				r.Say("fgetxattr(%s) = %d %s", kind, n, Errno(err))
				n, err = call(unix.SYS_FLISTXATTR, fd, addr(buf), 100)
				r.Say("flistxattr(%s) = %d %s", kind, n, Errno(err))
				_, err = call(unix.SYS_FSETXATTR, fd, cstr("user.x"), addr(buf), 1, 0)
				r.Say("fsetxattr(%s) = %s", kind, Errno(err))
				_, err = call(unix.SYS_FREMOVEXATTR, fd, cstr("user.x"))
				r.Say("fremovexattr(%s) = %s", kind, Errno(err))
			}
		},
		Takes: ProcXattr,
	},
	{
		// What every ls -l asks: that there is none is an answer, that there
		// is no such file is not.
		Name: "attribute/present", Calls: "getxattr listxattr",
		Run: func(r *Record) {
			for _, kind := range []string{"range", "keys", "keys/missing"} {
				buf := make([]byte, 100)
				_, err := call(unix.SYS_GETXATTR, cstr(r.Path(kind)), cstr("security.capability"), addr(buf), 100)
				r.Say("getxattr(%s): no such file: %v", kind, err == unix.ENOENT)
				_, err = call(unix.SYS_LISTXATTR, cstr(r.Path(kind)), addr(buf), 100)
				r.Say("listxattr(%s): no such file: %v", kind, err == unix.ENOENT)
			}
		},
	},
}
