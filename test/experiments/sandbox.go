package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"
)

// ground is a kind of sandbox.
type ground struct {
	name  string
	flags []string // of test/gvisor/run
}

var (
	groundAll     = ground{"all", []string{"--cgroups"}}
	groundBare    = ground{"all, no cgroups", nil}
	groundDocker  = ground{"docker", []string{"--caps", "docker"}}
	grounds       = []ground{groundAll, groundDocker}
	dataDir       = "/var/lib/rancher"
	sandboxes     int
	networkRunner = "test/kubeserver/smoke/runsc-with-network"
)

// sandbox is a running gVisor with three 9p mounts: the root, the parts, and an
// empty folder at /var/lib/rancher.
type sandbox struct {
	r     *run
	name  string
	label string
	data  string
	env   []string
	stop  func()
}

// sandbox starts one. The environment is for runsc, as RUNSC_FLAGS.
func (r *run) sandbox(g ground, environment ...string) *sandbox {
	sandboxes++
	s := &sandbox{r: r, name: fmt.Sprintf("experiment-%d-%d", os.Getpid(), sandboxes), label: g.name,
		data: filepath.Join(r.scratch, "data", fmt.Sprint(sandboxes)),
		env:  []string{"PATH=" + inside + ":/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}}
	if err := os.MkdirAll(s.data, 0o755); err != nil {
		r.fatal("%w", err)
	}
	flags := append([]string{}, g.flags...)
	flags = append(flags, "--mount", r.parts.dir+":"+inside, "--mount", s.data+":"+dataDir)
	r.did(strings.ReplaceAll(fmt.Sprintf("# the sandbox %q:\n%s test/gvisor/run --start NAME %s", g.name,
		strings.Join(append([]string{"RUNSC=" + networkRunner}, environment...), " "), strings.Join(flags, " ")), s.data, "DATA"))

	hold := exec.Command(filepath.Join(r.repository, "test/gvisor/run"), append([]string{"--hold", s.name}, flags...)...)
	hold.Env = append(append(os.Environ(), "RUNSC="+filepath.Join(r.repository, networkRunner)), environment...)
	hold.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	var stderr bytes.Buffer
	hold.Stderr = &stderr
	stdin, err := hold.StdinPipe()
	if err != nil {
		r.fatal("%w", err)
	}
	stdout, err := hold.StdoutPipe()
	if err != nil {
		r.fatal("%w", err)
	}
	if err := hold.Start(); err != nil {
		r.fatal("%w", err)
	}
	s.stop = sync.OnceFunc(func() {
		stdin.Close()
		hold.Wait()
		os.RemoveAll(s.data)
	})
	r.atEnd(s.stop)
	if line, err := bufio.NewReader(stdout).ReadString('\n'); line != "ready\n" {
		r.fatal("no sandbox: %v\n%s", err, &stderr)
	}
	return s
}

// result is what a command came to.
type result struct {
	out, err string
	code     int // -1: it did not end in time
}

// both is all that was printed, standard output first.
func (x result) both() string { return strings.TrimSpace(x.out + x.err) }

// sh runs a shell's line, shows it on the page, and waits for it.
func (s *sandbox) sh(line string) result {
	s.r.did(fmt.Sprintf("%s$ %s", s.label, line))
	return s.quietly(time.Minute, "", "bash", "-c", line)
}

// quietly runs a command that the page need not show.
func (s *sandbox) quietly(patience time.Duration, stdin string, args ...string) result {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	var out, stderr bytes.Buffer
	cmd := s.command(ctx, args...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(stdin), &out, &stderr
	err := cmd.Run()
	x := result{out: out.String(), err: stderr.String()}
	var exit *exec.ExitError
	switch {
	case err == nil:
	case ctx.Err() != nil:
		x.code = -1
	case errors.As(err, &exit):
		x.code = exit.ExitCode()
	default:
		s.r.fatal("%s: %w", strings.Join(args, " "), err)
	}
	return x
}

// command prepares one; when ctx ends, it gets SIGTERM and its runner, five
// seconds later, SIGKILL.
func (s *sandbox) command(ctx context.Context, args ...string) *exec.Cmd {
	runner := []string{"--in", s.name}
	for _, variable := range s.env {
		runner = append(runner, "--env", variable)
	}
	cmd := exec.CommandContext(ctx, filepath.Join(s.r.repository, "test/gvisor/run"), append(append(runner, "--"), args...)...)
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = 5 * time.Second
	return cmd
}

// lines splits "NAME\tRESULT" lines.
func lines(text string) (names []string, results map[string]string) {
	results = map[string]string{}
	for _, line := range strings.Split(text, "\n") {
		if name, result, ok := strings.Cut(line, "\t"); ok {
			names = append(names, name)
			results[name] = result
		}
	}
	return names, results
}

// lockedBuffer is read while a command still writes to it.
type lockedBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

func execCommand(words []string) *exec.Cmd { return exec.Command(words[0], words[1:]...) }
