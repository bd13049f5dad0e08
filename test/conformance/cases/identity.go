package cases

import (
	"fmt"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// What the test's profile tells about the machine.
const (
	toldRelease = "5.15.0-shimrun"
	toldVersion = "#1 SMP conformance"
	toldMemory  = 3 << 30
	toldSwap    = 1 << 30
)

func text(b []byte) string {
	s, _, _ := strings.Cut(string(b), "\x00")
	return s
}

var identityCases = []Case{
	{
		Name: "identity/uname", Calls: "uname", Like: Stated,
		Want: []string{
			"ok Linux " + toldRelease + " " + toldVersion,
			"osrelease as uname: true",
			"version as uname: true",
			"/proc/version as uname: true",
			"uname: " + toldRelease + " " + toldVersion,
		},
		Run: func(r *Record) {
			var u unix.Utsname
			_, err := call(unix.SYS_UNAME, pointer(&u))
			release, version := text(u.Release[:]), text(u.Version[:])
			r.Say("%s %s %s %s", Errno(err), text(u.Sysname[:]), release, version)
			file := func(name string) string { b, _ := os.ReadFile(name); return string(b) }
			r.Say("osrelease as uname: %v", file("/proc/sys/kernel/osrelease") == release+"\n")
			r.Say("version as uname: %v", file("/proc/sys/kernel/version") == version+"\n")
			line := file("/proc/version")
			r.Say("/proc/version as uname: %v", strings.HasPrefix(line, "Linux version "+release+" ") && strings.HasSuffix(line, " "+version+"\n"))
			r.Command("/bin/uname", "-rv")
		},
	},
	{
		Name: "identity/uname-rest", Calls: "uname", Like: Bare, Real: true,
		Run: func(r *Record) {
			var u unix.Utsname
			_, err := call(unix.SYS_UNAME, pointer(&u))
			r.Say("%s %s %s", Errno(err), text(u.Nodename[:]), text(u.Machine[:]))
			_, err = call(unix.SYS_UNAME, 8)
			r.Say("to a bad pointer: %s", Errno(err))
			_, err = call(unix.SYS_UNAME, 0)
			r.Say("to NULL: %s", Errno(err))
			end, _ := guarded()
			_, err = call(unix.SYS_UNAME, end-200)
			r.Say("half mapped: %s", Errno(err))
		},
	},
	{
		Name: "identity/memory", Calls: "sysinfo", Like: Stated,
		Want: []string{
			"ok",
			fmt.Sprintf("memory %d swap %d", toldMemory, toldSwap),
			"no more free than there is: true",
			fmt.Sprintf("MemTotal: %d kB", toldMemory>>10),
			fmt.Sprintf("SwapTotal: %d kB", toldSwap>>10),
			"MemFree below MemTotal: true",
			"bad pointer: EFAULT",
		},
		Run: func(r *Record) {
			var info unix.Sysinfo_t
			_, err := call(unix.SYS_SYSINFO, pointer(&info))
			unit := uint64(info.Unit)
			r.Say("%s", Errno(err))
			r.Say("memory %d swap %d", info.Totalram*unit, info.Totalswap*unit)
			r.Say("no more free than there is: %v", info.Freeram <= info.Totalram && info.Freeswap <= info.Totalswap)
			total, free := 0, 0
			b, _ := os.ReadFile("/proc/meminfo")
			for _, line := range strings.Split(string(b), "\n") {
				_, _ = fmt.Sscanf(line, "MemTotal: %d kB", &total)
				_, _ = fmt.Sscanf(line, "MemFree: %d kB", &free)
				if strings.HasPrefix(line, "MemTotal:") || strings.HasPrefix(line, "SwapTotal:") {
					r.Say("%s", strings.Join(strings.Fields(line), " "))
				}
			}
			r.Say("MemFree below MemTotal: %v", free <= total && total > 0)
			_, err = call(unix.SYS_SYSINFO, 8)
			r.Say("bad pointer: %s", Errno(err))
		},
	},
	{
		Name: "identity/filesystems", Calls: "openat read", Like: Stated, Has: "native",
		Want: []string{"ext4 1", "proc 1"},
		Run: func(r *Record) {
			b, _ := os.ReadFile("/proc/filesystems")
			count := func(name string) (n int) {
				for _, line := range strings.Split(string(b), "\n") {
					if f := strings.Fields(line); len(f) > 0 && f[len(f)-1] == name {
						n++
					}
				}
				return n
			}
			r.Say("ext4 %d", count("ext4"))
			r.Say("proc %d", count("proc"))
		},
	},
	{
		Name: "identity/generated-files", Calls: "openat newfstatat getdents64", Like: Stated,
		Want: []string{
			`/proc/shimtest: "told\n" 0100440`,
			`/shimtest/file: ENOENT 0`,
			`/proc/shimlink: "told\n" 0100440`,
			"lstat link: ok 0120777",
			"link: shimtest ok",
			"listed once: shimtest 1 shimlink 1",
		},
		Needs: Root,
		Run: func(r *Record) {
			for _, name := range []string{"/proc/shimtest", "/shimtest/file", "/proc/shimlink"} {
				var st unix.Stat_t
				_ = newfstatat(unix.AT_FDCWD, name, &st, 0)
				r.Say("%s: %s %#o", name, r.Content(name), st.Mode)
			}
			var st unix.Stat_t
			err := stat2(unix.SYS_LSTAT, "/proc/shimlink", &st)
			r.Say("lstat link: %s %#o", Errno(err), st.Mode)
			link, err := os.Readlink("/proc/shimlink")
			r.Say("link: %s %s", link, Errno(err))
			n, m := 0, 0
			entries, _ := os.ReadDir("/proc")
			for _, e := range entries {
				if e.Name() == "shimtest" {
					n++
				}
				if e.Name() == "shimlink" {
					m++
				}
			}
			r.Say("listed once: shimtest %d shimlink %d", n, m)
		},
	},
	{
		Name: "identity/call-answers", Calls: "swapoff", Like: Stated,
		Want: []string{"swapoff: EDOM"},
		Run: func(r *Record) {
			_, err := call(unix.SYS_SWAPOFF, cstr("/nonexistent"))
			r.Say("swapoff: %s", Errno(err))
		},
	},
}
