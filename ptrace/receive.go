package ptrace

import (
	"crypto/rand"
	"encoding/binary"
	"strconv"
	"sync"

	"golang.org/x/sys/unix"
)

// A process that cannot reach /proc/SUPERVISOR/fd is sent descriptors: it makes
// a datagram socket with an abstract name that nobody can guess, we send there,
// it receives. The descriptor refers to the very object, as it must: a private
// copy would not be known as a served file.
//
//	socket ─▶ n    bind    (we send)    recvmsg ─▶ m    dup3(m, n)    close(m)
//
// The number that is left, n, is the lowest that was free.

// secret begins the names of this supervisor's sockets.
var secret = sync.OnceValue(func() string { return rand.Text()[:12] })

// receive gives the tracee our descriptor, opened anew with flags.
func (in *injection) receive(fd, flags int) (int64, error) {
	ours, err := unix.Open("/proc/self/fd/"+strconv.Itoa(fd), flags|unix.O_CLOEXEC, 0)
	if err != nil {
		return -int64(err.(unix.Errno)), nil
	}
	defer unix.Close(ours)
	socket, got, err := in.transfer(ours)
	if err != nil || got < 0 {
		return got, err
	}
	result, err := in.call(unix.SYS_DUP3, uint64(got), uint64(socket), uint64(flags&unix.O_CLOEXEC))
	if err != nil {
		return 0, err
	}
	_, err = in.call(unix.SYS_CLOSE, uint64(got))
	return result, err
}

// receiveDirectory makes our descriptor the tracee's working directory.
func (in *injection) receiveDirectory(fd int) (int64, error) {
	socket, got, err := in.transfer(fd)
	if err != nil || got < 0 {
		return got, err
	}
	result, err := in.call(unix.SYS_FCHDIR, uint64(got))
	if err != nil {
		return 0, err
	}
	for _, fd := range []int64{got, socket} {
		if _, err := in.call(unix.SYS_CLOSE, uint64(fd)); err != nil {
			return 0, err
		}
	}
	return result, nil
}

// transfer makes the tracee receive our descriptor over a socket of its own,
// and returns both numbers, or -errno for the second and nothing left behind.
func (in *injection) transfer(fd int) (socket, got int64, err error) {
	socket, err = in.call(unix.SYS_SOCKET, unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil || socket < 0 {
		return 0, socket, err
	}
	in.sent++
	name := secret() + strconv.Itoa(in.sent)
	var p parcel
	m, err := in.borrow(parcelSize, func(addr uint64) []byte {
		p = newParcel(addr, name)
		return p.bytes[:]
	})
	if err != nil {
		got = -int64(unix.EFAULT)
	} else {
		if got, err = in.call(unix.SYS_BIND, uint64(socket), m.addr+parcelName, uint64(p.nameLen)); err != nil {
			return 0, 0, err
		}
		if got >= 0 {
			got = -int64(in.send(int(socket), name, fd))
		}
		if got >= 0 {
			m.kernels = true
			if got, err = in.call(unix.SYS_RECVMSG, uint64(socket), m.addr+parcelHeader,
				unix.MSG_CMSG_CLOEXEC|unix.MSG_DONTWAIT); err != nil {
				return 0, 0, err
			}
		}
		if got >= 0 {
			got = in.received(m.addr)
		}
		in.giveBack(m)
	}
	if got < 0 {
		if _, err = in.call(unix.SYS_CLOSE, uint64(socket)); err != nil {
			return 0, 0, err
		}
	}
	return socket, got, nil
}

// send sends our descriptor to the tracee's socket. Abstract names belong to a
// network namespace; where that is another one, the tracee's own socket is
// borrowed to send from.
func (in *injection) send(socket int, name string, fd int) unix.Errno {
	rights := unix.UnixRights(fd)
	to := &unix.SockaddrUnix{Name: "@" + name}
	if in.socket < 0 {
		s, err := unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			return err.(unix.Errno)
		}
		in.socket = s
	}
	err := unix.Sendmsg(in.socket, []byte{0}, rights, to, unix.MSG_DONTWAIT)
	if err == unix.ECONNREFUSED {
		var theirs int
		if theirs, err = borrowDescriptor(in.process.tgid, socket); err == nil {
			err = unix.Sendmsg(theirs, []byte{0}, rights, to, unix.MSG_DONTWAIT)
			unix.Close(theirs)
		}
	}
	if err != nil {
		return err.(unix.Errno)
	}
	return 0
}

// borrowDescriptor duplicates another process's descriptor (pidfd_getfd(2)).
func borrowDescriptor(tgid, fd int) (int, error) {
	pidfd, err := unix.PidfdOpen(tgid, 0)
	if err != nil {
		return -1, err
	}
	defer unix.Close(pidfd)
	return unix.PidfdGetfd(pidfd, fd, 0)
}

// received reads the descriptor's number from the control message.
func (in *injection) received(addr uint64) int64 {
	var control [20]byte
	if n, err := in.ReadMemory(addr+parcelControl, control[:]); err != nil || n < len(control) {
		return -int64(unix.EFAULT)
	}
	if binary.NativeEndian.Uint32(control[12:]) != unix.SCM_RIGHTS {
		// MSG_CTRUNC: there was no free number left, or a security module objected.
		return -int64(unix.EMFILE)
	}
	return int64(int32(binary.NativeEndian.Uint32(control[16:])))
}

// parcel is what bind and recvmsg need in the tracee's memory.
type parcel struct {
	bytes   [parcelSize]byte
	nameLen int
}

// Offsets in a parcel.
const (
	parcelHeader  = 0                   // struct msghdr
	parcelVector  = parcelHeader + 56   // struct iovec, one
	parcelControl = parcelVector + 16   // struct cmsghdr and one descriptor
	parcelData    = parcelControl + 24  // one byte, padded
	parcelName    = parcelData + 8      // struct sockaddr_un, as much as is used
	parcelSize    = parcelName + 2 + 30 // multiple of a word
)

func newParcel(addr uint64, name string) (p parcel) {
	put := func(at int, value uint64) { binary.NativeEndian.PutUint64(p.bytes[at:], value) }
	put(parcelHeader+16, addr+parcelVector)
	put(parcelHeader+24, 1)
	put(parcelHeader+32, addr+parcelControl)
	put(parcelHeader+40, 24)
	put(parcelVector, addr+parcelData)
	put(parcelVector+8, 1)
	binary.NativeEndian.PutUint16(p.bytes[parcelName:], unix.AF_UNIX)
	p.nameLen = 3 + copy(p.bytes[parcelName+3:], name) // a zero byte makes it abstract
	return p
}
