package shim

import (
	"os"
	"path/filepath"
	"runtime"
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

// chrooted is a thread with another root, which ends with the test.
func chrooted(t *testing.T, root string) (tid int) {
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
		err := unix.Unshare(unix.CLONE_FS)
		if err == nil {
			err = unix.Chroot(root)
		}
		made <- err
		<-done
	}
	go take()
	if err := <-made; err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { close(done) })
	return tid
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
			shown, ok := w.shownRoot(c)
			if !ok || shown != root {
				t.Fatalf("the root is %q, %v", shown, ok)
			}
			got := w.isOrdinary(c, s.ground.Load(), shown, folder, []byte(name), how)
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
