package shim

import (
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// The bits of a folder do not say all of who may pass through it: access control lists,
// procfs mounted with hidepid, and magic links of other processes (ptrace(2), "access mode
// checking") are the kernel's to judge. A walk that comes to something of ours by way of
// such a place has the kernel judge it with the tracee's rights.

// A passed is a place that a walk came through.
type passed struct {
	// fd is the folder, -1 where nothing is to be asked.
	fd int
	// link is a magic link in it that was followed, "" for none.
	link string
	// doubtful tells that bits do not decide.
	doubtful bool
	// served tells that the kernel would not have come this far.
	served bool
}

// passes notes the real folder that the walk goes through.
func (k *walker) passes(s *spot) {
	k.passed = append(k.passed, passed{fd: s.fd, doubtful: k.isHidden(s), served: k.served})
}

// isHidden tells whether a folder of another process may be hidden by the mount options of
// its procfs: those of another instance than the supervisor's are not known.
func (k *walker) isHidden(s *spot) bool {
	number, ok := strings.CutPrefix(s.name, "/proc/")
	if !ok || number == "" || number[0] < '0' || number[0] > '9' {
		return false
	}
	t := k.w.shim.ground.Load()
	return (t.procHides || uint64(s.st.Dev) != t.procDev) && !k.isOwn(s)
}

// follows notes the magic link that the walk goes through.
func (k *walker) follows(folder *spot, link string) {
	if !k.isOwn(folder) {
		k.passed = append(k.passed, passed{fd: folder.fd, link: link, doubtful: true, served: k.served})
	}
}

// isOwn tells whether a folder of procfs is one of the tracee's own process, which may
// always look at itself.
func (k *walker) isOwn(s *spot) bool {
	number, _, _ := strings.Cut(strings.TrimPrefix(s.name, "/proc/"), "/")
	process, err := strconv.Atoi(number)
	who := k.search.caller(k.w, k.c)
	if err != nil || who == nil {
		return false
	}
	if uint64(s.st.Dev) != k.w.shim.ground.Load().procDev {
		return process == who.nsTGID || process == who.nsTID
	}
	if process == who.tgid || process == k.c.TID {
		return true
	}
	other, err := statusOf(process)
	return err == nil && other.tgid == who.tgid
}

// judged is the outcome of a walk that came to something of ours, once the kernel was
// asked about the places that it came through.
func (k *walker) judged(t target) target {
	if refused, errno := k.refused(); refused != nil {
		if t.beyond > 0 {
			unix.Close(t.beyond)
		}
		if !refused.served {
			return target{trouble: k.trouble} // the kernel says so by itself
		}
		return target{errno: errno}
	}
	return t
}

// refused is the first place that the tracee may not pass, nil for none.
func (k *walker) refused() (first *passed, errno unix.Errno) {
	ask := false
	for i := range k.passed {
		p := &k.passed[i]
		p.doubtful = p.doubtful || k.w.hasACL(p.fd)
		ask = ask || p.doubtful
	}
	if !ask {
		return nil, 0
	}
	asked := false
	if who := k.search.caller(k.w, k.c); who != nil {
		asked = k.w.shim.as(who, func() {
			for i := range k.passed {
				if p := &k.passed[i]; p.doubtful {
					if errno = p.try(); errno != 0 {
						first = p
						return
					}
				}
			}
		})
	}
	if !asked {
		return &k.passed[0], unix.EACCES
	}
	return first, errno
}

// try passes the place with the rights of this thread.
func (p *passed) try() unix.Errno {
	if p.link == "" {
		var st unix.Stat_t
		return fstatat(p.fd, []byte(".\x00"), &st, 0)
	}
	fd, e := openat(p.fd, append([]byte(p.link), 0), unix.O_PATH|unix.O_CLOEXEC)
	if e == 0 {
		unix.Close(fd)
	}
	return e
}

// hasACL tells whether a folder has an access control list (acl(5)).
func (w *Worker) hasACL(fd int) bool {
	name := append(strconv.AppendInt(append(w.own[:0], "/proc/self/fd/"...), int64(fd), 10), 0)
	n, err := unix.Getxattr(string(name[:len(name)-1]), "system.posix_acl_access", nil)
	return err == nil && n > 0
}

// mayPass asks the kernel whether the tracee may pass through a folder with an access
// control list.
func (k *walker) mayPass(s *spot) bool {
	who := k.search.caller(k.w, k.c)
	p := passed{fd: s.fd}
	errno := unix.EACCES
	return who != nil && k.w.hasACL(s.fd) && k.w.shim.as(who, func() { errno = p.try() }) && errno == 0
}
