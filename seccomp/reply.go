package seccomp

import (
	"errors"
	"os"
	"strconv"
	"time"

	"golang.org/x/sys/unix"

	"github.com/shimrun/shimrun/shim"
)

// reply carries an answer out.
func (r *receiver) reply(a shim.Answer) {
	if a.High && r.installHigh(a) {
		return
	}
	if a.Follow {
		r.follow(a)
	}
	switch a.Kind {
	case shim.Fail:
		r.respond(response{err: -int32(a.Errno)})
	case shim.Return:
		r.respond(response{val: a.Value})
	case shim.Install:
		if a.Itself {
			r.letOpen(a)
		} else {
			r.install(a)
		}
	case shim.EnterDirectory:
		r.enterDirectory(a)
	case shim.Finish:
		r.openNamed(a)
	default:
		// Continue; and Rewrite, which is never given to us.
		r.letPass()
	}
	if a.CloseFD {
		unix.Close(a.FD)
	}
}

// letPass has the kernel do the call. What it reads now may differ from what the
// shim read: what it does then it does with the program's own rights, so that a
// program which changes the name only deprives itself of a lie.
func (r *receiver) letPass() {
	r.respond(response{flags: unix.SECCOMP_USER_NOTIF_FLAG_CONTINUE})
}

// respond sends the result of the call. ENOENT is normal: the tracee has been
// killed, or a signal made it leave the call.
func (r *receiver) respond(resp response) {
	r.response = resp
	r.response.id = r.notification.id
	if errno := r.server.Listener.send(&r.response); errno != 0 && errno != unix.ENOENT {
		r.server.failed(os.NewSyscallError("ioctl SECCOMP_IOCTL_NOTIF_SEND", errno), "answer a call")
	}
}

// install gives the tracee a descriptor, and the call its number.
//
// ADDFD with SEND would do both in one step. But where a signal has woken the
// tracee from its interruptible wait and it runs only after that request (on
// our CPU it cannot run earlier), a kernel with WAIT_KILLABLE_RECV takes the
// call for answered, forgets the descriptor and returns 0: since Linux 6.17
// (kernel/seccomp.c, the continue in seccomp_do_user_notification's loop).
// With WAIT_KILLABLE_RECV two steps are just as safe, because no signal can
// come between them. Without it one is needed, and has no such fault: the call
// starts over.
func (r *receiver) install(a shim.Answer) {
	if a.Flags&unix.O_PATH != 0 && r.installPath(a) {
		return
	}
	fd, errno := a.FD, unix.Errno(0)
	if !a.Opened {
		if fd, errno = r.reopen(a.FD, a.Flags); errno != 0 {
			r.respond(response{err: -int32(errno)})
			return
		}
		defer unix.Close(fd)
	}
	how := uint32(unix.SECCOMP_ADDFD_FLAG_SEND)
	if r.server.Listener.killable {
		how = 0
	}
	remote, errno := r.give(fd, a.Flags, how)
	switch {
	case errno == unix.ENOENT || errno == unix.ESRCH:
		// The tracee is gone, or interrupted.
	case errno != 0:
		// The tracee's own limit (EMFILE) is the answer that open(2) would give.
		r.respond(response{err: -int32(errno)})
	case how == 0:
		r.notification.given = int64(remote) + 1
		r.respond(response{val: int64(remote)})
	}
}

// installHigh is install with a number of our choice, if the tracee is to have one: its
// writes come here by the filter, and nobody follows it. Our descriptor goes back to the
// shim.
func (r *receiver) installHigh(a shim.Answer) bool {
	numbers := r.server.High
	if numbers == nil {
		return false
	}
	number, ok := numbers.ChooseHigh(r.call.TID)
	if !ok {
		return false
	}
	defer numbers.HighGiven(number)
	fd, errno := r.reopen(a.FD, a.Flags)
	if errno != 0 {
		return false // once more, as ever
	}
	how := uint32(unix.SECCOMP_ADDFD_FLAG_SETFD)
	if !r.server.Listener.killable { // see install
		how |= unix.SECCOMP_ADDFD_FLAG_SEND
	}
	remote, errno := r.giveAt(fd, a.Flags, how, number)
	unix.Close(fd)
	gone := errno == unix.ENOENT || errno == unix.ESRCH // or interrupted
	if errno != 0 && !gone {
		return false // EBADF: the tracee's limit is lower
	}
	numbers.Handed(a.FD) // before the tracee runs, where it can be
	if !gone && how&unix.SECCOMP_ADDFD_FLAG_SEND == 0 {
		r.respond(response{val: int64(remote)})
	}
	return true
}

// letOpen has the tracee open by itself what it may not be opened for here, or what could
// keep this thread waiting. The number that its call is answered with is seen by nobody.
func (r *receiver) letOpen(a shim.Answer) {
	err := error(unix.ENOSYS)
	if r.server.Follower != nil {
		err = r.server.Follower.Open(r.call.TID, r.tracee.Valid, a.FD, a.Flags)
	}
	if err != nil {
		r.refuse(err, "open a file by way of a served directory")
		return
	}
	r.respond(response{})
}

