package testcri

import (
	"context"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	runtimeapi "k8s.io/cri-api/pkg/apis/runtime/v1"
)

// usage is what the processes of one container use.
type usage struct {
	ticks, rss, minflt, majflt, processes uint64
}

// cpuHighWater keeps a sum of processor times from falling when a process ends
// that nobody waits for.
type cpuHighWater struct{ ticks uint64 }

// measure reads /proc once for all containers that run. Runtime.mu is held.
func (r *Runtime) measure() map[string]usage {
	owner := map[int]*container{} // by session
	for _, c := range r.containers {
		if c.process == nil {
			continue
		}
		owner[c.record.Pid] = c
		for session := range c.process.execs {
			owner[session] = c
		}
	}
	all := map[string]usage{}
	eachProcess(func(_ int, s procStat) {
		c := owner[s.session]
		if c == nil {
			return
		}
		u := all[c.id]
		u.ticks += s.ticks
		u.rss += s.rss
		u.minflt += s.minflt
		u.majflt += s.majflt
		u.processes++
		all[c.id] = u
	})
	for id, u := range all {
		water := &r.containers[id].process.usage
		water.ticks = max(water.ticks, u.ticks)
		u.ticks = water.ticks
		all[id] = u
	}
	return all
}

// ContainerStats measures one container.
func (r *Runtime) ContainerStats(_ context.Context, req *runtimeapi.ContainerStatsRequest) (*runtimeapi.ContainerStatsResponse, error) {
	c, err := r.find(req.ContainerId)
	if err != nil {
		return nil, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return &runtimeapi.ContainerStatsResponse{Stats: c.stats(r.measure()[c.id])}, nil
}

// ListContainerStats measures the containers that run.
func (r *Runtime) ListContainerStats(_ context.Context, req *runtimeapi.ListContainerStatsRequest) (*runtimeapi.ListContainerStatsResponse, error) {
	filter := req.GetFilter()
	resp := &runtimeapi.ListContainerStatsResponse{}
	r.mu.Lock()
	defer r.mu.Unlock()
	for id, u := range r.measure() {
		if c := r.containers[id]; c.matches(filter.GetId(), filter.GetPodSandboxId(), filter.GetLabelSelector()) {
			resp.Stats = append(resp.Stats, c.stats(u))
		}
	}
	return resp, nil
}

// PodSandboxStats measures one pod.
func (r *Runtime) PodSandboxStats(_ context.Context, req *runtimeapi.PodSandboxStatsRequest) (*runtimeapi.PodSandboxStatsResponse, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := r.sandboxes[req.PodSandboxId]
	if s == nil {
		return nil, status.Errorf(codes.NotFound, "there is no sandbox %q", req.PodSandboxId)
	}
	return &runtimeapi.PodSandboxStatsResponse{Stats: r.podStats(s, r.measure())}, nil
}

// ListPodSandboxStats measures the pods that are ready.
func (r *Runtime) ListPodSandboxStats(_ context.Context, req *runtimeapi.ListPodSandboxStatsRequest) (*runtimeapi.ListPodSandboxStatsResponse, error) {
	filter := req.GetFilter()
	resp := &runtimeapi.ListPodSandboxStatsResponse{}
	r.mu.Lock()
	defer r.mu.Unlock()
	measured := r.measure()
	for _, s := range r.sandboxes {
		if !s.record.Ready || filter.GetId() != "" && filter.GetId() != s.id ||
			!matches(s.config.Labels, filter.GetLabelSelector()) {
			continue
		}
		resp.Stats = append(resp.Stats, r.podStats(s, measured))
	}
	return resp, nil
}

func (r *Runtime) podStats(s *sandbox, measured map[string]usage) *runtimeapi.PodSandboxStats {
	var sum usage
	linux := &runtimeapi.LinuxPodSandboxStats{}
	for id, u := range measured {
		c := r.containers[id]
		if c.record.Sandbox != s.id {
			continue
		}
		linux.Containers = append(linux.Containers, c.stats(u))
		sum.ticks += u.ticks
		sum.rss += u.rss
		sum.minflt += u.minflt
		sum.majflt += u.majflt
		sum.processes += u.processes
	}
	now := time.Now().UnixNano()
	linux.Cpu, linux.Memory = sum.cpu(now), sum.memory(now)
	linux.Process = &runtimeapi.ProcessUsage{Timestamp: now, ProcessCount: value(sum.processes)}
	return &runtimeapi.PodSandboxStats{
		Attributes: &runtimeapi.PodSandboxAttributes{
			Id:          s.id,
			Metadata:    s.config.Metadata,
			Labels:      s.config.Labels,
			Annotations: s.config.Annotations,
		},
		Linux: linux,
	}
}

func (c *container) stats(u usage) *runtimeapi.ContainerStats {
	now := time.Now().UnixNano()
	bytes, inodes := diskUsage(c.root())
	return &runtimeapi.ContainerStats{
		Attributes: &runtimeapi.ContainerAttributes{
			Id:          c.id,
			Metadata:    c.config.Metadata,
			Labels:      c.config.Labels,
			Annotations: c.config.Annotations,
		},
		Cpu:    u.cpu(now),
		Memory: u.memory(now),
		WritableLayer: &runtimeapi.FilesystemUsage{
			Timestamp:  now,
			FsId:       &runtimeapi.FilesystemIdentifier{Mountpoint: c.runtime.config.Root},
			UsedBytes:  value(bytes),
			InodesUsed: value(inodes),
		},
	}
}

func (u usage) cpu(now int64) *runtimeapi.CpuUsage {
	return &runtimeapi.CpuUsage{Timestamp: now, UsageCoreNanoSeconds: value(u.ticks * tickNanoseconds)}
}

// memory has the resident set for everything: there is no cgroup to know better.
func (u usage) memory(now int64) *runtimeapi.MemoryUsage {
	return &runtimeapi.MemoryUsage{
		Timestamp:       now,
		WorkingSetBytes: value(u.rss),
		UsageBytes:      value(u.rss),
		RssBytes:        value(u.rss),
		PageFaults:      value(u.minflt),
		MajorPageFaults: value(u.majflt),
	}
}

func value(v uint64) *runtimeapi.UInt64Value { return &runtimeapi.UInt64Value{Value: v} }
