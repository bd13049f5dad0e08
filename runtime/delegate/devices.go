package delegate

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

// DeniesDevice tells whether a container has a device at a path that its device
// rules (linux.resources.devices) keep it from. The kernel says EPERM there, and
// a file that was served in the device's place would not. Where there is no
// device the rules have nothing to say.
func DeniesDevice(spec *specs.Spec, path string) bool {
	if spec.Linux == nil || spec.Linux.Resources == nil {
		return false
	}
	d, found := deviceAt(spec, path)
	if !found {
		return false
	}
	read, write := true, true
	for _, rule := range spec.Linux.Resources.Devices {
		if rule.Type != "" && rule.Type != "a" && rule.Type != d.Type || !matches(rule.Major, d.Major) || !matches(rule.Minor, d.Minor) {
			continue
		}
		// The last one counts.
		if rule.Access == "" || strings.Contains(rule.Access, "r") {
			read = rule.Allow
		}
		if rule.Access == "" || strings.Contains(rule.Access, "w") {
			write = rule.Allow
		}
	}
	return !read || !write
}

// matches compares a number with that of a rule, where nil and -1 are any.
func matches(rule *int64, number int64) bool { return rule == nil || *rule == -1 || *rule == number }

// deviceAt finds the device that the container has at a path: one of the
// bundle's, or the machine's where a folder of it or itself is bound.
func deviceAt(spec *specs.Spec, path string) (specs.LinuxDevice, bool) {
	for _, d := range spec.Linux.Devices {
		if filepath.Clean(d.Path) == path {
			return d, true
		}
	}
	source := ""
	for _, m := range spec.Mounts {
		rest, err := filepath.Rel(filepath.Clean(m.Destination), path)
		if err != nil || rest == ".." || strings.HasPrefix(rest, "../") {
			continue
		}
		// A later mount covers an earlier one.
		if source = ""; isBind(m) {
			source = filepath.Join(m.Source, rest)
		}
	}
	info, err := os.Stat(source)
	if err != nil || info.Mode()&os.ModeDevice == 0 {
		return specs.LinuxDevice{}, false
	}
	number := uint64(info.Sys().(*syscall.Stat_t).Rdev)
	d := specs.LinuxDevice{Type: "b", Major: int64(unix.Major(number)), Minor: int64(unix.Minor(number))}
	if info.Mode()&os.ModeCharDevice != 0 {
		d.Type = "c"
	}
	return d, true
}
