package testcri

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
	runtimeapi "k8s.io/cri-api/pkg/apis/runtime/v1"
)

// client talks to a runtime as kubelet does.
type client struct {
	runtimeapi.RuntimeServiceClient
	images runtimeapi.ImageServiceClient
	logs   string
	stop   func()
}

// newClient starts a runtime on dir.
func newClient(t *testing.T, dir string) *client {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	config := Config{Root: dir, Socket: filepath.Join(dir, "s"), PodIP: net.IPv4(192, 0, 2, 1)}
	ready, done := make(chan struct{}), make(chan error, 1)
	go func() { done <- Run(ctx, config, func(net.Addr) { close(ready) }) }()
	select {
	case <-ready:
	case err := <-done:
		t.Fatal(err)
	}
	conn, err := grpc.NewClient("unix://"+config.Socket, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	stopped := false
	stop := func() {
		if stopped {
			return
		}
		stopped = true
		conn.Close()
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	t.Cleanup(stop)
	return &client{runtimeapi.NewRuntimeServiceClient(conn), runtimeapi.NewImageServiceClient(conn), filepath.Join(dir, "logs"), stop}
}

func (c *client) pod(t *testing.T) (string, *runtimeapi.PodSandboxConfig) {
	t.Helper()
	config := &runtimeapi.PodSandboxConfig{
		Metadata:     &runtimeapi.PodSandboxMetadata{Name: "pod", Namespace: "default", Uid: "1"},
		Labels:       map[string]string{"app": "x"},
		LogDirectory: c.logs,
	}
	resp, err := c.RunPodSandbox(t.Context(), &runtimeapi.RunPodSandboxRequest{Config: config})
	if err != nil {
		t.Fatal(err)
	}
	return resp.PodSandboxId, config
}

// create makes a container that runs a shell script.
func (c *client) create(t *testing.T, pod string, config *runtimeapi.PodSandboxConfig, script string, change func(*runtimeapi.ContainerConfig)) string {
	t.Helper()
	container := &runtimeapi.ContainerConfig{
		Metadata: &runtimeapi.ContainerMetadata{Name: "c"},
		Image:    &runtimeapi.ImageSpec{Image: "busybox"},
		Command:  []string{"sh", "-c", script},
		LogPath:  "c/0.log",
	}
	if change != nil {
		change(container)
	}
	resp, err := c.CreateContainer(t.Context(), &runtimeapi.CreateContainerRequest{PodSandboxId: pod, Config: container, SandboxConfig: config})
	if err != nil {
		t.Fatal(err)
	}
	return resp.ContainerId
}

func (c *client) start(t *testing.T, id string) {
	t.Helper()
	if _, err := c.StartContainer(t.Context(), &runtimeapi.StartContainerRequest{ContainerId: id}); err != nil {
		t.Fatal(err)
	}
}

func (c *client) status(t *testing.T, id string) *runtimeapi.ContainerStatus {
	t.Helper()
	resp, err := c.ContainerStatus(t.Context(), &runtimeapi.ContainerStatusRequest{ContainerId: id})
	if err != nil {
		t.Fatal(err)
	}
	return resp.Status
}

func (c *client) waitExit(t *testing.T, id string) *runtimeapi.ContainerStatus {
	t.Helper()
	return eventually(t, func() (*runtimeapi.ContainerStatus, bool) {
		s := c.status(t, id)
		return s, s.State == runtimeapi.ContainerState_CONTAINER_EXITED
	})
}

func eventually[T any](t *testing.T, f func() (T, bool)) T {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		v, ok := f()
		if ok {
			return v
		}
		if time.Now().After(deadline) {
			t.Fatal("not within 30 s")
		}
	}
}

func TestContainerRunsToItsEnd(t *testing.T) {
	c := newClient(t, t.TempDir())
	pod, config := c.pod(t)
	secret := t.TempDir()
	if err := os.WriteFile(secret+"/token", []byte("s3cret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	id := c.create(t, pod, config, `echo out; echo "$X" >&2; cat var/run/token; printf end; exit 3`, func(cc *runtimeapi.ContainerConfig) {
		cc.Envs = []*runtimeapi.KeyValue{{Key: "X", Value: []byte("err")}}
		cc.Mounts = []*runtimeapi.Mount{{ContainerPath: "/var/run", HostPath: secret}}
	})
	if s := c.status(t, id); s.State != runtimeapi.ContainerState_CONTAINER_CREATED {
		t.Errorf("state %s before the start", s.State)
	}
	c.start(t, id)
	s := c.waitExit(t, id)
	if s.ExitCode != 3 || s.Reason != "Error" || s.FinishedAt < s.StartedAt {
		t.Errorf("ended as %v", s)
	}
	data, err := os.ReadFile(filepath.Join(c.logs, "c/0.log"))
	if err != nil {
		t.Fatal(err)
	}
	line := regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z (stdout|stderr) [FP] (.*)$`)
	got := map[string]string{}
	for _, text := range strings.Split(strings.TrimSuffix(string(data), "\n"), "\n") {
		m := line.FindStringSubmatch(text)
		if m == nil {
			t.Fatalf("not a line of a log: %q", text)
		}
		got[m[2]] += m[3] + "|"
	}
	if got["stdout"] != "out|s3cret|end|" || got["stderr"] != "err|" {
		t.Errorf("log has %q", got)
	}
}

func TestStopAsksThenKills(t *testing.T) {
	c := newClient(t, t.TempDir())
	pod, config := c.pod(t)
	ready := filepath.Join(t.TempDir(), "ready")
	polite := c.create(t, pod, config, `trap 'exit 7' TERM; : >`+ready+`; while :; do sleep 0.05; done`, nil)
	stubborn := c.create(t, pod, config, `trap '' TERM; : >`+ready+`2; while :; do sleep 0.05; done`, nil)
	for _, id := range []string{polite, stubborn} {
		c.start(t, id)
	}
	for _, file := range []string{ready, ready + "2"} {
		eventually(t, func() (any, bool) { _, err := os.Stat(file); return nil, err == nil })
	}
	for id, want := range map[string]int32{polite: 7, stubborn: 128 + 9} {
		if _, err := c.StopContainer(t.Context(), &runtimeapi.StopContainerRequest{ContainerId: id, Timeout: 1}); err != nil {
			t.Fatal(err)
		}
		if s := c.status(t, id); s.State != runtimeapi.ContainerState_CONTAINER_EXITED || s.ExitCode != want {
			t.Errorf("ended as %v, want code %d", s, want)
		}
	}
}

func TestCommandThatIsNotThere(t *testing.T) {
	c := newClient(t, t.TempDir())
	pod, config := c.pod(t)
	id := c.create(t, pod, config, "", func(cc *runtimeapi.ContainerConfig) { cc.Command = []string{"no-such-command"} })
	if _, err := c.StartContainer(t.Context(), &runtimeapi.StartContainerRequest{ContainerId: id}); err == nil {
		t.Error("it started")
	}
	if s := c.status(t, id); s.ExitCode != 127 || s.Reason != "StartError" {
		t.Errorf("ended as %v", s)
	}
}

func TestExecSync(t *testing.T) {
	c := newClient(t, t.TempDir())
	pod, config := c.pod(t)
	id := c.create(t, pod, config, "sleep 1000", func(cc *runtimeapi.ContainerConfig) {
		cc.Envs = []*runtimeapi.KeyValue{{Key: "X", Value: []byte("1")}}
	})
	exec := func(timeout int64, script string) (*runtimeapi.ExecSyncResponse, error) {
		return c.ExecSync(t.Context(), &runtimeapi.ExecSyncRequest{ContainerId: id, Cmd: []string{"sh", "-c", script}, Timeout: timeout})
	}
	if _, err := exec(0, "true"); status.Code(err) != codes.FailedPrecondition {
		t.Errorf("before the start: %v", err)
	}
	c.start(t, id)
	resp, err := exec(0, "echo $X; echo e >&2; exit 4")
	if err != nil {
		t.Fatal(err)
	}
	if string(resp.Stdout) != "1\n" || string(resp.Stderr) != "e\n" || resp.ExitCode != 4 {
		t.Errorf("said %v", resp)
	}
	begun := time.Now()
	if _, err := exec(1, "sleep 1000 & sleep 1000"); status.Code(err) != codes.DeadlineExceeded {
		t.Errorf("after the timeout: %v", err)
	}
	if took := time.Since(begun); took > 20*time.Second {
		t.Errorf("the timeout took %v", took)
	}
}

func TestStatsGrow(t *testing.T) {
	c := newClient(t, t.TempDir())
	pod, config := c.pod(t)
	id := c.create(t, pod, config, "while :; do :; done", nil)
	c.start(t, id)
	eventually(t, func() (any, bool) {
		resp, err := c.ContainerStats(t.Context(), &runtimeapi.ContainerStatsRequest{ContainerId: id})
		if err != nil {
			t.Fatal(err)
		}
		s := resp.Stats
		return nil, s.Cpu.UsageCoreNanoSeconds.Value > 0 && s.Memory.WorkingSetBytes.Value > 0
	})
	resp, err := c.ListPodSandboxStats(t.Context(), &runtimeapi.ListPodSandboxStatsRequest{})
	if err != nil {
		t.Fatal(err)
	}
	if len(resp.Stats) != 1 || len(resp.Stats[0].Linux.Containers) != 1 || resp.Stats[0].Linux.Process.ProcessCount.Value != 1 {
		t.Errorf("pods: %v", resp.Stats)
	}
}

func TestRemovalLeavesWhatWasMounted(t *testing.T) {
	dir := t.TempDir()
	c := newClient(t, dir)
	pod, config := c.pod(t)
	host := t.TempDir()
	if err := os.WriteFile(host+"/kept", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	id := c.create(t, pod, config, "sleep 1000 & sleep 1000", func(cc *runtimeapi.ContainerConfig) {
		cc.Mounts = []*runtimeapi.Mount{{ContainerPath: "/data/inner", HostPath: host}, {ContainerPath: "/data", HostPath: host}}
	})
	c.start(t, id)
	if _, err := c.RemovePodSandbox(t.Context(), &runtimeapi.RemovePodSandboxRequest{PodSandboxId: pod}); err != nil {
		t.Fatal(err)
	}
	if entries, err := os.ReadDir(host); err != nil || len(entries) != 1 || entries[0].Name() != "kept" {
		t.Errorf("the mounted folder has %v (%v)", entries, err)
	}
	for _, kind := range []string{sandboxKind, containerKind} {
		if entries, _ := os.ReadDir(filepath.Join(dir, kind)); len(entries) != 0 {
			t.Errorf("%s left: %v", kind, entries)
		}
	}
	if _, err := c.RemoveContainer(t.Context(), &runtimeapi.RemoveContainerRequest{ContainerId: id}); err != nil {
		t.Errorf("removing it again: %v", err)
	}
}

func TestRestartKnowsWhatWas(t *testing.T) {
	dir := t.TempDir()
	c := newClient(t, dir)
	pod, config := c.pod(t)
	id := c.create(t, pod, config, "sleep 1000", nil)
	c.start(t, id)
	c.stop()

	c = newClient(t, dir)
	resp, err := c.ListPodSandbox(t.Context(), &runtimeapi.ListPodSandboxRequest{Filter: &runtimeapi.PodSandboxFilter{LabelSelector: map[string]string{"app": "x"}}})
	if err != nil {
		t.Fatal(err)
	}
	if len(resp.Items) != 1 || resp.Items[0].Id != pod || resp.Items[0].State != runtimeapi.PodSandboxState_SANDBOX_READY {
		t.Errorf("sandboxes: %v", resp.Items)
	}
	if s := c.status(t, id); s.State != runtimeapi.ContainerState_CONTAINER_EXITED || s.ExitCode != 128+9 {
		t.Errorf("the container is %v", s)
	}
}

// TestOrphanIsEnded writes the record that a killed runtime leaves.
func TestOrphanIsEnded(t *testing.T) {
	dir := t.TempDir()
	c := newClient(t, dir)
	pod, config := c.pod(t)
	id := c.create(t, pod, config, "sleep 1000", nil)
	c.stop()

	victim, err := os.StartProcess("/bin/sleep", []string{"sleep", "1000"}, &os.ProcAttr{Sys: &syscall.SysProcAttr{Setsid: true}})
	if err != nil {
		t.Fatal(err)
	}
	defer victim.Kill()
	begin, err := startTime(victim.Pid)
	if err != nil {
		t.Fatal(err)
	}
	err = (&store{dir: dir}).saveRecord(containerKind, id, containerRecord{
		Sandbox: pod, State: runtimeapi.ContainerState_CONTAINER_RUNNING, Pid: victim.Pid, PidStart: begin,
	})
	if err != nil {
		t.Fatal(err)
	}
	c = newClient(t, dir)
	if s := c.status(t, id); s.State != runtimeapi.ContainerState_CONTAINER_EXITED {
		t.Errorf("the container is %v", s)
	}
	if state, err := victim.Wait(); err != nil || exitCode(state) != 128+9 {
		t.Errorf("the process ended as %v (%v)", state, err)
	}
}

func TestSecondRuntimeIsRefused(t *testing.T) {
	dir := t.TempDir()
	newClient(t, dir)
	if err := Run(t.Context(), Config{Root: dir, Socket: filepath.Join(dir, "s")}, func(net.Addr) {}); err == nil {
		t.Error("two runtimes on one socket")
	}
}

func TestImages(t *testing.T) {
	c := newClient(t, t.TempDir())
	spec := &runtimeapi.ImageSpec{Image: "registry.example/busybox"}
	before, err := c.images.ImageStatus(t.Context(), &runtimeapi.ImageStatusRequest{Image: spec})
	if err != nil || before.Image != nil {
		t.Errorf("before it was pulled: %v (%v)", before, err)
	}
	pulled, err := c.images.PullImage(t.Context(), &runtimeapi.PullImageRequest{Image: spec})
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{spec.Image, spec.Image + ":latest", pulled.ImageRef} {
		got, err := c.images.ImageStatus(t.Context(), &runtimeapi.ImageStatusRequest{Image: &runtimeapi.ImageSpec{Image: name}})
		if err != nil || got.Image.GetId() != pulled.ImageRef {
			t.Errorf("%s: %v (%v)", name, got, err)
		}
	}
	info, err := c.images.ImageFsInfo(t.Context(), &runtimeapi.ImageFsInfoRequest{})
	if err != nil || info.ImageFilesystems[0].UsedBytes.Value != imageSize {
		t.Errorf("file systems: %v (%v)", info, err)
	}
}
