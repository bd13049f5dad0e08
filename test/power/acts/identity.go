package acts

import (
	"os"

	"golang.org/x/sys/unix"
)

// What a caller may become, and what of the machine it may change.
var identityActs = []Act{
	{Name: "identity/become-root", Not: []string{Root, Powerless, OwnRoot}, Do: func(*Scene) string { return word(rawSetuid(0)) }},
	{Name: "identity/take-groups", Do: func(*Scene) string { return word(rawSetgroups()) }},
	{Name: "identity/chroot", Alone: true, Not: []string{Root}, Do: func(s *Scene) string { return word(unix.Chroot(s.path("real/shared"))) }},
	{Name: "identity/new-mounts", Alone: true, Not: []string{Root}, Do: func(*Scene) string { return word(unix.Unshare(unix.CLONE_NEWNS)) }},
	{Name: "identity/host-name", Not: []string{Root}, Do: func(*Scene) string { return word(unix.Sethostname([]byte("taken"))) }},
	{Name: "identity/kernel-log", Do: func(*Scene) string {
		_, err := unix.Klogctl(unix.SYSLOG_ACTION_CLEAR, nil)
		return word(err)
	}, Not: []string{Root}},
	{Name: "identity/ports", Not: []string{Root}, Do: func(*Scene) string {
		_, err := call(portCall, 3)
		return word(err)
	}},
	{Name: "identity/time", Not: []string{Root}, Do: func(*Scene) string { return word(unix.Settimeofday(&unix.Timeval{Sec: 1})) }},
	{Name: "identity/accounting", Not: []string{Root}, Do: func(*Scene) string { return word(unix.Acct("")) }},
	{Name: "identity/quota", Not: []string{Root}, Do: func(*Scene) string {
		_, err := call(unix.SYS_QUOTACTL, 0x800003<<8, 0, 0, 0) // Q_QUOTAOFF
		return word(err)
	}},
	{Name: "identity/raise-limit", Not: []string{Root}, Do: func(*Scene) string {
		var limit unix.Rlimit
		if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
			return word(err)
		}
		limit.Max++
		return word(unix.Prlimit(os.Getpid(), unix.RLIMIT_NOFILE, &limit, nil))
	}},
	{Name: "identity/device", Do: func(s *Scene) string {
		return word(unix.Mknod(s.path("real/shared/made"), unix.S_IFCHR|0o666, int(unix.Mkdev(1, 3))))
	}},
	{Name: "identity/device-behind-the-mount", Do: func(s *Scene) string {
		return word(unix.Mknod(s.path("bound/made"), unix.S_IFCHR|0o666, int(unix.Mkdev(1, 3))))
	}},
	{Name: "identity/set-user-id", Do: func(s *Scene) string {
		name := s.path("real/shared/made")
		if err := os.WriteFile(name, nil, 0o755); err != nil {
			return word(err)
		}
		_ = os.Chown(name, 0, 0)
		var st unix.Stat_t
		if err := unix.Chmod(name, 0o4755); err != nil {
			return word(err)
		}
		_ = unix.Stat(name, &st)
		if st.Uid == 0 && st.Mode&unix.S_ISUID != 0 {
			return "done"
		}
		return "one of its own"
	}},
	{Name: "identity/handle", Do: func(s *Scene) string {
		handle, mount, err := unix.NameToHandleAt(unix.AT_FDCWD, s.path("real/shared/roots"), 0)
		if err != nil {
			return "no handle"
		}
		_ = mount
		dir, err := unix.Open(s.path("real"), unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
		if err != nil {
			return word(err)
		}
		defer unix.Close(dir)
		return closed(unix.OpenByHandleAt(dir, handle, unix.O_RDONLY|unix.O_CLOEXEC))
	}},
}
