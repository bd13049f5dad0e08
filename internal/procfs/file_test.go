package procfs

import (
	"bytes"
	"errors"
	"os"
	"testing"

	"golang.org/x/sys/unix"
)

func TestReadFile(t *testing.T) {
	for _, name := range []string{"/proc/self/status", "/proc/self/uid_map", "/proc/self/maps", "/proc/self/environ", "/proc/self/cmdline"} {
		got, err := ReadFile(name)
		want, oracle := os.ReadFile(name)
		if err != nil || oracle != nil {
			t.Errorf("%s: %v, os.ReadFile %v", name, err, oracle)
			continue
		}
		// What counts or maps memory differs from one moment to the next.
		first := func(b []byte) []byte { line, _, _ := bytes.Cut(b, []byte("\n")); return line }
		if !bytes.Equal(first(got), first(want)) || len(got) < len(want)/2 {
			t.Errorf("%s: %d bytes that begin with %q, want %d, %q", name, len(got), first(got), len(want), first(want))
		}
	}
	large := t.TempDir() + "/large"
	want := bytes.Repeat([]byte("0123456789"), 5000)
	if err := os.WriteFile(large, want, 0o600); err != nil {
		t.Fatal(err)
	}
	if got, err := ReadFile(large); err != nil || !bytes.Equal(got, want) {
		t.Errorf("50,000 bytes: %d, %v", len(got), err)
	}
	if _, err := ReadFile(large + "/none"); !errors.Is(err, unix.ENOTDIR) {
		t.Errorf("below a file: %v", err)
	}
	if _, err := ReadFile("/proc/0/stat"); !os.IsNotExist(err) {
		t.Errorf("a process that is not there: %v", err)
	}
	if _, err := ReadFile("/proc/self/mem"); !errors.Is(err, unix.EIO) {
		t.Errorf("an address that is not mapped: %v", err)
	}
}
