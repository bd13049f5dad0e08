package shim

import (
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// needsRoot skips a test that others cannot make; in CI it fails.
func needsRoot(t *testing.T) {
	t.Helper()
	switch {
	case os.Geteuid() == 0:
	case os.Getenv("CI") == "true":
		t.Fatal("takes root")
	default:
		t.Skip("takes root")
	}
}

// elsewhere is a thread that has gone somewhere, and ends with the test.
func elsewhere(t *testing.T, goes func() error) (tid int) {
	t.Helper()
	needsRoot(t)
	done := make(chan struct{})
	made := make(chan error)
	var take func()
	take = func() {
		runtime.LockOSThread() // and ends with the goroutine
		if tid = unix.Gettid(); tid == os.Getpid() {
			go take() // whose root is that of all the others, in /proc/self
			<-done
			runtime.UnlockOSThread()
			return
		}
		made <- goes()
		<-done
	}
	go take()
	if err := <-made; err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { close(done) })
	return tid
}

// chrooted is one with another root.
func chrooted(t *testing.T, root string) (tid int) {
	t.Helper()
	return elsewhere(t, func() error {
		if err := unix.Unshare(unix.CLONE_FS); err != nil {
			return err
		}
		return unix.Chroot(root)
	})
}

// TestOrdinaryInAnotherRoot holds the one look against the walk, for a thread whose
// absolute links lead elsewhere than the supervisor's.
func TestOrdinaryInAnotherRoot(t *testing.T) {
	dir := t.TempDir()
	root := filepath.Join(dir, "root")
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, folder := range []string{"folder", "folder/below", "etc", "proc"} {
		must(os.MkdirAll(filepath.Join(root, folder), 0o755))
	}
	for _, file := range []string{"folder/file", "etc/passwd"} {
		must(os.WriteFile(filepath.Join(root, file), nil, 0o644))
	}
	for name, text := range map[string]string{
		"relative": "folder", "absolute": "/folder", "folder/up": "../folder/file", "leads-out": "../../../../../proc/sys/kernel",
		"panic": "/proc/sys/kernel/panic", "etc-of-its-own": "/etc", "hangs": "nowhere", "served": filepath.Join(dir, "served"),
		"to-served": root + "/leads-to-served", "leads-to-served": dir + "/served",
	} {
		must(os.Symlink(text, filepath.Join(root, name)))
	}
	must(os.Link(filepath.Join(root, "folder/file"), filepath.Join(root, "linked")))
	must(os.WriteFile(filepath.Join(dir, "served"), nil, 0o644))
	must(os.Link(filepath.Join(dir, "served"), filepath.Join(root, "folder/real-of-served")))

	s := newShim(t, dir)
	s.passing.roots.Store(true)
	w := s.Worker()
	tid := chrooted(t, root)
	folder, err := unix.Open(filepath.Join(root, "folder"), unix.O_PATH|unix.O_CLOEXEC, 0)
	must(err)
	defer unix.Close(folder)
	ordinary := map[string]bool{
		"/folder/file": true, "/folder": true, "/folder/": true, "//folder//./file": true, "/relative/file": true, "/folder/up": true,
		"/linked": true, "/folder/missing": true, "/folder/missing/below": true, "/missing": true, "/folder/file/below": true, "/": true,
		"/etc/passwd": true, "/absolute": false, "/absolute/file": false, "/panic": false, "/etc-of-its-own/passwd": false, "/leads-out/panic": false,
		"/hangs": false, "/hangs/below": false, "/folder/../panic": false, "/to-served": false, "/served": false, "/folder/real-of-served": false,
		"/proc/self": false, "/dev/fd": false,
		"file": true, "up": true, "missing": true, "below": true, "../panic": false, "real-of-served": false,
	}
	for name, want := range ordinary {
		for _, how := range []lookup{{}, {nofollow: true}} {
			c := &Call{Nr: unix.SYS_OPENAT, TID: tid, Tracee: &memory{}, Place: &Place{}}
			w.begin(c)
			other := w.otherRoot(c)
			if other == nil || other.name != root || other.away {
				t.Fatalf("the root is %+v", other)
			}
			got := w.isOrdinary(c, s.ground.Load(), other, folder, []byte(name), how)
			if got != want && !how.nofollow {
				t.Errorf("%s: ordinary %v, want %v", name, got, want)
			}
			if walked := w.walk(c, folder, []byte(name), how); got && (walked.node != nil || walked.errno != 0) {
				t.Errorf("%s %+v: ordinary, and leads to %q, %v", name, how, walked.name, walked.errno)
			}
			w.handled()
		}
	}
}

