package acts

import "golang.org/x/sys/unix"

// inGroup does something with a name below the served hierarchy.
func inGroup(name string, do func(path string) error) func(*Scene) string {
	return func(s *Scene) string { return word(do(s.path("cgroup/memory/" + name))) }
}

var groupActs = []Act{
	{Name: "group/make", Not: []string{Root, Powerless}, Do: inGroup("made", func(path string) error { return unix.Mkdir(path, 0o777) })},
	{Name: "group/make-below", Not: []string{Root, Powerless}, Do: inGroup("kept/made", func(path string) error { return unix.Mkdir(path, 0o777) })},
	{Name: "group/remove", Not: []string{Root, Powerless}, Do: inGroup("kept", unix.Rmdir)},
	{Name: "group/rename", Not: []string{Root, Powerless}, Do: func(s *Scene) string {
		return word(unix.Rename(s.path("cgroup/memory/kept"), s.path("cgroup/memory/taken")))
	}},
	{Name: "group/chmod", Not: []string{Root, Powerless}, Do: inGroup("kept", func(path string) error { return unix.Chmod(path, 0o777) })},
	{Name: "group/chmod-file", Not: []string{Root, Powerless}, Do: inGroup("kept/tasks", func(path string) error { return unix.Chmod(path, 0o666) })},
	{Name: "group/chown", Not: []string{Root}, Do: func(s *Scene) string { return word(unix.Chown(s.path("cgroup/memory/kept"), NobodyID, -1)) }},
	{Name: "group/chown-file", Not: []string{Root}, Do: func(s *Scene) string { return word(unix.Chown(s.path("cgroup/memory/kept/tasks"), NobodyID, -1)) }},
	{Name: "group/fchown", Not: []string{Root}, Do: with("cgroup/memory/kept", unix.O_DIRECTORY, func(_ *Scene, fd int) string { return word(unix.Fchown(fd, NobodyID, -1)) })},
	{Name: "group/fchmod", Not: []string{Root, Powerless}, Do: with("cgroup/memory/kept", unix.O_DIRECTORY, func(_ *Scene, fd int) string { return word(unix.Fchmod(fd, 0o777)) })},
	{Name: "group/fchmod-file", Not: []string{Root, Powerless}, Do: with("cgroup/memory/kept/tasks", unix.O_RDONLY, func(_ *Scene, fd int) string { return word(unix.Fchmod(fd, 0o666)) })},
	{Name: "group/open-tasks", Do: inGroup("kept/tasks", func(path string) error { return opens(path, unix.O_WRONLY) })},
	{Name: "group/open-limit", Do: inGroup("memory.limit_in_bytes", func(path string) error { return opens(path, unix.O_RDWR) })},
	{Name: "group/tasks-again-for-writing", Not: []string{Root, Powerless}, Do: with("cgroup/memory/kept/tasks", unix.O_RDONLY, func(_ *Scene, fd int) string {
		return closed(unix.Open(own(fd), unix.O_RDWR|unix.O_CLOEXEC, 0))
	})},
	{Name: "group/tasks-again-by-i386", Not: []string{Root, Powerless}, Do: with("cgroup/memory/kept/tasks", unix.O_RDONLY, func(s *Scene, fd int) string {
		fd, err := call32Open(own(fd), unix.O_RDWR|unix.O_CLOEXEC)
		return scribble(s, fd, err)
	})},
	{Name: "group/make-from-descriptor", Not: []string{Root, Powerless}, Do: with("cgroup/memory/kept", unix.O_DIRECTORY, func(_ *Scene, fd int) string { return word(unix.Mkdirat(fd, "made", 0o777)) })},
	{Name: "group/make-by-i386", Not: []string{Root, Powerless}, Do: with("cgroup/memory/kept", unix.O_DIRECTORY, func(_ *Scene, fd int) string { return word(call32Mkdirat(fd, "made", 0o777)) })},
	{Name: "group/unlink-file", Not: []string{Root, Powerless}, Do: inGroup("kept/tasks", unix.Unlink)},
}

func opens(path string, flags int) error {
	fd, err := unix.Open(path, flags|unix.O_CLOEXEC, 0)
	if err == nil {
		_ = unix.Close(fd)
	}
	return err
}
