package cluster

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// printer prints a line twice a second, and what it reads, until it is told to end.
const printer = `
  containers:
  - name: main
    image: localhost/shimrun/busybox:1
    stdin: true
    command:
    - sh
    - -c
    - |
      (i=0; while :; do echo line $i; i=$((i+1)); sleep 0.5; done) &
      trap "echo end; kill $!; exit 0" TERM
      while read line; do echo "read $line"; done
      wait
`

func execute(s *space) {
	s.apply(pod("target", sleeper("")))
	s.eventually("target Running", func() (string, bool) { return s.running("app=target", 1) })
	out, err := s.try("typed\n", "exec", "-i", "target", "--", "sh", "-c", "cat; echo to stderr >&2; pwd")
	if err != nil || out != "typed\n/\n" {
		s.t.Errorf("exec -i said %q, %v", out, err)
	}
	var exit *exec.ExitError
	if _, err = s.try("", "exec", "target", "--", "sh", "-c", "exit 5"); !errors.As(err, &exit) || exit.ExitCode() != 5 {
		s.t.Errorf("exec of exit 5: %v", err)
	}
	if _, err = s.try("", "exec", "target", "--", "no-such-program"); err == nil {
		s.t.Errorf("exec of a program that is not there: no error")
	}
	// Much in both directions.
	big := strings.Repeat("0123456789abcdef", 1<<16)
	if out, err = s.try(big, "exec", "-i", "target", "--", "cat"); err != nil || out != big {
		s.t.Errorf("exec -i cat of 1 MiB: %d bytes, %v", len(out), err)
	}
	if out = s.kubectl("exec", "target", "--", "cat", "/proc/sys/kernel/panic"); strings.TrimSpace(out) == "" {
		s.t.Error("kernel.panic is empty in the container")
	}
	var wait sync.WaitGroup
	for i := range 5 {
		wait.Go(func() {
			if out, err := s.try("", "exec", "target", "--", "echo", fmt.Sprint(i)); err != nil || strings.TrimSpace(out) != fmt.Sprint(i) {
				s.t.Errorf("one of five execs at once: %q, %v", out, err)
			}
		})
	}
	wait.Wait()
}

// locked is read while a command still writes.
type locked struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *locked) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

func (l *locked) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

// follow starts a kubectl that goes on, and ends it with the step.
func (s *space) follow(stdin io.Reader, args ...string) *locked {
	s.t.Helper()
	out := &locked{}
	cmd := s.command(append([]string{"-n", s.name}, args...)...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = stdin, out, out
	if err := cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
	})
	return out
}

func (s *space) said(what string, out *locked, want string) {
	s.t.Helper()
	s.eventually(what, func() (string, bool) { text := out.String(); return text, strings.Contains(text, want) })
}

func attach(s *space) {
	s.apply(pod("talker", printer))
	s.eventually("talker Running", func() (string, bool) { return s.running("app=talker", 1) })
	in, typed := io.Pipe()
	out := s.follow(in, "attach", "-i", "talker")
	s.said("attach shows what is printed", out, "line ")
	io.WriteString(typed, "hello\n")
	s.said("attach passes on what is typed", out, "read hello")
	typed.Close()
}

func logs(s *space) {
	s.apply(pod("printer", printer))
	s.eventually("printer Running", func() (string, bool) { return s.running("app=printer", 1) })
	s.output("logs", "line 0\n", "logs", "printer")
	out := s.follow(nil, "logs", "-f", "--timestamps", "printer")
	s.said("logs -f", out, "line 3")
	s.kubectl("delete", "pod", "printer", "--wait=false")
	s.said("logs -f to the end", out, "end")
}

func copyFiles(s *space) {
	s.apply(pod("box", sleeper("")))
	s.eventually("box Running", func() (string, bool) { return s.running("app=box", 1) })
	dir := s.t.TempDir()
	content := strings.Repeat("text\n", 10000)
	must(s.t, os.MkdirAll(filepath.Join(dir, "in/sub"), 0o755))
	must(s.t, os.WriteFile(filepath.Join(dir, "in/sub/file"), []byte(content), 0o644))
	s.kubectl("cp", filepath.Join(dir, "in"), "box:/tmp/copied")
	s.kubectl("cp", "box:/tmp/copied", filepath.Join(dir, "out"))
	back, err := os.ReadFile(filepath.Join(dir, "out/sub/file"))
	if err != nil || string(back) != content {
		s.t.Errorf("there and back again: %d bytes, %v", len(back), err)
	}
}

func debug(s *space) {
	s.apply(pod("patient", sleeper("")))
	s.eventually("patient Running", func() (string, bool) { return s.running("app=patient", 1) })
	s.kubectl("debug", "patient", "--image=localhost/shimrun/busybox:2", "--image-pull-policy=Never", "--container=doctor",
		"--", "sh", "-c", "echo doctor of version $IMAGE_VERSION")
	s.output("the ephemeral container ran", "doctor of version 2", "logs", "patient", "-c", "doctor")
	s.kubectl("debug", "patient", "--copy-to=copy", "--image=localhost/shimrun/busybox:2", "--image-pull-policy=Never", "--container=doctor",
		"--same-node", "--", "sleep", "1000")
	s.eventually("the copy", func() (string, bool) {
		out, err := s.try("", "get", "pod", "copy", "-o", "jsonpath={.status.phase}")
		return fmt.Sprint(out, err), out == "Running"
	})
	s.kubectl("delete", "pod", "copy", "--grace-period=1", "--wait=false")
}

// webPort is one that no other pod has: pods may share the node's network.
const webPort = "18080"

const webPod = `
  containers:
  - name: main
    image: localhost/shimrun/web:1
    args: [serve, "` + webPort + `"]
    ports: [{containerPort: ` + webPort + `}]
`

// forward gets a page through a port of this machine; where the cluster is in a
// network apart, the page is asked for in there.
func forward(s *space) {
	s.apply(pod("web", webPod))
	s.eventually("web Running", func() (string, bool) { return s.running("app=web", 1) })
	out := s.follow(nil, "port-forward", "pod/web", "18081:"+webPort)
	s.said("port-forward listens", out, "Forwarding from 127.0.0.1:18081")
	client := &http.Client{Timeout: 30 * time.Second, Transport: &http.Transport{DialContext: s.config.Dial}}
	defer client.CloseIdleConnections()
	for range 3 {
		answer, err := client.Get("http://127.0.0.1:18081/")
		if err != nil {
			s.t.Fatalf("through the port: %v\n%s", err, out)
		}
		text, err := io.ReadAll(answer.Body)
		answer.Body.Close()
		if err != nil || !strings.HasPrefix(string(text), "version 1 on ") {
			s.t.Errorf("through the port: %q, %v", text, err)
		}
	}
}
