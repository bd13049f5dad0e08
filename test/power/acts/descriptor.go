package acts

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// with opens a name and has something done with its descriptor.
func with(name string, flags int, do func(s *Scene, fd int) string) func(*Scene) string {
	return func(s *Scene) string {
		fd, err := unix.Open(s.path(name), flags|unix.O_CLOEXEC, 0)
		if err != nil {
			return "cannot open: " + word(err)
		}
		defer unix.Close(fd)
		return do(s, fd)
	}
}

// reading has something done with a served file that is open for reading, and
// that none but root may write.
func reading(do func(s *Scene, fd int) string) func(*Scene) string {
	return with("served/readonly", unix.O_RDONLY, do)
}

// anew opens a descriptor another time, by one of its names.
func anew(name string, flags int) func(*Scene) string {
	return reading(func(s *Scene, fd int) string {
		fd, err := unix.Open(fmt.Sprintf(name, fd), flags|unix.O_CLOEXEC, 0)
		return scribble(s, fd, err)
	})
}

// mapped maps a descriptor, and has something done with that.
func mapped(protection int, do func(mem []byte) string) func(*Scene) string {
	return reading(func(_ *Scene, fd int) string {
		mem, err := unix.Mmap(fd, 0, 4096, protection, unix.MAP_SHARED)
		if err != nil {
			return word(err)
		}
		defer func() { _ = unix.Munmap(mem) }()
		return do(mem)
	})
}

// Flags of chattr(1), of include/uapi/linux/fs.h.
const (
	appendOnly = 0x20
	immutable  = 0x10
)

func own(fd int) string { return fmt.Sprintf("/proc/self/fd/%d", fd) }

