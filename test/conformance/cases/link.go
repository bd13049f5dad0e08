package cases

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// upward is a relative path from a directory to the root.
func upward(dir string) string {
	return strings.Repeat("../", strings.Count(filepath.Clean(dir), "/"))
}

// links makes symbolic links to served names, moments before they are used.
func links(r *Record) string {
	dir := r.Tmp()
	for name, target := range map[string]string{
		"absolute":    r.Path("const"),
		"relative":    upward(dir) + r.Path("const")[1:],
		"dir":         r.Path("keys"),
		"relativedir": upward(dir) + r.Path("keys")[1:],
		"slash":       r.Path("keys") + "/",
		"chain":       "chain2",
		"chain2":      "./absolute",
		"loop":        "loop2",
		"loop2":       "loop",
		"self":        "/proc/self/root" + r.Path("const"),
		"sys":         "/proc/sys",
		"broken":      r.Path("keys") + "/missing",
		"through":     r.Path("const") + "/x",
	} {
		if err := os.Symlink(target, filepath.Join(dir, name)); err != nil {
			panic(err)
		}
	}
	last := "absolute"
	for i := range 45 {
		name := fmt.Sprintf("n%d", i)
		if err := os.Symlink(last, filepath.Join(dir, name)); err != nil {
			panic(err)
		}
		last = name
	}
	return dir
}

var linkNames = []string{
	"absolute", "relative", "chain", "loop", "self", "broken", "through", "n10", "n38", "n39", "n40", "n44",
	"dir", "dir/", "dir/maxkeys", "dir/../keys/maxkeys", "relativedir/maxkeys", "slash", "slash/maxkeys", "absolute/", "absolute/.", "dir/missing",
}

var linkCases = []Case{
	{
		Name: "link/open", Calls: "openat",
		Takes: LinkErrors,
		Run: func(r *Record) {
			dir := links(r)
			for _, name := range linkNames {
				for _, f := range []struct {
					name string
					bits int
				}{{"RDONLY", unix.O_RDONLY}, {"NOFOLLOW", unix.O_NOFOLLOW}, {"DIRECTORY", unix.O_DIRECTORY}, {"DIRECTORY|NOFOLLOW", unix.O_DIRECTORY | unix.O_NOFOLLOW}, {"CREAT|EXCL", unix.O_CREAT | unix.O_EXCL}, {"PATH", unix.O_PATH}, {"PATH|NOFOLLOW", unix.O_PATH | unix.O_NOFOLLOW}} {
					fd, err := openat(unix.AT_FDCWD, dir+"/"+name, f.bits, 0o600)
					r.Say("openat(%s, %s) = %s", name, f.name, r.opened(fd, err))
				}
			}
		},
	},
	{
		Name: "link/stat", Calls: "stat lstat newfstatat statx",
		Run: func(r *Record) {
			dir := links(r)
			for _, name := range linkNames {
				var st unix.Stat_t
				err := newfstatat(unix.AT_FDCWD, dir+"/"+name, &st, 0)
				r.Say("stat(%s) = %s %#o", name, Errno(err), st.Mode)
				st.Mode = 0
				err = newfstatat(unix.AT_FDCWD, dir+"/"+name, &st, unix.AT_SYMLINK_NOFOLLOW)
				r.Say("lstat(%s) = %s %#o", name, Errno(err), st.Mode)
				var x unix.Statx_t
				err = statx(unix.AT_FDCWD, dir+"/"+name, 0, unix.STATX_BASIC_STATS, &x)
				r.Say("statx(%s) = %s %#o", name, Errno(err), x.Mode)
			}
		},
	},
	{
		Name: "link/others", Calls: "faccessat statfs chdir truncate readlink",
		Run: func(r *Record) {
			dir := links(r)
			for _, name := range linkNames {
				path := cstr(dir + "/" + name)
				_, err := call(unix.SYS_FACCESSAT, fdarg(unix.AT_FDCWD), path, unix.W_OK)
				r.Say("faccessat(%s, W_OK) = %s", name, Errno(err))
				var st unix.Statfs_t
				err = statfs(dir+"/"+name, &st)
				r.Say("statfs(%s) = %s %#x", name, Errno(err), st.Type)
				_, err = call(unix.SYS_CHDIR, path)
				r.Say("chdir(%s) = %s", name, Errno(err))
				_ = unix.Chdir("/")
				buf := make([]byte, 200)
				_, err = call(unix.SYS_READLINK, path, addr(buf), uintptr(len(buf)))
				r.Say("readlink(%s) = %s", name, Errno(err))
			}
		},
	},
	{
		Name: "link/made-below", Calls: "symlinkat openat",
		// A relative link leads from where the link is, not from the working directory.
		Run: func(r *Record) {
			dir := r.Tmp()
			_ = os.MkdirAll(dir+"/a/b", 0o755)
			_ = os.Symlink("../x", dir+"/a/b/up")
			_ = os.Symlink(r.Path("const"), dir+"/a/x")
			_ = unix.Chdir(r.Path("keys"))
			r.Say("%s", r.Content(dir+"/a/b/up"))
			_ = os.Remove(dir + "/a/x")
			_ = os.Symlink(r.Path("range"), dir+"/a/x")
			r.Say("led elsewhere: %s", r.Content(dir+"/a/b/up"))
			_ = os.Remove(dir + "/a/x")
			r.Say("gone: %s", r.Content(dir+"/a/b/up"))
		},
	},
	{
		Name: "link/no-permission", Calls: "openat newfstatat", Needs: Nobody, Real: true,
		Run: func(r *Record) {
			dir := r.Tmp()
			_ = os.Mkdir(dir+"/closed", 0o700)
			_ = os.Symlink(r.Path("const"), dir+"/closed/link")
			_ = os.Chmod(dir+"/closed", 0)
			r.Say("through a closed directory: %s", r.Content(dir+"/closed/link"))
			r.Say("and out of it: %s", r.Content(dir+"/closed/../../.."+r.Path("const")))
			var st unix.Stat_t
			r.Say("stat: %s", Errno(newfstatat(unix.AT_FDCWD, dir+"/closed/link", &st, 0)))
		},
	},
}
