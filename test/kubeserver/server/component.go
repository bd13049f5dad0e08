package server

import (
	"context"
	"errors"
	"fmt"
	"time"

	"k8s.io/klog/v2"
)

// component is a part of Kubernetes that runs.
type component struct {
	name   string
	cancel context.CancelFunc
	done   chan struct{}
	err    error // set before done is closed
}

// start runs a component. When it ends before it was told to, it says so on
// ended.
func start(name string, ended chan<- error, run func(context.Context) error) *component {
	ctx, cancel := context.WithCancel(context.Background())
	c := &component{name: name, cancel: cancel, done: make(chan struct{})}
	klog.InfoS("Starting", "component", name)
	go func() {
		defer close(c.done)
		c.err = run(ctx)
		if ctx.Err() != nil {
			return
		}
		err := c.err
		if err == nil {
			err = errors.New("it ended")
		}
		select {
		case ended <- fmt.Errorf("%s: %w", name, err):
		default: // not the first
		}
	}()
	return c
}

// stop ends the component and waits, but not for ever: what does not end is
// ended by the end of the process.
func (c *component) stop(patience time.Duration) {
	if c == nil {
		return
	}
	begun := time.Now()
	c.cancel()
	timeout := time.NewTimer(patience)
	defer timeout.Stop()
	select {
	case <-c.done:
		klog.InfoS("Stopped", "component", c.name, "after", time.Since(begun))
	case <-timeout.C:
		klog.InfoS("Does not stop", "component", c.name, "after", patience)
	}
}
