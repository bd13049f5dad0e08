package containerd

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"syscall"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	runtimeapi "k8s.io/cri-api/pkg/apis/runtime/v1"
	"k8s.io/klog/v2"
)

// Child is a containerd that runs.
type Child struct {
	cmd   *exec.Cmd
	ended chan struct{}
	err   error // set before ended is closed
}

// Endpoint is where kubelet finds it.
const Endpoint = "unix://" + Socket

// Start returns when containerd answers to CRI and has imported the images.
func Start(ctx context.Context, c Config) (*Child, error) {
	for _, dir := range []string{c.Root(), State} {
		if err := os.MkdirAll(dir, 0o711); err != nil {
			return nil, err
		}
	}
	if err := c.write(); err != nil {
		return nil, err
	}
	child := &Child{ended: make(chan struct{})}
	child.cmd = exec.Command("containerd", "-c", c.File())
	child.cmd.Stdout, child.cmd.Stderr = os.Stdout, os.Stderr
	child.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	klog.InfoS("Running containerd", "args", child.cmd.Args[1:])
	started := make(chan error, 1)
	go func() {
		// The signal comes when the thread ends that has started the child.
		runtime.LockOSThread()
		defer close(child.ended)
		err := child.cmd.Start()
		started <- err
		if err == nil {
			child.err = child.cmd.Wait()
		}
	}()
	if err := <-started; err != nil {
		return nil, fmt.Errorf("containerd: %w", err)
	}
	err := child.awaitCRI(ctx)
	if err == nil {
		klog.InfoS("containerd is now running")
		err = importImages(ctx, c)
	}
	if err != nil {
		child.Stop()
		return nil, fmt.Errorf("containerd: %w", err)
	}
	return child, nil
}

func (child *Child) awaitCRI(ctx context.Context) error {
	conn, err := grpc.NewClient(Endpoint, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return err
	}
	defer conn.Close()
	client := runtimeapi.NewRuntimeServiceClient(conn)
	deadline := time.NewTimer(3 * time.Minute)
	defer deadline.Stop()
	for {
		if _, err = client.Version(ctx, &runtimeapi.VersionRequest{}); err == nil {
			return nil
		}
		select {
		case <-child.ended:
			return fmt.Errorf("it has ended: %w", child.err)
		case <-ctx.Done():
			return ctx.Err()
		case <-deadline.C:
			return fmt.Errorf("no answer within 3 minutes: %w", err)
		case <-time.After(200 * time.Millisecond):
		}
	}
}

// Ended is closed when containerd has ended, by itself or not.
func (child *Child) Ended() <-chan struct{} { return child.ended }

// Stop ends containerd. Containers go on, as with k3s: a later one finds them.
func (child *Child) Stop() {
	child.cmd.Process.Signal(syscall.SIGTERM)
	timer := time.AfterFunc(10*time.Second, func() { child.cmd.Process.Kill() })
	defer timer.Stop()
	<-child.ended
}
