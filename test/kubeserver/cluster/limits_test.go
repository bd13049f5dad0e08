package cluster

import (
	"fmt"
	"strings"
)

// lookAtLimits reads what Java, Go and Node do: of cgroup v2, else of v1.
const lookAtLimits = `
if test -e /sys/fs/cgroup/memory.max; then cat /sys/fs/cgroup/memory.max /sys/fs/cgroup/cpu.max | tr '\n' ' '
else cat /sys/fs/cgroup/memory/memory.limit_in_bytes /sys/fs/cgroup/cpu/cpu.cfs_quota_us /sys/fs/cgroup/cpu/cpu.cfs_period_us | tr '\n' ' '
fi`

func limits(s *space) {
	s.apply(pod("limited", sleeper("    resources: {requests: {cpu: 10m, memory: 16Mi}, limits: {cpu: 500m, memory: 64Mi}}\n")))
	s.eventually("limited Running", func() (string, bool) { return s.running("app=limited", 1) })
	if out := s.kubectl("exec", "limited", "--", "sh", "-c", lookAtLimits); strings.TrimSpace(out) != "67108864 50000 100000" {
		s.t.Errorf("the container sees memory and cpu limits %q, want 64 MiB and half a processor", out)
	}
	if out := s.kubectl("get", "pod", "limited", "-o", "jsonpath={.status.qosClass}"); out != "Burstable" {
		s.t.Errorf("quality of service %s", out)
	}
	// More than the node has is never started.
	s.apply(pod("greedy", sleeper("    resources: {requests: {memory: 100000Gi}}\n")))
	s.output("a pod that does not fit waits", "Insufficient memory", "get", "events", "-o", "jsonpath={.items[*].message}")
}

const userPods = `
apiVersion: v1
kind: Pod
metadata: {name: user, labels: {app: user}}
spec:
  #pod
  terminationGracePeriodSeconds: 1
  securityContext: {runAsUser: 1000, runAsGroup: 1000, fsGroup: 2000, runAsNonRoot: true}
  containers:
  - name: main
    image: localhost/shimrun/busybox:1
    command: [sh, -c, "trap 'kill $!; exit 0' TERM; sleep 100000 & wait"]
    securityContext: {readOnlyRootFilesystem: true, allowPrivilegeEscalation: false, capabilities: {drop: [ALL]}}
    volumeMounts: [{name: data, mountPath: /data}]
  volumes: [{name: data, emptyDir: {}}]
---
apiVersion: v1
kind: Pod
metadata: {name: refused, labels: {app: refused}}
spec:
  #pod
  securityContext: {runAsNonRoot: true}
  containers:
  - name: main
    image: localhost/shimrun/busybox:1
    command: [sleep, "1000"]
`

func users(s *space) {
	s.apply(userPods)
	s.eventually("user Running", func() (string, bool) { return s.running("app=user", 1) })
	for script, want := range map[string]string{
		"id -u; id -g; id -G":                                                                 "1000\n1000\n1000 2000",
		"echo x >/data/x && stat -c '%u %g' /data/x":                                          "1000 2000",
		"stat -c %g /data":                                                                    "2000",
		"(echo x >/etc/x) 2>/dev/null || echo read-only":                                      "read-only",
		"(echo x >/home/x) 2>&1 | grep -o 'Read-only file system'":                            "Read-only file system",
		"grep -E 'CapEff|NoNewPrivs' /proc/self/status | tr -d '\\n' | tr -s '\\t' ' '":       "CapEff: 0000000000000000NoNewPrivs: 1",
		"cat /var/run/secrets/kubernetes.io/serviceaccount/token >/dev/null && echo readable": "readable",
	} {
		if out, err := s.try("", "exec", "user", "--", "sh", "-c", script); err != nil || strings.TrimSpace(out) != want {
			s.t.Errorf("%s: %q, %v, want %q", script, out, err, want)
		}
	}
	s.output("root is refused where it is not wanted", "runAsNonRoot", "get", "pod", "refused", "-o", "jsonpath={.status.containerStatuses[0].state.waiting.message}")
}

