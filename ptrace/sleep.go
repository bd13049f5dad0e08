package ptrace

import (
	"bytes"
	"encoding/binary"
	"fmt"

	"golang.org/x/sys/unix"
)

// A thread that we interrupt may sleep in a call. On Linux most such calls are
// made again by the kernel, unseen. The others are mended here, at the
// PTRACE_EVENT_STOP that the interruption leads to, or at the call's exit stop where
// the thread is followed:
//
//	EINTR          made again (signal(7) lists epoll_wait, semop and a few more;
//	               in gVisor also open of a FIFO, accept, recv, flock, msgrcv)
//	a short write  goes on with what is left, as an uninterrupted one would have
//
// Nothing of this happens for calls that a signal ends: those are the program's.

// mendInterrupted hides from the program that it was interrupted. If it says so,
// the stop has been used up. Where a thread is armed nothing needs it: that one waits in
// a call for an answer of ours.
func (s *Stopped) mendInterrupted() (gone bool) {
	t := s.thread
	t.interrupted, t.unreported = false, false
	var regs registers
	if regs.get(t.tid) != 0 || !t.hasReturned(&regs) {
		return false
	}
	switch result := regs.result(); {
	case result == -int64(unix.EINTR) && regs.number() != unix.SYS_CLOSE: // close has closed
		// As the kernel marks others: ERESTARTNOHAND becomes EINTR if a signal is
		// handled before the thread returns, and the same call again if not.
		regs.setResult(-514)
		regs.set(t.tid)
	case result > 0 && t.armed == nil:
		if _, _, more := t.left(&regs, uint64(result)); more && t.mayFill(&regs) {
			t.start(func(s *Stopped) { s.transferOn(&regs, uint64(result)) })
			return true
		}
	}
	return false
}

// hasReturned tells whether the thread is at the end of the call that its
// registers name, with nothing executed since: just behind the instruction that
// makes calls. (Somewhere else the result is any register's content.)
func (t *thread) hasReturned(r *registers) bool {
	return callsAreKept && r.number() >= 0 && t.siteOf(r) != siteOther
}

// mayFill tells whether a call writes to what can be full, a pipe or a socket. All
// else ends short for its own reasons: a served sysctl does, by the policy's answer.
func (t *thread) mayFill(r *registers) bool {
	var st unix.Stat_t
	if unix.Stat(fmt.Sprintf("/proc/%d/fd/%d", t.tid, int32(r.args()[0])), &st) != nil {
		return false
	}
	kind := st.Mode & unix.S_IFMT
	return kind == unix.S_IFIFO || kind == unix.S_IFSOCK
}

// left is the call that transfers what is left of a transfer after the first
// bytes of it. Where the bytes lie in several pieces, it is the next piece.
//
// Only calls are known here that, once begun, end short for nothing but an
// error or an interruption. splice and receiving are not: what they have they give.
func (t *thread) left(r *registers, done uint64) (nr int, args [6]uint64, more bool) {
	nr, args = r.number(), r.args()
	switch nr {
	case unix.SYS_WRITE, unix.SYS_SENDTO:
		more = done < args[2]
		args[1] += done
		args[2] -= done
	case unix.SYS_SENDFILE: // the kernel has moved the offset, wherever it is
		more = done < args[3]
		args[3] -= done
	case unix.SYS_WRITEV:
		nr = unix.SYS_WRITE
		args[1], args[2], more = t.piece(args[1], args[2], done)
	case unix.SYS_SENDMSG:
		// Struct msghdr: name, its length, iov, the number of those, and ancillary
		// data, which went with the first byte.
		const headerIOV = 16
		var iov [16]byte
		if n, err := t.ReadMemory(args[1]+headerIOV, iov[:]); err != nil || n < len(iov) {
			return 0, args, false
		}
		nr = unix.SYS_SENDTO
		args[3], args[4], args[5] = args[2], 0, 0
		args[1], args[2], more = t.piece(binary.NativeEndian.Uint64(iov[:]), binary.NativeEndian.Uint64(iov[8:]), done)
	}
	return nr, args, more
}

// piece is what is left of the first piece that is not done with, of the count
// struct iovecs at addr.
func (t *thread) piece(addr, count, done uint64) (base, length uint64, more bool) {
	const size = 16 // two words: base and length
	if count > uint64(len(t.page))/size {
		return 0, 0, false // more than IOV_MAX, 1024
	}
	vector := t.page[:count*size]
	if n, err := t.ReadMemory(addr, vector); err != nil || n < len(vector) {
		return 0, 0, false
	}
	for r := bytes.NewBuffer(vector); r.Len() > 0; {
		base = binary.NativeEndian.Uint64(r.Next(size / 2))
		length = binary.NativeEndian.Uint64(r.Next(size / 2))
		if done < length {
			return base + done, length - done, true
		}
		done -= length
	}
	return 0, 0, false
}

// transferOn transfers what is left, for a thread that is out of its call with
// the registers saved and done bytes transferred. The program sees one call.
func (s *Stopped) transferOn(saved *registers, done uint64) {
	where := s.siteOf(saved)
	for {
		nr, args, more := s.left(saved, done)
		if !more {
			break
		}
		regs := *saved
		regs.setArgs(&args)
		regs.again(nr)
		if regs.set(s.tid) != 0 {
			return
		}
		result, over := s.repeat(saved, done, func() unix.Errno {
			if where != siteReplaced {
				return 0
			}
			return s.become(nr, &args)
		})
		if over {
			return
		}
		if restarts(result) || s.interrupted && result == -int64(unix.EINTR) {
			// Interrupted once more. If it is by a signal, that comes before the call.
			s.interrupted, s.unreported = false, false
			continue
		}
		if result <= 0 {
			break // the end, or an error that the next call will see as well
		}
		done += uint64(result)
	}
	s.stirred()
	s.leave(saved, int64(done))
}

// repeat lets the thread make the call that was prepared, does something at its entry,
// and returns its result. If something comes before that, the program sees the call end as it had: over.
func (s *Stopped) repeat(saved *registers, done uint64, atEntry func() unix.Errno) (result int64, over bool) {
	for entered := false; ; {
		if request(unix.PTRACE_SYSCALL, s.tid, 0, 0) != 0 {
			return 0, true
		}
		switch ev := s.script.await(); ev.kind {
		case gone, execStop:
			return 0, true
		case signalStop, groupStop:
			saved.setResult(int64(done))
			if saved.set(s.tid) != 0 {
				return 0, true
			}
			s.entered = false
			if ev.kind == groupStop {
				s.listen()
			} else {
				s.resume(ev.signal)
			}
			return 0, true
		case trapStop:
			s.trapAgain = true
		case syscallStop:
			if !entered {
				var errno unix.Errno
				if entered, errno = s.atEntry(); errno != 0 {
					return 0, true
				} else if entered {
					if atEntry() != 0 {
						return 0, true
					}
					s.stirred()
					continue
				}
			}
			var regs registers
			if regs.get(s.tid) != 0 {
				return 0, true
			}
			return regs.result(), false
		}
	}
}
