package cases

import "golang.org/x/sys/unix"

var accessModes = []int{unix.F_OK, unix.R_OK, unix.W_OK, unix.X_OK, unix.R_OK | unix.W_OK, 7, 8, -1}

func accessMatrix(r *Record) {
	for _, kind := range kinds {
		for _, mode := range accessModes {
			_, err := call(unix.SYS_FACCESSAT, fdarg(unix.AT_FDCWD), cstr(r.Path(kind)), uintptr(mode))
			r.Say("faccessat(%s, %d) = %s", kind, mode, Errno(err))
		}
	}
}

func access2Matrix(r *Record) {
	fd := r.Fixture("range", unix.O_PATH)
	for _, f := range []int{0, unix.AT_EACCESS, unix.AT_SYMLINK_NOFOLLOW, unix.AT_EMPTY_PATH, unix.AT_NO_AUTOMOUNT, 1 << 30} {
		for _, kind := range kinds {
			for _, mode := range accessModes {
				_, err := call(unix.SYS_FACCESSAT2, fdarg(unix.AT_FDCWD), cstr(r.Path(kind)), uintptr(mode), uintptr(f))
				r.Say("faccessat2(%s, %d, %#x) = %s", kind, mode, f, Errno(err))
			}
		}
		_, err := call(unix.SYS_FACCESSAT2, fdarg(fd), cstr(""), unix.R_OK, uintptr(f))
		r.Say("faccessat2(fd, \"\", R_OK, %#x) = %s", f, Errno(err))
	}
}

var accessCases = []Case{
	{Name: "access/faccessat", Calls: "faccessat", Needs: Root, Run: accessMatrix},
	{Name: "access/faccessat-as-nobody", Calls: "faccessat", Needs: Nobody, Run: accessMatrix},
	{
		Name: "access/faccessat2", Calls: "faccessat2", Needs: Root, Run: access2Matrix,
		Takes: Faccessat2,
	},
	{
		Name: "access/faccessat2-as-nobody", Calls: "faccessat2", Needs: Nobody, Run: access2Matrix,
		Takes: Faccessat2,
	},
	{
		Name: "access/old-call", Calls: "access", Needs: Root,
		Run: func(r *Record) {
			for _, kind := range kinds {
				for _, mode := range accessModes {
					_, err := call(unix.SYS_ACCESS, cstr(r.Path(kind)), uintptr(mode))
					r.Say("access(%s, %d) = %s", kind, mode, Errno(err))
				}
			}
		},
	},
	{
		// access(2) asks for the real uid, open(2) for the effective one.
		Name: "access/real-uid", Calls: "faccessat faccessat2 openat", Needs: Root | Own,
		Run: func(r *Record) {
			if _, err := call(unix.SYS_SETRESUID, 65534, 0, 0); err != nil {
				panic(Errno(err))
			}
			for _, kind := range []string{"range", "secret", "const", "keys"} {
				for _, mode := range []int{unix.R_OK, unix.W_OK} {
					_, err := call(unix.SYS_FACCESSAT, fdarg(unix.AT_FDCWD), cstr(r.Path(kind)), uintptr(mode))
					r.Say("real uid nobody: faccessat(%s, %d) = %s", kind, mode, Errno(err))
				}
				fd, err := openat(unix.AT_FDCWD, r.Path(kind), unix.O_RDONLY, 0)
				r.Say("real uid nobody: openat(%s) = %s", kind, r.opened(fd, err))
			}
		},
	},
}
