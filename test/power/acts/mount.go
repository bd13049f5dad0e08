package acts

import (
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// mounting mounts, and undoes it where it worked. What the target says then is
// seen by this process; whether others see it too, others say.
func mounting(source, target, fstype string, flags uintptr) func(*Scene) string {
	return func(s *Scene) string {
		if strings.HasPrefix(source, "real/") || strings.HasPrefix(source, "served") || strings.HasPrefix(source, "source") {
			source = s.path(source)
		}
		target := s.path(target)
		if err := unix.Mount(source, target, fstype, flags, ""); err != nil {
			return word(err)
		}
		_ = unix.Unmount(target, unix.MNT_DETACH)
		return "done"
	}
}

// linked binds what a link of the caller's own leads to. What is mounted stays
// until the caller's namespace ends.
func linked(target string, flags uintptr) func(*Scene) string {
	return func(s *Scene) string {
		text, name := s.path("real/shared/mine"), s.path("real/shared/my-link")
		defer func() { _, _ = os.Remove(name), os.Remove(text) }()
		if err := os.WriteFile(text, []byte("text of a caller\n"), 0o644); err != nil {
			return "cannot: " + word(err)
		}
		if err := os.Symlink(text, name); err != nil {
			return "cannot: " + word(err)
		}
		return word(unix.Mount(name, s.path(target), "", flags, ""))
	}
}

var mountActs = []Act{
	{Name: "mount/tmpfs", Do: mounting("none", "real/shared", "tmpfs", 0)},
	{Name: "mount/proc", Do: mounting("none", "real/shared", "proc", 0)},
	{Name: "mount/bind", Do: mounting("real/secret", "real/readonly", "", unix.MS_BIND)},
	{Name: "mount/bind-folder", Do: mounting("source", "real/shared", "", unix.MS_BIND)},
	{Name: "mount/bind-recursive", Do: mounting("source", "real/shared", "", unix.MS_BIND|unix.MS_REC)},
	{Name: "mount/bind-on-bound", Do: mounting("real/closed", "bound", "", unix.MS_BIND)},
	{Name: "mount/unmount", Not: []string{Root}, Do: func(s *Scene) string { return word(unix.Unmount(s.path("bound"), unix.MNT_DETACH)) }},
	{Name: "mount/unmount-proc", Not: []string{Root}, Do: func(*Scene) string { return word(unix.Unmount("/proc", unix.MNT_DETACH)) }},
	{Name: "mount/remount-read-only", Not: []string{Root}, Do: func(s *Scene) string {
		return word(unix.Mount("", s.path("bound"), "", unix.MS_REMOUNT|unix.MS_BIND|unix.MS_RDONLY, ""))
	}},
	{Name: "mount/propagation", Not: []string{Root}, Do: func(*Scene) string { return word(unix.Mount("", "/", "", unix.MS_SLAVE|unix.MS_REC, "")) }},
	{Name: "mount/move", Not: []string{Root}, Do: func(s *Scene) string {
		return word(unix.Mount(s.path("bound"), s.path("real/shared"), "", unix.MS_MOVE, ""))
	}},
	{Name: "mount/pivot-root", Not: []string{Root}, Do: func(s *Scene) string { return word(unix.PivotRoot(s.path("bound"), s.path("bound"))) }},
	{Name: "mount/open-tree", Do: func(s *Scene) string {
		return closed(unix.OpenTree(unix.AT_FDCWD, s.path("real"), unix.OPEN_TREE_CLONE|unix.OPEN_TREE_CLOEXEC))
	}},
	{Name: "mount/fsopen", Do: func(*Scene) string { return closed(unix.Fsopen("tmpfs", unix.FSOPEN_CLOEXEC)) }},
	{Name: "mount/set-attributes", Not: []string{Root}, Do: func(s *Scene) string {
		return word(unix.MountSetattr(unix.AT_FDCWD, s.path("bound"), 0, &unix.MountAttr{Attr_set: unix.MOUNT_ATTR_RDONLY}))
	}},
	{Name: "mount/swap", Not: []string{Root}, Do: func(s *Scene) string {
		name, err := unix.BytePtrFromString(s.path("real/readonly"))
		if err != nil {
			return err.Error()
		}
		return word(swapon(name))
	}},
	{Name: "mount/link-over-roots-file", Not: []string{Root}, Do: linked("real/readonly", unix.MS_BIND)},
	{Name: "mount/link-over-served-file", Not: []string{Root}, Do: linked("served/readonly", unix.MS_BIND)},
	{Name: "mount/link-recursively", Not: []string{Root}, Do: linked("real/readonly", unix.MS_BIND|unix.MS_REC)},
}

// The same as root of namespaces of its own: it may mount there, and nobody else
// is to see it.
var ownMountActs = []Act{
	{Name: "own-user/link-over-roots-file", Own: unix.CLONE_NEWUSER, Do: linked("real/readonly", unix.MS_BIND)},
	{Name: "own-user/link-recursively", Own: unix.CLONE_NEWUSER, Do: linked("real/readonly", unix.MS_BIND|unix.MS_REC)},
	{Name: "own-user/link-over-served-file", Own: unix.CLONE_NEWUSER, Do: linked("served/readonly", unix.MS_BIND)},
	{Name: "own-user/link-behind-the-mount", Own: unix.CLONE_NEWUSER, Do: linked("bound/readonly", unix.MS_BIND)},
	{Name: "own-user/tmpfs", Own: unix.CLONE_NEWUSER, Do: mounting("none", "real/shared", "tmpfs", 0)},
	{Name: "own-user/bind-recursive", Own: unix.CLONE_NEWUSER, Do: mounting("source", "real/shared", "", unix.MS_BIND|unix.MS_REC)},
	{Name: "own-user/unmount", Own: unix.CLONE_NEWUSER, Do: func(s *Scene) string { return word(unix.Unmount(s.path("bound"), unix.MNT_DETACH)) }},
	{Name: "own-user/read-secret", Own: unix.CLONE_NEWUSER, Do: func(s *Scene) string {
		return text(unix.Open(s.path("served/secret"), unix.O_RDONLY|unix.O_CLOEXEC, 0))
	}},
	{Name: "own-user/write-readonly", Own: unix.CLONE_NEWUSER, Do: func(s *Scene) string {
		fd, err := unix.Open(s.path("served/writable"), unix.O_WRONLY|unix.O_CLOEXEC, 0)
		return scribble(s, fd, err)
	}},
	{Name: "own-user/search-closed", Own: unix.CLONE_NEWUSER, Do: func(s *Scene) string {
		var st unix.Stat_t
		return word(unix.Stat(s.path("served/closed/there"), &st))
	}},
	{Name: "own-user/make-group", Own: unix.CLONE_NEWUSER, Do: func(s *Scene) string { return word(unix.Mkdir(s.path("cgroup/memory/made"), 0o755)) }},
	{Name: "own-user/chown", Own: unix.CLONE_NEWUSER, Do: func(s *Scene) string { return word(unix.Chown(s.path("bound/readonly"), 0, 0)) }},
	{Name: "own-user/chroot-and-out", Own: unix.CLONE_NEWUSER, Do: func(s *Scene) string {
		if err := unix.Chroot(s.path("served")); err != nil {
			return word(err)
		}
		return text(unix.Open("/../../../../../../.."+s.path("real/readonly"), unix.O_RDONLY|unix.O_CLOEXEC, 0))
	}},
	{Name: "own-user/chroot-elsewhere", Own: unix.CLONE_NEWUSER, Do: func(s *Scene) string {
		if err := unix.Chroot(s.path("real/shared")); err != nil {
			return word(err)
		}
		return text(unix.Open(s.path("served/readonly"), unix.O_RDONLY|unix.O_CLOEXEC, 0))
	}},
	{Name: "own-mounts/link-over-roots-file", Own: unix.CLONE_NEWUSER | unix.CLONE_NEWNS, Do: linked("real/readonly", unix.MS_BIND)},
	{Name: "own-mounts/link-recursively", Own: unix.CLONE_NEWUSER | unix.CLONE_NEWNS, Do: linked("real/readonly", unix.MS_BIND|unix.MS_REC)},
	{Name: "own-mounts/tmpfs", Own: unix.CLONE_NEWUSER | unix.CLONE_NEWNS, Do: mounting("none", "real/shared", "tmpfs", 0)},
	{Name: "own-mounts/bind-secret", Own: unix.CLONE_NEWUSER | unix.CLONE_NEWNS, Do: mounting("real/secret", "real/readonly", "", unix.MS_BIND)},
	{Name: "own-mounts/unmount-what-root-mounted", Own: unix.CLONE_NEWUSER | unix.CLONE_NEWNS, Do: func(s *Scene) string {
		return word(unix.Unmount(s.path("bound"), unix.MNT_DETACH))
	}},
	{Name: "own-mounts/alone", Own: unix.CLONE_NEWNS, Do: func(*Scene) string { return "done" }},
}
