package shim

import (
	"bytes"
	"os"
	"strconv"
	"sync"

	"github.com/shimrun/shimrun/internal/procfs"
)

// userNamespaces are those whose capabilities count for what is served and for what
// the supervisor does: its own, and that of a container which it was put in front of.
//
// A capability counts for objects of the user namespace in which the process has it,
// and of those below (user_namespaces(7)). Any user can make one of his own and have
// all capabilities there: they are nothing to the files of the machine.
type userNamespaces struct {
	mu sync.RWMutex
	// links are what ns/user in /proc/PID says of them; ids are their uid_map, by
	// which they are told where the links tell nothing: old gVisor says something
	// else for each process.
	links [][]byte
	ids   [][]byte
	tell  bool
}

// begin takes this process's own.
func (u *userNamespaces) begin() {
	u.tell = true
	u.add("self")
	// A process's parent is in the same one, as a rule. Where its link is another and
	// its map the same, the links say nothing.
	parent := strconv.Itoa(os.Getppid())
	link, ids := userNamespaceOf(parent)
	if len(link) > 0 && len(ids) > 0 && !contains(u.links, link) && contains(u.ids, ids) {
		u.tell = false
	}
}

// add takes the one of a process.
func (u *userNamespaces) add(process string) {
	link, ids := userNamespaceOf(process)
	u.mu.Lock()
	defer u.mu.Unlock()
	if len(link) > 0 {
		u.links = append(u.links, link)
	}
	if len(ids) > 0 {
		u.ids = append(u.ids, ids)
	}
}

// count tells whether a thread's capabilities count. Of one that cannot be looked at
// nothing is known, and they do not.
func (u *userNamespaces) count(tid int) bool {
	u.mu.RLock()
	defer u.mu.RUnlock()
	process := strconv.Itoa(tid)
	if len(u.links) > 0 && u.tell {
		link, err := os.Readlink("/proc/" + process + "/ns/user")
		return err == nil && contains(u.links, []byte(link))
	}
	ids, err := procfs.ReadFile("/proc/" + process + "/uid_map")
	return err == nil && contains(u.ids, ids)
}

// maps tells whether a file's owner and group are ids of a thread's user namespace. Old
// gVisor tells ids as they are in the namespace above, of which nothing is known.
func (u *userNamespaces) maps(tid int, uid, gid uint32) bool {
	return u != nil && u.tell && isMapped(tid, "uid_map", uid) && isMapped(tid, "gid_map", gid)
}

// isMapped tells whether an id, as it is here, is one of a thread's user namespace:
// lines of "first there, first here, how many" (user_namespaces(7)).
func isMapped(tid int, file string, id uint32) bool {
	b, err := procfs.ReadFile("/proc/" + strconv.Itoa(tid) + "/" + file)
	if err != nil {
		return false
	}
	for line := range bytes.Lines(b) {
		f := bytes.Fields(line)
		if len(f) != 3 {
			continue
		}
		if first, count := number32(f[1]), number32(f[2]); id >= first && id-first < count {
			return true
		}
	}
	return false
}

func userNamespaceOf(process string) (link, ids []byte) {
	if l, err := os.Readlink("/proc/" + process + "/ns/user"); err == nil {
		link = []byte(l)
	}
	ids, _ = procfs.ReadFile("/proc/" + process + "/uid_map")
	return link, ids
}

func contains(all [][]byte, one []byte) bool {
	for _, b := range all {
		if bytes.Equal(b, one) {
			return true
		}
	}
	return false
}