// images has one by its digest, and one that is not there.
func images(s *space) {
	s.apply(pod("tagged", sleeper("")))
	s.eventually("tagged Running", func() (string, bool) { return s.running("app=tagged", 1) })
	names := s.kubectl("get", "node", s.node, "-o", `jsonpath={range .status.images[*]}{.names}{"\n"}{end}`)
	digest := ""
	for line := range strings.Lines(names) {
		for _, name := range strings.FieldsFunc(line, func(r rune) bool { return strings.ContainsRune(`[]", `+"\n", r) }) {
			if strings.HasPrefix(name, "localhost/shimrun/busybox@sha256:") && strings.Contains(line, "busybox:2") {
				digest = name
			}
		}
	}
	if digest == "" {
		s.t.Fatalf("the node has no digest of version 2:\n%s", names)
	}
	s.apply(strings.ReplaceAll(pod("digested", sleeper("")), "localhost/shimrun/busybox:1", digest))
	s.eventually("digested Running", func() (string, bool) { return s.running("app=digested", 1) })
	if out := s.kubectl("exec", "digested", "--", "sh", "-c", "echo $IMAGE_VERSION"); strings.TrimSpace(out) != "2" {
		s.t.Errorf("the image with that digest says version %q", out)
	}
	s.apply(strings.ReplaceAll(pod("missing", sleeper("    imagePullPolicy: Never\n")), "shimrun/busybox:1", "shimrun/nothing:1"))
	s.eventually("an image that is not there is said", func() (string, bool) {
		out := s.kubectl("get", "pod", "missing", "-o", "jsonpath={.status.containerStatuses[0].state.waiting.reason}")
		return out, out == "ErrImageNeverPull"
	})
}

// hostname is the pod's, where it has not the node's network.
func hostname(s *space) {
	s.apply(pod("named", sleeper("")))
	s.eventually("named Running", func() (string, bool) { return s.running("app=named", 1) })
	want := "named"
	if s.hostNetwork {
		want = s.node
	}
	out := s.kubectl("exec", "named", "--", "sh", "-c", "hostname; uname -n; cat /etc/hostname /proc/sys/kernel/hostname; grep -c $(hostname) /etc/hosts")
	if all := fmt.Sprintf("%[1]s\n%[1]s\n%[1]s\n%[1]s\n1\n", want); out != all {
		s.t.Errorf("names in the pod: %q, want %q", out, all)
	}
	if out := s.kubectl("exec", "named", "--", "cat", "/etc/resolv.conf"); !s.hostNetwork && !strings.Contains(out, s.name+".svc.cluster.local") {
		s.t.Errorf("resolv.conf: %q", out)
	}
}

// drain empties the node of what a controller makes anew, and lets it come back.
func drain(s *space) {
	s.apply(deployment("moved", 2))
	s.rolledOut("deployment/moved")
	s.apply("apiVersion: policy/v1\nkind: PodDisruptionBudget\nmetadata: {name: moved}\nspec: {minAvailable: 0, selector: {matchLabels: {app: moved}}}\n")
	s.kubectl("drain", s.node, "--pod-selector=app=moved", "--timeout=120s")
	s.eventually("its pods wait", func() (string, bool) {
		out := s.kubectl("get", "pods", "-l", "app=moved", "-o", "jsonpath={.items[*].status.phase}")
		return out, out == "Pending Pending"
	})
	s.kubectl("uncordon", s.node)
	s.eventually("and run again", func() (string, bool) { return s.running("app=moved", 2) })
}

// serverRestart ends the server, and starts another: containers stay.
func serverRestart(s *space) {
	if s.server == nil {
		s.t.Skip("the server is not the test's own to restart")
	}
	const state = `jsonpath={range .items[*]}{.metadata.name} {.status.containerStatuses[0].containerID} {.status.containerStatuses[0].restartCount}{"\n"}{end}`
	before := s.kubectl("get", "pods", "-n", "crowd", "-o", state)
	s.server.stop(s.t)
	s.server.start(s.t)
	s.server.waitKubeconfig(s.t)
	s.awaitNode(s.t)
	s.apply(pod("after", sleeper("")))
	s.eventually("a pod after the restart", func() (string, bool) { return s.running("app=after", 1) })
	if after := s.kubectl("get", "pods", "-n", "crowd", "-o", state); after != before {
		s.t.Errorf("pods before\n%sand after\n%s", before, after)
	}
	pods := &space{s.cluster, s.t, "crowd"}
	if out, err := pods.try("", "exec", "deployment/crowd", "--", "echo", "still here"); err != nil || out != "still here\n" {
		s.t.Errorf("exec in a pod of before: %q, %v", out, err)
	}
	s.output("logs of a pod of before", "", "logs", "-n", "crowd", "deployment/crowd")
}
