package ground

import (
	"errors"
	"os"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/shimrun/shimrun/internal/thread"
)

// coverProc tries whether a folder can be bound over /proc/sys.
func coverProc() (string, error) { return "", withMount(func() error { return nil }) }

// separateMounts tries whether such a mount stays unseen by others. Old
// gVisor takes unshare(CLONE_NEWNS) without giving a namespace.
func separateMounts() (string, error) {
	before := len(coversProc("/proc/self/mountinfo"))
	return "", withMount(func() error {
		if len(coversProc("/proc/self/mountinfo")) > before {
			return errors.New("unshare(CLONE_NEWNS) succeeds, but mounts are seen by all")
		}
		return nil
	})
}

// withMount calls look on a thread with a mount namespace of its own, if there
// are any, in which /proc/sys is mounted on /proc/sys: that cannot harm where
// there are none.
func withMount(look func() error) error {
	return thread.Run(func() error {
		if err := unix.Unshare(unix.CLONE_NEWNS); err != nil {
			return os.NewSyscallError("unshare(CLONE_NEWNS)", err)
		}
		if err := unix.Mount("", "/proc", "", unix.MS_PRIVATE, ""); err != nil && propagates() {
			return untried(os.NewSyscallError("mount(MS_PRIVATE)", err))
		}
		if err := unix.Mount("/proc/sys", "/proc/sys", "", unix.MS_BIND, ""); err != nil {
			return os.NewSyscallError("mount(MS_BIND)", err)
		}
		return errors.Join(look(), os.NewSyscallError("umount", unix.Unmount("/proc/sys", unix.MNT_DETACH)))
	})
}

// shareMounts tries what the kubelet does to its folder.
func shareMounts() (string, error) {
	return "", thread.Run(func() error {
		if err := unix.Unshare(unix.CLONE_NEWNS); err != nil {
			return untried(os.NewSyscallError("unshare(CLONE_NEWNS)", err))
		}
		err := os.NewSyscallError("mount(MS_SHARED|MS_REC)", unix.Mount("", "/proc", "", unix.MS_SHARED|unix.MS_REC, ""))
		if errors.Is(err, unix.EPERM) {
			return untried(err)
		}
		return err
	})
}

// propagates tells whether a mount of this thread may be seen elsewhere.
func propagates() bool {
	info, err := os.ReadFile("/proc/thread-self/mountinfo")
	return err != nil || strings.Contains(string(info), " shared:")
}

// coversProc are the lines of a mountinfo for mounts on /proc/sys.
func coversProc(name string) []string {
	info, _ := os.ReadFile(name)
	var lines []string
	for line := range strings.Lines(string(info)) {
		if fields := strings.Fields(line); len(fields) > 4 && fields[4] == "/proc/sys" {
			lines = append(lines, line)
		}
	}
	return lines
}
