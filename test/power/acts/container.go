package acts

import (
	"fmt"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// SysFolder is a folder that only a profile has, on a filesystem that every
// container has.
const SysFolder = "/sys/class/served-by-shim"

// HostMount is the source of a mount that only the host has.
const HostMount = "of-the-host-alone"

// outwards goes up from SysFolder until there is no more above, and down to the
// host's scene.
func outwards(do func(dirfd int, base string) string) func(*Scene) string {
	return func(s *Scene) string {
		fd, err := unix.Open(SysFolder, unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
		if err != nil {
			return "no folder is served: " + word(err)
		}
		defer unix.Close(fd)
		return do(fd, strings.Repeat("../", 30)+s.Host[1:])
	}
}

// EscapeActs are tried in containers only. None of them may come to anything.
var EscapeActs = escapeActs()

func escapeActs() []Act {
	list := []Act{{Name: "escape/mounts-of-the-host", Do: func(*Scene) string {
		seen := false
		for pid := range 1000 {
			text, err := os.ReadFile(fmt.Sprintf("/proc/%d/mountinfo", pid))
			seen = seen || err == nil
			if strings.Contains(string(text), HostMount) {
				return fmt.Sprintf("read the host's mounts of process %d", pid)
			}
		}
		if !seen {
			return "no mountinfo can be read"
		}
		return word(unix.ENOENT)
	}}}
	for _, end := range ends {
		list = append(list, Act{Name: "escape/" + end.name, Do: outwards(end.do)})
	}
	return append(list, Act{Name: "escape/by-working-folder", Do: func(s *Scene) string {
		if err := unix.Chdir(SysFolder); err != nil {
			return "no folder is served: " + word(err)
		}
		return text(unix.Open("../../../../../.."+s.Host+"/real/secret", unix.O_RDONLY|unix.O_CLOEXEC, 0))
	}})
}
