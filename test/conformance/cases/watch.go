package cases

import (
	"fmt"

	"golang.org/x/sys/unix"
)

var watchCases = []Case{
	{
		Name: "watch/inotify", Calls: "inotify_add_watch inotify_rm_watch",
		Run: func(r *Record) {
			ino, err := unix.InotifyInit1(unix.IN_NONBLOCK)
			if err != nil {
				r.Say("inotify_init1: %s", Errno(err))
				return
			}
			r.Hold(ino)
			for _, kind := range kinds {
				for _, mask := range []int{unix.IN_MODIFY, unix.IN_MODIFY | unix.IN_ONLYDIR, unix.IN_MODIFY | unix.IN_DONT_FOLLOW} {
					wd, err := call(unix.SYS_INOTIFY_ADD_WATCH, fdarg(ino), cstr(r.Path(kind)), uintptr(mask))
					r.Say("inotify_add_watch(%s, %#x) = %s, a descriptor: %v", kind, mask, Errno(err), wd > 0)
					if err == nil {
						_, err = call(unix.SYS_INOTIFY_RM_WATCH, fdarg(ino), uintptr(wd))
						r.Say("inotify_rm_watch = %s", Errno(err))
					}
				}
			}
			_, err = call(unix.SYS_INOTIFY_ADD_WATCH, fdarg(ino), cstr(r.Path("range")), 0)
			r.Say("no mask: %s", Errno(err))
			_, err = call(unix.SYS_INOTIFY_ADD_WATCH, fdarg(999), cstr(r.Path("range")), unix.IN_MODIFY)
			r.Say("no descriptor: %s", Errno(err))
		},
	},
	{
		Name: "watch/handle", Calls: "name_to_handle_at open_by_handle_at", Needs: Root,
		Run: func(r *Record) {
			for _, kind := range []string{"range", "keys", "keys/missing", "range/x", "range/"} {
				for _, flags := range []int{0, unix.AT_SYMLINK_FOLLOW, 1 << 30} {
					_, _, err := unix.NameToHandleAt(unix.AT_FDCWD, r.Path(kind), flags)
					r.Say("name_to_handle_at(%s, %#x) = %s", kind, flags, Errno(err))
				}
			}
			fd, err := unix.OpenByHandleAt(r.Fixture("/proc", unix.O_RDONLY), unix.NewFileHandle(1, make([]byte, 8)), unix.O_RDONLY)
			r.Say("open_by_handle_at on procfs = %s", r.opened(fd, err))
		},
		Takes: Handles,
	},
	{
		Name: "watch/fanotify", Calls: "fanotify_mark", Needs: Mounts, Known: true,
		Run: func(r *Record) {
			fan, err := unix.FanotifyInit(unix.FAN_CLASS_NOTIF, unix.O_RDONLY)
			if err != nil {
				r.Say("fanotify_init: %s", Errno(err))
				return
			}
			r.Hold(fan)
			for _, kind := range []string{"range", "keys", "keys/missing"} {
				err := unix.FanotifyMark(fan, unix.FAN_MARK_ADD, unix.FAN_OPEN, unix.AT_FDCWD, r.Path(kind))
				r.Say("fanotify_mark(%s) = %s", kind, Errno(err))
			}
		},
		Takes: Fanotify,
	},
	{
		// Two names that are the same file by every account that is given.
		Name: "watch/proc-status", Calls: "openat read", Like: Bare, Real: true,
		Run: func(r *Record) {
			for _, name := range []string{"/proc/self/comm", "/proc/sys/kernel/random/uuid", "/proc/uptime", "/proc/self/status"} {
				var st unix.Stat_t
				err := newfstatat(unix.AT_FDCWD, name, &st, 0)
				r.Say("%s: %s %s", name, Errno(err), fmt.Sprintf("%#o", st.Mode))
			}
		},
	},
}
