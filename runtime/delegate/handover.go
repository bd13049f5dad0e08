package delegate

import (
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"os"
	"path/filepath"
	"syscall"

	"github.com/rs/zerolog"
	"golang.org/x/sys/unix"

	"github.com/shimrun/shimrun/runtime"
	"github.com/shimrun/shimrun/runtime/agent"
	"github.com/shimrun/shimrun/runtime/container"
)

// handoverName is argv[0] of a process that waits for a handover.
const handoverName = "shimrun-handover"

// A process that was started to wait for a handover never reaches main.
func init() {
	if len(os.Args) == 1 && os.Args[0] == handoverName {
		os.Exit(awaitHandover())
	}
}

// handover is what that process is told.
type handover struct {
	// Dir is the container's folder.
	Dir  string       `json:"dir"`
	Plan runtime.Plan `json:"plan"`
}

// Its descriptors.
const (
	handoverConn = 3 + iota
	handoverDocument
)

// adopt has a process served that a runtime hands over.
func adopt(c *container.Container, conn *net.UnixConn, plan runtime.Plan) error {
	process, err := agent.Receive(conn)
	if err != nil {
		return err
	}
	supervisor, err := process.Adopt(plan)
	if err != nil {
		return fmt.Errorf("serve the container: %w", err)
	}
	p, err := container.Find(supervisor)
	if err != nil {
		return nil // the process was short, and its supervisor with it
	}
	return c.AddSupervisor(p)
}

// leaveWaiting leaves a connection to a process that waits at it: crun's
// containers connect when they are created, and hand over when they start.
func (e Engine) leaveWaiting(conn *net.UnixConn, plan runtime.Plan) error {
	socket, err := conn.File()
	if err != nil {
		return err
	}
	defer socket.Close()
	document, err := runtime.WriteDocument("handover", handover{e.Container.Dir(), plan})
	if err != nil {
		return err
	}
	defer document.Close()
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer null.Close()
	// What the runtime was to inherit is nothing for this process.
	if err := unix.CloseRange(3, math.MaxUint32, unix.CLOSE_RANGE_CLOEXEC); err != nil {
		return os.NewSyscallError("close_range", err)
	}
	_, err = syscall.ForkExec("/proc/self/exe", []string{handoverName}, &syscall.ProcAttr{
		Dir:   "/",
		Files: []uintptr{null.Fd(), null.Fd(), null.Fd(), socket.Fd(), document.Fd()},
		Sys:   &syscall.SysProcAttr{Setsid: true},
	})
	if err != nil {
		return &os.PathError{Op: "exec", Path: "/proc/self/exe", Err: err}
	}
	return nil
}

func awaitHandover() int {
	var h handover
	if err := runtime.ReadDocument(handoverDocument, &h); err != nil {
		return runtime.StatusFailed
	}
	err := h.take()
	if err == nil || errors.Is(err, io.EOF) {
		return 0 // EOF: the container was deleted before it started
	}
	if log, openErr := os.OpenFile(h.Plan.Log.File, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o644); openErr == nil {
		logger := zerolog.New(log).With().Timestamp().Logger()
		logger.Error().Err(err).Msg("no supervisor: the container's calls fail")
	}
	return runtime.StatusFailed
}

func (h handover) take() error {
	store, err := container.NewStore(filepath.Dir(h.Dir))
	if err != nil {
		return err
	}
	c, err := store.Open(filepath.Base(h.Dir))
	if err != nil {
		return err
	}
	unix.CloseOnExec(handoverConn)
	socket := os.NewFile(handoverConn, "agent")
	conn, err := net.FileConn(socket)
	socket.Close()
	if err != nil {
		return err
	}
	defer conn.Close()
	return adopt(c, conn.(*net.UnixConn), h.Plan)
}
