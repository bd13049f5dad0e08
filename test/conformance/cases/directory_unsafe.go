package cases

import (
	"encoding/binary"
	"fmt"
	"sort"
	"strings"

	"golang.org/x/sys/unix"
)

// A dirent is one entry as the kernel packed it.
type dirent struct {
	name string
	ino  uint64
	off  int64
	kind byte
}

// dirents reads what is left of a directory with buffers of one size.
func dirents(nr uintptr, fd, size int) (all []dirent, err error) {
	buf := make([]byte, size)
	for {
		n, err := call(nr, fdarg(fd), addr(buf), uintptr(size))
		if err != nil || n == 0 {
			return all, err
		}
		for b := buf[:n]; len(b) > 0; {
			reclen := binary.NativeEndian.Uint16(b[16:])
			if int(reclen) > len(b) || reclen < 19 || reclen%8 != 0 {
				return all, fmt.Errorf("bad record length %d of %d", reclen, len(b))
			}
			d := dirent{ino: binary.NativeEndian.Uint64(b), off: int64(binary.NativeEndian.Uint64(b[8:]))}
			name := b[18:reclen]
			if nr == unix.SYS_GETDENTS64 {
				d.kind, name = b[18], b[19:reclen]
			} else {
				d.kind = b[reclen-1]
			}
			d.name, _, _ = strings.Cut(string(name), "\x00")
			all = append(all, d)
			b = b[reclen:]
		}
	}
}

// listing is names and types, sorted; the order is the file system's affair.
func listing(entries []dirent) string {
	var names []string
	for _, e := range entries {
		names = append(names, fmt.Sprintf("%s:%d", e.name, e.kind))
	}
	sort.Strings(names)
	return strings.Join(names, " ")
}

