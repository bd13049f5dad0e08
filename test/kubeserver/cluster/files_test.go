package cluster

import (
	"fmt"
	"strings"
)

const configs = `
apiVersion: v1
kind: ConfigMap
metadata: {name: settings}
data: {colour: red, size: large}
---
apiVersion: v1
kind: Secret
metadata: {name: password}
stringData: {word: old}
`

const configPod = `
    env:
    - {name: COLOUR, valueFrom: {configMapKeyRef: {name: settings, key: colour}}}
    volumeMounts:
    - {name: settings, mountPath: /settings}
    - {name: password, mountPath: /password}
    - {name: settings, mountPath: /one/colour, subPath: colour}
  volumes:
  - {name: settings, configMap: {name: settings}}
  - {name: password, secret: {secretName: password, defaultMode: 0400}}
`

// configChanges has files that change under the program.
func configChanges(s *space) {
	s.apply(configs + "---" + pod("reader", sleeper(configPod)))
	s.eventually("reader Running", func() (string, bool) { return s.running("app=reader", 1) })
	look := []string{"exec", "reader", "--", "sh", "-c", "echo $COLOUR $(cat /settings/colour /password/word /one/colour; ls /settings; stat -Lc %a /password/word)"}
	if out := s.kubectl(look...); strings.TrimSpace(out) != "red red old red colour size 400" {
		s.t.Errorf("in the container: %q", out)
	}
	s.apply(strings.NewReplacer("red", "blue", "old", "new").Replace(configs))
	// The variable and the file with a subPath stay.
	s.output("the files have changed", "red blue new red colour size", look...)
}

const volumesPod = `
    volumeMounts:
    - {name: scratch, mountPath: /scratch}
    - {name: memory, mountPath: /memory}
    - {name: scratch, mountPath: /sub, subPath: inner/deep}
    - {name: host, mountPath: /host}
    - {name: facts, mountPath: /facts}
  volumes:
  - {name: scratch, emptyDir: {}}
  - {name: memory, emptyDir: {medium: Memory, sizeLimit: 1Mi}}
  - {name: host, hostPath: {path: /tmp/cluster-volumes, type: DirectoryOrCreate}}
  - name: facts
    projected:
      sources:
      - downwardAPI: {items: [{path: name, fieldRef: {fieldPath: metadata.name}}]}
      - configMap: {name: kube-root-ca.crt}
`

func volumes(s *space) {
	s.apply(pod("mounts", sleeper(volumesPod)))
	s.eventually("mounts Running", func() (string, bool) { return s.running("app=mounts", 1) })
	for script, want := range map[string]string{
		"echo a >/scratch/a && cat /scratch/a":                       "a",
		"echo b >/memory/b && cat /memory/b && stat -fc %T /memory":  "b\ntmpfs",
		"echo c >/sub/c && cat /scratch/inner/deep/c":                "c",
		"echo d >/host/d && cat /host/d":                             "d",
		"cat /facts/name":                                            "mounts",
		"head -n1 /facts/ca.crt":                                     "-----BEGIN CERTIFICATE-----",
		"grep -c ' /scratch ' /proc/self/mountinfo":                  "1",
		"cd / && ls -d scratch memory sub host facts | tr '\\n' ' '": "facts host memory scratch sub",
	} {
		if out, err := s.try("", "exec", "mounts", "--", "sh", "-c", script); err != nil || strings.TrimSpace(out) != want {
			s.t.Errorf("%s: %q, %v, want %q", script, out, err, want)
		}
	}
	// Another pod sees the host's folder, and not the rest.
	s.apply(pod("other", sleeper(volumesPod)))
	s.eventually("other Running", func() (string, bool) { return s.running("app=other", 1) })
	out, err := s.try("", "exec", "other", "--", "sh", "-c", "cat /host/d; ls /scratch /memory; rm /host/d; grep -c mounts /proc/self/mountinfo || true")
	if want := "d\n/memory:\n\n/scratch:\ninner\n0"; err != nil || strings.TrimSpace(out) != want {
		s.t.Errorf("in another pod: %q, %v, want %q", out, err, want)
	}
}

// token has a token for somebody else, which the API server knows.
func token(s *space) {
	s.apply(pod("bearer", sleeper(`
    volumeMounts: [{name: token, mountPath: /token}]
  volumes:
  - name: token
    projected: {sources: [{serviceAccountToken: {path: token, expirationSeconds: 600, audience: vault}}]}
`)))
	s.eventually("bearer Running", func() (string, bool) { return s.running("app=bearer", 1) })
	for path, want := range map[string]string{
		"/var/run/secrets/kubernetes.io/serviceaccount/token": "true system:serviceaccount:" + s.name + ":default",
		"/token/token": "true system:serviceaccount:" + s.name + ":default",
	} {
		word := s.kubectl("exec", "bearer", "--", "cat", path)
		audience := ""
		if path == "/token/token" {
			audience = ", audiences: [vault]"
		}
		out, err := s.try(fmt.Sprintf("{apiVersion: authentication.k8s.io/v1, kind: TokenReview, spec: {token: %s%s}}", strings.TrimSpace(word), audience),
			"create", "-f", "-", "-o", "jsonpath={.status.authenticated} {.status.user.username}")
		if err != nil || out != want {
			s.t.Errorf("%s: %q, %v, want %q", path, out, err, want)
		}
	}
}
