package ptrace

import (
	"crypto/rand"
	"encoding/binary"
	"strconv"

	"golang.org/x/sys/unix"
)

// A process that cannot reach /proc/SUPERVISOR/fd is sent descriptors. What it
// gets refers to the very object, as it must: a private copy would not be known as a
// served file.
//
//	socketpair ─▶ n, m    (we take m, and send there)    close(m)
//	recvmsg(n) ─▶ k       dup3(k, n)    close(k)
//
// The number that is left, n, is the lowest that was free. The two sockets have no
// name: nobody else can send to them, but who shares the tracee's descriptors.

// receive gives the tracee our descriptor, opened anew with flags.
func (in *injection) receive(fd, flags int) (int64, error) {
	ours, err := unix.Open("/proc/self/fd/"+strconv.Itoa(fd), flags|unix.O_CLOEXEC, 0)
	if err != nil {
		return -int64(err.(unix.Errno)), nil
	}
	defer unix.Close(ours)
	return in.receiveOpened(ours, flags)
}

// receiveOpened gives the tracee our descriptor itself.
func (in *injection) receiveOpened(fd, flags int) (int64, error) {
	low, got, err := in.transfer(fd)
	if err != nil || got < 0 {
		return got, err
	}
	return in.lower(got, low, flags)
}

// receiveDirectory makes our descriptor the tracee's working directory.
func (in *injection) receiveDirectory(fd int) (int64, error) {
	low, got, err := in.transfer(fd)
	if err != nil || got < 0 {
		return got, err
	}
	result, err := in.call(unix.SYS_FCHDIR, uint64(got))
	if err == nil {
		err = in.close(got, low)
	}
	return result, err
}

// openByItself lets the tracee open the object behind our descriptor, an O_PATH one,
// by a call of its own: it may sleep there as long as its open would have, its signals
// end that, and its rights are asked. The descriptor has the lowest number that is
// free; the O_PATH one is out of the way meanwhile.
func (in *injection) openByItself(fd, flags int) (int64, error) {
	low, got, err := in.transfer(fd)
	if err != nil || got < 0 {
		return got, err
	}
	if flags&unix.O_PATH != 0 {
		return in.lower(got, low, flags)
	}
	const outOfTheWay = 900 // of 1,024, which is what most may have
	up, err := in.call(unix.SYS_FCNTL, uint64(got), unix.F_DUPFD_CLOEXEC, outOfTheWay)
	if err != nil {
		return 0, err
	}
	if up >= 0 {
		got, up = up, got
		err = in.close(up)
	}
	if err == nil {
		err = in.close(low)
	}
	if err != nil {
		return 0, err
	}
	path := []byte("/proc/thread-self/fd/" + strconv.FormatInt(got, 10) + "\x00")
	result := -int64(unix.EFAULT)
	if m, err := in.borrow(len(path), func(uint64) []byte { return path }); err == nil {
		if result, err = in.sleep(unix.SYS_OPENAT, atFDCWD, m.addr, uint64(flags)); err != nil {
			return 0, err
		}
		in.giveBack(m)
	}
	if unix.Errno(-result) == unix.ENOENT {
		result = -int64(unix.ENXIO) // a root without /proc: the object is there, but there is no way to it
	}
	return result, in.close(got)
}

// lower moves a descriptor of the tracee's to a number that it was kept.
func (in *injection) lower(fd, to int64, flags int) (int64, error) {
	result, err := in.call(unix.SYS_DUP3, uint64(fd), uint64(to), uint64(flags&unix.O_CLOEXEC))
	if err != nil {
		return 0, err
	}
	if result < 0 {
		err = in.close(to)
	}
	if err == nil {
		err = in.close(fd)
	}
	return result, err
}

// close closes descriptors of the tracee's.
func (in *injection) close(fds ...int64) error {
	for _, fd := range fds {
		if _, err := in.call(unix.SYS_CLOSE, uint64(fd)); err != nil {
			return err
		}
	}
	return nil
}

// transfer makes the tracee receive our descriptor over a socket of its own,
// and returns both numbers, or -errno for the second and nothing left behind.
func (in *injection) transfer(fd int) (socket, got int64, err error) {
	var p parcel
	m, err := in.borrow(parcelSize, func(addr uint64) []byte {
		p = newParcel(addr)
		return p[:]
	})
	if err != nil {
		return 0, -int64(unix.EFAULT), nil
	}
	m.kernels = true
	socket, possible, err := in.pair(m, fd)
	if err == nil && !possible {
		socket, err = in.connect(m, fd)
	}
	if err != nil {
		return 0, 0, err
	}
	if got = socket; socket >= 0 {
		if got, err = in.call(unix.SYS_RECVMSG, uint64(socket), m.addr+parcelHeader,
			unix.MSG_CMSG_CLOEXEC|unix.MSG_DONTWAIT); err != nil {
			return 0, 0, err
		}
	}
	if got >= 0 {
		got = in.received(m.addr)
	}
	in.giveBack(m)
	if same, known := in.compare(int(got), fd); got >= 0 && known && !same {
		// Another thread of its own has sent, or moved, something.
		if err := in.close(got); err != nil {
			return 0, 0, err
		}
		got = -int64(unix.EAGAIN)
	}
	if got < 0 && socket >= 0 {
		err = in.close(socket)
	}
	return socket, got, err
}

