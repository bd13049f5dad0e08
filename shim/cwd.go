package shim

import (
	"os"
	"sync"

	"github.com/shimrun/shimrun/internal/mounts"
)

// A directory that a process entered through a mount of the table has another
// name for the kernel. Who entered where is remembered, so that getcwd(2) and
// names that start there mean what they mean to the process; its children
// inherit it.

// cwd is a working directory by the name that the process used, and by the kernel's.
type cwd struct{ logical, real string }

// cwds are those of the processes that entered one. Its lock is held for nothing but
// the map, and under no other of the shim's.
type cwds struct {
	mu sync.Mutex
	of map[int]cwd
}

// maxEntered bounds how many processes are remembered; those that are gone are
// forgotten when there are as many.
const maxEntered = 4096

func (c *cwds) none() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.of) == 0
}

// reach tells whether a directory is one that somebody has entered, or below one.
func (c *cwds) reach(real string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, d := range c.of {
		if d.real != "" && mounts.Within(real, d.real) {
			return true
		}
	}
	return false
}

// entered notes which directory a thread's process has entered, or with cwd{} another.
func (w *Worker) entered(tid int, d cwd) {
	v := &w.shim.virtual.cwds
	if d == (cwd{}) && v.none() {
		return
	}
	who, err := w.statusOf(tid)
	if err != nil {
		return
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if len(v.of) >= maxEntered {
		for tgid := range v.of {
			if _, err := os.Stat("/proc/" + itoa(tgid)); err != nil {
				delete(v.of, tgid)
			}
		}
	}
	if v.of == nil {
		v.of = map[int]cwd{}
	}
	v.of[who.tgid] = d
}

// cwdOf is the tracee's working directory, where it was entered through a mount
// that leads elsewhere.
func (w *Worker) cwdOf(tid int) (string, bool) {
	v := &w.shim.virtual
	if v.cwds.none() {
		return "", false
	}
	n, e := readlinkat(atFDCWD, append(w.ofTracee(tid, "cwd"), 0), w.link[:])
	if e != 0 {
		return "", false
	}
	real := string(w.link[:n])
	if !v.cwds.reach(real) {
		return "", false
	}
	for range 16 { // as far up as a shell's pipelines go
		who, err := w.statusOf(tid)
		if err != nil {
			return "", false
		}
		v.cwds.mu.Lock()
		d, ok := v.cwds.of[who.tgid]
		v.cwds.mu.Unlock()
		if ok {
			if d.real == "" || !mounts.Within(real, d.real) {
				return "", false
			}
			if _, now := v.table.Find(d.logical); now != d.real {
				return "", false // unmounted since
			}
			return d.logical + real[len(d.real):], true
		}
		if tid = who.ppid; tid <= 1 {
			break
		}
	}
	return "", false
}

// shownName is the name that programs know for one of the kernel's.
func (w *Worker) shownName(real string) (string, bool) {
	if t := w.shim.virtual.table; t != nil && t.Redirects() {
		return t.Shown(real)
	}
	return "", false
}

// cwdMounted answers getcwd(2) in a mount of the table.
func (w *Worker) cwdMounted(c *Call) (string, bool) {
	if t := w.shim.virtual.table; t == nil || !t.Redirects() {
		return "", false
	}
	if name, ok := w.cwdOf(c.TID); ok {
		return name, true
	}
	n, e := readlinkat(atFDCWD, append(w.ofTracee(c.TID, "cwd"), 0), w.link[:])
	if e != 0 {
		return "", false
	}
	return w.shownName(string(w.link[:n]))
}

// linkMounted is what a magic link of procfs says of something in a tmpfs
// whose folder nobody is to see.
func (w *Worker) linkMounted(c *Call, dirfd int, name []byte) (string, bool) {
	if t := w.shim.virtual.table; t == nil || !t.Redirects() {
		return "", false
	}
	own := w.asTracee(c, dirfd, name)
	if own == "" {
		return "", false
	}
	n, e := readlinkat(atFDCWD, append([]byte(own), 0), w.link[:])
	if e != 0 || n == 0 || w.link[0] != '/' {
		return "", false
	}
	// Only the supervisor knows names in there: an ordinary link that says one
	// was made by somebody who guessed.
	return w.shownName(string(w.link[:n]))
}
