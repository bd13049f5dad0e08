package cluster

import "fmt"

// step is a thing that people do.
type step struct {
	name string
	run  func(*space)
}

var steps = []step{
	{"Pod", onePod},
	{"Deployment", rollOut},
	{"DaemonSet", onEachNode},
	{"StatefulSet", inOrder},
	{"Job", toTheEnd},
	{"CronJob", everyMinute},
	{"InitAndSidecar", initAndSidecar},
	{"Config", configChanges},
	{"Volumes", volumes},
	{"Token", token},
	{"Exec", execute},
	{"Attach", attach},
	{"Logs", logs},
	{"Copy", copyFiles},
	{"Debug", debug},
	{"PortForward", forward},
	{"Probes", probes},
	{"Hooks", hooks},
	{"Restarts", restarts},
	{"Limits", limits},
	{"Users", users},
	{"Images", images},
	{"Hostname", hostname},
	{"Top", top},
	{"Drain", drain},
	{"ServerRestart", serverRestart},
}

// idle is a program that ends at once when it is told to, and makes no processes
// meanwhile, which in gVisor are dear.
const idle = `command: [sh, -c, "trap 'kill $!; exit 0' TERM; sleep 100000 & wait"]`

// deployment is one of idle pods.
func deployment(name string, replicas int) string {
	return fmt.Sprintf(`
apiVersion: apps/v1
kind: Deployment
metadata: {name: %[1]s}
spec:
  replicas: %[2]d
  selector: {matchLabels: {app: %[1]s}}
  template:
    metadata: {labels: {app: %[1]s}}
    spec:
      #pod
      terminationGracePeriodSeconds: 5
      containers:
      - name: main
        image: localhost/shimrun/busybox:1
        `+idle+`
`, name, replicas)
}

// pod is one with a container; rest is more of its spec and of the container's,
// which comes last.
func pod(name, rest string) string {
	return fmt.Sprintf(`
apiVersion: v1
kind: Pod
metadata: {name: %[1]s, labels: {app: %[1]s}}
spec:
  #pod
  terminationGracePeriodSeconds: 2
`, name) + rest
}

// sleeper is a container that is idle, with more of its spec.
func sleeper(more string) string {
	return `
  containers:
  - name: main
    image: localhost/shimrun/busybox:1
    ` + idle + "\n" + more
}
