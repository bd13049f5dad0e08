package builtin

import (
	"errors"
	"fmt"
	"os"

	"github.com/containerd/console"
	"golang.org/x/sys/unix"
)

// openTerminal makes the process the leader of a terminal, and sends the other
// end of it to whoever is to have it. The terminal is the container's own,
// where it has a devpts, or else the host's.
func (i *initProcess) openTerminal() error {
	master, slavePath, err := console.NewPty()
	if err != nil {
		return err
	}
	defer master.Close()
	if size := i.Spec.Process.ConsoleSize; size != nil {
		if err := master.Resize(console.WinSize{Height: uint16(size.Height), Width: uint16(size.Width)}); err != nil {
			return err
		}
	}
	if i.Relayed {
		// Before the program can write.
		if err := console.ClearONLCR(master.Fd()); err != nil {
			return err
		}
	}
	slave, err := unix.Open(slavePath, unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC, 0)
	if err != nil {
		return &os.PathError{Op: "open", Path: slavePath, Err: err}
	}
	defer unix.Close(slave)
	if err := checkTerminal(slave); err != nil {
		return &os.PathError{Op: "open", Path: slavePath, Err: err}
	}
	if err := unix.Fchown(slave, int(i.Spec.Process.User.UID), -1); err != nil {
		i.lack("owner of the terminal", os.NewSyscallError("fchown", err))
	}
	if i.has("mnt") && i.Join == nil {
		if err := bindConsole(slavePath); err != nil {
			i.lack("device /dev/console", err)
		}
	}
	if err := sendFile(i.console, master.Name(), int(master.Fd())); err != nil {
		return fmt.Errorf("send it to the console socket: %w", err)
	}
	for fd := range 3 {
		if err := unix.Dup3(slave, fd, 0); err != nil {
			return os.NewSyscallError("dup3", err)
		}
	}
	return os.NewSyscallError("ioctl TIOCSCTTY", unix.IoctlSetInt(0, unix.TIOCSCTTY, 0))
}

// checkTerminal makes sure that what was opened is the slave of a terminal: the
// name is looked up in the container, where it can be anything.
func checkTerminal(fd int) error {
	const first, last = 136, 143 // UNIX98 slaves, Documentation/admin-guide/devices.txt
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return err
	}
	if major := unix.Major(st.Rdev); st.Mode&unix.S_IFMT != unix.S_IFCHR || major < first || major > last {
		return unix.ENOTTY
	}
	return nil
}

// bindConsole makes /dev/console the terminal, unless it is a link of the image's
// that leads elsewhere.
func bindConsole(slave string) error {
	f, err := os.OpenFile("/dev/console", os.O_CREATE|os.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK|unix.O_NOCTTY, 0o666)
	if err != nil {
		return err
	}
	f.Close()
	return os.NewSyscallError("mount", unix.Mount(slave, "/dev/console", "", unix.MS_BIND, ""))
}

// sendFile sends a descriptor over a socket, with its name as the message.
func sendFile(socket *os.File, name string, fd int) error {
	return os.NewSyscallError("sendmsg", unix.Sendmsg(int(socket.Fd()), []byte(name), unix.UnixRights(fd), nil, unix.MSG_NOSIGNAL))
}

// ReceiveFile is the other side of it.
func ReceiveFile(socket *os.File) (*os.File, error) {
	name := make([]byte, 4096)
	rights := make([]byte, unix.CmsgSpace(4))
	n, oobn, _, _, err := unix.Recvmsg(int(socket.Fd()), name, rights, unix.MSG_CMSG_CLOEXEC)
	if err != nil {
		return nil, os.NewSyscallError("recvmsg", err)
	}
	messages, err := unix.ParseSocketControlMessage(rights[:oobn])
	if err != nil {
		return nil, err
	}
	if len(messages) != 1 {
		return nil, errors.New("no terminal was sent")
	}
	fds, err := unix.ParseUnixRights(&messages[0])
	if err != nil || len(fds) != 1 {
		return nil, errors.Join(errors.New("no terminal was sent"), err)
	}
	return os.NewFile(uintptr(fds[0]), string(name[:n])), nil
}
