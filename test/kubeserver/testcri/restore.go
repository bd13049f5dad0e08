package testcri

import (
	"time"

	runtimeapi "k8s.io/cri-api/pkg/apis/runtime/v1"
	"k8s.io/klog/v2"
)

// restore reads what an earlier runtime left. Containers that it did not see end
// are ended: their output would go nowhere, and nobody would learn of their end.
func (r *Runtime) restore() error {
	err := r.store.load(sandboxKind, func(id string) error {
		s := &sandbox{id: id, config: &runtimeapi.PodSandboxConfig{}}
		if err := r.store.read(sandboxKind, id, s.config, &s.record); err != nil {
			return err
		}
		r.sandboxes[id] = s
		return nil
	})
	if err != nil {
		return err
	}
	return r.store.load(containerKind, func(id string) error {
		c := &container{id: id, runtime: r, config: &runtimeapi.ContainerConfig{}}
		if err := r.store.read(containerKind, id, c.config, &c.record); err != nil {
			return err
		}
		if c.record.State == runtimeapi.ContainerState_CONTAINER_RUNNING {
			c.endOrphan()
			if err := c.save(); err != nil {
				return err
			}
		}
		r.containers[id] = c
		return nil
	})
}

func (c *container) endOrphan() {
	if start, err := startTime(c.record.Pid); err == nil && start == c.record.PidStart {
		klog.InfoS("Ending the container of an earlier runtime", "container", c.id, "pid", c.record.Pid)
		killSession(c.record.Pid)
	}
	c.record.State = runtimeapi.ContainerState_CONTAINER_EXITED
	c.record.FinishedAt = time.Now().UnixNano()
	c.record.ExitCode = 128 + 9
	c.record.Reason = "RuntimeRestarted"
}
