package testcri

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/remotecommand"
	utilexec "k8s.io/client-go/util/exec"
	runtimeapi "k8s.io/cri-api/pkg/apis/runtime/v1"
)

// follow does what kubelet does with the URL that it was given.
func follow(t *testing.T, address string, options remotecommand.StreamOptions) error {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	executor, err := remotecommand.NewSPDYExecutor(&rest.Config{}, http.MethodPost, u)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	return executor.StreamWithContext(ctx, options)
}

func TestExecStreams(t *testing.T) {
	c := newClient(t, t.TempDir())
	pod, config := c.pod(t)
	id := c.create(t, pod, config, "sleep 1000", nil)
	c.start(t, id)
	exec := func(tty bool, stdin, script string) (string, string, error) {
		resp, err := c.Exec(t.Context(), &runtimeapi.ExecRequest{
			ContainerId: id, Cmd: []string{"sh", "-c", script}, Tty: tty, Stdin: true, Stdout: true, Stderr: !tty,
		})
		if err != nil {
			t.Fatal(err)
		}
		var stdout, stderr bytes.Buffer
		options := remotecommand.StreamOptions{Stdin: strings.NewReader(stdin), Stdout: &stdout, Stderr: &stderr, Tty: tty}
		if tty {
			options.Stderr = nil
		}
		err = follow(t, resp.Url, options)
		return stdout.String(), stderr.String(), err
	}

	stdout, stderr, err := exec(false, "typed", "cat; echo to stderr >&2; exit 6")
	var exit utilexec.CodeExitError
	if stdout != "typed" || stderr != "to stderr\n" || !errors.As(err, &exit) || exit.Code != 6 {
		t.Errorf("without a terminal: %q, %q, %v", stdout, stderr, err)
	}
	stdout, _, err = exec(true, "echo typed\nexit\n", "test -t 0 && test -t 2 && tty && exec sh")
	if err != nil || !strings.Contains(stdout, "/dev/pts/") || strings.Count(stdout, "typed\r\n") != 2 {
		t.Errorf("on a terminal: %q, %v", stdout, err)
	}
}

func TestAttachFollows(t *testing.T) {
	c := newClient(t, t.TempDir())
	pod, config := c.pod(t)
	id := c.create(t, pod, config, `read line; echo "got $line"; exit 0`, func(cc *runtimeapi.ContainerConfig) {
		cc.Stdin, cc.StdinOnce = true, true
	})
	c.start(t, id)
	resp, err := c.Attach(t.Context(), &runtimeapi.AttachRequest{ContainerId: id, Stdin: true, Stdout: true, Stderr: true})
	if err != nil {
		t.Fatal(err)
	}
	var stdout, stderr bytes.Buffer
	if err := follow(t, resp.Url, remotecommand.StreamOptions{Stdin: strings.NewReader("typed\n"), Stdout: &stdout, Stderr: &stderr}); err != nil {
		t.Error(err)
	}
	if stdout.String() != "got typed\n" {
		t.Errorf("attached to %q", &stdout)
	}
	if s := c.waitExit(t, id); s.ExitCode != 0 {
		t.Errorf("ended as %v", s)
	}
}
