package acts

import (
	"fmt"
	"strings"

	"golang.org/x/sys/unix"
)

// ways lead from something that is served to the folder of the scene, or to the
// host's where there is a container. Each gives the descriptor and the name that
// names go on from.
var ways = []struct {
	name string
	open func(s *Scene) (dirfd int, base string, err error)
}{
	{"dot-dot", func(s *Scene) (int, string, error) { return unix.AT_FDCWD, s.path("served") + "/..", nil }},
	{"descriptor", func(s *Scene) (int, string, error) { return below(s, "served", 0, "..") }},
	{"path-descriptor", func(s *Scene) (int, string, error) { return below(s, "served", unix.O_PATH, "..") }},
	{"folder-of-groups", func(s *Scene) (int, string, error) { return below(s, "cgroup/memory/kept", 0, "../../..") }},
	{"working-folder", func(s *Scene) (int, string, error) { return unix.AT_FDCWD, "..", unix.Chdir(s.path("served")) }},
	{"magic-link", func(s *Scene) (int, string, error) {
		fd, _, err := below(s, "served", 0, "")
		return fd, fmt.Sprintf("/proc/self/fd/%d/..", fd), err
	}},
	{"own-root", func(s *Scene) (int, string, error) {
		return unix.AT_FDCWD, "/proc/self/root" + s.path("served") + "/..", nil
	}},
	{"link", func(s *Scene) (int, string, error) { return unix.AT_FDCWD, s.path("served/up"), nil }},
	{"closed-folder", func(s *Scene) (int, string, error) { return unix.AT_FDCWD, s.path("served/closed") + "/../..", nil }},
	{"bind-mount", func(s *Scene) (int, string, error) { return below(s, "bound", 0, "..") }},
	{"to-the-host", func(s *Scene) (int, string, error) {
		return below(s, "served", 0, strings.Repeat("../", 30)+s.Host[1:])
	}},
	{"groups-to-the-host", func(s *Scene) (int, string, error) {
		return below(s, "cgroup/memory", 0, strings.Repeat("../", 30)+s.Host[1:])
	}},
}

// below opens a folder to name something from it.
func below(s *Scene, dir string, flags int, base string) (int, string, error) {
	fd, err := unix.Open(s.path(dir), unix.O_DIRECTORY|unix.O_CLOEXEC|flags, 0)
	return fd, base, err
}

// What is tried at the end of each way.
var ends = []struct {
	name string
	do   func(dirfd int, base string) string
	// few marks what is tried at the end of two ways only, being much like others.
	few bool
}{
	{"read-secret", func(dirfd int, base string) string {
		return text(unix.Openat(dirfd, base+"/real/secret", unix.O_RDONLY|unix.O_CLOEXEC, 0))
	}, false},
	{"open-readonly-for-writing", func(dirfd int, base string) string {
		return closed(unix.Openat(dirfd, base+"/real/readonly", unix.O_RDWR|unix.O_CLOEXEC, 0))
	}, false},
	{"read-readonly", func(dirfd int, base string) string {
		return text(unix.Openat(dirfd, base+"/real/readonly", unix.O_RDONLY|unix.O_CLOEXEC, 0))
	}, false},
	{"open-beneath", func(dirfd int, base string) string {
		return text(unix.Openat2(dirfd, base+"/real/readonly", &unix.OpenHow{Flags: unix.O_RDONLY | unix.O_CLOEXEC, Resolve: unix.RESOLVE_BENEATH}))
	}, true},
	{"open-in-root", func(dirfd int, base string) string {
		return text(unix.Openat2(dirfd, base+"/real/readonly", &unix.OpenHow{Flags: unix.O_RDONLY | unix.O_CLOEXEC, Resolve: unix.RESOLVE_IN_ROOT}))
	}, false},
	{"look-into-closed", func(dirfd int, base string) string {
		var st unix.Stat_t
		return word(unix.Fstatat(dirfd, base+"/real/closed/there", &st, 0))
	}, false},
	{"list-closed", func(dirfd int, base string) string {
		return closed(unix.Openat(dirfd, base+"/real/closed", unix.O_DIRECTORY|unix.O_CLOEXEC, 0))
	}, true},
	{"mkdir", func(dirfd int, base string) string { return word(unix.Mkdirat(dirfd, base+"/real/made", 0o777)) }, false},
	{"mknod", func(dirfd int, base string) string {
		return word(unix.Mknodat(dirfd, base+"/real/made", unix.S_IFCHR|0o666, int(unix.Mkdev(1, 3))))
	}, true},
	{"symlink", func(dirfd int, base string) string { return word(unix.Symlinkat("secret", dirfd, base+"/real/made")) }, true},
	{"link", func(dirfd int, base string) string {
		return word(unix.Linkat(dirfd, base+"/real/theirs", dirfd, base+"/real/shared/made", 0))
	}, true},
	{"unlink", func(dirfd int, base string) string { return word(unix.Unlinkat(dirfd, base+"/real/shared/roots", 0)) }, false},
	{"rename", func(dirfd int, base string) string {
		return word(unix.Renameat(dirfd, base+"/real/readonly", dirfd, base+"/real/renamed"))
	}, true},
	{"chmod", func(dirfd int, base string) string {
		return word(unix.Fchmodat(dirfd, base+"/real/readonly", 0o666, 0))
	}, false},
	{"chown", func(dirfd int, base string) string {
		return word(unix.Fchownat(dirfd, base+"/real/readonly", StrangerID, 0, 0))
	}, true},
	{"mkdir-i386", func(dirfd int, base string) string { return word(call32Mkdirat(dirfd, base+"/real/made", 0o777)) }, false},
	{"open-i386", func(dirfd int, base string) string {
		return closed(call32Openat(dirfd, base+"/real/readonly", unix.O_RDWR|unix.O_CLOEXEC))
	}, false},
}

func wayActs() []Act {
	var list []Act
	for _, way := range ways {
		for _, end := range ends {
			if end.few && way.name != "descriptor" && way.name != "to-the-host" {
				continue
			}
			list = append(list, Act{Name: "way/" + way.name + "/" + end.name, Do: func(s *Scene) string {
				dirfd, base, err := way.open(s)
				if err != nil {
					return word(err)
				}
				defer func() { _ = unix.Chdir("/") }()
				if dirfd >= 0 {
					defer unix.Close(dirfd)
				}
				return end.do(dirfd, base)
			}})
		}
	}
	return list
}
