package seccomp

import (
	"errors"
	"fmt"
	"runtime"
	"time"

	"golang.org/x/sys/unix"
)

// UnsupportedError says that user notification cannot be used here, and why.
// It matches [errors.ErrUnsupported].
type UnsupportedError struct {
	// What was tried, in words; Err is what came of it.
	What string
	Err  error
}

func (e *UnsupportedError) Error() string { return e.What + ": " + e.Err.Error() }
func (e *UnsupportedError) Unwrap() error { return e.Err }

// Is makes the error match errors.ErrUnsupported.
func (e *UnsupportedError) Is(target error) bool { return target == errors.ErrUnsupported }

// probeTimeout bounds the wait for a notification that was asked for: some
// sandboxes install a listener that never receives.
const probeTimeout = time.Second

// probeNumber is a call that nothing in this process makes but the probe, and
// probeProgram a filter that hands it, and nothing else, to a listener.
const probeNumber = unix.SYS_GETPPID

var probeProgram = []unix.SockFilter{
	{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: 0}, // seccomp_data.nr
	{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, Jf: 1, K: probeNumber},
	{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_USER_NOTIF},
	{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ALLOW},
}

// Probe proves user notification by a real round trip: a thread that is thrown
// away afterwards loads a small filter and makes a call, which is answered
// from here with a descriptor, the most that an answer can be. Nothing of it
// stays with the process. The error is an [*UnsupportedError].
func Probe() error {
	loaded := make(chan probeListener)
	result := make(chan probeResult, 1)
	go probeThread(loaded, result)
	l := <-loaded
	if l.err != nil {
		return &UnsupportedError{What: "install a notification listener", Err: l.err}
	}
	listener, err := NewListener(l.fd, l.flags)
	if err != nil {
		unix.Close(l.fd)
		return &UnsupportedError{What: "prepare the notification listener", Err: err}
	}
	err = listener.answerProbe()
	// Closing lets the thread go in any case: ENOSYS for a call without an answer.
	listener.Close()
	got := <-result
	if err != nil {
		return &UnsupportedError{What: "answer a notification", Err: err}
	}
	if got.errno != 0 {
		return &UnsupportedError{What: "have a notification answered", Err: got.errno}
	}
	unix.Close(got.fd)
	return nil
}

type probeListener struct {
	fd    int
	flags Flags
	err   error
}

type probeResult struct {
	fd    int
	errno unix.Errno
}

// probeThread has a thread for itself. It is never unlocked, so the runtime
// ends the thread with the goroutine, and makes no other thread from it.
func probeThread(loaded chan<- probeListener, result chan<- probeResult) {
	runtime.LockOSThread()
	fd, flags, err := Load(probeProgram, Listen|WaitKillable)
	loaded <- probeListener{fd, flags, err}
	if err != nil {
		return
	}
	value, _, errno := unix.Syscall(probeNumber, 0, 0, 0)
	result <- probeResult{int(value), errno}
}

// answerProbe answers one notification with a descriptor.
func (l *Listener) answerProbe() error {
	if err := l.await(probeTimeout); err != nil {
		return err
	}
	var n notification
	if errno := l.receive(&n); errno != 0 {
		return fmt.Errorf("receive: %w", errno)
	}
	// Any descriptor will do, and there may be few.
	add := addFD{id: n.id, flags: unix.SECCOMP_ADDFD_FLAG_SEND, srcFD: uint32(l.fd), newFDFlags: unix.O_CLOEXEC}
	if _, errno := l.addFD(&add); errno != 0 {
		return fmt.Errorf("hand over a descriptor with the answer (Linux 5.14 has this): %w", errno)
	}
	return nil
}

// Greeting is the value that [Listener.Greet] gives to the first call.
const Greeting = 0x7368

// greetTimeout bounds the wait for a launcher's first call.
const greetTimeout = 10 * time.Second

// Greet answers the first call of the thread that loaded the filter, by which
// that one knows that it is served. The thread makes it once it has sent the
// listener, and nothing else that is trapped before.
func (l *Listener) Greet(tid int) error {
	for {
		if err := l.await(greetTimeout); err != nil {
			return fmt.Errorf("greet the command: %w", err)
		}
		var n notification
		switch errno := l.receive(&n); errno {
		case 0:
		case unix.EINTR, unix.ENOENT: // a signal: the call starts over
			continue
		default:
			return fmt.Errorf("greet the command: receive: %w", errno)
		}
		if int(n.pid) != tid {
			return fmt.Errorf("greet the command: thread %d called, not %d", n.pid, tid)
		}
		switch errno := l.send(&response{id: n.id, val: Greeting}); errno {
		case 0:
			return nil
		case unix.ENOENT: // a signal: the call starts over
		default:
			return fmt.Errorf("greet the command: send: %w", errno)
		}
	}
}
