package shim

import (
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

// counted counts how often a tracee's memory is read.
type counted struct {
	memory
	reads int
}

func (m *counted) ReadMemory(addr uint64, buf []byte) (int, error) {
	m.reads++
	return m.memory.ReadMemory(addr, buf)
}

// Whatever passes is nothing that the resolver would find something behind; and
// ordinary files do pass, or nothing would be gained.
func TestPasses(t *testing.T) {
	dir := t.TempDir()
	real := filepath.Join(dir, "real")
	for _, err := range []error{
		os.Mkdir(filepath.Join(dir, "folder"), 0o755), os.WriteFile(real, nil, 0o644),
		os.WriteFile(filepath.Join(dir, ".hidden"), nil, 0o644), os.WriteFile(filepath.Join(dir, "..hidden"), nil, 0o644),
		os.Symlink("real", filepath.Join(dir, "link")), os.Symlink("/proc/sys", filepath.Join(dir, "sysctls")),
		os.Symlink("nowhere", filepath.Join(dir, "dangling")), os.Symlink("/proc/shim-file", filepath.Join(dir, "to-served")),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	// Served names stand elsewhere than the names of this test.
	s := newShim(t, "/opt/shim-test")
	w := s.Worker()
	for name, want := range map[string]bool{
		real:                        true,
		dir + "/folder":             true,
		"/usr/bin/env":              true,
		dir + "/folder/":            false,
		dir + "/./real":             false,
		dir + "//real":              false,
		dir + "/folder/../real":     false,
		dir + "/.hidden":            true,
		dir + "/..hidden":           true,
		dir + "/link":               false,
		dir + "/dangling":           false,
		dir + "/to-served":          false,
		dir + "/sysctls":            false,
		dir + "/sysctls/kernel":     true, // a real folder of procfs, which nothing stands before
		dir + "/sysctls/shim":       false,
		dir + "/missing":            false,
		real + "/below":             false,
		"":                          false,
		"/":                         false,
		"real":                      false,
		"/proc/uptime":              false,
		"/proc/self/fd/0":           false,
		"/dev/null":                 false,
		"/dev/fd/0":                 false,
		"/proc/sys/kernel/panic":    false,
		"/opt/shim-test/served":     false,
		dir + "/sysctls/shim/test/": false,
	} {
		m := &counted{memory: memory{data: append([]byte(name), 0)}}
		for _, c := range []*Call{
			{Nr: unix.SYS_OPENAT, Args: [6]uint64{uint64(0xffffff9c), memoryAt}, TID: os.Getpid(), Tracee: m},
			{Nr: unix.SYS_FACCESSAT, Args: [6]uint64{uint64(0xffffff9c), memoryAt}, TID: os.Getpid(), Tracee: m},
		} {
			m.reads = 0
			passes := w.Passes(c)
			if passes != want {
				t.Errorf("call %d of %q passes: %v, want %v", c.Nr, name, passes, want)
			}
			if passes && w.ahead != nil {
				t.Errorf("call %d of %q: its name is kept for another call", c.Nr, name)
			}
			a := w.Handle(c)
			if a.CloseFD {
				unix.Close(a.FD)
			}
			if passes && a.Kind != Continue {
				t.Errorf("call %d of %q passes, and its handler says %+v", c.Nr, name, a)
			}
			if !passes && m.reads > 1 {
				t.Errorf("call %d of %q: its name was read %d times", c.Nr, name, m.reads)
			}
			if alone := s.Worker().Handle(c); alone.Kind != a.Kind || alone.Errno != a.Errno {
				t.Errorf("call %d of %q: %+v; without what was found before: %+v", c.Nr, name, a, alone)
			}
		}
	}
}

// A handler reads another name where its call has two.
func TestReadAhead(t *testing.T) {
	w := newShim(t, "/opt/shim-test").Worker()
	m := &memory{data: []byte("/proc/sys/kernel/panic\x00/etc\x00")}
	if w.Passes(&Call{Nr: unix.SYS_OPENAT, Args: [6]uint64{0, memoryAt}, Tracee: m}) {
		t.Fatal("a served name passes")
	}
	second, ok := w.readPath(m, memoryAt+uint64(len("/proc/sys/kernel/panic"))+1)
	if !ok || string(second) != "/etc" {
		t.Errorf("%q", second)
	}
	if again, ok := w.readPath(m, memoryAt); !ok || string(again) != "/proc/sys/kernel/panic" {
		t.Errorf("%q: the name that was read ahead is that of a call before", again)
	}
}

func FuzzIsPlain(f *testing.F) {
	for _, name := range []string{"/usr/bin", "/", "//", "/a/../b", "/a/.b", "/a/b/", "a"} {
		f.Add([]byte(name))
	}
	f.Fuzz(func(t *testing.T, name []byte) {
		if !isPlain(name) || name[0] != '/' {
			return
		}
		var buf [pathMax]byte
		if clean, ok := cleanLexically(buf[:0], name); len(name) < pathMax && (!ok || string(clean) != string(name)) {
			t.Errorf("%q is plain, and %q when cleaned", name, clean)
		}
	})
}
