package testcri

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os/exec"
	"strconv"
	"time"

	"github.com/shimrun/shimrun/test/kubeserver/testcri/streams"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	runtimeapi "k8s.io/cri-api/pkg/apis/runtime/v1"
	utilexec "k8s.io/utils/exec"
)

// execSize bounds the output that ExecSync returns, as containerd does.
const execSize = 16 << 20

// ExecSync runs a command in a container: probes and hooks.
func (r *Runtime) ExecSync(ctx context.Context, req *runtimeapi.ExecSyncRequest) (*runtimeapi.ExecSyncResponse, error) {
	if req.Timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, time.Duration(req.Timeout)*time.Second)
		defer cancel()
	}
	var stdout, stderr limitedBuffer
	code, err := r.exec(ctx, execution{container: req.ContainerId, argv: req.Cmd, stdout: &stdout, stderr: &stderr})
	if ctx.Err() != nil {
		return nil, status.Errorf(codes.DeadlineExceeded, "failed to exec in container: timeout %ds exceeded", req.Timeout)
	}
	if err != nil {
		return nil, err
	}
	return &runtimeapi.ExecSyncResponse{Stdout: stdout.Bytes(), Stderr: stderr.Bytes(), ExitCode: int32(code)}, nil
}

// Exec returns the URL under which a command will be run.
func (r *Runtime) Exec(_ context.Context, req *runtimeapi.ExecRequest) (*runtimeapi.ExecResponse, error) {
	c, err := r.find(req.ContainerId)
	if err != nil {
		return nil, err
	}
	if _, err := c.running(); err != nil {
		return nil, err
	}
	return r.streams.GetExec(req)
}

// Attach returns the URL under which the first process can be talked to.
func (r *Runtime) Attach(_ context.Context, req *runtimeapi.AttachRequest) (*runtimeapi.AttachResponse, error) {
	c, err := r.find(req.ContainerId)
	if err != nil {
		return nil, err
	}
	if _, err := c.running(); err != nil {
		return nil, err
	}
	return r.streams.GetAttach(req)
}

// PortForward returns the URL under which a port of the pod's, which is the
// host's, can be talked to.
func (r *Runtime) PortForward(_ context.Context, req *runtimeapi.PortForwardRequest) (*runtimeapi.PortForwardResponse, error) {
	return r.streams.GetPortForward(req)
}

// execution is a further command in a container.
type execution struct {
	container      string
	argv           []string
	stdin          io.Reader
	stdout, stderr io.Writer
	tty            bool
	resize         <-chan streams.TerminalSize
}

// exec runs it, and returns its exit code, or an error when it did not start.
func (r *Runtime) exec(ctx context.Context, e execution) (int, error) {
	c, err := r.find(e.container)
	if err != nil {
		return 0, err
	}
	p, err := c.running()
	if err != nil {
		return 0, err
	}
	if len(e.argv) == 0 {
		return 0, status.Error(codes.InvalidArgument, "no command")
	}
	cmd, err := c.command(e.argv)
	if err != nil {
		// As a shell has it: the command failed, not the runtime.
		fmt.Fprintln(e.errors(), err)
		return int(startError(err)), nil
	}
	var term *terminal
	if e.tty {
		if term, err = startTerminal(cmd, e.stdout); err == nil {
			go term.resize(e.resize)
			go copyInput(term, e.stdin)
		}
	} else {
		err = e.start(cmd)
	}
	if err != nil {
		fmt.Fprintln(e.errors(), err)
		return int(startError(err)), nil
	}
	session := cmd.Process.Pid
	r.mu.Lock()
	p.execs[session] = true
	r.mu.Unlock()
	ended := context.AfterFunc(ctx, func() { killSession(session) })
	err = cmd.Wait()
	ended()
	r.mu.Lock()
	delete(p.execs, session)
	r.mu.Unlock()
	if term != nil {
		term.finish()
	}
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) && !errors.Is(err, exec.ErrWaitDelay) {
		return 0, err
	}
	return exitCode(cmd.ProcessState), nil
}

func (e *execution) start(cmd *exec.Cmd) error {
	cmd.Stdout, cmd.Stderr = e.stdout, e.stderr
	if e.stdin == nil {
		return cmd.Start()
	}
	// Not cmd.Stdin: Wait would wait for input that never comes.
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	go copyInput(stdin, e.stdin)
	return nil
}

func (e *execution) errors() io.Writer {
	if e.stderr != nil {
		return e.stderr
	}
	if e.stdout != nil {
		return e.stdout
	}
	return io.Discard
}

func copyInput(to io.WriteCloser, from io.Reader) {
	if from != nil {
		io.Copy(to, from) // ends when either side goes
		to.Close()
	}
}

// streamer answers what comes in under the URLs.
type streamer struct{ *Runtime }

func (s streamer) Exec(ctx context.Context, id string, argv []string, in io.Reader, out, errs io.WriteCloser, tty bool, resize <-chan streams.TerminalSize) error {
	e := execution{container: id, argv: argv, stdin: in, tty: tty, resize: resize}
	// A nil of one type is not a nil of the other.
	if out != nil {
		e.stdout = out
	}
	if errs != nil {
		e.stderr = errs
	}
	code, err := s.Runtime.exec(ctx, e)
	if err == nil && code != 0 {
		err = utilexec.CodeExitError{Err: fmt.Errorf("exit status %d", code), Code: code}
	}
	return err
}

func (s streamer) Attach(ctx context.Context, id string, in io.Reader, out, errs io.WriteCloser, _ bool, resize <-chan streams.TerminalSize) error {
	c, err := s.find(id)
	if err != nil {
		return err
	}
	p, err := c.running()
	if err != nil {
		return err
	}
	if out != nil {
		defer p.out.attach(out)()
	}
	if errs != nil && p.err != p.out {
		defer p.err.attach(errs)()
	}
	if p.term != nil {
		go p.term.resize(resize)
	}
	if in != nil && p.stdin != nil {
		go func() {
			io.Copy(p.stdin, in)
			if c.config.StdinOnce {
				p.stdin.Close()
			}
		}()
	}
	select {
	case <-p.done:
	case <-ctx.Done():
	}
	return nil
}

func (s streamer) PortForward(ctx context.Context, sandbox string, port int32, client io.ReadWriteCloser) error {
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(int(port))))
	if err != nil {
		return fmt.Errorf("sandbox %s: %w", sandbox, err)
	}
	defer conn.Close()
	done := make(chan error, 2)
	go func() { _, err := io.Copy(conn, client); done <- err }()
	go func() { _, err := io.Copy(client, conn); done <- err }()
	return <-done
}

// limitedBuffer keeps the beginning of what is written.
type limitedBuffer struct{ bytes.Buffer }

func (b *limitedBuffer) Write(p []byte) (int, error) {
	b.Buffer.Write(p[:max(0, min(len(p), execSize-b.Len()))])
	return len(p), nil
}
