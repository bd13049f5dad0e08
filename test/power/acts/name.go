package acts

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// What is tried with each name.
var tries = []struct {
	name string
	do   func(s *Scene, dirfd int, path string) string
	// changes marks what the kernel does with a name, whatever is served there.
	changes bool
}{
	{"read", func(_ *Scene, dirfd int, path string) string {
		return text(unix.Openat(dirfd, path, unix.O_RDONLY|unix.O_CLOEXEC|unix.O_NONBLOCK, 0))
	}, false},
	{"write", func(s *Scene, dirfd int, path string) string {
		fd, err := unix.Openat(dirfd, path, unix.O_WRONLY|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
		return scribble(s, fd, err)
	}, false},
	{"read-and-write", func(_ *Scene, dirfd int, path string) string {
		return closed(unix.Openat(dirfd, path, unix.O_RDWR|unix.O_CLOEXEC|unix.O_NONBLOCK, 0))
	}, false},
	{"open-to-truncate", func(_ *Scene, dirfd int, path string) string {
		return closed(unix.Openat(dirfd, path, unix.O_RDONLY|unix.O_TRUNC|unix.O_CLOEXEC|unix.O_NONBLOCK, 0))
	}, false},
	{"create", func(_ *Scene, dirfd int, path string) string {
		return closed(unix.Openat(dirfd, path, unix.O_WRONLY|unix.O_CREAT|unix.O_CLOEXEC|unix.O_NONBLOCK, 0o666))
	}, false},
	{"stat", func(_ *Scene, dirfd int, path string) string {
		var st unix.Stat_t
		return word(unix.Fstatat(dirfd, path, &st, 0))
	}, false},
	{"statx", func(_ *Scene, dirfd int, path string) string {
		var st unix.Statx_t
		return word(unix.Statx(dirfd, path, 0, unix.STATX_BASIC_STATS, &st))
	}, false},
	{"access-to-write", func(_ *Scene, dirfd int, path string) string {
		return word(unix.Faccessat(dirfd, path, unix.W_OK, 0))
	}, false},
	{"path-descriptor", func(s *Scene, dirfd int, path string) string {
		fd, err := unix.Openat(dirfd, path, unix.O_PATH|unix.O_CLOEXEC, 0)
		if err != nil {
			return word(err)
		}
		defer unix.Close(fd)
		fd, err = unix.Open(fmt.Sprintf("/proc/self/fd/%d", fd), unix.O_WRONLY|unix.O_CLOEXEC, 0)
		return scribble(s, fd, err)
	}, false},
	{"chmod", func(_ *Scene, dirfd int, path string) string { return word(unix.Fchmodat(dirfd, path, 0o777, 0)) }, true},
	{"chown", func(s *Scene, dirfd int, path string) string {
		return word(unix.Fchownat(dirfd, path, id(s.Caller), 0, 0))
	}, true},
	{"give-away", func(_ *Scene, dirfd int, path string) string {
		return word(unix.Fchownat(dirfd, path, StrangerID, StrangerID, 0))
	}, true},
	{"unlink", func(_ *Scene, dirfd int, path string) string { return word(unix.Unlinkat(dirfd, path, 0)) }, true},
	{"rename", func(s *Scene, dirfd int, path string) string {
		return word(unix.Renameat(dirfd, path, unix.AT_FDCWD, s.path("real/shared/renamed")))
	}, true},
	{"rename-over", func(s *Scene, dirfd int, path string) string {
		own := s.path("real/shared/own")
		if fd, err := unix.Open(own, unix.O_CREAT|unix.O_WRONLY|unix.O_CLOEXEC, 0o666); err == nil {
			_ = unix.Close(fd)
			defer func() { _ = unix.Unlink(own) }()
		}
		return word(unix.Renameat(unix.AT_FDCWD, own, dirfd, path))
	}, true},
	{"link", func(s *Scene, dirfd int, path string) string {
		return word(unix.Linkat(dirfd, path, unix.AT_FDCWD, s.path("real/shared/linked"), unix.AT_SYMLINK_FOLLOW))
	}, true},
	{"utimes", func(_ *Scene, dirfd int, path string) string {
		return word(unix.UtimesNanoAt(dirfd, path, []unix.Timespec{{Sec: 1}, {Sec: 2}}, 0))
	}, true},
}

// named are the names that everything is tried with. What comes after a name is
// all that is tried with it, everything where nothing comes.
var named = []struct{ name, only string }{
	{"real/secret", ""},
	{"real/readonly", "write,chmod,unlink,rename,create"},
	{"real/theirs", "read,write,chmod,give-away,unlink"},
	{"real/shared/roots", "write,unlink,rename,rename-over"},
	{Covered, ""},
	{"served/secret", ""},
	{"served/readonly", ""},
	{"served/writable", "write,open-to-truncate,create,path-descriptor"},
	{"served/group", "read,write,access-to-write,path-descriptor"},
	{"served/theirs", "read,write,access-to-write,path-descriptor,chmod,chown"},
	{"served/everybodys", "read,write,access-to-write,path-descriptor,chown,unlink"},
	{"served/closed/there", "read,write,stat,statx,access-to-write,path-descriptor,unlink"},
	{"served/new", "create"},
	{"bound/private", ""},
	{"bound/readonly", "write,open-to-truncate,chmod,chown,give-away,unlink,rename,rename-over,link,utimes"},
	{"bound/closed/there", "read,write,stat,unlink"},
	{"bound/new", "create"},
}

func nameActs() []Act {
	var list []Act
	for _, n := range named {
		for _, try := range tries {
			if n.only != "" && !strings.Contains(","+n.only+",", ","+try.name+",") {
				continue
			}
			act := Act{Name: "name/" + n.name + "/" + try.name, Do: func(s *Scene) string {
				return try.do(s, unix.AT_FDCWD, s.path(n.name))
			}}
			if n.name == Covered && try.changes {
				// Root may, and would change the kernel's own file.
				act.Not = []string{Root, Powerless}
			}
			list = append(list, act)
		}
	}
	// Whether a file is there is nobody's business who may not search its folder.
	for _, dir := range []string{"real", "served", "bound"} {
		for _, name := range []string{"there", "missing"} {
			for _, how := range slices.Sorted(maps.Keys(oracles)) {
				list = append(list, Act{Name: "oracle/" + dir + "/" + name + "/" + how, Exact: true, Do: func(s *Scene) string {
					return word(oracles[how](s.path(dir + "/closed/" + name)))
				}})
			}
		}
	}
	return list
}

// oracles are calls that tell whether a name is there.
var oracles = map[string]func(path string) error{
	"stat":     func(path string) error { var st unix.Stat_t; return unix.Stat(path, &st) },
	"statfs":   func(path string) error { var st unix.Statfs_t; return unix.Statfs(path, &st) },
	"access":   func(path string) error { return unix.Access(path, unix.F_OK) },
	"readlink": func(path string) error { _, err := unix.Readlink(path, make([]byte, 10)); return err },
	"truncate": func(path string) error { return unix.Truncate(path+"/below", 0) },
	"getxattr": func(path string) error { _, err := unix.Getxattr(path+"/below", "user.power", nil); return err },
	"chdir":    func(path string) error { return unix.Chdir(path + "/below") },
	"inotify": func(path string) error {
		fd, err := unix.InotifyInit1(unix.IN_CLOEXEC)
		if err != nil {
			return err
		}
		defer unix.Close(fd)
		_, err = unix.InotifyAddWatch(fd, path, unix.IN_OPEN)
		return err
	},
}
