package shim

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/rs/zerolog"
	"golang.org/x/sys/unix"

	"github.com/shimrun/shimrun/fakefs"
)

// BenchmarkNew is what a supervisor does before it can answer, but for parsing.
func BenchmarkNew(b *testing.B) {
	p, err := fakefs.Load(fakefs.LoadOptions{Profiles: []string{"kubernetes"}})
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		tree, err := p.Tree(machine{})
		if err != nil {
			b.Fatal(err)
		}
		s, err := New(tree, Options{Log: zerolog.Nop()})
		if err != nil {
			b.Fatal(err)
		}
		s.Close()
	}
}

// handling is a call of this process, and what has to become of it.
type handling struct {
	name string
	call *Call
	kind Kind
	// allocations are those of each answer; a served file has a view of its own.
	allocations float64
}

// at makes a call whose name is its argument number n, and whose other
// arguments are these, with room for what it returns.
func at(nr int, name string, n int, args ...uint64) *Call {
	m := &memory{data: append([]byte(name), make([]byte, 512)...)}
	c := &Call{Nr: nr, TID: os.Getpid(), Tracee: m}
	copy(c.Args[:], args)
	c.Args[n] = memoryAt
	return c
}

// answers are the calls that are made most: passed on, refused, answered.
func answers(tb testing.TB) (*Worker, []handling) {
	tb.Helper()
	dir := tb.TempDir()
	for _, folder := range []string{dir, filepath.Dir(dir)} {
		if err := os.Chmod(folder, 0o755); err != nil { // most names lead through folders that are open to all
			tb.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "plain"), nil, 0o600); err != nil {
		tb.Fatal(err)
	}
	var fs unix.Statfs_t
	if err := unix.Statfs("/usr", &fs); err != nil {
		tb.Fatal(err)
	}
	// The filesystem of /usr is told as another one, whichever it is.
	lie := ""
	for real, told := range map[string]string{"ext4": "xfs", "overlay": "ext4", "xfs": "ext4", "btrfs": "ext4", "tmpfs": "ext4"} {
		p, err := fakefs.Load(fakefs.LoadOptions{Filesystems: []string{real + "=" + told}})
		if err != nil {
			tb.Fatal(err)
		}
		tree, err := p.Tree(machine{})
		if err != nil {
			tb.Fatal(err)
		}
		if tree.Filesystem(int64(fs.Type)) != nil {
			lie = real + "=" + told
		}
	}
	options := fakefs.LoadOptions{Profiles: []string{"kubernetes"}, Set: []string{"kernel.panic=10"}}
	if lie != "" {
		options.Filesystems = []string{lie}
	}
	p, err := fakefs.Load(options)
	if err != nil {
		tb.Fatal(err)
	}
	tree, err := p.Tree(machine{})
	if err != nil {
		tb.Fatal(err)
	}
	s, err := New(tree, Options{Log: zerolog.Nop()})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { s.Close() })

	cwd := -100
	here := uint64(uint32(int32(cwd)))
	out := uint64(memoryAt + 64)
	all := []handling{
		{"open", at(unix.SYS_OPENAT, "/usr/bin/env", 1, here), Continue, 0},
		{"open-proc", at(unix.SYS_OPENAT, "/proc/uptime", 1, here), Continue, 0},
		{"open-relative", at(unix.SYS_OPENAT, "resolver.go", 1, here), Continue, 0},
		{"enoent", at(unix.SYS_OPENAT, "/usr/no/such/file", 1, here), Continue, 0},
		{"stat", at(sysNewfstatat, "/usr/bin/env", 1, here, 0, out), Continue, 0},
		{"statfs", at(unix.SYS_STATFS, "/proc", 0, 0, out), Continue, 0},
		{"open-served", at(unix.SYS_OPENAT, "/proc/sys/kernel/panic", 1, here), Install, 3},
	}
	if lie != "" {
		all = append(all, handling{"statfs-lied", at(unix.SYS_STATFS, "/usr", 0, 0, out), Return, 0})
	}
	return s.Worker(), all
}

// What is passed on or answered with a value allocates nothing, ever.
func TestAllocations(t *testing.T) {
	w, all := answers(t)
	for _, h := range all {
		if a := answer(w, h.call); a.Kind != h.kind {
			t.Errorf("%s: kind %d, want %d (%+v)", h.name, a.Kind, h.kind, a)
		}
		if n := testing.AllocsPerRun(200, func() { answer(w, h.call) }); n > h.allocations {
			t.Errorf("%s: %v allocations for each call, want at most %v", h.name, n, h.allocations)
		}
	}
}

func BenchmarkHandle(b *testing.B) {
	w, all := answers(b)
	for _, h := range all {
		b.Run(h.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				answer(w, h.call)
			}
		})
	}
}

// answer asks as backends do.
func answer(w *Worker, c *Call) Answer {
	if w.Passes(c) {
		return Answer{}
	}
	return w.Handle(c)
}

// BenchmarkResolve is the resolver alone, on its three ways.
func BenchmarkResolve(b *testing.B) {
	w, _ := answers(b)
	for name, how := range map[string]lookup{
		"/proc/sys/kernel/panic": {}, "/usr/bin/env": {}, "/proc/self/root/proc/sys/kernel/panic": {},
	} {
		b.Run(name[1:], func(b *testing.B) {
			c := &Call{TID: os.Getpid(), Tracee: &memory{}}
			text := []byte(name)
			b.ReportAllocs()
			for b.Loop() {
				w.resolve(c, atFDCWD, text, how)
			}
		})
	}
}
