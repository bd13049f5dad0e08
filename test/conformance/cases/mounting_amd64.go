package cases

import "golang.org/x/sys/unix"

// legacyCalls are those of mounts/calls that only older architectures have.
func legacyCalls(s *stage, do func(what, name string, nr uintptr, args ...uintptr), path func(string) uintptr) {
	do("mkdir", "b", unix.SYS_MKDIR, path("b"), 0o777)
	do("rmdir", "b", unix.SYS_RMDIR, path("b"))
	do("mknod", "m", unix.SYS_MKNOD, path("m"), unix.S_IFREG|0o666, 0)
	do("symlink", "s", unix.SYS_SYMLINK, cstr("m"), path("s"))
	do("link", "k", unix.SYS_LINK, path("m"), path("k"))
	do("rename", "r", unix.SYS_RENAME, path("k"), path("r"))
	do("unlink", "r", unix.SYS_UNLINK, path("r"))
	do("chmod", "m", unix.SYS_CHMOD, path("m"), 0o600)
	do("chown", "m", unix.SYS_CHOWN, path("m"), 1, 2)
	do("lchown", "s", unix.SYS_LCHOWN, path("s"), 1, 2)
	times := [4]int64{3000, 0, 4000, 0}
	do("utimes", "m", unix.SYS_UTIMES, path("m"), pointer(&times))
	do("utime", "m", unix.SYS_UTIME, path("m"), pointer(&times))
	do("futimesat", "m", unix.SYS_FUTIMESAT, fdarg(unix.AT_FDCWD), path("m"), pointer(&times))
	do("access", "m", unix.SYS_ACCESS, path("m"), unix.R_OK)
	do("readlink of a file", "m", unix.SYS_READLINK, path("m"), pointer(&times), 4)
	var st unix.Stat_t
	_, err := call(unix.SYS_LSTAT, path("s"), pointer(&st))
	s.say("lstat %s %#o", Errno(err), st.Mode)
	_, err = call(unix.SYS_STAT, path("s"), pointer(&st))
	s.say("stat %s %#o %d", Errno(err), st.Mode, st.Mtim.Sec)
	fd, err := call(unix.SYS_CREAT, path("c"), 0o640)
	s.say("creat %s", Errno(err))
	s.Hold(int(fd))
	fd, err = call(unix.SYS_OPEN, path("s"), unix.O_NOFOLLOW)
	s.say("open %s", Errno(err))
	s.Hold(int(fd))
}
