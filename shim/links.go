package shim

import (
	"strconv"

	"golang.org/x/sys/unix"
)

// maxLinks is how many symbolic links one name may pass (MAXSYMLINKS, linux/namei.h).
const maxLinks = 40

// toSelf takes the two links that name the reader.
func (k *walker) toSelf(part string, final bool) error {
	if final && k.how.nofollow {
		return errKernel
	}
	who := k.search.caller(k.w, k.c)
	if who == nil {
		return errKernel
	}
	tgid, tid := who.tgid, k.c.TID
	if here := k.top(); here.fd >= 0 && uint64(here.st.Dev) != k.w.shim.ground.Load().procDev {
		// Another instance of procfs numbers processes as the tracee's own pid namespace does.
		if who.nsTGID != 0 && who.nsTID != 0 {
			tgid, tid = who.nsTGID, who.nsTID
		} else if !numberedAlike(here.fd, tgid) {
			return errKernel // gVisor does not tell those: only the kernel knows the way
		}
	}
	dest := strconv.Itoa(tgid)
	if part == "thread-self" {
		dest += "/task/" + strconv.Itoa(tid)
	}
	return k.follow(dest)
}

// follow puts a link's text before the rest of the name.
func (k *walker) follow(text string) error {
	if k.links++; k.links > maxLinks || k.how.resolve&unix.RESOLVE_NO_SYMLINKS != 0 {
		return unix.ELOOP
	}
	if text == "" {
		return errKernel
	}
	if text[0] == '/' {
		if k.how.resolve&unix.RESOLVE_BENEATH != 0 {
			return unix.EXDEV
		}
		if err := k.crossed(k.top(), &k.base); err != nil {
			return err
		}
		k.stack = append(k.stack[:0], k.base)
	}
	if len(k.rest) > 0 {
		text += "/" + string(k.rest)
	}
	k.rest = []byte(text)
	return nil
}

// followReal follows a link that the kernel has. A magic link is not its
// text: it leads straight to its object (proc_pid_fd(5)).
func (k *walker) followReal(here, link *spot, part string) error {
	if isMagicLink(link.name) {
		if k.how.resolve&(unix.RESOLVE_NO_MAGICLINKS|unix.RESOLVE_NO_SYMLINKS) != 0 {
			return unix.ELOOP
		}
		if k.how.resolve&(unix.RESOLVE_BENEATH|unix.RESOLVE_IN_ROOT) != 0 {
			return unix.EXDEV
		}
		if k.links++; k.links > maxLinks {
			return unix.ELOOP
		}
		fd, e := openat(here.fd, append([]byte(part), 0), unix.O_PATH|unix.O_CLOEXEC)
		if e != 0 {
			return errKernel
		}
		var s spot
		k.follows(here, part)
		if err := k.adopt(fd, &s); err != nil {
			return err
		}
		if err := k.crossed(here, &s); err != nil {
			return err
		}
		k.stack = append(k.stack[:0], s)
		return nil
	}
	n, e := readlinkat(link.fd, []byte{0}, k.w.link[:])
	if e != 0 {
		return errKernel
	}
	return k.follow(string(k.w.link[:n]))
}
