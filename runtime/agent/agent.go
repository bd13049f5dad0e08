package agent

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"slices"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/shimrun/shimrun/runtime"
)

// Listen makes an agent's socket, for its owner alone. A socket that nobody
// listens to any more is replaced.
func Listen(path string) (*net.UnixListener, error) {
	if conn, err := net.Dial("unix", path); err == nil {
		conn.Close()
		return nil, fmt.Errorf("%s: somebody listens there already", path)
	}
	if info, err := os.Lstat(path); err == nil && info.Mode()&os.ModeSocket != 0 {
		if err := os.Remove(path); err != nil {
			return nil, err
		}
	}
	old := unix.Umask(0o177)
	defer unix.Umask(old)
	return net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
}

// Process is what a runtime hands over: a container's process, and the
// listener of its filter.
type Process struct {
	specs.ContainerProcessState
	Listener *os.File
}

// Await waits until a runtime that has connected sends something, or goes. crun
// connects when it creates a container, and hands over when that starts.
func Await(conn *net.UnixConn) error {
	raw, err := conn.SyscallConn()
	if err != nil {
		return err
	}
	return raw.Read(func(fd uintptr) bool {
		_, _, err := unix.Recvfrom(int(fd), make([]byte, 1), unix.MSG_PEEK|unix.MSG_DONTWAIT)
		return err != unix.EAGAIN
	})
}

// maxState is more than a container's state needs.
const maxState = 16 << 20

// Receive takes a process from a runtime that has connected.
func Receive(conn *net.UnixConn) (*Process, error) {
	var text []byte
	var files []*os.File
	defer func() {
		for _, f := range files {
			f.Close()
		}
	}()
	buffer, rights := make([]byte, 64<<10), make([]byte, unix.CmsgSpace(4*64))
	for len(text) < maxState && !json.Valid(text) {
		n, oobn, _, _, err := conn.ReadMsgUnix(buffer, rights)
		if err != nil {
			return nil, fmt.Errorf("read the container's state: %w", err)
		}
		text = append(text, buffer[:n]...)
		got, err := descriptors(rights[:oobn])
		files = append(files, got...)
		if err != nil {
			return nil, err
		}
	}
	p := &Process{}
	if err := json.Unmarshal(text, &p.ContainerProcessState); err != nil {
		return nil, fmt.Errorf("the container's state: %w", err)
	}
	at := slices.Index(p.Fds, specs.SeccompFdName)
	if at < 0 || at >= len(files) {
		return nil, errors.New("the runtime sent no " + specs.SeccompFdName)
	}
	p.Listener = files[at]
	files = slices.Delete(files, at, at+1)
	return p, nil
}

func descriptors(control []byte) (files []*os.File, err error) {
	if len(control) == 0 {
		return nil, nil
	}
	messages, err := unix.ParseSocketControlMessage(control)
	if err != nil {
		return nil, err
	}
	for i := range messages {
		fds, err := unix.ParseUnixRights(&messages[i])
		if err != nil {
			return files, err
		}
		for _, fd := range fds {
			unix.CloseOnExec(fd)
			files = append(files, os.NewFile(uintptr(fd), "received"))
		}
	}
	return files, nil
}

// Adopt starts the process's supervisor.
func (p *Process) Adopt(plan runtime.Plan) (supervisor int, err error) {
	defer p.Listener.Close()
	return runtime.Adopt(plan, int(p.Listener.Fd()), p.Pid)
}