// away is one in a mount namespace of its own, with mounts by where they are, and with
// another root if that is named.
func away(t *testing.T, root string, mounts map[string]string) (tid int) {
	t.Helper()
	return elsewhere(t, func() error {
		err := unix.Unshare(unix.CLONE_FS | unix.CLONE_NEWNS)
		if err == nil {
			err = unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, "")
		}
		for target, source := range mounts {
			if err == nil && source == "proc" {
				err = unix.Mount("proc", target, "proc", 0, "")
			} else if err == nil {
				err = unix.Mount(source, target, "", unix.MS_BIND, "")
			}
		}
		if err == nil && root != "" {
			err = unix.Chroot(root)
		}
		return err
	})
}

// TestOrdinaryInAnotherNamespace does the same for threads whose mounts the supervisor
// does not see, with its own root and with another one.
func TestOrdinaryInAnotherNamespace(t *testing.T) {
	dir, err := os.MkdirTemp("/var/tmp", "shimrun-away-")
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(err)
	t.Cleanup(func() { os.RemoveAll(dir) })
	root, serves := filepath.Join(dir, "root"), filepath.Join(dir, "serves")
	must(os.Mkdir(serves, 0o755))
	for _, folder := range []string{"folder/below", "etc", "proc", "bound", "." + serves, "procfs", "procfs/sys/kernel"} {
		must(os.MkdirAll(filepath.Join(root, folder), 0o755))
	}
	must(os.WriteFile(filepath.Join(root, "folder/file"), nil, 0o644))
	must(os.WriteFile(filepath.Join(root, "procfs/sys/kernel/panic"), nil, 0o644))
	for name, text := range map[string]string{
		"relative": "folder", "absolute": "/folder", "folder/up": "../folder/file", "panic": "/proc/sys/kernel/panic",
		"to-procfs": "procfs/sys", "hangs": "nowhere", "same": "/same",
	} {
		must(os.Symlink(text, filepath.Join(root, name)))
	}
	must(os.WriteFile(filepath.Join(serves, "served"), nil, 0o644))
	must(os.Link(filepath.Join(serves, "served"), filepath.Join(root, "folder/real-of-served")))
	mounts := map[string]string{filepath.Join(root, "procfs"): "proc", filepath.Join(root, "bound"): filepath.Join(root, "folder")}
	ordinary := map[string]bool{
		"/folder/file": true, "/folder": true, "/folder/": true, "/bound/file": true, "/folder/missing": true, "/folder/missing/below": true,
		"/missing": true, "/folder/file/below": true,
		"//folder": true, "/folder//./file": true, "/relative/file": false, "/folder/up": false, "/absolute": false, "/absolute/file": false,
		"/panic": false, "/procfs/sys/kernel/panic": false, "/to-procfs/kernel/panic": false, "/hangs": false, "/hangs/below": false,
		"/folder/../panic": false, "/folder/real-of-served": false, "/proc/self": false, "/dev/fd": false, "/same/x": false,
		"file": true, "missing": true, "below": true, "up": false, "../panic": false, "real-of-served": false, ".": true,
	}
	// What is served has its name in each root.
	served := map[string]bool{"/": false, "/var": false, dir: false, serves: false, serves + "/missing": false, dir + "/missing": true}
	for _, own := range []string{"", root} {
		s := newShim(t, serves)
		s.passing.roots.Store(true)
		s.passing.namespaces.Store(true)
		w := s.Worker()
		tid := away(t, own, mounts)
		folder, err := unix.Open(filepath.Join("/proc", strconv.Itoa(tid), "root", strings.TrimPrefix(root, own), "folder"), unix.O_PATH|unix.O_CLOEXEC, 0)
		must(err)
		defer unix.Close(folder)
		names := maps.Clone(ordinary)
		if own != "" {
			maps.Copy(names, served)
		}
		for name, want := range names {
			if own == "" && name[0] == '/' {
				name = root + name
				if strings.Contains(name, "proc/self") || strings.Contains(name, "dev/fd") {
					continue
				}
			}
			for _, how := range []lookup{{}, {nofollow: true}} {
				c := &Call{Nr: unix.SYS_OPENAT, TID: tid, Tracee: &memory{}, Place: &Place{}}
				w.begin(c)
				other := w.otherRoot(c)
				if other == nil || other.name != "/"+strings.TrimPrefix(own, "/") || !other.away {
					t.Fatalf("the root is %+v", other)
				}
				got := w.isOrdinary(c, s.ground.Load(), other, folder, []byte(name), how)
				if got != want && !how.nofollow {
					t.Errorf("root %q: %s: ordinary %v, want %v", own, name, got, want)
				}
				if walked := w.walk(c, folder, []byte(name), how); got && (walked.node != nil || walked.errno != 0) {
					t.Errorf("root %q: %s %+v: ordinary, and leads to %q, %v", own, name, how, walked.name, walked.errno)
				}
				w.handled()
			}
		}
	}
}
