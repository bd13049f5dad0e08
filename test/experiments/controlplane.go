package main

import (
	"fmt"
	"strings"
	"time"
)

const deployment = `
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: test}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: web, image: nginx}]}
`

// controlPlane runs the server without its kubelet.
func controlPlane(r *run) {
	r.head("results", "sandbox", "under", "API server ready", "`get namespaces`", "`create namespace test`", "its service account", "a Deployment's pod", "SIGTERM")
	for _, g := range []ground{groundDocker, groundBare, groundAll} {
		for _, under := range []string{"", "shimrun --profile kubernetes --"} {
			s := r.sandbox(g)
			v := s.serve(under, "--disable-agent")
			if !v.started(3*time.Minute, v.apiUp()) {
				r.fatal("no API server in %s under %q:\n%s", g.name, under, v.log)
			}
			_, ready := v.until(2*time.Minute, "ok", "", "get", "--raw", "/readyz")
			_, listed := v.until(time.Minute, "kube-system", "", "get", "namespaces")
			created := v.kubectl("", "create", "namespace", "test")
			_, account := v.until(time.Minute, "default", "", "get", "serviceaccount", "default", "--namespace", "test", "-o", "name")
			applied := v.kubectl(deployment, "apply", "-f", "-")
			phase, pending := v.until(time.Minute, "Pending", "", "get", "pods", "--namespace", "test", "-o", "jsonpath={.items[*].status.phase}")
			code := v.end()
			s.stop()
			name := strings.TrimSuffix(under, " --")
			if name != "" {
				name = "`" + name + "`"
			}
			r.row("results", g.name, name, yes(ready), yes(listed), yes(created.code == 0), yes(account), phase, fmt.Sprint(code))
			r.expect(ready && listed && created.code == 0 && account && applied.code == 0 && pending && code == 0,
				"the control plane works in "+g.name+" "+under, r.tables["results"].rows)
		}
	}
}
