package cluster

import (
	"fmt"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// onePod measures what a single pod takes.
func onePod(s *space) {
	begun := time.Now()
	s.apply(pod("one", sleeper("")))
	s.eventually("one pod Running", func() (string, bool) { return s.running("app=one", 1) })
	s.t.Logf("from apply to Running: %.1f s", time.Since(begun).Seconds())
	begun = time.Now()
	s.kubectl("delete", "pod", "one", "--timeout=120s")
	if took := time.Since(begun); took > 7*time.Second {
		s.t.Logf("SLOW: delete took %v, with a grace period of 2 s", took)
	} else {
		s.t.Logf("delete: %.1f s", took.Seconds())
	}
}

func (s *space) rolledOut(name string) {
	s.t.Helper()
	begun := time.Now()
	s.kubectl("rollout", "status", name, "--timeout=180s")
	s.t.Logf("rollout of %s: %.1f s", name, time.Since(begun).Seconds())
}

// versions are those of the images that the pods of a deployment run.
func (s *space) versions(name string) string {
	pods, err := s.CoreV1().Pods(s.name).List(s.t.Context(), metav1.ListOptions{LabelSelector: "app=" + name})
	must(s.t, err)
	var all []string
	for _, pod := range pods.Items {
		if pod.Status.Phase == corev1.PodRunning && pod.DeletionTimestamp == nil {
			all = append(all, strings.TrimPrefix(pod.Spec.Containers[0].Image, "localhost/shimrun/busybox:"))
		}
	}
	return strings.Join(all, " ")
}

func rollOut(s *space) {
	s.apply(deployment("web", 2))
	s.rolledOut("deployment/web")
	s.kubectl("scale", "deployment/web", "--replicas=4")
	s.rolledOut("deployment/web")
	s.eventually("four pods", func() (string, bool) { return s.running("app=web", 4) })

	s.kubectl("set", "image", "deployment/web", "main=localhost/shimrun/busybox:2")
	s.rolledOut("deployment/web")
	s.eventually("all of version 2", func() (string, bool) { v := s.versions("web"); return v, v == "2 2 2 2" })
	out := s.kubectl("exec", "deployment/web", "--", "sh", "-c", "echo $IMAGE_VERSION")
	if strings.TrimSpace(out) != "2" {
		s.t.Errorf("the container says version %q", out)
	}

	s.kubectl("rollout", "undo", "deployment/web")
	s.rolledOut("deployment/web")
	s.eventually("all of version 1 again", func() (string, bool) { v := s.versions("web"); return v, v == "1 1 1 1" })

	s.kubectl("scale", "deployment/web", "--replicas=1")
	s.eventually("one pod", func() (string, bool) { return s.running("app=web", 1) })
	s.kubectl("delete", "deployment/web")
	s.eventually("no pod", func() (string, bool) { return s.running("app=web", 0) })
}

func onEachNode(s *space) {
	s.apply(strings.NewReplacer("kind: Deployment", "kind: DaemonSet", "  replicas: 1\n", "").Replace(deployment("each", 1)))
	s.rolledOut("daemonset/each")
	s.eventually("one on the node", func() (string, bool) { return s.running("app=each", 1) })
}

func inOrder(s *space) {
	s.apply(strings.NewReplacer("kind: Deployment", "kind: StatefulSet", "  replicas:", "  serviceName: ordered\n  replicas:").Replace(deployment("ordered", 3)))
	s.rolledOut("statefulset/ordered")
	names := s.kubectl("get", "pods", "-l", "app=ordered", "--sort-by=.metadata.creationTimestamp", "-o", "jsonpath={.items[*].metadata.name}")
	if names != "ordered-0 ordered-1 ordered-2" {
		s.t.Errorf("in order of creation: %s", names)
	}
	// One that is deleted comes back by its name.
	uid := s.kubectl("get", "pod", "ordered-1", "-o", "jsonpath={.metadata.uid}")
	s.kubectl("delete", "pod", "ordered-1")
	s.eventually("ordered-1 anew", func() (string, bool) {
		now, err := s.try("", "get", "pod", "ordered-1", "-o", "jsonpath={.metadata.uid}")
		return now, err == nil && now != uid
	})
	s.eventually("three pods", func() (string, bool) { return s.running("app=ordered", 3) })
}

const job = `
apiVersion: batch/v1
kind: Job
metadata: {name: sum}
spec:
  completions: 3
  parallelism: 2
  completionMode: Indexed
  template:
    spec:
      #pod
      restartPolicy: Never
      containers:
      - name: main
        image: localhost/shimrun/busybox:1
        command: [sh, -c, "echo part $JOB_COMPLETION_INDEX"]
---
apiVersion: batch/v1
kind: Job
metadata: {name: failing}
spec:
  backoffLimit: 1
  template:
    spec:
      #pod
      restartPolicy: Never
      containers:
      - {name: main, image: "localhost/shimrun/busybox:1", command: [sh, -c, "exit 3"]}
`

func toTheEnd(s *space) {
	s.apply(job)
	s.kubectl("wait", "--for=condition=complete", "job/sum", "--timeout=180s")
	out := s.kubectl("logs", "-l", "job-name=sum", "--tail=-1")
	for part := range 3 {
		if want := fmt.Sprint("part ", part); !strings.Contains(out, want) {
			s.t.Errorf("the logs have no %q: %q", want, out)
		}
	}
	s.kubectl("wait", "--for=condition=failed", "job/failing", "--timeout=180s")
	out = s.kubectl("get", "pods", "-l", "job-name=failing", "-o", "jsonpath={.items[*].status.containerStatuses[0].state.terminated.exitCode}")
	if out != "3 3" {
		s.t.Errorf("exit codes of the failing job: %q, want two of 3", out)
	}
}

const cronJob = `
apiVersion: batch/v1
kind: CronJob
metadata: {name: tick}
spec:
  schedule: "* * * * *"
  jobTemplate:
    spec:
      template:
        spec:
          #pod
          restartPolicy: OnFailure
          containers:
          - {name: main, image: "localhost/shimrun/busybox:1", command: [sh, -c, "echo tick"]}
`

func everyMinute(s *space) {
	s.apply(cronJob)
	s.kubectl("create", "job", "by-hand", "--from=cronjob/tick")
	s.kubectl("wait", "--for=condition=complete", "job/by-hand", "--timeout=120s")
	s.eventually("a job by the clock", func() (string, bool) {
		out := s.kubectl("get", "jobs", "-o", "jsonpath={range .items[?(@.status.succeeded==1)]}{.metadata.name} {end}")
		return out, strings.Contains(out, "tick-")
	})
}

const initAndSidecarPod = `
  initContainers:
  - name: first
    image: localhost/shimrun/busybox:1
    command: [sh, -c, "echo from init >/scratch/x"]
    volumeMounts: [{name: work, mountPath: /scratch}]
  - name: side
    image: localhost/shimrun/busybox:1
    restartPolicy: Always
    command: [sh, -c, "trap 'exit 0' TERM; while :; do date >/scratch/side; sleep 1; done"]
    volumeMounts: [{name: work, mountPath: /scratch}]
  containers:
  - name: main
    image: localhost/shimrun/busybox:1
    command: [sh, -c, "cat /scratch/x; trap 'kill $!; exit 0' TERM; sleep 100000 & wait"]
    volumeMounts: [{name: work, mountPath: /scratch, readOnly: true}]
  volumes: [{name: work, emptyDir: {}}]
`

func initAndSidecar(s *space) {
	s.apply(pod("both", initAndSidecarPod))
	s.eventually("both containers ready", func() (string, bool) { return s.running("app=both", 1) })
	s.output("what init wrote", "from init", "logs", "both", "-c", "main")
	s.output("what the sidecar writes", "", "exec", "both", "-c", "main", "--", "cat", "/scratch/side")
	if _, err := s.try("", "exec", "both", "-c", "main", "--", "sh", "-c", "echo >/scratch/no"); err == nil {
		s.t.Error("a volume that is mounted read-only could be written")
	}
}
