package runtime

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/shimrun/shimrun/fakefs"
	"github.com/shimrun/shimrun/internal/thread"
)

// cover mounts in a namespace that the launcher gets for it, and in no other.
// After an error nothing of it is mounted.
func (l launcher) cover(covers []cover) error {
	if err := l.separate(); err != nil {
		return err
	}
	process := fmt.Sprintf("/proc/%d/", l.pid)
	ours, err := os.Readlink("/proc/self/ns/mnt")
	if err != nil {
		return err
	}
	if theirs, err := os.Readlink(process + "ns/mnt"); err != nil || theirs == ours {
		return errors.Join(errors.New("unshare(CLONE_NEWNS) gave no mount namespace"), err)
	}
	return thread.Run(func() error {
		if err := enterMounts(process); err != nil {
			return err
		}
		var m mounter
		for _, c := range covers {
			if c.why != "" {
				continue
			}
			if err := m.cover(c); err != nil {
				m.undo()
				return err
			}
		}
		return nil
	})
}

// enterMounts brings this thread into the mount namespace and the root of a process.
func enterMounts(process string) error {
	root, err := unix.Open(process+"root", unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return &os.PathError{Op: "open", Path: process + "root", Err: err}
	}
	defer unix.Close(root)
	namespace, err := unix.Open(process+"ns/mnt", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return &os.PathError{Op: "open", Path: process + "ns/mnt", Err: err}
	}
	defer unix.Close(namespace)
	// Threads share a working directory, a root and a umask, unless one asks.
	if err := unix.Unshare(unix.CLONE_FS); err != nil {
		return os.NewSyscallError("unshare(CLONE_FS)", err)
	}
	if err := unix.Setns(namespace, unix.CLONE_NEWNS); err != nil {
		return os.NewSyscallError("setns", err)
	}
	if err := unix.Fchdir(root); err != nil {
		return os.NewSyscallError("fchdir", err)
	}
	unix.Umask(0)
	return os.NewSyscallError("chroot", unix.Chroot("."))
}

// mounter makes mounts that none but its namespace sees.
type mounter struct {
	made []string
}

// undo takes away what was mounted.
func (m *mounter) undo() {
	for len(m.made) > 0 {
		last := len(m.made) - 1
		_ = unix.Unmount(m.made[last], unix.MNT_DETACH)
		m.made = m.made[:last]
	}
}

// cover mounts what is told in one folder.
func (m *mounter) cover(c cover) error {
	for _, dir := range c.copies {
		if err := m.copy(dir, c.files); err != nil {
			return err
		}
	}
	var single []fakefs.StillFile
	for _, file := range c.files {
		if !c.copied(file.Name) {
			single = append(single, file)
		}
	}
	if len(single) == 0 {
		return nil
	}
	return m.single(c.folder, single)
}

// single mounts files on those that are there. Their filesystem stands on the
// folder meanwhile, and what it covers is the working directory.
func (m *mounter) single(folder string, files []fakefs.StillFile) error {
	if err := m.filesystem(folder); err != nil {
		return err
	}
	for i, file := range files {
		stand := fmt.Sprintf("%s/%d", folder, i)
		name := strings.TrimPrefix(file.Name, folder+"/")
		if err := write(stand, file); err != nil {
			return err
		}
		if err := seclude(name); err != nil {
			return err
		}
		if err := unix.Mount(stand, name, "", unix.MS_BIND, ""); err != nil {
			return mountError(file.Name, err)
		}
	}
	if err := unix.Unmount(folder, unix.MNT_DETACH); err != nil {
		return &os.PathError{Op: "umount", Path: folder, Err: err}
	}
	m.made = m.made[:len(m.made)-1]
	for _, file := range files {
		m.made = append(m.made, file.Name)
	}
	return nil
}

