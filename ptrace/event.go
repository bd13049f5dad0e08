package ptrace

import "golang.org/x/sys/unix"

// kind is what wait4 told of a thread.
type kind uint8

const (
	gone         kind = iota // exited or killed: there is no thread any more
	syscallStop              // entry or exit of a call, PTRACE_O_TRACESYSGOOD
	seccompStop              // PTRACE_EVENT_SECCOMP: a filter said RET_TRACE
	cloneStop                // PTRACE_EVENT_CLONE, FORK or VFORK: the message is the new thread
	execStop                 // PTRACE_EVENT_EXEC: the message is the thread's former id
	trapStop                 // PTRACE_EVENT_STOP: a new thread, PTRACE_INTERRUPT, or after SIGCONT
	groupStop                // PTRACE_EVENT_STOP while the whole process is being stopped
	signalStop               // signal-delivery-stop
	anotherEvent             // an event that nobody asked for
	answered                 // no report of wait4: an errand is done
	arrival                  // nor this: a descriptor may come, see arrivals
)

// event is one report of wait4.
type event struct {
	kind   kind
	number int         // cloneStop: which PTRACE_EVENT
	signal unix.Signal // signalStop, groupStop
}

// decode reads a wait status as ptrace(2) describes it under "Stopped tracees".
func decode(status unix.WaitStatus) event {
	if !status.Stopped() {
		return event{kind: gone}
	}
	signal := status.StopSignal()
	if signal == unix.SIGTRAP|0x80 {
		return event{kind: syscallStop}
	}
	number := int(status >> 16)
	switch number {
	case 0:
		return event{kind: signalStop, signal: signal}
	case unix.PTRACE_EVENT_SECCOMP:
		return event{kind: seccompStop}
	case unix.PTRACE_EVENT_CLONE, unix.PTRACE_EVENT_FORK, unix.PTRACE_EVENT_VFORK:
		return event{kind: cloneStop, number: number}
	case unix.PTRACE_EVENT_EXEC:
		return event{kind: execStop}
	case unix.PTRACE_EVENT_STOP:
		if signal == unix.SIGTRAP {
			return event{kind: trapStop}
		}
		return event{kind: groupStop, signal: signal}
	default:
		return event{kind: anotherEvent}
	}
}
