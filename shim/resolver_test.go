package shim

import (
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/rs/zerolog"
	"golang.org/x/sys/unix"

	"github.com/shimrun/shimrun/fakefs"
)

// memory is a tracee whose memory is a slice at address 4096.
type memory struct {
	data    []byte
	rewrite bool
}

const memoryAt = 4096

func (m *memory) ReadMemory(addr uint64, buf []byte) (int, error) {
	if addr < memoryAt || addr >= memoryAt+uint64(len(m.data)) {
		return 0, unix.EFAULT
	}
	return copy(buf, m.data[addr-memoryAt:]), nil
}

func (m *memory) WriteMemory(addr uint64, data []byte) error {
	if addr < memoryAt || addr+uint64(len(data)) > memoryAt+uint64(len(m.data)) {
		return unix.EFAULT
	}
	copy(m.data[addr-memoryAt:], data)
	return nil
}

func (m *memory) Valid() bool      { return true }
func (m *memory) CanRewrite() bool { return m.rewrite }
func (m *memory) WantsCopy() bool  { return m.rewrite }

type machine struct{}

func (machine) Mountinfo() ([]byte, error) { return os.ReadFile("/proc/self/mountinfo") }

const testProfile = `
name: test
sysctls:
  kernel.panic: 10
  kernel.panic_on_oops: {value: 1, when: missing}
  shim.test.number: {type: integer, min: 0, max: 10, value: 3, mode: "0644"}
files:
  /dev/kmsg: {stream: kmsg, mode: "0644", device: "1:11"}
  /proc/shim-file: {content: "hello\n"}
  /proc/shim-link: {link: sys/shim/test}
  TMP/served: {content: "served\n"}
`

