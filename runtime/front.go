package runtime

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/shimrun/shimrun/internal/textfile"
)

// runFront is Run where figures are wanted at the end: this process stays, as
// the command's parent, so that they are printed before the caller goes on. It
// stops, continues and ends as the command does.
func runFront(plan Plan) error {
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return failed("%w", os.NewSyscallError("socketpair", err))
	}
	pid, err := startLauncher(plan, callerAtStart(), environ(), []uintptr{0, 1, 2}, pair[1])
	if err != nil {
		return err
	}
	unix.Close(pair[1])
	liftLimits() // the command has its own now
	over := make(chan struct{})
	if !plan.Empty() { // else none of its calls is trapped
		go endUnserved(conn(pair[0]), pid, over)
	}
	status := accompany(pid)
	close(over)
	err = report(plan, conn(pair[0]))
	if !plan.Empty() && hungUp(err) && status.Signaled() && status.Signal() == unix.SIGKILL {
		return failed("supervisor and guardian were killed, and the command has been ended: nobody could answer its calls")
	}
	// A launcher that failed has said why.
	if err != nil && !failedStatus(status) {
		fmt.Fprintln(os.Stderr, "shimrun: statistics:", err)
	}
	endAs(status)
	return nil
}

// hungUp tells an error of a connection whose other end is gone.
func hungUp(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, unix.EPIPE) || errors.Is(err, unix.ECONNRESET)
}

// endUnserved ends a command whose supervisor and guardian are both gone, and with them
// the other end of the connection: all its trapped calls would fail from then on. What a
// tracer was lost of, or was never served, ends by itself at once.
func endUnserved(supervisor conn, command int, over <-chan struct{}) {
	ends := []unix.PollFd{{Fd: int32(supervisor)}}
	for {
		if _, err := unix.Poll(ends, -1); err != unix.EINTR {
			break
		}
	}
	select {
	case <-over:
	case <-time.After(time.Second):
		_ = unix.Kill(command, unix.SIGKILL)
	}
}

// failedStatus tells a status of those with which launchers end.
func failedStatus(status unix.WaitStatus) bool {
	return status.Exited() && status.ExitStatus() >= StatusFailed && status.ExitStatus() <= StatusNotFound
}

// accompany waits for the command's end, passes on what is sent to this
// process, and stops when the command stops.
func accompany(pid int) unix.WaitStatus {
	// What the terminal sends, it sends to the command too, which decides.
	signal.Ignore(unix.SIGTSTP, unix.SIGTTIN, unix.SIGTTOU)
	signals := make(chan os.Signal, 16)
	signal.Notify(signals, unix.SIGHUP, unix.SIGINT, unix.SIGQUIT, unix.SIGTERM, unix.SIGUSR1, unix.SIGUSR2,
		unix.SIGALRM, unix.SIGVTALRM, unix.SIGCONT, unix.SIGWINCH)
	go func() {
		for sig := range signals {
			switch sig {
			case unix.SIGINT, unix.SIGQUIT, unix.SIGWINCH:
				if inForeground() {
					continue
				}
			}
			_ = unix.Kill(pid, sig.(syscall.Signal))
		}
	}()
	for {
		var status unix.WaitStatus
		_, err := unix.Wait4(pid, &status, unix.WUNTRACED, nil)
		switch {
		case err == unix.EINTR:
		case err != nil, status.Exited(), status.Signaled():
			return status
		case status.Stopped():
			// Whoever continues this process continues the command as well,
			// see SIGCONT above.
			_ = unix.Kill(os.Getpid(), unix.SIGSTOP)
		}
	}
}

// inForeground tells whether the terminal's signals reach this process group,
// and with it the command.
func inForeground() bool {
	tty, err := unix.Open("/dev/tty", unix.O_RDONLY|unix.O_NOCTTY|unix.O_CLOEXEC, 0)
	if err != nil {
		return false
	}
	defer unix.Close(tty)
	group, err := unix.IoctlGetInt(tty, unix.TIOCGPGRP)
	return err == nil && group == unix.Getpgrp()
}

// report asks the supervisor for its figures and gives them out.
func report(plan Plan, supervisor conn) error {
	if err := supervisor.send(struct{}{}); err != nil {
		return err
	}
	fds, err := supervisor.receive(&struct{}{})
	if err != nil || len(fds) != 1 {
		return errors.Join(errors.New("the supervisor sent none"), err)
	}
	var f figures
	if err := ReadDocument(fds[0], &f); err != nil {
		return err
	}
	supervisor.close()
	if plan.StatsFile != "" {
		text, err := json.MarshalIndent(f, "", "  ")
		if err != nil {
			return err
		}
		text = append(text, '\n')
		if plan.StatsFile == textfile.Output {
			_, err = os.Stdout.Write(text)
		} else {
			err = os.WriteFile(plan.StatsFile, text, 0o644)
		}
		if err != nil {
			return err
		}
	}
	if plan.Stats {
		return printFigures(os.Stderr, f)
	}
	return nil
}

// serveFront is the supervisor's side: it answers each request, and returns
// when the front is gone.
func serveFront(front conn, now func() figures) {
	for {
		if _, err := front.receive(&struct{}{}); err != nil {
			return
		}
		document, err := WriteDocument("statistics", now())
		if err != nil {
			return
		}
		err = front.send(struct{}{}, int(document.Fd()))
		document.Close()
		if err != nil {
			return
		}
	}
}

// endAs ends this process as the command ended.
func endAs(status unix.WaitStatus) {
	if status.Signaled() {
		// The command has left its core already.
		_ = unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{})
		beKilledBy(status.Signal())
		os.Exit(128 + int(status.Signal()))
	}
	os.Exit(status.ExitStatus())
}
