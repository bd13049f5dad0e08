package testcri

import (
	"context"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	runtimeapi "k8s.io/cri-api/pkg/apis/runtime/v1"
)

// container is one of a pod. Runtime.mu guards its record and process.
type container struct {
	id      string
	runtime *Runtime
	config  *runtimeapi.ContainerConfig
	record  containerRecord
	process *process // nil unless it runs
}

type containerRecord struct {
	Sandbox    string
	State      runtimeapi.ContainerState
	CreatedAt  int64
	StartedAt  int64
	FinishedAt int64
	ExitCode   int32
	Reason     string
	Message    string
	LogPath    string
	Pid        int    // of the first process, also when it has ended
	PidStart   uint64 // when the kernel started it, which tells it from a later one
}

// CreateContainer prepares the container's folder.
func (r *Runtime) CreateContainer(_ context.Context, req *runtimeapi.CreateContainerRequest) (*runtimeapi.CreateContainerResponse, error) {
	config := req.GetConfig()
	if config.GetMetadata() == nil || config.GetImage().GetImage() == "" {
		return nil, status.Error(codes.InvalidArgument, "a container needs metadata and an image")
	}
	r.mu.Lock()
	sandbox := r.sandboxes[req.PodSandboxId]
	r.mu.Unlock()
	if sandbox == nil {
		return nil, status.Errorf(codes.NotFound, "there is no sandbox %q", req.PodSandboxId)
	}
	c := &container{id: newID(), runtime: r, config: config, record: containerRecord{
		Sandbox:   sandbox.id,
		CreatedAt: time.Now().UnixNano(),
		LogPath:   logPath(req.GetSandboxConfig(), config),
	}}
	if err := r.store.saveConfig(containerKind, c.id, config); err != nil {
		return nil, err
	}
	if err := makeRoot(c.root(), config.Mounts); err != nil {
		return nil, err
	}
	if err := c.save(); err != nil {
		return nil, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.containers[c.id] = c
	return &runtimeapi.CreateContainerResponse{ContainerId: c.id}, nil
}

// StartContainer starts its process.
func (r *Runtime) StartContainer(_ context.Context, req *runtimeapi.StartContainerRequest) (*runtimeapi.StartContainerResponse, error) {
	c, err := r.find(req.ContainerId)
	if err != nil {
		return nil, err
	}
	if err := c.start(); err != nil {
		return nil, err
	}
	return &runtimeapi.StartContainerResponse{}, nil
}

// StopContainer ends it, by SIGTERM or the signal that it wants, and after the
// timeout by SIGKILL.
func (r *Runtime) StopContainer(_ context.Context, req *runtimeapi.StopContainerRequest) (*runtimeapi.StopContainerResponse, error) {
	if c, err := r.find(req.ContainerId); err == nil {
		c.stop(time.Duration(req.Timeout) * time.Second)
	}
	return &runtimeapi.StopContainerResponse{}, nil
}

// RemoveContainer removes it and its folder.
func (r *Runtime) RemoveContainer(_ context.Context, req *runtimeapi.RemoveContainerRequest) (*runtimeapi.RemoveContainerResponse, error) {
	if c, err := r.find(req.ContainerId); err == nil {
		if err := r.remove(c); err != nil {
			return nil, err
		}
	}
	return &runtimeapi.RemoveContainerResponse{}, nil
}

// ListContainers lists containers.
func (r *Runtime) ListContainers(_ context.Context, req *runtimeapi.ListContainersRequest) (*runtimeapi.ListContainersResponse, error) {
	filter := req.GetFilter()
	resp := &runtimeapi.ListContainersResponse{}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, c := range r.containers {
		if !c.matches(filter.GetId(), filter.GetPodSandboxId(), filter.GetLabelSelector()) ||
			filter.GetState() != nil && filter.GetState().State != c.record.State {
			continue
		}
		resp.Containers = append(resp.Containers, c.describe())
	}
	return resp, nil
}

// ContainerStatus tells all about one.
func (r *Runtime) ContainerStatus(_ context.Context, req *runtimeapi.ContainerStatusRequest) (*runtimeapi.ContainerStatusResponse, error) {
	c, err := r.find(req.ContainerId)
	if err != nil {
		return nil, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	image := imageID(c.config.Image.Image)
	return &runtimeapi.ContainerStatusResponse{Status: &runtimeapi.ContainerStatus{
		Id:          c.id,
		Metadata:    c.config.Metadata,
		State:       c.record.State,
		CreatedAt:   c.record.CreatedAt,
		StartedAt:   c.record.StartedAt,
		FinishedAt:  c.record.FinishedAt,
		ExitCode:    c.record.ExitCode,
		Image:       c.config.Image,
		ImageRef:    image,
		ImageId:     image,
		Reason:      c.record.Reason,
		Message:     c.record.Message,
		Labels:      c.config.Labels,
		Annotations: c.config.Annotations,
		Mounts:      c.config.Mounts,
		LogPath:     c.record.LogPath,
		StopSignal:  c.config.StopSignal,
	}}, nil
}

// UpdateContainerResources has nothing to update: there are no limits.
func (r *Runtime) UpdateContainerResources(context.Context, *runtimeapi.UpdateContainerResourcesRequest) (*runtimeapi.UpdateContainerResourcesResponse, error) {
	return &runtimeapi.UpdateContainerResourcesResponse{}, nil
}

// ReopenContainerLog is what kubelet calls after it has renamed a log.
func (r *Runtime) ReopenContainerLog(_ context.Context, req *runtimeapi.ReopenContainerLogRequest) (*runtimeapi.ReopenContainerLogResponse, error) {
	c, err := r.find(req.ContainerId)
	if err != nil {
		return nil, err
	}
	process, err := c.running()
	if err != nil {
		return nil, err
	}
	return &runtimeapi.ReopenContainerLogResponse{}, process.log.open()
}

func (r *Runtime) find(id string) (*container, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if c := r.containers[id]; c != nil {
		return c, nil
	}
	return nil, status.Errorf(codes.NotFound, "there is no container %q", id)
}

// list returns the containers that wanted says yes to, or all.
func (r *Runtime) list(wanted func(*container) bool) (list []*container) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, c := range r.containers {
		if wanted == nil || wanted(c) {
			list = append(list, c)
		}
	}
	return list
}

func (r *Runtime) remove(c *container) error {
	c.stop(0)
	if err := r.store.remove(containerKind, c.id); err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.containers, c.id)
	return nil
}

func (c *container) root() string { return c.runtime.store.path(containerKind, c.id, "root") }

func (c *container) save() error {
	return c.runtime.store.saveRecord(containerKind, c.id, c.record)
}

func (c *container) matches(id, sandbox string, labels map[string]string) bool {
	return (id == "" || id == c.id) && (sandbox == "" || sandbox == c.record.Sandbox) &&
		matches(c.config.Labels, labels)
}

func (c *container) describe() *runtimeapi.Container {
	image := imageID(c.config.Image.Image)
	return &runtimeapi.Container{
		Id:           c.id,
		PodSandboxId: c.record.Sandbox,
		Metadata:     c.config.Metadata,
		Image:        c.config.Image,
		ImageRef:     image,
		ImageId:      image,
		State:        c.record.State,
		CreatedAt:    c.record.CreatedAt,
		Labels:       c.config.Labels,
		Annotations:  c.config.Annotations,
	}
}