var directoryCases = []Case{
	{
		Name: "directory/list", Calls: "getdents64 getdents",
		Run: func(r *Record) {
			for _, call := range []struct {
				name string
				nr   uintptr
			}{{"getdents64", unix.SYS_GETDENTS64}, {"getdents", unix.SYS_GETDENTS}} {
				for _, size := range []int{48, 64, 100, 200, 32768} {
					entries, err := dirents(call.nr, r.Fixture("keys", unix.O_RDONLY|unix.O_DIRECTORY), size)
					r.Say("%s, %d bytes at a time: %s %s", call.name, size, Errno(err), listing(entries))
				}
			}
		},
	},
	{
		// Few entries end in the first buffer: the second call finds the end.
		Name: "directory/one-entry", Calls: "getdents64 getdents",
		Run: func(r *Record) {
			for _, size := range []int{48, 100, 4096} {
				entries, err := dirents(unix.SYS_GETDENTS64, r.Fixture("one", unix.O_RDONLY), size)
				r.Say("getdents64, %d bytes: %s %s", size, Errno(err), listing(entries))
				entries, err = dirents(unix.SYS_GETDENTS, r.Fixture("one", unix.O_RDONLY), size)
				r.Say("getdents, %d bytes: %s %s", size, Errno(err), listing(entries))
			}
			r.Command("/usr/bin/find", r.Path("one"))
		},
	},
	{
		Name: "directory/small-buffer", Calls: "getdents64 getdents",
		Run: func(r *Record) {
			for _, size := range []int{0, 1, 8, 18, 19, 23} {
				fd := r.Fixture("keys", unix.O_RDONLY)
				_, err := dirents(unix.SYS_GETDENTS64, fd, size)
				r.Say("getdents64 with %d bytes = %s", size, Errno(err))
				_, err = dirents(unix.SYS_GETDENTS, fd, size)
				r.Say("getdents with %d bytes = %s", size, Errno(err))
			}
		},
	},
	{
		Name: "directory/dots", Calls: "getdents64",
		Run: func(r *Record) {
			entries, err := dirents(unix.SYS_GETDENTS64, r.Fixture("keys", unix.O_RDONLY), 4096)
			r.Say("%s: first %s, second %s", Errno(err), entries[0].name, entries[1].name)
		},
		Not: map[string]string{"gvisor": "a directory that is a union keeps the order of its kernel"},
	},
	{
		Name: "directory/rewind", Calls: "getdents64 lseek",
		Run: func(r *Record) {
			fd := r.Fixture("keys", unix.O_RDONLY)
			first, _ := dirents(unix.SYS_GETDENTS64, fd, 4096)
			rest, err := dirents(unix.SYS_GETDENTS64, fd, 4096)
			r.Say("at the end: %d entries, %s", len(rest), Errno(err))
			at, err := unix.Seek(fd, 0, unix.SEEK_SET)
			r.Say("lseek to 0 = %d %s", at, Errno(err))
			again, err := dirents(unix.SYS_GETDENTS64, fd, 4096)
			r.Say("again the same: %v %s", listing(first) == listing(again), Errno(err))
			for i := range first {
				if _, err := unix.Seek(fd, first[i].off, unix.SEEK_SET); err != nil {
					r.Say("lseek to d_off %d: %s", i, Errno(err))
					continue
				}
				tail, err := dirents(unix.SYS_GETDENTS64, fd, 4096)
				r.Say("after entry %d the rest comes: %v %s", i, listing(tail) == listing(first[i+1:]), Errno(err))
			}
		},
	},
	{
		Name: "directory/shared-offset", Calls: "getdents64 dup",
		Run: func(r *Record) {
			fd := r.Fixture("keys", unix.O_RDONLY)
			dup, err := unix.Dup(fd)
			r.Hold(dup)
			r.Say("dup: %s", Errno(err))
			first, _ := dirents(unix.SYS_GETDENTS64, fd, 4096)
			rest, err := dirents(unix.SYS_GETDENTS64, dup, 4096)
			r.Say("%d entries by one, %d left for the other, %s", len(first), len(rest), Errno(err))
		},
	},
	{
		Name: "directory/entries-agree", Calls: "getdents64 newfstatat openat",
		Run: func(r *Record) {
			for _, dir := range []string{"keys", "keys/..", "/proc/sys", "/proc/sys/kernel", "/proc/sys/vm"} {
				fd := r.Fixture(dir, unix.O_RDONLY)
				entries, err := dirents(unix.SYS_GETDENTS64, fd, 1024)
				seen, twice, inodes, types, missing := map[string]bool{}, 0, 0, 0, 0
				for _, e := range entries {
					if seen[e.name] {
						twice++
					}
					seen[e.name] = true
					if e.name == ".." {
						continue
					}
					var st unix.Stat_t
					if err := newfstatat(fd, e.name, &st, unix.AT_SYMLINK_NOFOLLOW); err != nil {
						missing++
						continue
					}
					if st.Ino != e.ino {
						inodes++
					}
					if byte(st.Mode>>12) != e.kind {
						types++
					}
				}
				r.Say("%s: %s, more than two: %v, twice %d, not there %d, other type %d, other inode %d", dir, Errno(err), len(entries) > 2, twice, missing, types, inodes)
			}
		},
		Takes: EntryInodes,
	},
	{
		Name: "directory/union", Calls: "getdents64", Like: Stated,
		Want: []string{
			"/proc/sys: shim 1 kernel 1",
			"/proc/sys/shim: keys 1 test 1",
			"/proc/sys/kernel: ngroups_max 1 panic 1 osrelease 1 keys 1",
			"/proc/sys/vm: panic_on_oom 1 admin_reserve_kbytes 1",
		},
		Run: func(r *Record) {
			for _, d := range []struct{ dir, names string }{
				{"/proc/sys", "shim kernel"},
				{"/proc/sys/shim", "keys test"},
				{"/proc/sys/kernel", "ngroups_max panic osrelease keys"},
				{"/proc/sys/vm", "panic_on_oom admin_reserve_kbytes"},
			} {
				fd, err := unix.Open(d.dir, unix.O_RDONLY, 0)
				if err != nil {
					r.Say("%s: %s", d.dir, Errno(err))
					continue
				}
				r.Hold(fd)
				entries, _ := dirents(unix.SYS_GETDENTS64, fd, 300)
				text := d.dir + ":"
				for _, name := range strings.Fields(d.names) {
					n := 0
					for _, e := range entries {
						if e.name == name {
							n++
						}
					}
					text += fmt.Sprintf(" %s %d", name, n)
				}
				r.Say("%s", text)
			}
		},
	},
	{
		Name: "directory/nothing-lost", Calls: "getdents64 newfstatat openat", Like: Bare, Real: true,
		// What the kernel lists is still listed: served names only come on top.
		Run: func(r *Record) {
			for _, dir := range []string{"/proc/self", "/sys", "/sys/fs"} {
				fd, err := unix.Open(dir, unix.O_RDONLY, 0)
				if err != nil {
					r.Say("%s: %s", dir, Errno(err))
					continue
				}
				r.Hold(fd)
				entries, err := dirents(unix.SYS_GETDENTS64, fd, 200)
				r.Say("%s: %s %s", dir, listing(entries), Errno(err))
			}
		},
	},
	{
		Name: "directory/errors", Calls: "getdents64 getdents",
		Run: func(r *Record) {
			_, err := dirents(unix.SYS_GETDENTS64, r.Fixture("range", unix.O_RDONLY), 4096)
			r.Say("of a file: %s", Errno(err))
			_, err = dirents(unix.SYS_GETDENTS64, r.Fixture("keys", unix.O_PATH), 4096)
			r.Say("of an O_PATH descriptor: %s", Errno(err))
			_, err = dirents(unix.SYS_GETDENTS64, 999, 4096)
			r.Say("of no descriptor: %s", Errno(err))
			_, err = unix.Read(r.Fixture("keys", unix.O_RDONLY), make([]byte, 100))
			r.Say("read of a directory: %s", Errno(err))
			_, err = unix.Write(r.Fixture("keys", unix.O_RDONLY), make([]byte, 100))
			r.Say("write to a directory: %s", Errno(err))
		},
	},
}