// pair makes the tracee a socket in which our descriptor lies, where we can take the
// other end of it.
func (in *injection) pair(m scratch, fd int) (socket int64, possible bool, err error) {
	if in.loop.lacksGetfd {
		return 0, false, nil
	}
	result, err := in.call(unix.SYS_SOCKETPAIR, unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0, m.addr+parcelPair)
	if err != nil || result < 0 {
		return result, true, err
	}
	var pair [8]byte
	if n, err := in.ReadMemory(m.addr+parcelPair, pair[:]); err != nil || n < len(pair) {
		return -int64(unix.EFAULT), true, nil // another thread has unmapped its stack
	}
	socket = int64(int32(binary.NativeEndian.Uint32(pair[:])))
	other := int64(int32(binary.NativeEndian.Uint32(pair[4:])))
	end, sent := in.takeDescriptor(int(other))
	possible = sent == nil
	in.loop.lacksGetfd = sent == unix.ENOSYS
	if possible {
		sent = unix.Sendmsg(end, []byte{0}, unix.UnixRights(fd), nil, unix.MSG_DONTWAIT)
		unix.Close(end)
	}
	if err := in.close(other); err != nil || sent == nil {
		return socket, true, err
	}
	if err := in.close(socket); err != nil {
		return 0, true, err
	}
	errno, _ := sent.(unix.Errno)
	return -int64(errno), possible, nil
}

// takeDescriptor duplicates the tracee's descriptor (pidfd_getfd(2)).
func (in *injection) takeDescriptor(fd int) (int, error) {
	const thread = unix.O_EXCL // PIDFD_THREAD, since Linux 6.9
	pidfd, err := unix.PidfdOpen(in.tid, thread)
	if err != nil {
		pidfd, err = unix.PidfdOpen(in.process.tgid, 0)
	}
	if err != nil {
		return -1, err
	}
	defer unix.Close(pidfd)
	ours, err := unix.PidfdGetfd(pidfd, fd, 0)
	if err != nil {
		return -1, err
	}
	if same, known := in.compare(fd, ours); known && !same {
		unix.Close(ours)
		return -1, unix.EBADF // the leader's table is not this thread's
	}
	return ours, nil
}

// connect does the same by names, which abstract sockets have for everybody in their
// network namespace to see (/proc/net/unix). So the tracee's is connected to ours
// before it has a name, and takes messages from nobody else (unix(7)).
func (in *injection) connect(m scratch, fd int) (int64, error) {
	from, errno := in.loop.sender()
	if errno != 0 {
		return -int64(errno), nil
	}
	socket, err := in.call(unix.SYS_SOCKET, unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil || socket < 0 {
		return socket, err
	}
	own := "@" + rand.Text()[:nameLength]
	result := int64(0)
	for _, step := range []struct {
		nr   int
		name string
	}{{unix.SYS_CONNECT, in.loop.name}, {unix.SYS_BIND, own}} {
		var address [2 + 1 + nameLength]byte
		binary.NativeEndian.PutUint16(address[:], unix.AF_UNIX)
		copy(address[3:], step.name[1:]) // behind a zero byte, which makes it abstract
		if in.WriteMemory(m.addr+parcelName, address[:]) != nil {
			result = -int64(unix.EFAULT)
		} else if result, err = in.call(step.nr, uint64(socket), m.addr+parcelName, uint64(len(address))); err != nil {
			return 0, err
		}
		if result < 0 {
			break
		}
	}
	if result >= 0 {
		if sent := unix.Sendmsg(from, []byte{0}, unix.UnixRights(fd), &unix.SockaddrUnix{Name: own}, unix.MSG_DONTWAIT); sent != nil {
			errno, _ := sent.(unix.Errno)
			result = -int64(errno)
		}
	}
	if result < 0 {
		return result, in.close(socket)
	}
	return socket, nil
}

// sender is the socket that descriptors are sent from, made at its first use.
func (l *loop) sender() (int, unix.Errno) {
	if l.socket >= 0 {
		return l.socket, 0
	}
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err == nil {
		l.name = "@" + rand.Text()[:nameLength]
		if err = unix.Bind(fd, &unix.SockaddrUnix{Name: l.name}); err != nil {
			unix.Close(fd)
		}
	}
	if err != nil {
		errno, _ := err.(unix.Errno)
		return -1, errno
	}
	l.socket = fd
	return fd, 0
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

// parcel is what these calls need in the tracee's memory.
type parcel [parcelSize]byte

// Offsets in a parcel.
const (
	nameLength    = 20                                         // a hundred bits
	parcelHeader  = 0                                          // struct msghdr
	parcelVector  = parcelHeader + 56                          // struct iovec, one
	parcelControl = parcelVector + 16                          // struct cmsghdr and one descriptor
	parcelData    = parcelControl + 24                         // one byte, padded
	parcelPair    = parcelData + 8                             // two descriptors
	parcelName    = parcelPair                                 // or else a struct sockaddr_un, as much as is used
	parcelSize    = (parcelName + 2 + 1 + nameLength + 7) &^ 7 // whole words
)

func newParcel(addr uint64) (p parcel) {
	put := func(at int, value uint64) { binary.NativeEndian.PutUint64(p[at:], value) }
	put(parcelHeader+16, addr+parcelVector)
	put(parcelHeader+24, 1)
	put(parcelHeader+32, addr+parcelControl)
	put(parcelHeader+40, 24)
	put(parcelVector, addr+parcelData)
	put(parcelVector+8, 1)
	return p
}
