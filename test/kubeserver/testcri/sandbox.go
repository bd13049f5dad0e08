package testcri

import (
	"context"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	runtimeapi "k8s.io/cri-api/pkg/apis/runtime/v1"
)

// sandbox is a pod: a name for its containers to belong to.
type sandbox struct {
	id     string
	config *runtimeapi.PodSandboxConfig
	record sandboxRecord
}

type sandboxRecord struct {
	CreatedAt int64
	Ready     bool
	Handler   string
}

func (s *sandbox) state() runtimeapi.PodSandboxState {
	if s.record.Ready {
		return runtimeapi.PodSandboxState_SANDBOX_READY
	}
	return runtimeapi.PodSandboxState_SANDBOX_NOTREADY
}

// RunPodSandbox makes a pod.
func (r *Runtime) RunPodSandbox(_ context.Context, req *runtimeapi.RunPodSandboxRequest) (*runtimeapi.RunPodSandboxResponse, error) {
	if req.GetConfig().GetMetadata() == nil {
		return nil, status.Error(codes.InvalidArgument, "a sandbox needs metadata")
	}
	s := &sandbox{
		id:     newID(),
		config: req.Config,
		record: sandboxRecord{CreatedAt: time.Now().UnixNano(), Ready: true, Handler: req.RuntimeHandler},
	}
	if err := r.store.saveConfig(sandboxKind, s.id, s.config); err != nil {
		return nil, err
	}
	if err := r.store.saveRecord(sandboxKind, s.id, s.record); err != nil {
		return nil, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.sandboxes[s.id] = s
	return &runtimeapi.RunPodSandboxResponse{PodSandboxId: s.id}, nil
}

// StopPodSandbox ends what runs in a pod. One that is not there is stopped.
func (r *Runtime) StopPodSandbox(_ context.Context, req *runtimeapi.StopPodSandboxRequest) (*runtimeapi.StopPodSandboxResponse, error) {
	for _, c := range r.list(func(c *container) bool { return c.record.Sandbox == req.PodSandboxId }) {
		c.stop(0)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if s := r.sandboxes[req.PodSandboxId]; s != nil && s.record.Ready {
		s.record.Ready = false
		if err := r.store.saveRecord(sandboxKind, s.id, s.record); err != nil {
			return nil, err
		}
	}
	return &runtimeapi.StopPodSandboxResponse{}, nil
}

// RemovePodSandbox removes a pod and its containers.
func (r *Runtime) RemovePodSandbox(ctx context.Context, req *runtimeapi.RemovePodSandboxRequest) (*runtimeapi.RemovePodSandboxResponse, error) {
	id := req.PodSandboxId
	if _, err := r.StopPodSandbox(ctx, &runtimeapi.StopPodSandboxRequest{PodSandboxId: id}); err != nil {
		return nil, err
	}
	for _, c := range r.list(func(c *container) bool { return c.record.Sandbox == id }) {
		if err := r.remove(c); err != nil {
			return nil, err
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.sandboxes[id] != nil {
		if err := r.store.remove(sandboxKind, id); err != nil {
			return nil, err
		}
		delete(r.sandboxes, id)
	}
	return &runtimeapi.RemovePodSandboxResponse{}, nil
}

// PodSandboxStatus describes a pod.
func (r *Runtime) PodSandboxStatus(_ context.Context, req *runtimeapi.PodSandboxStatusRequest) (*runtimeapi.PodSandboxStatusResponse, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := r.sandboxes[req.PodSandboxId]
	if s == nil {
		return nil, status.Errorf(codes.NotFound, "there is no sandbox %q", req.PodSandboxId)
	}
	return &runtimeapi.PodSandboxStatusResponse{Status: &runtimeapi.PodSandboxStatus{
		Id:             s.id,
		Metadata:       s.config.Metadata,
		State:          s.state(),
		CreatedAt:      s.record.CreatedAt,
		Network:        &runtimeapi.PodSandboxNetworkStatus{Ip: r.config.PodIP.String()},
		Linux:          sandboxNamespaces(s.config),
		Labels:         s.config.Labels,
		Annotations:    s.config.Annotations,
		RuntimeHandler: s.record.Handler,
	}}, nil
}

// sandboxNamespaces repeats what was asked for. Kubelet makes a pod anew when
// its sandbox has another network than the pod.
func sandboxNamespaces(config *runtimeapi.PodSandboxConfig) *runtimeapi.LinuxPodSandboxStatus {
	return &runtimeapi.LinuxPodSandboxStatus{Namespaces: &runtimeapi.Namespace{
		Options: config.GetLinux().GetSecurityContext().GetNamespaceOptions(),
	}}
}

// ListPodSandbox lists pods.
func (r *Runtime) ListPodSandbox(_ context.Context, req *runtimeapi.ListPodSandboxRequest) (*runtimeapi.ListPodSandboxResponse, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	filter := req.GetFilter()
	resp := &runtimeapi.ListPodSandboxResponse{}
	for _, s := range r.sandboxes {
		if filter.GetId() != "" && filter.GetId() != s.id ||
			filter.GetState() != nil && filter.GetState().State != s.state() ||
			!matches(s.config.Labels, filter.GetLabelSelector()) {
			continue
		}
		resp.Items = append(resp.Items, &runtimeapi.PodSandbox{
			Id:             s.id,
			Metadata:       s.config.Metadata,
			State:          s.state(),
			CreatedAt:      s.record.CreatedAt,
			Labels:         s.config.Labels,
			Annotations:    s.config.Annotations,
			RuntimeHandler: s.record.Handler,
		})
	}
	return resp, nil
}