// openNamed has the tracee make its call with a name that no other thread can change. The
// number that the call at hand is answered with is seen by nobody.
func (r *receiver) openNamed(a shim.Answer) {
	if f := r.server.Follower; f == nil || f.OpenNamed(r.call.TID, r.tracee.Valid, a) != nil {
		// Somebody else traces it. What the kernel opens or executes now, it does with the
		// program's own rights.
		r.letPass()
		return
	}
	r.respond(response{})
}

// installPath has the follower give the tracee an O_PATH descriptor, for the kernel hands
// over none. Where it cannot, the tracee gets one that can be read as well.
func (r *receiver) installPath(a shim.Answer) bool {
	if r.server.Follower == nil {
		return false
	}
	fd, errno := r.openAnew(a.FD, a.Flags)
	if errno != 0 {
		return false // once more, as one that can be read
	}
	defer unix.Close(fd)
	if err := r.server.Follower.Open(r.call.TID, r.tracee.Valid, fd, a.Flags); err != nil {
		if !left(err) {
			r.server.followOnce.Do(func() {
				r.server.Log.Warn().Err(err).Int("tid", r.call.TID).
					Msg("a process cannot be traced (is a debugger attached?): its O_PATH descriptors of served files can be read")
			})
		}
		return false
	}
	r.respond(response{})
	return true
}

// left tells of an error of the follower's that the thread has left its call, killed or to
// make it anew: no answer reaches it any more.
func left(err error) bool { return errors.Is(err, unix.ESRCH) }

// enterDirectory has the follower change the tracee's working directory, for nobody else
// can: the tracee gets a descriptor, on which it calls fchdir(2).
func (r *receiver) enterDirectory(a shim.Answer) {
	err := error(unix.ENOSYS)
	if r.server.Follower != nil {
		err = r.server.Follower.Enter(r.call.TID, r.tracee.Valid, a.FD)
	}
	if err != nil {
		r.refuse(err, "enter a served directory")
		return
	}
	r.respond(response{})
}

// refuse answers a call that the follower cannot finish.
func (r *receiver) refuse(err error, what string) {
	if !left(err) {
		r.server.Log.Warn().Err(err).Int("tid", r.call.TID).
			Msgf("a process cannot %s, because it cannot be traced (is a debugger attached?)", what)
	}
	r.respond(response{err: -int32(unix.EACCES)})
}

// reopen opens the object behind one of our descriptors anew, so that the
// tracee has an open file description, with an offset and flags, of its own.
//
// O_PATH cannot go over: the kernel takes the descriptor with fget, which knows no
// O_PATH files. A descriptor that can also be read is the nearest.
func (r *receiver) reopen(fd, flags int) (int, unix.Errno) {
	if flags&unix.O_PATH != 0 {
		flags = flags&^(unix.O_PATH|unix.O_ACCMODE) | unix.O_RDONLY
	}
	return r.openAnew(fd, flags)
}

func (r *receiver) openAnew(fd, flags int) (int, unix.Errno) {
	path := append(strconv.AppendInt(r.path[:0], int64(fd), 10), 0)
	for attempt := range 5 {
		opened, errno := openat(r.server.descriptors, &path[0], flags&^neverReopened|unix.O_CLOEXEC|unix.O_NOCTTY)
		if errno != unix.EMFILE {
			return opened, errno
		}
		// Our own limit, not the program's: where it is very low, another thread has the
		// last number for a moment.
		time.Sleep(time.Millisecond << attempt)
	}
	return -1, unix.ENFILE
}

const neverReopened = unix.O_CREAT | unix.O_EXCL | unix.O_TRUNC | unix.O_NOFOLLOW

// give installs fd in the tracee, at its lowest free number.
func (r *receiver) give(fd, flags int, how uint32) (int, unix.Errno) {
	return r.giveAt(fd, flags, how, 0)
}

// giveAt is give, with SECCOMP_ADDFD_FLAG_SETFD at a number.
func (r *receiver) giveAt(fd, flags int, how uint32, number int) (int, unix.Errno) {
	r.addFD = addFD{
		newFD:      uint32(number),
		id:         r.notification.id,
		flags:      how,
		srcFD:      uint32(fd),
		newFDFlags: uint32(flags & unix.O_CLOEXEC),
	}
	return r.server.Listener.addFD(&r.addFD)
}

// follow has every call of the tracee's process watched. Where that fails,
// writes are checked when the file is next looked at.
func (r *receiver) follow(a shim.Answer) {
	if r.server.Follower == nil {
		r.unfollowed(a)
		r.server.followOnce.Do(func() {
			r.server.Log.Info().Msg("processes that write served files are not followed: a bad value is refused only after its write")
		})
		return
	}
	if err := r.server.Follower.Follow(r.call.TID); err != nil {
		r.unfollowed(a)
		r.server.followOnce.Do(func() {
			r.server.Log.Warn().Err(err).Int("tid", r.call.TID).
				Msg("a process that writes served files cannot be traced (is a debugger attached?): a bad value is refused only after its write")
		})
	}
}

// unfollowed tells of that. Of a descriptor that is copied it has been told already.
func (r *receiver) unfollowed(a shim.Answer) {
	if r.server.Unfollowed != nil && a.Kind == shim.Install {
		r.server.Unfollowed(a.FD)
	}
}