// copy covers a folder by one that has the files, and all else that was there.
func (m *mounter) copy(dir string, files []fakefs.StillFile) error {
	info, err := os.Lstat(dir)
	if err != nil {
		return err
	}
	if err := m.filesystem(dir); err != nil {
		return err
	}
	if err := likewise(dir, info); err != nil {
		return err
	}
	own := map[string]bool{} // what is not bound: files, and the folders above them
	for _, file := range files {
		for name := file.Name; isWithin(name, dir) && !own[name]; name = path.Dir(name) {
			own[name] = true
		}
	}
	if err := bindEntries(dir, ".", own); err != nil {
		return err
	}
	for _, file := range files {
		if !isWithin(file.Name, dir) {
			continue
		}
		if err := os.MkdirAll(path.Dir(file.Name), 0o555); err != nil {
			return err
		}
		if err := write(file.Name, file); err != nil {
			return err
		}
	}
	return nil
}

// bindEntries binds what stands in a folder, by its name from the working
// directory, into its copy.
func bindEntries(copied, real string, own map[string]bool) error {
	entries, err := os.ReadDir(real)
	if err != nil {
		return err
	}
	for _, entry := range entries {
		from, to := filepath.Join(real, entry.Name()), path.Join(copied, entry.Name())
		if own[to] && !entry.IsDir() {
			continue
		}
		err := bindEntry(to, from, own)
		if err != nil && !errors.Is(err, fs.ErrNotExist) { // gone meanwhile
			return err
		}
	}
	return nil
}

func bindEntry(to, from string, own map[string]bool) error {
	info, err := os.Lstat(from)
	if err != nil {
		return err
	}
	switch {
	case info.Mode()&fs.ModeSymlink != 0:
		target, err := os.Readlink(from)
		if err != nil {
			return err
		}
		return os.Symlink(target, to)
	case info.IsDir():
		if err := os.Mkdir(to, 0o555); err != nil {
			return err
		}
		if own[to] {
			if err := likewise(to, info); err != nil {
				return err
			}
			return bindEntries(to, from, own)
		}
	default:
		if err := os.WriteFile(to, nil, 0o444); err != nil {
			return err
		}
	}
	if err := unix.Mount(from, to, "", unix.MS_BIND|unix.MS_REC, ""); err != nil {
		return mountError(to, err)
	}
	return nil
}

// filesystem mounts an empty filesystem on a folder, which becomes the working
// directory as it was before. What programs can store in it is bounded.
func (m *mounter) filesystem(dir string) error {
	if err := unix.Chdir(dir); err != nil {
		return &os.PathError{Op: "chdir", Path: dir, Err: err}
	}
	if err := seclude(dir); err != nil {
		return err
	}
	const flags = unix.MS_NOSUID | unix.MS_NODEV | unix.MS_NOEXEC
	if err := unix.Mount("shimrun", dir, "tmpfs", flags, "mode=0755,size=16m"); err != nil {
		return mountError(dir, err)
	}
	m.made = append(m.made, dir)
	return nil
}

// seclude keeps what is mounted on a name from being passed on to other
// namespaces, where the mount that it stands in is shared: that is the first
// above it that can be changed. Of the working directory it was done before.
func seclude(name string) error {
	for ; name != "."; name = path.Dir(name) {
		switch err := unix.Mount("", name, "", unix.MS_SLAVE, ""); {
		case err == nil:
			return nil
		case err != unix.EINVAL || name == "/":
			return &os.PathError{Op: "mount(MS_SLAVE)", Path: name, Err: err}
		}
	}
	return nil
}

// likewise gives a folder mode and owner of another.
func likewise(name string, info fs.FileInfo) error {
	if err := os.Chmod(name, info.Mode().Perm()); err != nil {
		return err
	}
	st := info.Sys().(*syscall.Stat_t)
	return os.Chown(name, int(st.Uid), int(st.Gid))
}

func write(name string, file fakefs.StillFile) error {
	if err := os.WriteFile(name, file.Text, 0o600); err != nil {
		return err
	}
	if err := os.Chmod(name, file.Mode); err != nil {
		return err
	}
	return os.Chown(name, int(file.UID), int(file.GID))
}

func mountError(name string, err error) error {
	return &os.PathError{Op: "mount", Path: name, Err: err}
}
