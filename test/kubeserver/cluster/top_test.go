package cluster

import (
	"fmt"
	"strconv"
	"strings"
)

// metricsServer is Kubernetes' own, without a certificate for what has no authority here.
// No netfilter leads it from the address of Service kubernetes to the API server, and
// the API server comes to it by its endpoints.
const metricsServer = `
apiVersion: v1
kind: ServiceAccount
metadata: {name: metrics-server}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: metrics-server}
rules:
- {apiGroups: [""], resources: [nodes/metrics, pods, nodes], verbs: [get, list, watch]}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: metrics-server}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: metrics-server}
subjects: [{kind: ServiceAccount, name: metrics-server, namespace: NAMESPACE}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: metrics-server-delegates}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: system:auth-delegator}
subjects: [{kind: ServiceAccount, name: metrics-server, namespace: NAMESPACE}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: metrics-server, namespace: kube-system}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: extension-apiserver-authentication-reader}
subjects: [{kind: ServiceAccount, name: metrics-server, namespace: NAMESPACE}]
---
apiVersion: v1
kind: Service
metadata: {name: metrics-server}
spec:
  selector: {app: metrics-server}
  ports: [{port: 443, targetPort: 4443}]
---
apiVersion: apiregistration.k8s.io/v1
kind: APIService
metadata: {name: v1beta1.metrics.k8s.io}
spec:
  service: {name: metrics-server, namespace: NAMESPACE}
  group: metrics.k8s.io
  version: v1beta1
  insecureSkipTLSVerify: true
  groupPriorityMinimum: 100
  versionPriority: 100
---
apiVersion: v1
kind: Pod
metadata: {name: metrics-server, labels: {app: metrics-server}}
spec:
  hostNetwork: true
  serviceAccountName: metrics-server
  terminationGracePeriodSeconds: 1
  containers:
  - name: main
    image: localhost/shimrun/metrics-server:1
    args: [--cert-dir=/tmp, --secure-port=4443, --kubelet-insecure-tls, --kubelet-preferred-address-types=InternalIP,
      --kubelet-use-node-status-port, --metric-resolution=15s]
    env:
    - {name: KUBERNETES_SERVICE_HOST, valueFrom: {fieldRef: {fieldPath: status.hostIP}}}
    - {name: KUBERNETES_SERVICE_PORT, value: "6443"}
    readinessProbe: {httpGet: {path: /readyz, port: 4443, scheme: HTTPS}, periodSeconds: 2}
`

// top names the busy one of two pods.
func top(s *space) {
	s.apply(strings.ReplaceAll(metricsServer, "NAMESPACE", s.name))
	s.t.Cleanup(func() {
		s.try("", "delete", "apiservice/v1beta1.metrics.k8s.io", "clusterrole/metrics-server",
			"clusterrolebinding/metrics-server", "clusterrolebinding/metrics-server-delegates")
	})
	s.apply(pod("idle", sleeper("")))
	s.apply(pod("busy", `
  containers:
  - name: main
    image: localhost/shimrun/busybox:1
    command: [sh, -c, "trap 'exit 0' TERM; while :; do :; done"]
    resources: {limits: {cpu: 500m}}
`))
	for _, name := range []string{"idle", "busy"} {
		s.eventually(name+" Running", func() (string, bool) { return s.running("app="+name, 1) })
	}
	s.eventually("kubectl top names the busy one", func() (string, bool) {
		out, err := s.try("", "top", "pod", "--no-headers")
		used := map[string]int{}
		for line := range strings.Lines(out) {
			if fields := strings.Fields(line); len(fields) == 3 {
				used[fields[0]], _ = strconv.Atoi(strings.TrimSuffix(fields[1], "m"))
			}
		}
		_, idle := used["idle"]
		return fmt.Sprintf("%q, %v", out, err), idle && used["busy"] > 100 && used["busy"] > 4*used["idle"]
	})
	s.output("kubectl top node", s.node, "top", "node", "--no-headers")
}
