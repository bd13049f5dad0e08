package main

import (
	"context"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// patience is for what takes seconds on an idle machine.
const patience = 10 * time.Minute

// server is a kubeserver, or k3s, in a sandbox.
type server struct {
	*sandbox
	cmd        *exec.Cmd
	log        *lockedBuffer
	done       chan struct{}
	kubeconfig string
	begun      time.Time
}

// serve starts one under a command, which may be empty.
func (s *sandbox) serve(under string, flags ...string) *server {
	v := &server{sandbox: s, log: &lockedBuffer{}, done: make(chan struct{}), kubeconfig: dataDir + "/kubeconfig", begun: time.Now()}
	words := []string{s.r.server, "server", "--data-dir", dataDir, "--write-kubeconfig", v.kubeconfig}
	if under != "" {
		words = append([]string{under}, words...)
	}
	line := strings.Join(append(words, flags...), " ")
	s.r.did(s.label + "$ " + line)
	v.cmd = v.command(context.Background(), "bash", "-c", "exec "+line)
	v.cmd.Stdout, v.cmd.Stderr = v.log, v.log
	if err := v.cmd.Start(); err != nil {
		s.r.fatal("%w", err)
	}
	go func() {
		defer close(v.done)
		v.cmd.Wait()
	}()
	s.r.atEnd(func() { v.end() })
	return v
}

// end stops the server with SIGTERM, and returns its exit status.
func (v *server) end() int {
	select {
	case <-v.done:
	default:
		v.cmd.Process.Signal(syscall.SIGTERM)
		select {
		case <-v.done:
		case <-time.After(time.Minute):
			v.cmd.Process.Kill()
			<-v.done
		}
	}
	return v.cmd.ProcessState.ExitCode()
}

// ended says whether it ended by itself.
func (v *server) ended() bool {
	select {
	case <-v.done:
		return true
	default:
		return false
	}
}

// kubectl runs it once.
func (v *server) kubectl(stdin string, args ...string) result {
	return v.quietly(2*time.Minute, stdin, append([]string{v.r.server, "kubectl", "--kubeconfig", v.kubeconfig}, args...)...)
}

// until repeats a kubectl until its output contains part, the server ends, or
// limit is over.
func (v *server) until(limit time.Duration, part, stdin string, args ...string) (string, bool) {
	var x result
	for begun := time.Now(); !v.ended() && time.Since(begun) < limit; time.Sleep(500 * time.Millisecond) {
		if x = v.kubectl(stdin, args...); x.code == 0 && strings.Contains(x.out, part) {
			return strings.TrimSpace(x.out), true
		}
	}
	return x.both(), false
}

// started waits until the log has a text.
func (v *server) started(limit time.Duration, text string) bool {
	for begun := time.Now(); time.Since(begun) < limit; time.Sleep(20 * time.Millisecond) {
		if strings.Contains(v.log.String(), text) {
			return true
		}
		if v.ended() {
			return false
		}
	}
	return false
}

// apiUp is the server's word that its API answers.
func (v *server) apiUp() string {
	return "Kube API server is now running" // k3s says the same
}

const nodeReady = `jsonpath={.items[*].status.conditions[?(@.type=="Ready")].status}`

// node waits until the node is Ready, and returns what ended the server where
// it is not.
func (v *server) node(limit time.Duration) (ready bool, fatal string) {
	if v.started(limit, v.apiUp()) {
		_, ready = v.until(limit, "True", "", "get", "node", "-o", nodeReady)
	}
	if ready {
		return true, ""
	}
	return false, fatalError(v.log.String())
}

const pod = `
apiVersion: v1
kind: Pod
metadata: {name: pod}
spec:
  terminationGracePeriodSeconds: 2
  containers:
  - name: main
    image: busybox
    command: [sh, -c, "echo to stdout; trap 'exit 0' TERM; while :; do sleep 0.1; done"]
`

// runsPod takes a pod through its life: "Running, logs, exec", or where it got
// stuck.
func (v *server) runsPod() string {
	if out, ok := v.until(patience, "default", "", "get", "serviceaccount", "default", "-o", "name"); !ok {
		return "no service account: " + out
	}
	if x := v.kubectl(pod, "apply", "-f", "-"); x.code != 0 {
		return x.both()
	}
	if out, ok := v.until(patience, "Running", "", "get", "pod", "pod", "-o", "jsonpath={.status.phase}"); !ok {
		return "pod " + out
	}
	if out, ok := v.until(patience, "to stdout", "", "logs", "pod"); !ok {
		return "no logs: " + out
	}
	if x := v.kubectl("", "exec", "pod", "--", "echo", "executed"); x.out != "executed\n" {
		return "no exec: " + x.both()
	}
	return "Running, logs, exec"
}

var (
	lastWords = regexp.MustCompile(`(?m)^kubeserver server: (.*)$|level=fatal msg="(.*)"$`)
	kubelets  = regexp.MustCompile(`(?m)^E.* kubelet\.go:\d+\] "Failed to (?:start ContainerManager|initialize internal modules)" err=(".*")$`)
	several   = regexp.MustCompile(`^(.*)\[(.*)\]$`)
)

// fatalError finds in a server's log what ended it. Errors that kubelet
// collects from a map are put in order.
func fatalError(log string) string {
	text := ""
	if m := kubelets.FindAllStringSubmatch(log, -1); m != nil {
		text, _ = strconv.Unquote(m[len(m)-1][1])
	} else if m := lastWords.FindAllStringSubmatch(log, -1); m != nil {
		text = m[len(m)-1][1] + m[len(m)-1][2]
		text = strings.TrimPrefix(text, "kubelet: ")
	}
	if m := several.FindStringSubmatch(text); m != nil && strings.Contains(m[2], ", ") {
		errors := strings.Split(m[2], ", ")
		slices.Sort(errors)
		text = m[1] + "[" + strings.Join(errors, ", ") + "]"
	}
	return text
}
