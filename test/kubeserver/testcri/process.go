package testcri

import (
	"fmt"
	"io"
	"os/exec"
	"syscall"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	runtimeapi "k8s.io/cri-api/pkg/apis/runtime/v1"
	"k8s.io/klog/v2"
)

// process is a container's first one, and what hangs on it.
type process struct {
	cmd   *exec.Cmd
	log   *logFile
	out   *stream
	err   *stream // out itself on a terminal
	stdin io.WriteCloser
	term  *terminal // nil without one
	done  chan struct{}

	execs map[int]bool // sessions of execs; Runtime.mu guards it
	usage cpuHighWater
}

// start starts the container. When the command cannot be executed, the container
// has ended, as with other runtimes.
func (c *container) start() error {
	r := c.runtime
	r.mu.Lock()
	defer r.mu.Unlock()
	if c.record.State != runtimeapi.ContainerState_CONTAINER_CREATED {
		return status.Errorf(codes.FailedPrecondition, "container %s is in state %s", c.id, c.record.State)
	}
	p, err := c.launch()
	now := time.Now().UnixNano()
	c.record.StartedAt = now
	if err != nil {
		c.record.State = runtimeapi.ContainerState_CONTAINER_EXITED
		c.record.FinishedAt = now
		c.record.ExitCode = startError(err)
		c.record.Reason = "StartError"
		c.record.Message = err.Error()
		if err := c.save(); err != nil {
			klog.ErrorS(err, "A record is lost", "container", c.id)
		}
		return status.Errorf(codes.Unknown, "failed to start container %s: %v", c.id, err)
	}
	c.process = p
	c.record.State = runtimeapi.ContainerState_CONTAINER_RUNNING
	c.record.Pid = p.cmd.Process.Pid
	if c.record.PidStart, err = startTime(c.record.Pid); err != nil {
		klog.ErrorS(err, "A later runtime will not know this process", "container", c.id)
	}
	go c.wait(p)
	return c.save()
}

// launch executes the command with its output going to the log.
func (c *container) launch() (p *process, err error) {
	cmd, err := c.command(c.argv())
	if err != nil {
		return nil, err
	}
	p = &process{cmd: cmd, log: &logFile{path: c.record.LogPath}, done: make(chan struct{}), execs: map[int]bool{}}
	if err := p.log.open(); err != nil {
		return nil, fmt.Errorf("log: %w", err)
	}
	defer func() {
		if err != nil {
			p.log.close()
		}
	}()
	p.out = &stream{log: p.log, name: "stdout"}
	p.err = p.out
	if c.config.Tty {
		if p.term, err = startTerminal(cmd, p.out); err != nil {
			return nil, err
		}
		if c.config.Stdin {
			p.stdin = p.term
		}
		return p, nil
	}
	p.err = &stream{log: p.log, name: "stderr"}
	cmd.Stdout, cmd.Stderr = p.out, p.err
	if c.config.Stdin {
		if p.stdin, err = cmd.StdinPipe(); err != nil {
			return nil, err
		}
	}
	return p, cmd.Start()
}

// wait ends with the process, and records how.
func (c *container) wait(p *process) {
	p.cmd.Wait() // the error repeats the state, or says that output was cut off
	killSession(p.cmd.Process.Pid)
	if p.term != nil {
		p.term.finish()
	}
	p.out.flush()
	p.err.flush()
	p.log.close()

	r := c.runtime
	r.mu.Lock()
	defer r.mu.Unlock()
	for session := range p.execs {
		killSession(session)
	}
	c.process = nil
	c.record.State = runtimeapi.ContainerState_CONTAINER_EXITED
	c.record.FinishedAt = time.Now().UnixNano()
	c.record.ExitCode = int32(exitCode(p.cmd.ProcessState))
	c.record.Reason = "Completed"
	if c.record.ExitCode != 0 {
		c.record.Reason = "Error"
	}
	if err := c.save(); err != nil {
		klog.ErrorS(err, "A record is lost", "container", c.id)
	}
	close(p.done)
}

// stop asks the container to end, makes it after the grace period, and returns
// when it has.
func (c *container) stop(grace time.Duration) {
	p, err := c.running()
	if err != nil {
		return
	}
	pid := p.cmd.Process.Pid
	if grace > 0 {
		// Only the first process gets it, as in a real container; whether it passes
		// it on is its own business.
		syscall.Kill(pid, stopSignal(c.config))
		timeout := time.NewTimer(grace)
		defer timeout.Stop()
		select {
		case <-p.done:
			return
		case <-timeout.C:
		}
	}
	killSession(pid) // all at once, as nothing holds the output then
	<-p.done
}

// running returns the process, or the error that there is none.
func (c *container) running() (*process, error) {
	c.runtime.mu.Lock()
	defer c.runtime.mu.Unlock()
	if c.process == nil {
		return nil, status.Errorf(codes.FailedPrecondition, "container %s is not running", c.id)
	}
	return c.process, nil
}
