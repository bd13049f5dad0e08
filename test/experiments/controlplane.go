package main

import (
	"encoding/json"
	"fmt"
	"path/filepath"
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
			if !v.started(patience, v.apiUp()) {
				r.fatal("no API server in %s under %q:\n%s", g.name, under, v.log)
			}
			_, ready := v.until(patience, "ok", "", "get", "--raw", "/readyz")
			_, listed := v.until(patience, "kube-system", "", "get", "namespaces")
			created := v.kubectl("", "create", "namespace", "test")
			_, account := v.until(patience, "default", "", "get", "serviceaccount", "default", "--namespace", "test", "-o", "name")
			applied := v.kubectl(deployment, "apply", "-f", "-")
			phase, pending := v.until(patience, "Pending", "", "get", "pods", "--namespace", "test", "-o", "jsonpath={.items[*].status.phase}")
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
	r.helm()
}

// helm has `shimrun validate` do the same with a chart.
func (r *run) helm() {
	build := execCommand([]string{"make", "validate"})
	build.Dir = r.repository
	if err := output(build); err != nil {
		r.fatal("%w", err)
	}
	if err := output(execCommand([]string{"cp", filepath.Join(r.repository, "bin/shimrun-validate"), r.parts.dir})); err != nil {
		r.fatal("%w", err)
	}
	var steps []string
	results := map[string][]string{}
	grounds := []ground{groundDocker, groundAll}
	for _, g := range grounds {
		for _, side := range []string{"--without", "--under=--profile=kubernetes"} {
			s := r.sandbox(g)
			line := fmt.Sprintf("shimrun validate control-plane %s --scratch %s --json /tmp/report.json -- %s server --disable-agent", side, dataDir, r.server)
			r.did(s.label + "$ " + line)
			x := s.quietly(9*time.Minute, "", "bash", "-c", line)
			var report struct {
				Passed bool
				Runs   []struct {
					Steps []struct {
						Name   string
						Passed bool
						Error  string
					}
				}
			}
			text := s.quietly(time.Minute, "", "cat", "/tmp/report.json").out
			if err := json.Unmarshal([]byte(text), &report); err != nil || len(report.Runs) != 1 {
				r.fatal("%s: %v\n%s", line, err, x.both())
			}
			r.expect(report.Passed && x.code == 0, "a chart is installed in "+g.name+" "+side, x.both())
			steps = nil
			for _, step := range report.Runs[0].Steps {
				steps = append(steps, step.Name)
				answer := yes(step.Passed)
				if step.Error != "" {
					answer += ": " + code(step.Error)
				}
				results[step.Name] = append(results[step.Name], answer)
			}
			s.stop()
		}
	}
	r.head("helm", "step", "docker", "docker, shimrun", "all", "all, shimrun")
	for _, step := range steps {
		r.row("helm", append([]string{step}, results[step]...)...)
	}
}