func newShim(t testing.TB, dir string) *Shim {
	t.Helper()
	text := []byte(testProfile)
	text = []byte(replaceAll(string(text), "TMP", dir))
	p, err := fakefs.Parse("test.yaml", text)
	if err != nil {
		t.Fatal(err)
	}
	tree, err := p.Tree(machine{})
	if err != nil {
		t.Fatal(err)
	}
	s, err := New(tree, Options{Log: zerolog.Nop()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func replaceAll(s, old, new string) string {
	for i := 0; i+len(old) <= len(s); i++ {
		if s[i:i+len(old)] == old {
			return s[:i] + new + replaceAll(s[i+len(old):], old, new)
		}
	}
	return s
}

// TestResolve takes the test process itself for the tracee: every name leads
// where it leads for this process.
func TestResolve(t *testing.T) {
	dir := t.TempDir()
	s := newShim(t, dir)
	w := s.Worker()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	link := func(text, name string) string {
		must(os.Symlink(text, filepath.Join(dir, name)))
		return filepath.Join(dir, name)
	}
	open := func(name string) int {
		fd, err := unix.Open(name, unix.O_PATH|unix.O_CLOEXEC, 0)
		must(err)
		t.Cleanup(func() { unix.Close(fd) })
		return fd
	}
	must(os.Mkdir(filepath.Join(dir, "plain"), 0o755))
	must(os.WriteFile(filepath.Join(dir, "plain", "file"), nil, 0o644))
	pid := strconv.Itoa(os.Getpid())
	sys, tmp, root := open("/proc/sys"), open(dir), open("/")
	fdOf := func(fd int) string { return "/proc/self/fd/" + strconv.Itoa(fd) }
	const panics, number = "/proc/sys/kernel/panic", "/proc/sys/shim/test/number"
	for _, c := range []struct {
		dirfd int
		name  string
		how   lookup
		want  string
		errno unix.Errno
	}{
		{atFDCWD, panics, lookup{}, panics, 0},
		{atFDCWD, "//proc/./sys//kernel/panic", lookup{}, panics, 0},
		{atFDCWD, "//proc/./sys/../sys/kernel/panic", lookup{}, panics, 0},
		{atFDCWD, "/proc/self/root/proc/sys/kernel/panic", lookup{}, panics, 0},
		{atFDCWD, "/proc/" + pid + "/root/proc/sys/kernel/panic", lookup{}, panics, 0},
		{atFDCWD, "/proc/thread-self/root/proc/sys/kernel/panic", lookup{}, panics, 0},
		{atFDCWD, "/proc/self/cwd/../../../../../../../../../../proc/sys/kernel/panic", lookup{}, panics, 0},
		{sys, "kernel/panic", lookup{}, panics, 0},
		{sys, "../sys/kernel/panic", lookup{}, panics, 0},
		{root, "proc/sys/kernel/panic", lookup{}, panics, 0},
		{atFDCWD, fdOf(sys) + "/kernel/panic", lookup{}, panics, 0},
		{atFDCWD, "/dev/fd/" + strconv.Itoa(sys) + "/kernel/panic", lookup{}, panics, 0},
		{atFDCWD, link(panics, "absolute"), lookup{}, panics, 0},
		{atFDCWD, link("absolute", "chained"), lookup{}, panics, 0},
		{atFDCWD, link("/proc/sys/kernel", "folder") + "/panic", lookup{}, panics, 0},
		{tmp, "folder/panic", lookup{}, panics, 0},
		{atFDCWD, filepath.Join(dir, "absolute"), lookup{nofollow: true}, "", 0},
		{atFDCWD, "/proc/sys/kernel/panic_on_oops", lookup{}, "", 0}, // the kernel has it
		{atFDCWD, number, lookup{}, number, 0},
		{sys, "shim/test/number", lookup{}, number, 0},
		{sys, "shim/./test/../test/number", lookup{}, number, 0},
		{atFDCWD, "/proc/shim-link/number", lookup{}, number, 0},
		{atFDCWD, "/proc/shim-link", lookup{nofollow: true}, "/proc/shim-link", 0},
		{atFDCWD, "/proc/shim-link/", lookup{nofollow: true}, "/proc/sys/shim/test", 0},
		{atFDCWD, "/proc/shim-link/.", lookup{nofollow: true}, "/proc/sys/shim/test", 0},
		{atFDCWD, "/proc/shim-link//", lookup{nofollow: true}, "/proc/sys/shim/test", 0},
		{root, "proc/shim-link/", lookup{nofollow: true}, "/proc/sys/shim/test", 0},
		{root, "proc/shim-link/.", lookup{nofollow: true}, "/proc/sys/shim/test", 0},
		{atFDCWD, "/proc/shim-link", lookup{}, "/proc/sys/shim/test", 0},
		{atFDCWD, "/proc/shim-file", lookup{}, "/proc/shim-file", 0},
		{atFDCWD, "/proc/self/../shim-file", lookup{}, "/proc/shim-file", 0},
		{atFDCWD, number + "/", lookup{}, "", unix.ENOTDIR},
		{atFDCWD, number + "/x", lookup{}, "", unix.ENOTDIR},
		{sys, "shim/test/number/../number", lookup{}, "", unix.ENOTDIR},
		{sys, "shim/test/nothing", lookup{}, "", unix.ENOENT},
		{atFDCWD, filepath.Join(dir, "served"), lookup{}, filepath.Join(dir, "served"), 0},
		{tmp, "served", lookup{}, filepath.Join(dir, "served"), 0},
		{tmp, "plain/../served", lookup{}, filepath.Join(dir, "served"), 0},
		{tmp, "plain/file", lookup{}, "", 0},
		{tmp, "plain/nothing", lookup{}, "", 0},
		{atFDCWD, "/dev/kmsg", lookup{}, "/dev/kmsg", 0},
		{atFDCWD, "/dev/null", lookup{}, "", 0},
		{atFDCWD, "/usr/bin/env", lookup{}, "", 0},
		{-7, "kernel/panic", lookup{}, "", 0},
		{sys, "shim/test/number", lookup{resolve: unix.RESOLVE_BENEATH}, number, 0},
		{sys, "shim/../../sys/shim/test/number", lookup{resolve: unix.RESOLVE_BENEATH}, "", unix.EXDEV},
		{root, "proc/sys/shim/test/number", lookup{resolve: unix.RESOLVE_NO_XDEV}, "", 0}, // refused by the kernel: it has that crossing
		{root, "/proc/sys/shim/test/number", lookup{resolve: unix.RESOLVE_IN_ROOT}, number, 0},
		{root, "proc/shim-link/number", lookup{resolve: unix.RESOLVE_NO_SYMLINKS}, "", unix.ELOOP},
	} {
		got := w.resolve(&Call{TID: os.Getpid(), Tracee: &memory{}}, c.dirfd, []byte(c.name), c.how)
		if got.name != c.want || got.errno != c.errno {
			t.Errorf("resolve(%d, %q, %+v) = %q, %v; want %q, %v", c.dirfd, c.name, c.how, got.name, got.errno, c.want, c.errno)
		}
	}
}

// call makes openat(AT_FDCWD, name, O_RDONLY) of this process.
func openCall(name string) (*Call, *memory) {
	m := &memory{data: append([]byte(name), make([]byte, 64)...)}
	cwd := -100
	return &Call{Nr: unix.SYS_OPENAT, Args: [6]uint64{uint64(uint32(int32(cwd))), memoryAt, unix.O_RDONLY}, TID: os.Getpid(), Tracee: m}, m
}

func TestPassPathAllocatesNothing(t *testing.T) {
	s := newShim(t, t.TempDir())
	w := s.Worker()
	for _, name := range []string{"/usr/bin/env", "/nonexistent/a/b", "/proc/version", "/dev/null", "relative", "/proc/1/stat"} {
		c, _ := openCall(name)
		if a := w.Handle(c); a.Kind != Continue {
			t.Errorf("%s: kind %d", name, a.Kind)
		}
		if n := testing.AllocsPerRun(100, func() { w.Handle(c) }); n != 0 {
			t.Errorf("%s: %v allocations on the pass path", name, n)
		}
	}
}

func BenchmarkPass(b *testing.B) {
	s := newShim(b, b.TempDir())
	w := s.Worker()
	c, _ := openCall("/usr/bin/env")
	b.ReportAllocs()
	for b.Loop() {
		w.Handle(c)
	}
}

func BenchmarkServe(b *testing.B) {
	s := newShim(b, b.TempDir())
	w := s.Worker()
	c, _ := openCall("/proc/sys/shim/test/number")
	b.ReportAllocs()
	for b.Loop() {
		w.Handle(c)
	}
}