var descriptorActs = []Act{
	{Name: "descriptor/again-for-writing", Do: anew("/proc/self/fd/%d", unix.O_WRONLY)},
	{Name: "descriptor/again-for-both", Do: anew("/proc/self/fd/%d", unix.O_RDWR)},
	{Name: "descriptor/again-to-truncate", Do: anew("/proc/self/fd/%d", unix.O_WRONLY|unix.O_TRUNC)},
	{Name: "descriptor/again-to-create", Do: anew("/proc/self/fd/%d", unix.O_WRONLY|unix.O_CREAT)},
	{Name: "descriptor/again-by-thread", Do: anew("/proc/thread-self/fd/%d", unix.O_RDWR)},
	{Name: "descriptor/again-by-dev", Do: anew("/dev/fd/%d", unix.O_RDWR)},
	{Name: "descriptor/again-by-number", Do: anew(fmt.Sprintf("/proc/%d/fd/%%d", os.Getpid()), unix.O_RDWR)},
	{Name: "descriptor/again-by-root", Do: anew("/proc/self/root/proc/self/fd/%d", unix.O_RDWR)},
	{Name: "descriptor/again-relative", Do: reading(func(s *Scene, fd int) string {
		dir, err := unix.Open("/proc/self/fd", unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
		if err != nil {
			return word(err)
		}
		defer unix.Close(dir)
		fd, err = unix.Openat(dir, fmt.Sprint(fd), unix.O_RDWR|unix.O_CLOEXEC, 0)
		return scribble(s, fd, err)
	})},
	{Name: "descriptor/again-by-openat2", Do: reading(func(s *Scene, fd int) string {
		fd, err := unix.Openat2(unix.AT_FDCWD, own(fd), &unix.OpenHow{Flags: unix.O_RDWR | unix.O_CLOEXEC})
		return scribble(s, fd, err)
	})},
	{Name: "descriptor/again-by-i386", Do: reading(func(s *Scene, fd int) string {
		fd, err := call32Open(own(fd), unix.O_RDWR|unix.O_CLOEXEC)
		return scribble(s, fd, err)
	})},
	{Name: "descriptor/again-by-i386-openat", Do: reading(func(s *Scene, fd int) string {
		fd, err := call32Openat(unix.AT_FDCWD, own(fd), unix.O_WRONLY|unix.O_CLOEXEC)
		return scribble(s, fd, err)
	})},
	{Name: "descriptor/create-by-i386", Do: reading(func(_ *Scene, fd int) string { return closed(call32Creat(own(fd))) })},
	{Name: "descriptor/truncate-by-i386", Do: reading(func(_ *Scene, fd int) string { return word(call32Truncate(own(fd))) })},
	{Name: "descriptor/chmod-by-i386", Do: reading(func(_ *Scene, fd int) string { return word(call32Chmod(own(fd), 0o666)) })},
	{Name: "descriptor/truncate-by-name", Do: reading(func(_ *Scene, fd int) string { return word(unix.Truncate(own(fd), 0)) })},
	{Name: "descriptor/chmod-by-name", Do: reading(func(_ *Scene, fd int) string { return word(unix.Chmod(own(fd), 0o666)) })},
	{Name: "descriptor/chown-by-name", Do: reading(func(s *Scene, fd int) string { return word(unix.Chown(own(fd), id(s.Caller), 0)) })},
	{Name: "descriptor/utimes-by-name", Do: reading(func(_ *Scene, fd int) string {
		return word(unix.UtimesNanoAt(unix.AT_FDCWD, own(fd), []unix.Timespec{{Sec: 1}, {Sec: 2}}, 0))
	})},
	{Name: "descriptor/write", Do: reading(func(_ *Scene, fd int) string { _, err := unix.Write(fd, []byte("x")); return word(err) })},
	{Name: "descriptor/pwrite", Do: reading(func(_ *Scene, fd int) string { _, err := unix.Pwrite(fd, []byte("x"), 0); return word(err) })},
	{Name: "descriptor/ftruncate", Do: reading(func(_ *Scene, fd int) string { return word(unix.Ftruncate(fd, 0)) })},
	{Name: "descriptor/fallocate", Do: reading(func(_ *Scene, fd int) string { return word(unix.Fallocate(fd, 0, 0, 4096)) })},
	{Name: "descriptor/punch-hole", Do: reading(func(_ *Scene, fd int) string {
		return word(unix.Fallocate(fd, unix.FALLOC_FL_PUNCH_HOLE|unix.FALLOC_FL_KEEP_SIZE, 0, 4096))
	})},
	{Name: "descriptor/fchmod", Do: reading(func(_ *Scene, fd int) string { return word(unix.Fchmod(fd, 0o666)) })},
	{Name: "descriptor/fchown", Do: reading(func(s *Scene, fd int) string { return word(unix.Fchown(fd, id(s.Caller), 0)) })},
	{Name: "descriptor/fsetxattr", Do: reading(func(_ *Scene, fd int) string { return word(unix.Fsetxattr(fd, "user.power", []byte("x"), 0)) })},
	{Name: "descriptor/seal", Do: reading(func(_ *Scene, fd int) string {
		_, err := unix.FcntlInt(uintptr(fd), unix.F_ADD_SEALS, unix.F_SEAL_WRITE|unix.F_SEAL_GROW|unix.F_SEAL_SHRINK)
		return word(err)
	})},
	{Name: "descriptor/set-flags", Not: []string{Root}, Do: reading(func(_ *Scene, fd int) string { return word(setFlags(fd, immutable)) })},
	{Name: "descriptor/set-append", Not: []string{Root}, Do: reading(func(_ *Scene, fd int) string { return word(setFlags(fd, appendOnly)) })},
	{Name: "descriptor/lease-to-write", Do: reading(func(_ *Scene, fd int) string {
		_, err := unix.FcntlInt(uintptr(fd), unix.F_SETLEASE, unix.F_WRLCK)
		return word(err)
	})},
	{Name: "descriptor/copy-into", Do: reading(func(_ *Scene, fd int) string {
		_, err := unix.CopyFileRange(fd, &[]int64{0}[0], fd, &[]int64{4}[0], 4, 0)
		return word(err)
	})},
	{Name: "descriptor/splice-into", Do: reading(func(_ *Scene, fd int) string {
		var pipe [2]int
		if err := unix.Pipe2(pipe[:], unix.O_CLOEXEC); err != nil {
			return word(err)
		}
		defer unix.Close(pipe[0])
		defer unix.Close(pipe[1])
		_, _ = unix.Write(pipe[1], []byte("spliced"))
		_, err := unix.Splice(pipe[0], nil, fd, nil, 7, 0)
		return word(err)
	})},
	{Name: "descriptor/map-to-write", Do: mapped(unix.PROT_READ|unix.PROT_WRITE, func(mem []byte) string { mem[0] = 'X'; return "done" })},
	{Name: "descriptor/map-then-protect", Do: mapped(unix.PROT_READ, func(mem []byte) string {
		if err := unix.Mprotect(mem, unix.PROT_READ|unix.PROT_WRITE); err != nil {
			return word(err)
		}
		mem[0] = 'X'
		return "done"
	})},
	{Name: "descriptor/map-then-remove", Do: mapped(unix.PROT_READ, func(mem []byte) string { return word(unix.Madvise(mem, unix.MADV_REMOVE)) })},
	{Name: "descriptor/map-then-force", Do: mapped(unix.PROT_READ, func(mem []byte) string {
		fd, err := unix.Open("/proc/self/mem", unix.O_RDWR|unix.O_CLOEXEC, 0)
		if err != nil {
			return word(err)
		}
		defer unix.Close(fd)
		_, err = unix.Pwrite(fd, []byte("X"), int64(address(mem)))
		return word(err)
	})},
	{Name: "descriptor/map-then-open", Do: mapped(unix.PROT_READ, func(mem []byte) string {
		name := fmt.Sprintf("/proc/self/map_files/%x-%x", address(mem), address(mem)+4096)
		return closed(unix.Open(name, unix.O_RDWR|unix.O_CLOEXEC, 0))
	})},
	{Name: "descriptor/link-into-own-folder", Do: reading(func(s *Scene, fd int) string {
		if err := unix.Linkat(unix.AT_FDCWD, own(fd), unix.AT_FDCWD, s.path("real/shared/linked"), unix.AT_SYMLINK_FOLLOW); err != nil {
			return word(err)
		}
		return closed(unix.Open(s.path("real/shared/linked"), unix.O_RDWR|unix.O_CLOEXEC, 0))
	})},
	{Name: "descriptor/folder-fchmod", Do: with("served", unix.O_DIRECTORY, func(_ *Scene, fd int) string { return word(unix.Fchmod(fd, 0o777)) })},
	{Name: "descriptor/folder-fchown", Do: with("served", unix.O_DIRECTORY, func(s *Scene, fd int) string { return word(unix.Fchown(fd, id(s.Caller), 0)) })},
	{Name: "descriptor/folder-mkdir", Do: with("served", unix.O_DIRECTORY, func(_ *Scene, fd int) string { return word(unix.Mkdirat(fd, "made", 0o777)) })},
	{Name: "descriptor/folder-symlink", Do: with("served", unix.O_DIRECTORY, func(_ *Scene, fd int) string { return word(unix.Symlinkat("x", fd, "made")) })},
	{Name: "descriptor/folder-symlink-by-i386", Do: with("served", unix.O_DIRECTORY, func(_ *Scene, fd int) string { return word(call32Symlinkat(fd, "made")) })},
	{Name: "descriptor/folder-temporary-file", Do: with("served", unix.O_DIRECTORY, func(_ *Scene, fd int) string {
		return closed(unix.Openat(fd, ".", unix.O_TMPFILE|unix.O_RDWR|unix.O_CLOEXEC, 0o666))
	})},
	{Name: "descriptor/enter-closed-folder", Do: with("served/closed", unix.O_PATH, func(_ *Scene, fd int) string { return word(unix.Fchdir(fd)) })},
	{Name: "descriptor/list-closed-folder", Do: func(s *Scene) string {
		return closed(unix.Open(s.path("served/closed"), unix.O_DIRECTORY|unix.O_CLOEXEC, 0))
	}},
}

// A descriptor that can do nothing is given for any name.
var pathDescriptorActs = []Act{
	{Name: "path-descriptor/read", Do: with("served/secret", unix.O_PATH, func(_ *Scene, fd int) string {
		return text(unix.Open(own(fd), unix.O_RDONLY|unix.O_CLOEXEC, 0))
	})},
	{Name: "path-descriptor/write", Do: with("served/secret", unix.O_PATH, func(s *Scene, fd int) string {
		fd, err := unix.Open(own(fd), unix.O_RDWR|unix.O_CLOEXEC, 0)
		return scribble(s, fd, err)
	})},
	{Name: "path-descriptor/read-by-i386", Do: with("served/secret", unix.O_PATH, func(_ *Scene, fd int) string {
		return text(call32Open(own(fd), unix.O_RDONLY|unix.O_CLOEXEC))
	})},
	{Name: "path-descriptor/write-by-i386", Do: with("served/readonly", unix.O_PATH, func(s *Scene, fd int) string {
		fd, err := call32Open(own(fd), unix.O_RDWR|unix.O_CLOEXEC)
		return scribble(s, fd, err)
	})},
	{Name: "path-descriptor/access", Do: with("served/secret", unix.O_PATH, func(_ *Scene, fd int) string {
		return word(unix.Faccessat2(fd, "", unix.R_OK, unix.AT_EMPTY_PATH))
	})},
	{Name: "path-descriptor/chmod", Do: with("served/secret", unix.O_PATH, func(_ *Scene, fd int) string { return word(fchmodat2(fd, 0o666)) })},
	{Name: "path-descriptor/chown", Do: with("served/secret", unix.O_PATH, func(s *Scene, fd int) string {
		return word(unix.Fchownat(fd, "", id(s.Caller), 0, unix.AT_EMPTY_PATH))
	})},
	{Name: "path-descriptor/give-away", Do: with("served/secret", unix.O_PATH, func(_ *Scene, fd int) string {
		return word(unix.Fchownat(fd, "", StrangerID, StrangerID, unix.AT_EMPTY_PATH))
	})},
	{Name: "path-descriptor/leave-nothing", Do: leaving(func(s *Scene) error {
		fd, err := unix.Open(s.path("served/secret"), unix.O_PATH|unix.O_CLOEXEC, 0)
		if err != nil {
			return err
		}
		return unix.Close(fd)
	})},
	{Name: "path-descriptor/enter-and-leave-nothing", Do: leaving(func(s *Scene) error {
		if err := unix.Chdir(s.path("served")); err != nil {
			return err
		}
		return unix.Chdir("/")
	})},
	{Name: "path-descriptor/link", Do: with("served/secret", unix.O_PATH, func(s *Scene, fd int) string {
		return word(unix.Linkat(fd, "", unix.AT_FDCWD, s.path("real/shared/linked"), unix.AT_EMPTY_PATH))
	})},
	{Name: "path-descriptor/read-the-real-one", Do: with("real/secret", unix.O_PATH, func(_ *Scene, fd int) string {
		return text(unix.Open(own(fd), unix.O_RDONLY|unix.O_CLOEXEC, 0))
	})},
	{Name: "path-descriptor/read-behind-the-mount", Do: with("bound/private", unix.O_PATH, func(_ *Scene, fd int) string {
		return text(unix.Open(own(fd), unix.O_RDONLY|unix.O_CLOEXEC, 0))
	})},
	{Name: "path-descriptor/chown-behind-the-mount", Do: with("bound/readonly", unix.O_PATH, func(s *Scene, fd int) string {
		return word(unix.Fchownat(fd, "", StrangerID, 0, unix.AT_EMPTY_PATH))
	})},
}

// leaving does something many times, and tells how many descriptors that leaves behind.
func leaving(do func(*Scene) error) func(*Scene) string {
	return func(s *Scene) string {
		before, err := lowestFree()
		for range 100 {
			if err == nil {
				err = do(s)
			}
		}
		if err != nil {
			return word(err)
		}
		after, err := lowestFree()
		if err == nil && after != before {
			return fmt.Sprintf("%d descriptors are left", after-before)
		}
		return word(err)
	}
}

// lowestFree is the number that the next descriptor gets.
func lowestFree() (int, error) {
	fd, err := unix.FcntlInt(0, unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return -1, err
	}
	return fd, unix.Close(fd)
}

// Overwrite opens a file for reading, and writes to it all the same where that can
// be done by opening it again in a way that no filter sees.
func Overwrite(s *Scene, name string) string {
	reader, err := unix.Open(name, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return word(err)
	}
	defer unix.Close(reader)
	fd, err := call32Open(own(reader), unix.O_RDWR|unix.O_CLOEXEC)
	return scribble(s, fd, err)
}
