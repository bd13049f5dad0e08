package runtime

import (
	"encoding/json"
	"fmt"
	"io"
	"os"

	"golang.org/x/sys/unix"

	"github.com/shimrun/shimrun/seccomp"
)

// The launcher and the supervisor talk over a socket pair, in this order:
//
//	supervisor → hello    it is there, and has made the policy
//	launcher   → offer    what the launcher found possible
//	supervisor → choice   the backend and its filter program
//	launcher   → handover the listener (seccomp), or "seize me" (ptrace)
//	supervisor → seized   (ptrace only)
//	launcher   → {}       it has made a trapped call (ptrace only)
//	supervisor → seized   that one was seen (ptrace only)
//
// The end of the file is the end of the other side: the launcher's is its
// execve, for its end is closed by that.
type (
	hello struct {
		PID int `json:"pid"`
		// Empty: the policy traps nothing, and the command needs no supervisor.
		Empty bool   `json:"empty,omitempty"`
		Err   string `json:"err,omitempty"`
	}
	offer struct {
		// PID is the launcher's. (SO_PEERCRED would tell too, but old gVisor
		// gives the asker's own there.)
		PID int `json:"pid"`
		// Seccomp says what user notification lacks, if anything.
		Seccomp string `json:"seccomp,omitempty"`
		// Address is where in the launcher's memory Word stands.
		Address uint64 `json:"address"`
		Word    uint64 `json:"word"`
	}
	choice struct {
		Backend string `json:"backend"`
		// Lacks says what the seccomp backend lacks, where it was wanted.
		Lacks   string    `json:"lacks,omitempty"`
		Program []byte    `json:"program"`
		Probe   int       `json:"probe"`
		Args    [6]uint64 `json:"args"`
		Err     string    `json:"err,omitempty"`
	}
	handover struct {
		Backend string        `json:"backend"`
		Flags   seccomp.Flags `json:"flags"`
		// PID is the command's, with a listener that is to be adopted.
		PID int `json:"pid,omitempty"`
	}
	seized struct {
		Err string `json:"err,omitempty"`
	}
)

// maxMessage is enough for a filter of BPF_MAXINSNS instructions in base64.
const maxMessage = 64 << 10

// conn is one end of the pair, a SOCK_SEQPACKET socket: a message is a packet.
type conn int

func (c conn) send(message any, fds ...int) error {
	packet, err := json.Marshal(message)
	if err != nil {
		return err
	}
	var rights []byte
	if len(fds) > 0 {
		rights = unix.UnixRights(fds...)
	}
	// The other side's death is an error, not a signal.
	return os.NewSyscallError("sendmsg", unix.Sendmsg(int(c), packet, rights, nil, unix.MSG_NOSIGNAL))
}

// receive waits for the next message; io.EOF when the other side is gone.
func (c conn) receive(message any) (fds []int, err error) {
	packet := make([]byte, maxMessage)
	rights := make([]byte, unix.CmsgSpace(4))
	n, oobn, _, _, err := recvmsg(int(c), packet, rights)
	if err != nil {
		return nil, err
	}
	if n == 0 {
		return nil, io.EOF
	}
	if oobn > 0 {
		control, err := unix.ParseSocketControlMessage(rights[:oobn])
		if err != nil {
			return nil, err
		}
		for i := range control {
			got, err := unix.ParseUnixRights(&control[i])
			if err != nil {
				return nil, err
			}
			fds = append(fds, got...)
		}
	}
	if err := json.Unmarshal(packet[:n], message); err != nil {
		return fds, fmt.Errorf("message %q: %w", packet[:n], err)
	}
	return fds, nil
}

func recvmsg(fd int, packet, rights []byte) (n, oobn, flags int, from unix.Sockaddr, err error) {
	for {
		n, oobn, flags, from, err = unix.Recvmsg(fd, packet, rights, unix.MSG_CMSG_CLOEXEC)
		if err != unix.EINTR {
			return n, oobn, flags, from, os.NewSyscallError("recvmsg", err)
		}
	}
}

func (c conn) close() { unix.Close(int(c)) }
