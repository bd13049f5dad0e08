package main

import (
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// held opens a file only to name it, or enters a folder, as a thread that a tracer of its
// own holds, and tells what it can read then.
//
//	victim held open|enter NAME
func held(args []string) error {
	if len(args) == 2 {
		cmd := exec.Command("/proc/self/exe", append([]string{"held"}, append(args, "now")...)...)
		cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
		cmd.SysProcAttr = &syscall.SysProcAttr{Ptrace: true}
		if err := cmd.Start(); err != nil {
			return err
		}
		for {
			var status unix.WaitStatus
			pid, err := unix.Wait4(cmd.Process.Pid, &status, unix.WALL, nil)
			switch {
			case err == unix.EINTR:
				continue
			case err != nil:
				return err
			case status.Exited() || status.Signaled():
				return nil
			}
			signal := int(status.StopSignal())
			if signal == int(unix.SIGTRAP) {
				signal = 0
			}
			if err := unix.PtraceCont(pid, signal); err != nil {
				return err
			}
		}
	}
	before := open()
	if args[0] == "open" {
		_, _ = unix.Open(args[1], unix.O_PATH|unix.O_CLOEXEC, 0)
	} else {
		_ = unix.Chdir(args[1])
	}
	b := make([]byte, 4096)
	for fd := range 64 {
		if before[fd] {
			continue
		}
		if n, err := unix.Pread(fd, b, 0); err == nil && n > 0 {
			fmt.Printf("descriptor %d reads %q\n", fd, b[:min(n, 40)])
		}
		if n, err := unix.Getdents(fd, b); err == nil && n > 0 {
			fmt.Printf("descriptor %d lists a folder\n", fd)
		}
	}
	return nil
}

// open are the descriptors that are open.
func open() map[int]bool {
	are := map[int]bool{}
	for fd := range 64 {
		_, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0)
		are[fd] = err == nil
	}
	return are
}

// outrun makes a folder in its first thread, until another thread executes a program.
//
//	victim outrun NAME PROGRAM MICROSECONDS
func outrun(args []string) error {
	after, err := time.ParseDuration(args[2] + "us")
	if err != nil {
		return err
	}
	go func() {
		time.Sleep(after)
		fatal(unix.Exec(args[1], args[1:2], nil))
	}()
	for {
		_ = unix.Mkdir(args[0], 0o777)
	}
}
