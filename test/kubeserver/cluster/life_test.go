package cluster

import (
	"fmt"
	"strings"
	"time"
)

// probePods are one with all three probes of a program, and one with those over
// the network.
const probePods = `
apiVersion: v1
kind: Pod
metadata: {name: commands, labels: {app: commands}}
spec:
  #pod
  terminationGracePeriodSeconds: 1
  containers:
  - name: main
    image: localhost/shimrun/busybox:1
    command: [sh, -c, "sleep 2; touch /tmp/started; trap 'kill $!; exit 0' TERM; sleep 100000 & wait"]
    startupProbe: {exec: {command: [test, -e, /tmp/started]}, periodSeconds: 1, failureThreshold: 60}
    readinessProbe: {exec: {command: [test, -e, /tmp/ready]}, periodSeconds: 1}
    livenessProbe: {exec: {command: [test, "!", -e, /tmp/sick]}, periodSeconds: 1, failureThreshold: 2, timeoutSeconds: 5}
---
apiVersion: v1
kind: Pod
metadata: {name: network, labels: {app: network}}
spec:
  #pod
  terminationGracePeriodSeconds: 1
  containers:
  - name: main
    image: localhost/shimrun/web:1
    args: [serve, "18090"]
    startupProbe: {tcpSocket: {port: 18090}, periodSeconds: 1, failureThreshold: 60}
    readinessProbe: {httpGet: {path: /ready, port: 18090}, periodSeconds: 1}
    livenessProbe: {httpGet: {path: /healthy, port: 18090}, periodSeconds: 1, failureThreshold: 2}
`

func probes(s *space) {
	s.apply(probePods)
	field := func(name, path string) string {
		out, err := s.try("", "get", "pod", name, "-o", "jsonpath="+path)
		return fmt.Sprint(out, errText(err))
	}
	is := func(what, name, path, want string) {
		s.t.Helper()
		s.eventually(what, func() (string, bool) { out := field(name, path); return out, out == want })
	}
	const started, ready, count = "{.status.containerStatuses[0].started}", "{.status.containerStatuses[0].ready}", "{.status.containerStatuses[0].restartCount}"
	is("the startup probe passes", "commands", started, "true")
	if out := field("commands", ready); out != "false" {
		s.t.Errorf("ready before the probe passes: %s", out)
	}
	s.kubectl("exec", "commands", "--", "touch", "/tmp/ready")
	is("the readiness probe passes", "commands", ready, "true")
	s.kubectl("exec", "commands", "--", "rm", "/tmp/ready")
	is("the readiness probe fails", "commands", ready, "false")
	s.kubectl("exec", "commands", "--", "touch", "/tmp/sick")
	is("the liveness probe restarts it", "commands", count, "1")

	is("http and tcp probes pass", "network", ready, "true")
	become := func(state string) {
		s.t.Helper()
		s.kubectl("exec", "network", "--", "wget", "-qO-", "http://127.0.0.1:18090/become/"+state)
	}
	become("busy")
	is("the http readiness probe fails", "network", ready, "false")
	become("free")
	is("the http readiness probe passes", "network", ready, "true")
	become("sick")
	is("the http liveness probe restarts it", "network", count, "1")
	is("and it is ready again", "network", ready, "true")
}

func errText(err error) string {
	if err != nil {
		return err.Error()
	}
	return ""
}

const hookPod = `
apiVersion: v1
kind: Pod
metadata: {name: hooked, labels: {app: hooked}}
spec:
  #pod
  terminationGracePeriodSeconds: 20
  containers:
  - name: main
    image: localhost/shimrun/busybox:1
    command: [sh, -c, "trap 'echo $(date +%s) term >>/host/log; sleep 1; kill $!; exit 0' TERM; sleep 100000 & wait"]
    lifecycle:
      postStart: {exec: {command: [sh, -c, "echo $(date +%s) start >>/host/log"]}}
      preStop: {exec: {command: [sh, -c, "echo $(date +%s) stop >>/host/log; sleep 1"]}}
    volumeMounts: [{name: host, mountPath: /host}]
  volumes: [{name: host, hostPath: {path: /tmp/cluster-hooks, type: DirectoryOrCreate}}]
---
apiVersion: v1
kind: Pod
metadata: {name: stubborn, labels: {app: stubborn}}
spec:
  #pod
  terminationGracePeriodSeconds: 3
  containers:
  - name: main
    image: localhost/shimrun/busybox:1
    command: [sh, -c, "trap '' TERM; sleep 100000"]
    volumeMounts: [{name: host, mountPath: /host}]
  volumes: [{name: host, hostPath: {path: /tmp/cluster-hooks, type: DirectoryOrCreate}}]
`

func hooks(s *space) {
	s.apply(hookPod)
	s.eventually("hooked Running", func() (string, bool) { return s.running("app=hooked", 1) })
	s.eventually("stubborn Running", func() (string, bool) { return s.running("app=stubborn", 1) })
	s.kubectl("exec", "stubborn", "--", "grep", "start", "/host/log")
	s.kubectl("delete", "pod", "hooked", "--timeout=60s")
	out := s.kubectl("exec", "stubborn", "--", "sh", "-c", "cut -d' ' -f2 /host/log | tr '\\n' ' '; rm /host/log")
	if strings.TrimSpace(out) != "start stop term" {
		s.t.Errorf("hooks ran: %q", out)
	}
	begun := time.Now()
	s.kubectl("delete", "pod", "stubborn", "--timeout=60s")
	took := time.Since(begun)
	s.t.Logf("one that ignores SIGTERM was gone after %.1f s, of which 3 are its grace", took.Seconds())
	if took < 3*time.Second {
		s.t.Errorf("it had %v of its grace period of 3 s", took)
	}
}

const crashing = `
  restartPolicy: Always
  containers:
  - name: main
    image: localhost/shimrun/busybox:1
    command: [sh, -c, "echo once; exit 7"]
`

func restarts(s *space) {
	s.apply(pod("crash", crashing))
	s.eventually("back-off", func() (string, bool) {
		out := s.kubectl("get", "pod", "crash", "-o", "jsonpath={.status.containerStatuses[0].state.waiting.reason} {.status.containerStatuses[0].lastState.terminated.exitCode}")
		return out, out == "CrashLoopBackOff 7"
	})
	s.eventually("two restarts", func() (string, bool) {
		out := s.kubectl("get", "pod", "crash", "-o", "jsonpath={.status.containerStatuses[0].restartCount}")
		return out, out >= "2"
	})
	s.output("the logs of the one before", "once", "logs", "--previous", "crash")
	// One that is killed from inside comes back.
	s.apply(pod("phoenix", sleeper("")))
	s.eventually("phoenix Running", func() (string, bool) { return s.running("app=phoenix", 1) })
	s.try("", "exec", "phoenix", "--", "sh", "-c", "kill -TERM 1")
	s.eventually("phoenix restarted", func() (string, bool) {
		out := s.kubectl("get", "pod", "phoenix", "-o", "jsonpath={.status.containerStatuses[0].restartCount} {.status.containerStatuses[0].ready}")
		return out, out == "1 true"
	})
}
