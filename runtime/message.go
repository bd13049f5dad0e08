package runtime

import (
	"encoding/json"
	"fmt"
	"io"
	"os"

	"golang.org/x/sys/unix"

	"github.com/shimrun/shimrun/seccomp"
)

// The supervisor of a process whose filter somebody else has loaded talks with
// [Adopt] over a socket pair, in this order:
//
//	supervisor → hello    it is there, and has made the policy
//	Adopt      → handover the listener
//	supervisor → taken
//
// With a launcher it talks otherwise: see order_unsafe.go.
type (
	hello struct {
		PID int    `json:"pid"`
		Err string `json:"err,omitempty"`
	}
	handover struct {
		Flags seccomp.Flags `json:"flags"`
		// PID is the command's.
		PID int `json:"pid"`
	}
	taken struct {
		Err string `json:"err,omitempty"`
	}
)

// maxMessage bounds what is said in one message.
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
	fds = received(rights[:oobn])
	if err := json.Unmarshal(packet[:n], message); err != nil {
		return fds, fmt.Errorf("message %q: %w", packet[:n], err)
	}
	return fds, nil
}

// received are the descriptors that came with a message.
func received(rights []byte) (fds []int) {
	control, err := unix.ParseSocketControlMessage(rights)
	if err != nil {
		return nil
	}
	for i := range control {
		if got, err := unix.ParseUnixRights(&control[i]); err == nil {
			fds = append(fds, got...)
		}
	}
	return fds
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
