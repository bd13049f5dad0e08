package conformance

import (
	"bytes"
	"errors"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"github.com/shimrun/shimrun/test/conformance/cases"
)

// guard watches the host while a ground is worked on: whatever victims write,
// its sysctls and its kernel log stay as they are.
func guard(t *testing.T, tag string) {
	t.Helper()
	before := hostValues(t)
	log, err := os.OpenFile("/dev/kmsg", os.O_RDONLY|unix.O_NONBLOCK, 0)
	if err == nil {
		_, err = log.Seek(0, unix.SEEK_END)
	}
	if err != nil {
		t.Logf("kernel log not watched: %v", err)
	}
	t.Cleanup(func() {
		if diff := cmp.Diff(before, hostValues(t)); diff != "" {
			t.Errorf("the host's sysctls changed:\n%s", diff)
		}
		if err != nil {
			return
		}
		defer log.Close()
		buf := make([]byte, 8192)
		for {
			n, err := unix.Read(int(log.Fd()), buf)
			if errors.Is(err, unix.EPIPE) || errors.Is(err, unix.EINTR) {
				continue
			}
			if err != nil || n == 0 {
				return
			}
			if bytes.Contains(buf[:n], []byte(";"+tag)) {
				t.Errorf("a victim's line is in the host's kernel log: %s", buf[:n])
			}
		}
	})
}

// unlimited lets all that the oracle writes to /dev/kmsg pass: the kernel
// drops what comes too fast.
func unlimited(t *testing.T) {
	t.Helper()
	const limit = "/proc/sys/kernel/printk_devkmsg"
	before, err := os.ReadFile(limit)
	if err == nil {
		err = os.WriteFile(limit, []byte("on\n"), 0)
	}
	if err != nil {
		t.Logf("%s: %v", limit, err)
		return
	}
	t.Cleanup(func() {
		if err := os.WriteFile(limit, before, 0); err != nil {
			t.Error(err)
		}
	})
}

// hostValues is what the host's sysctls of the table say now.
func hostValues(t *testing.T) map[string]string {
	t.Helper()
	values := map[string]string{}
	for _, symbol := range slices.Sorted(maps.Keys(cases.Real)) {
		files := []string{cases.Real[symbol]}
		if symbol == "one" {
			files[0] += "/max_user_watches"
		}
		if symbol == "keys" {
			files = nil
			for _, key := range cases.Keys {
				files = append(files, cases.Real[symbol]+"/"+key)
			}
		}
		for _, file := range files {
			b, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			values[file] = strings.TrimSuffix(string(b), "\n")
		}
	}
	return values
}
