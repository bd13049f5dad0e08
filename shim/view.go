package shim

import (
	"io"
	"os"
	"strconv"

	"golang.org/x/sys/unix"

	"github.com/shimrun/shimrun/fakefs"
	"github.com/shimrun/shimrun/internal/procfs"
)

// view is a tracee's view of the machine, for generators.
type view struct {
	tid  int
	name string // of the node
	root root
	shim *Shim // whose mounts are there as well
	// tracee is held in the call that the view is for, which worker handles; nil where it
	// is for no call.
	tracee Tracee
	worker *Worker
}

// who reads who it is.
func (v *view) who() (status, error) {
	if v.worker != nil {
		return v.worker.statusOf(v.tid)
	}
	return v.shim.who(v.tid)
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
	if v.root.own(name) {
		return procfs.ReadFile(name)
	}
	fd, err := v.root.open(name, unix.O_RDONLY|unix.O_NONBLOCK|unix.O_NOCTTY)
	if err != nil {
		return nil, err
	}
	f := os.NewFile(uintptr(fd), name)
	defer f.Close()
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		return nil, &os.PathError{Op: "read", Path: name, Err: unix.EINVAL}
	}
	return io.ReadAll(f)
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
	if err := v.root.statfs(name, &st); err != nil {
		return fakefs.Statfs{}, &os.PathError{Op: "statfs", Path: name, Err: err}
	}
	return fakefs.Statfs{Type: int64(st.Type), Bsize: int64(st.Bsize), Blocks: st.Blocks, Bfree: st.Bfree, Bavail: st.Bavail}, nil
}
