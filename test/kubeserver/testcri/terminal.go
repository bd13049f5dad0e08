package testcri

import (
	"io"
	"os"
	"os/exec"
	"time"

	"github.com/creack/pty"
	"github.com/shimrun/shimrun/test/kubeserver/testcri/streams"
)

// terminal is the master of a pseudo-terminal that a process runs on.
type terminal struct {
	master *os.File
	copied chan struct{}
}

// startTerminal starts cmd on a new terminal, whose output goes to out.
func startTerminal(cmd *exec.Cmd, out io.Writer) (*terminal, error) {
	master, slave, err := pty.Open()
	if err != nil {
		return nil, err
	}
	defer slave.Close()
	cmd.Stdin, cmd.Stdout, cmd.Stderr = slave, slave, slave
	cmd.SysProcAttr.Setctty = true // of descriptor 0
	if err := cmd.Start(); err != nil {
		master.Close()
		return nil, err
	}
	t := &terminal{master: master, copied: make(chan struct{})}
	go func() {
		defer close(t.copied)
		io.Copy(out, master) // ends with EIO when the last slave is closed
	}()
	return t, nil
}

// Write types.
func (t *terminal) Write(p []byte) (int, error) { return t.master.Write(p) }

// Close types the end of input, which is not the end of the terminal.
func (t *terminal) Close() error {
	_, err := t.master.Write([]byte{4})
	return err
}

// finish waits for the last output after the process has ended.
func (t *terminal) finish() {
	timeout := time.NewTimer(pipePatience)
	defer timeout.Stop()
	select {
	case <-t.copied:
	case <-timeout.C:
	}
	t.master.Close()
}

// resize follows the client's window until the client goes.
func (t *terminal) resize(sizes <-chan streams.TerminalSize) {
	for size := range sizes {
		pty.Setsize(t.master, &pty.Winsize{Rows: size.Height, Cols: size.Width}) // fails once it is closed
	}
}
