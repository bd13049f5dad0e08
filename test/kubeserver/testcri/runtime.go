package testcri

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"sync"

	"github.com/shimrun/shimrun/test/kubeserver/testcri/streams"
	runtimeapi "k8s.io/cri-api/pkg/apis/runtime/v1"
)

// Runtime answers the RuntimeService. Its methods are spread over the files by
// what they are about: sandbox, container, exec, stats.
type Runtime struct {
	// What is not overridden is answered with Unimplemented, as CRI wants it.
	runtimeapi.UnimplementedRuntimeServiceServer

	config  Config
	store   *store
	images  *images
	streams streams.Server

	mu         sync.Mutex // guards the maps and what the records in them say
	sandboxes  map[string]*sandbox
	containers map[string]*container
}

func newRuntime(c Config) (*Runtime, error) {
	r := &Runtime{
		config:     c,
		store:      &store{dir: c.Root},
		images:     newImages(c.Root),
		sandboxes:  map[string]*sandbox{},
		containers: map[string]*container{},
	}
	return r, r.restore()
}

// close ends all containers, at once: whoever ends a runtime does not want to
// wait for what runs in it.
func (r *Runtime) close() {
	var wait sync.WaitGroup
	for _, c := range r.list(nil) {
		wait.Go(func() { c.stop(0) })
	}
	wait.Wait()
}

// Version says who we are.
func (r *Runtime) Version(context.Context, *runtimeapi.VersionRequest) (*runtimeapi.VersionResponse, error) {
	return &runtimeapi.VersionResponse{
		Version:           "0.1.0", // of kubelet's API, ever since
		RuntimeName:       "testcri",
		RuntimeVersion:    "0.1.0",
		RuntimeApiVersion: "v1",
	}, nil
}

// Status says that all is well. The network is the host's, so it is ready.
func (r *Runtime) Status(context.Context, *runtimeapi.StatusRequest) (*runtimeapi.StatusResponse, error) {
	return &runtimeapi.StatusResponse{
		Status: &runtimeapi.RuntimeStatus{Conditions: []*runtimeapi.RuntimeCondition{
			{Type: runtimeapi.RuntimeReady, Status: true},
			{Type: runtimeapi.NetworkReady, Status: true},
		}},
		RuntimeHandlers: []*runtimeapi.RuntimeHandler{{Features: &runtimeapi.RuntimeHandlerFeatures{}}},
		Features:        &runtimeapi.RuntimeFeatures{},
	}, nil
}

// UpdateRuntimeConfig would give us the pods' network.
func (r *Runtime) UpdateRuntimeConfig(context.Context, *runtimeapi.UpdateRuntimeConfigRequest) (*runtimeapi.UpdateRuntimeConfigResponse, error) {
	return &runtimeapi.UpdateRuntimeConfigResponse{}, nil
}

// RuntimeConfig tells kubelet which driver to manage cgroups with. We have none
// ourselves.
func (r *Runtime) RuntimeConfig(context.Context, *runtimeapi.RuntimeConfigRequest) (*runtimeapi.RuntimeConfigResponse, error) {
	return &runtimeapi.RuntimeConfigResponse{
		Linux: &runtimeapi.LinuxRuntimeConfiguration{CgroupDriver: runtimeapi.CgroupDriver_CGROUPFS},
	}, nil
}

func newID() string {
	id := make([]byte, 32)
	if _, err := rand.Read(id); err != nil {
		panic(err) // it does not fail: crypto/rand
	}
	return hex.EncodeToString(id)
}

// matches tells whether labels have all that is selected.
func matches(labels, selected map[string]string) bool {
	for key, value := range selected {
		if got, ok := labels[key]; !ok || got != value {
			return false
		}
	}
	return true
}
