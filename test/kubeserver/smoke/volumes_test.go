package smoke

import (
	"strings"
	"time"
)

// volumes is a pod for which kubelet mounts: a tmpfs for its token and one of
// its own, and two subpaths, which are bind mounts.
const volumes = `
apiVersion: v1
kind: ConfigMap
metadata: {name: volumes}
data: {one: "from a map"}
---
apiVersion: v1
kind: Pod
metadata: {name: volumes}
spec:
  terminationGracePeriodSeconds: 1
  containers:
  - name: main
    image: busybox
    command: [sh, -c, "trap 'exit 0' TERM; while :; do sleep 0.1; done"]
    volumeMounts:
    - {name: memory, mountPath: /memory}
    - {name: scratch, mountPath: /sub, subPath: inner/deep}
    - {name: config, mountPath: /config/one, subPath: one}
  volumes:
  - {name: memory, emptyDir: {medium: Memory, sizeLimit: 1Mi}}
  - {name: scratch, emptyDir: {}}
  - {name: config, configMap: {name: volumes}}
`

// looks is run in the pod, in the folder that stands for its root.
const looks = `set -e
cat config/one; echo
echo x >sub/file; cat sub/file
echo y >memory/file; cat memory/file; stat -f -c %T memory/; stat -f -c %T var/run/secrets/kubernetes.io/serviceaccount/
grep -c '/volume-subpaths/.* - [^t]' /proc/self/mountinfo
grep -c '/kubernetes.io~projected/.* - tmpfs [a-z]* rw' /proc/self/mountinfo
`

const seen = "from a map\nx\ny\ntmpfs\ntmpfs\n2\n1\n"

// sized looks at the tmpfs that has a size. Old gVisor's own has none.
const sized = `grep '/kubernetes.io~empty-dir/memory .* - tmpfs tmpfs rw' /proc/self/mountinfo | sed 's/.*\(size=[0-9]*k\).*/\1/'
df -k memory/ | tail -n 1 | tr -s ' ' | cut -d ' ' -f 1,2
`

const seenSized = "size=1024k\ntmpfs 1024\n"

// useVolumes takes that pod through its life; afterwards nothing of it is left.
func useVolumes(s *server) {
	t := s.t
	if _, err := s.kubectl(volumes, "apply", "-f", "-"); err != nil {
		t.Fatal(err)
	}
	s.eventually("pod with volumes Running", patience, contains("Running"), "", "get", "pod", "volumes", "-o", "jsonpath={.status.phase}")
	script, want := looks, seen
	if !strings.HasSuffix(t.Name(), "/all") {
		script, want = looks+sized, seen+seenSized
	}
	out, err := s.kubectl("", "exec", "volumes", "--", "sh", "-c", script)
	if err != nil || out != want {
		t.Errorf("in the pod: %v\n%s\nwant\n%s", err, out, want)
	}
	if _, err := s.kubectl("", "delete", "pod", "volumes", "--timeout=90s"); err != nil {
		t.Error(err)
	}
	// kubelet removes what a pod had when its mounts are gone, in its own time.
	left := ""
	for end := time.Now().Add(2 * time.Minute); time.Now().Before(end); time.Sleep(time.Second) {
		out, _ := s.command("find", s.dir(), "-path", "*/pods/*", "-name", "volume*").Output()
		if left = strings.TrimSpace(string(out)); left == "" {
			return
		}
	}
	t.Errorf("left of the pods:\n%s", left)
}
