package seccomp

import (
	"bytes"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"testing"
	"unsafe"

	"github.com/rs/zerolog"
	"golang.org/x/sys/unix"

	"github.com/shimrun/shimrun/fakefs"
	"github.com/shimrun/shimrun/internal/procfs"
	"github.com/shimrun/shimrun/shim"
)

// twins tell calls of this process by the same policy, one in Go and one in C.
type twins struct {
	policy *shim.Shim
	goes   *shim.Worker
	c      *receiver
	tracee tracee
	// folder is open as fd, with files of every kind in it.
	folder string
	fd     int
}

// willing is a follower that leads nobody.
type willing struct{ Follower }

func (willing) Leads(int) bool { return false }

func newTwins(t testing.TB) *twins {
	t.Helper()
	x := &twins{folder: t.TempDir(), tracee: tracee{tid: os.Getpid(), follower: willing{}}}
	in := func(name string) string { return filepath.Join(x.folder, name) }
	fd, err := unix.Open(x.folder, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	x.fd = fd
	t.Cleanup(func() { unix.Close(fd) })
	for _, err := range []error{
		os.Mkdir(in("folder"), 0o755), os.WriteFile(in("real"), nil, 0o644), os.WriteFile(in(".hidden"), nil, 0o644),
		os.WriteFile(in("served"), nil, 0o644), os.Link(in("served"), in("linked")), os.Symlink("real", in("link")),
		os.Symlink("/proc/sys", in("sysctls")), os.Symlink("/dev/pts", in("pts")), os.Symlink("nowhere", in("dangling")), unix.Mkfifo(in("pipe"), 0o600),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	// The folder's first component is one of those that are served, so that names
	// below it are told relatively only.
	loaded, err := fakefs.Load(fakefs.LoadOptions{
		Profiles: []string{"kubernetes"}, Files: []string{in("served") + "=ours"}, Filesystems: []string{"devpts=xfs"},
	})
	if err != nil {
		t.Fatal(err)
	}
	tree, err := loaded.Tree(procfs.Machine{})
	if err != nil {
		t.Fatal(err)
	}
	if x.policy, err = shim.New(tree, shim.Options{Log: zerolog.Nop()}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { x.policy.Close() })
	x.goes = x.policy.Worker()
	worker := x.policy.Worker()
	x.c = &receiver{worker: worker, aside: worker.Aside(), notification: new(notification)}
	return x
}

// ask tells what both say of a call whose argument number at is this name, or none
// if that is 0. Then the handlers of both answer it, with what was found before.
func (x *twins) ask(nr int, name []byte, at int, args ...uint64) (inGo, inC bool, goAnswer, cAnswer shim.Answer) {
	call := &shim.Call{Nr: nr, TID: os.Getpid(), Tracee: &x.tracee}
	copy(call.Args[:], args)
	text := append(name, 0)
	if at > 0 {
		call.Args[at-1] = uint64(uintptr(unsafe.Pointer(&text[0])))
	}
	verdict, _ := x.tell(call)
	inGo, inC = x.goes.Passes(call), verdict == verdictPasses
	if !inGo && !inC {
		goAnswer = x.goes.Handle(call)
		if x.c.seat.read {
			x.c.worker.Ahead(call, int(x.c.seat.length), x.c.seat.looked, unix.Errno(x.c.seat.err))
		}
		cAnswer = x.c.worker.Handle(call)
	}
	runtime.KeepAlive(text)
	return inGo, inC, goAnswer, cAnswer
}

// tell tells a call in C.
func (x *twins) tell(call *shim.Call) (verdict uint32, fs unix.Statfs_t) {
	n := x.c.notification
	*n = notification{pid: uint32(call.TID)}
	n.data.nr, n.data.arch, n.data.args = int32(call.Nr), ownArch, call.Args
	return x.c.tell()
}

// same compares answers, and gives back their descriptors.
func same(a, b shim.Answer) bool {
	for _, x := range []*shim.Answer{&a, &b} {
		if x.CloseFD {
			unix.Close(x.FD)
		}
		x.FD = 0
	}
	return reflect.DeepEqual(a, b)
}

const cwd = ^uint64(99) // AT_FDCWD

// What is told in C is what is told in Go, and both find the same for handlers.
func TestPassesInC(t *testing.T) {
	x := newTwins(t)
	fd := uint64(x.fd)
	for _, test := range []struct {
		name   string
		nr     int
		at     int
		args   []uint64
		passes bool
	}{
		{"/usr/bin/env", unix.SYS_OPENAT, 2, []uint64{cwd}, true},
		{"/usr/bin", unix.SYS_NEWFSTATAT, 2, []uint64{cwd}, true},
		{"/usr/bin", unix.SYS_STATX, 2, []uint64{cwd, 0, unix.AT_NO_AUTOMOUNT}, true},
		{"/usr/bin/", unix.SYS_NEWFSTATAT, 2, []uint64{cwd}, false},
		{"/usr/./bin", unix.SYS_NEWFSTATAT, 2, []uint64{cwd}, false},
		{"/usr/..", unix.SYS_NEWFSTATAT, 2, []uint64{cwd}, false},
		{"/usr//bin", unix.SYS_NEWFSTATAT, 2, []uint64{cwd}, false},
		{"/", unix.SYS_NEWFSTATAT, 2, []uint64{cwd}, false},
		{"/proc/sys/kernel/panic", unix.SYS_OPENAT, 2, []uint64{cwd}, false},
		{"/proc/uptime", unix.SYS_OPENAT, 2, []uint64{cwd}, false},
		{"/procession", unix.SYS_OPENAT, 2, []uint64{cwd}, false}, // not there
		{"/dev/null", unix.SYS_FACCESSAT, 2, []uint64{cwd}, false},
		{"real", unix.SYS_OPENAT, 2, []uint64{fd}, true},
		{"real", unix.SYS_NEWFSTATAT, 2, []uint64{fd, 0, 0, unix.AT_SYMLINK_NOFOLLOW}, true},
		{"folder", unix.SYS_OPENAT, 2, []uint64{fd}, true},
		{".hidden", unix.SYS_OPENAT, 2, []uint64{fd}, true},
		{"pipe", unix.SYS_FACCESSAT, 2, []uint64{fd}, true},
		{"pass_test.go", unix.SYS_OPENAT, 2, []uint64{cwd}, true},
		{".", unix.SYS_OPENAT, 2, []uint64{fd}, false},
		{"folder/..", unix.SYS_OPENAT, 2, []uint64{fd}, false},
		{"folder/", unix.SYS_OPENAT, 2, []uint64{fd}, false},
		{"served", unix.SYS_OPENAT, 2, []uint64{fd}, false},
		{"linked", unix.SYS_NEWFSTATAT, 2, []uint64{fd}, false}, // the same object
		{"link", unix.SYS_OPENAT, 2, []uint64{fd}, false},
		{"dangling", unix.SYS_OPENAT, 2, []uint64{fd}, false},
		{"sysctls/kernel/panic", unix.SYS_OPENAT, 2, []uint64{fd}, false},
		{"missing", unix.SYS_OPENAT, 2, []uint64{fd}, false},
		// To be opened for writing, by one of several threads: with a copy of the name.
		{"real", unix.SYS_OPENAT, 2, []uint64{fd, 0, unix.O_WRONLY}, false},
		{"real", unix.SYS_OPENAT, 2, []uint64{fd, 0, unix.O_CREAT}, false},
		{"real", unix.SYS_OPENAT, 2, []uint64{fd, 0, unix.O_TRUNC}, false},
		{"real", unix.SYS_OPENAT, 2, []uint64{fd, 0, unix.O_PATH | unix.O_RDWR}, true},
		{"real/below", unix.SYS_OPENAT, 2, []uint64{fd}, false},
		{"real", unix.SYS_OPENAT, 2, []uint64{^uint64(0)}, false},
		{"real", unix.SYS_OPENAT, 2, []uint64{9999}, false},
		{"", unix.SYS_OPENAT, 2, []uint64{fd}, false},
		{"", unix.SYS_NEWFSTATAT, 2, []uint64{fd}, false},
		{"/usr/bin/env", unix.SYS_OPENAT2, 2, []uint64{cwd}, false},
		{"", unix.SYS_OPENAT, 0, []uint64{cwd}, false},
		{"", unix.SYS_OPENAT, 0, []uint64{cwd, 8}, false},
		{"", unix.SYS_GETPPID, 0, nil, false},
		{"", 100_000, 0, nil, false},
	} {
		inGo, inC, goAnswer, cAnswer := x.ask(test.nr, []byte(test.name), test.at, test.args...)
		if inGo != test.passes || inC != test.passes {
			t.Errorf("call %d of %q, %x: passes in Go: %v, in C: %v, want %v", test.nr, test.name, test.args, inGo, inC, test.passes)
		}
		if !same(goAnswer, cAnswer) {
			t.Errorf("call %d of %q, %x: with what was found in Go %+v, in C %+v", test.nr, test.name, test.args, goAnswer, cAnswer)
		}
	}
}

// asking is a tracee, this process, that can be written to, and remembers what was.
type asking struct {
	*tracee
	written []byte
}

func (a *asking) WriteMemory(_ uint64, data []byte) error {
	a.written = slices.Clone(data)
	return nil
}

// askType tells what both say of statfs(name): whether the kernel is to answer, and if
// not, what is told; in C that may be left to the handler.
func (x *twins) askType(t *testing.T, name string) (verdict uint32, lie bool) {
	t.Helper()
	out := &asking{tracee: &x.tracee}
	text := append([]byte(name), 0)
	call := &shim.Call{Nr: unix.SYS_STATFS, TID: os.Getpid(), Tracee: out}
	call.Args = [6]uint64{uint64(uintptr(unsafe.Pointer(&text[0]))), memoryOf(t)}
	verdict, fs := x.tell(call)
	if x.goes.Passes(call) {
		t.Errorf("statfs(%q) passes in Go", name)
	}
	a := x.goes.Handle(call)
	said := unsafe.Slice((*byte)(unsafe.Pointer(&fs)), unsafe.Sizeof(fs))
	switch {
	case verdict == verdictPasses && a.Kind != shim.Continue, verdict == verdictTold && a.Kind != shim.Return:
		t.Errorf("statfs(%q): %d in C, %+v in Go", name, verdict, a)
	case verdict == verdictTold && !bytes.Equal(said, out.written):
		t.Errorf("statfs(%q): in C %x, in Go %x", name, said, out.written)
	}
	runtime.KeepAlive(text)
	return verdict, a.Kind == shim.Return
}

// memoryOf is an address that a result can be written to.
func memoryOf(t *testing.T) uint64 {
	t.Helper()
	return uint64(uintptr(unsafe.Pointer(new(unix.Statfs_t))))
}

// The type of a filesystem is told in C as it is told in Go.
func TestTypesInC(t *testing.T) {
	x := newTwins(t)
	t.Chdir(x.folder)
	for _, test := range []struct {
		name string
		want uint32
		lie  bool
	}{
		{"/dev/pts", verdictTold, true},
		{"//dev/./pts/.", verdictTold, true},
		{"/usr/bin/env", verdictPasses, false},
		{"/usr/../usr/bin", verdictPasses, false},
		{"real", verdictPasses, false},
		{"link", verdictPasses, false},
		{"pts", verdictHandled, true}, // a link to it
		{".", verdictPasses, false},
		{"/proc/self/cwd", verdictHandled, false},
		{"/proc", verdictHandled, false},
		{"/proc/sys/kernel/panic", verdictHandled, true},
		{"sysctls/kernel/panic", verdictHandled, true},
		{"/sys", verdictHandled, false},
		{"/dev/fd/0", verdictHandled, false},
		{"/dev/shm", verdictHandled, false},
		{"missing", verdictHandled, false},
		{"dangling", verdictHandled, false},
		{"real/below", verdictHandled, false},
		{"", verdictHandled, false},
		{strings.Repeat("/", 255) + "usr", verdictHandled, false}, // more than one read
	} {
		if verdict, lie := x.askType(t, test.name); verdict != test.want || lie != test.lie {
			t.Errorf("statfs(%q): verdict %d in C, want %d; a lie: %v, want %v", test.name, verdict, test.want, lie, test.lie)
		}
	}
	// No address.
	call := &shim.Call{Nr: unix.SYS_STATFS, TID: os.Getpid(), Tracee: &x.tracee}
	for _, address := range []uint64{0, 8} {
		call.Args[0] = address
		if verdict, _ := x.tell(call); verdict != verdictHandled {
			t.Errorf("statfs of address %d: verdict %d", address, verdict)
		}
	}
}

// A call about a descriptor passes in C where no file that was handed out can be
// behind it; in Go, where that takes no look-up, as long as there is none at all.
func TestDescriptorsPass(t *testing.T) {
	x := newTwins(t)
	look := func(what string, fd int, wantInGo, wantInC bool) {
		t.Helper()
		inGo, inC, _, _ := x.ask(unix.SYS_FSTAT, nil, 0, uint64(fd))
		if inGo != wantInGo || inC != wantInC {
			t.Errorf("fstat of %s passes in Go: %v, in C: %v, want %v, %v", what, inGo, inC, wantInGo, wantInC)
		}
		inGo, inC, _, _ = x.ask(unix.SYS_NEWFSTATAT, nil, 2, uint64(fd), 0, 0, unix.AT_EMPTY_PATH)
		if inGo != wantInGo || inC != wantInC {
			t.Errorf("newfstatat of %s passes in Go: %v, in C: %v, want %v, %v", what, inGo, inC, wantInGo, wantInC)
		}
	}
	look("a folder", x.fd, true, true)
	_, _, a, b := x.ask(unix.SYS_OPENAT, []byte("/proc/sys/kernel/panic"), 2, cwd)
	if a.Kind != shim.Install {
		t.Fatalf("%+v", a)
	}
	look("a folder, when a file has been handed out,", x.fd, false, true)
	look("the file that was", a.FD, false, false)
	look("no descriptor", 9999, false, false)
	look("no number", -1, false, false)
	look("the working directory", unix.AT_FDCWD, false, true)
	if !same(a, b) {
		t.Errorf("%+v, %+v", a, b)
	}
}

// While mounts change, nothing passes.
func TestNothingPassesWhileMountsChange(t *testing.T) {
	x := newTwins(t)
	x.goes.Handle(&shim.Call{Nr: unix.SYS_UMOUNT2, TID: os.Getpid(), Tracee: &x.tracee})
	if inGo, inC, _, _ := x.ask(unix.SYS_OPENAT, []byte("/usr/bin/env"), 2, cwd); inGo || inC {
		t.Errorf("in Go: %v, in C: %v", inGo, inC)
	}
}

func FuzzPassesInC(f *testing.F) {
	x := newTwins(f)
	for _, name := range []string{"/usr/bin/env", "real", "folder/../real", "link", "/proc/self/fd/0", "/dev/shm", "a\x00b", "//", "..", "served"} {
		f.Add([]byte(name), true)
		f.Add([]byte(name), false)
	}
	f.Fuzz(func(t *testing.T, name []byte, relative bool) {
		dirfd := cwd
		if relative {
			dirfd = uint64(x.fd)
		}
		for _, nr := range []int{unix.SYS_NEWFSTATAT, unix.SYS_FACCESSAT} {
			inGo, inC, a, b := x.ask(nr, name, 2, dirfd, 0, 0, unix.AT_SYMLINK_NOFOLLOW)
			if inGo != inC || !same(a, b) {
				t.Errorf("call %d of %q: passes in Go: %v, in C: %v; answers %+v, %+v", nr, name, inGo, inC, a, b)
			}
		}
	})
}
