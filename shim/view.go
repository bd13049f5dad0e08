package shim

import (
	"io"
	"os"
	"strconv"

	"golang.org/x/sys/unix"

	"github.com/shimrun/shimrun/fakefs"
)

// view is a tracee's view of the machine, for generators.
type view struct {
	tid  int
	name string // of the node
	root string // leads to the tracee's root, "" for the common one
	shim *Shim  // whose mounts are there as well
}

func (v *view) Real() ([]byte, error) { return v.ReadFile(v.name) }

func (v *view) ReadFile(name string) ([]byte, error) {
	if rest, ok := cutSelf(name); ok {
		name = "/proc/" + strconv.Itoa(v.tid) + rest
	}
	data, err := v.readFile(name)
	if err == nil {
		data = v.shim.withVirtual(name, data)
	}
	return data, err
}

func (v *view) readFile(name string) ([]byte, error) {
	if v.root == "" || isBelow([]byte(name), "/proc") {
		return os.ReadFile(name)
	}
	f, err := v.open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		return nil, &os.PathError{Op: "read", Path: name, Err: unix.EINVAL}
	}
	return io.ReadAll(f)
}

// open opens a file below the tracee's root, which no link leads out of (openat2(2)). A
// kernel without that call has no containers either.
func (v *view) open(name string) (*os.File, error) {
	root, err := unix.Open(v.root, unix.O_PATH|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: v.root, Err: err}
	}
	defer unix.Close(root)
	how := unix.OpenHow{
		Flags:   unix.O_RDONLY | unix.O_NONBLOCK | unix.O_NOCTTY | unix.O_CLOEXEC,
		Resolve: unix.RESOLVE_IN_ROOT | unix.RESOLVE_NO_MAGICLINKS,
	}
	fd, err := unix.Openat2(root, name, &how)
	if err == unix.ENOSYS {
		return os.Open(v.root + name)
	}
	if err != nil {
		return nil, &os.PathError{Op: "openat2", Path: name, Err: err}
	}
	return os.NewFile(uintptr(fd), name), nil
}

func cutSelf(name string) (string, bool) {
	const self = "/proc/self"
	if len(name) > len(self) && name[:len(self)] == self && name[len(self)] == '/' {
		return name[len(self):], true
	}
	return "", false
}

func (v *view) Statfs(name string) (fakefs.Statfs, error) {
	var st unix.Statfs_t
	err := error(nil)
	if v.root == "" {
		err = unix.Statfs(name, &st)
	} else if f, e := v.open(name); e != nil {
		return fakefs.Statfs{}, e
	} else {
		err = unix.Fstatfs(int(f.Fd()), &st)
		f.Close()
	}
	if err != nil {
		return fakefs.Statfs{}, &os.PathError{Op: "statfs", Path: name, Err: err}
	}
	return fakefs.Statfs{Type: int64(st.Type), Bsize: int64(st.Bsize), Blocks: st.Blocks, Bfree: st.Bfree, Bavail: st.Bavail}, nil
}
