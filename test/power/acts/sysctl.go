package acts

import (
	"fmt"
	"maps"
	"os"
	"slices"

	"golang.org/x/sys/unix"
)

// Sysctls that belong to a namespace of the run's own, in which the profile
// serves others: what is written to these must not reach the kernel's.
const (
	HostName     = "/proc/sys/kernel/hostname"
	SharedMemory = "/proc/sys/kernel/shmmni"
)

// Told is what both say where acts are tried, and Untold what the kernel's own
// say below that.
var (
	Told   = map[string]string{HostName: "told\n", SharedMemory: "4000\n"}
	Untold = map[string]string{HostName: "untold\n", SharedMemory: "3999\n"}
)

// Set gives sysctls values.
func Set(values map[string]string) error {
	for name, value := range values {
		if err := os.WriteFile(name, []byte(value), 0); err != nil {
			return err
		}
	}
	return nil
}

// Say tells which sysctl has another value, and which.
func Say(values map[string]string) []string {
	var others []string
	for _, name := range slices.Sorted(maps.Keys(values)) {
		if now, err := os.ReadFile(name); string(now) != values[name] {
			others = append(others, fmt.Sprintf("%s says %q, %s", name, now, word(err)))
		}
	}
	return others
}

// put writes a text by one write(2).
func put(path, text string) error {
	fd, err := unix.Open(path, unix.O_WRONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	_, err = unix.Write(fd, []byte(text))
	return err
}

var sysctlActs = []Act{
	{Name: "sysctl/write-name", Do: func(*Scene) string { return word(put(HostName, "written")) }},
	{Name: "sysctl/write-number", Do: func(*Scene) string { return word(put(SharedMemory, "4095\n")) }},
	{Name: "sysctl/write-junk", Do: func(*Scene) string { return word(put(SharedMemory, "junk\n")) }},
	{Name: "sysctl/write-by-root-link", Do: func(*Scene) string { return word(put("/proc/self/root"+SharedMemory, "4094\n")) }},
	{Name: "sysctl/write-again", Not: []string{Root, Powerless}, Do: func(*Scene) string {
		fd, err := unix.Open(SharedMemory, unix.O_RDONLY|unix.O_CLOEXEC, 0)
		if err != nil {
			return word(err)
		}
		defer unix.Close(fd)
		return word(put(own(fd), "4093\n"))
	}},
	{Name: "sysctl/write-by-i386", Not: []string{Root, Powerless}, Do: func(s *Scene) string {
		fd, err := call32Open(SharedMemory, unix.O_WRONLY|unix.O_CLOEXEC)
		return closed(fd, err)
	}},
	{Name: "sysctl/truncate", Do: func(*Scene) string { return word(unix.Truncate(SharedMemory, 0)) }},
	{Name: "sysctl/chmod", Do: func(*Scene) string { return word(unix.Chmod(SharedMemory, 0o666)) }},
	{Name: "sysctl/unlink", Do: func(*Scene) string { return word(unix.Unlink(SharedMemory)) }},
}
