package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/shimrun/shimrun/cmd/shimrun-validate/cluster"
)

// Names of steps, which are milestones of the start as well.
const (
	stepKubeconfig = "kubeconfig written"
	stepReady      = "API server ready"
	stepNamespaces = "namespaces listed"
	stepNamespace  = "namespace created"
	stepRegistered = "node registered"
	stepNodeReady  = "node Ready"
	stepChart      = "chart installed"
	stepCreated    = "chart's pods created"
	stepScheduled  = "chart's pods scheduled"
	stepUninstall  = "chart uninstalled"
	stepPod        = "pod scheduled"
	stepRunning    = "pod Running"
	stepLogs       = "logs read back"
	stepExec       = "command executed"
	stepSummary    = "statistics read"
	stepPodGone    = "pod deleted"
	stepCleaned    = "namespace deleted"
	stepWatched    = "watched"
)

// What is made in the cluster.
const (
	release = "test"
	podName = "shimrun-validate"
)

// script of the pod: it says something on both streams, and ends when asked to.
const script = `echo said on stdout; echo said on stderr >&2; trap 'exit 0' TERM; while :; do sleep 0.5; done`

// tasks of the experiment, in their order.
func (a *attempt) tasks() (tasks []task) {
	p := a.plan
	if len(p.server) > 0 {
		tasks = append(tasks, task{name: stepKubeconfig, try: a.findKubeconfig})
	}
	tasks = append(tasks, task{name: stepReady, try: a.becomeReady})
	node := []task{{name: stepRegistered, try: a.registerNode}, {name: stepNodeReady, try: a.readyNode}}
	namespace := task{name: stepNamespace, try: a.createNamespace}
	pod := []task{{name: stepPod, try: a.schedulePod}, {name: stepRunning, try: a.runPod}}
	gone := task{name: stepPodGone, try: a.deletePod}
	cleaned := task{name: stepCleaned, try: a.deleteNamespace}
	switch p.what {
	case controlPlane:
		tasks = append(tasks, task{name: stepNamespaces, try: a.listNamespaces}, namespace)
		created := stepCreated
		if p.agent {
			tasks = append(tasks, node...)
			created = stepScheduled
		}
		tasks = append(tasks, task{name: stepChart, try: a.installChart}, task{name: created, try: a.chartPods},
			task{name: stepUninstall, try: a.uninstallChart})
	case worker:
		tasks = append(append(append(tasks, node...), namespace), pod...)
		tasks = append(tasks, task{name: stepLogs, try: a.readLogs}, task{name: stepExec, try: a.exec},
			task{name: stepSummary, try: a.readSummary}, gone)
	case stability:
		tasks = append(tasks, namespace)
		if p.agent {
			tasks = append(append(tasks, node...), pod...)
		}
		tasks = append(tasks, task{name: stepWatched, try: a.watch, whole: true})
		if p.agent {
			tasks = append(tasks, gone)
		}
	}
	return append(tasks, cleaned)
}

// findKubeconfig waits for the file of this server's, not of an earlier one.
func (a *attempt) findKubeconfig(context.Context) error {
	info, err := os.Stat(a.kubeconfig)
	if err != nil {
		return err
	}
	if info.ModTime().Before(a.begun.Truncate(1e9)) {
		return fmt.Errorf("%s is older than this server", a.kubeconfig)
	}
	a.cluster, err = cluster.Open(a.kubeconfig)
	return err
}

func (a *attempt) becomeReady(ctx context.Context) (err error) {
	if a.cluster == nil {
		if a.cluster, err = cluster.Open(a.kubeconfig); err != nil {
			return final{err}
		}
	}
	if err := a.cluster.Ready(ctx); err != nil {
		return err
	}
	a.run.Server, err = a.cluster.Version()
	return err
}

func (a *attempt) listNamespaces(ctx context.Context) error {
	names, err := a.cluster.Namespaces(ctx)
	if err != nil {
		return err
	}
	for _, want := range []string{"default", "kube-system"} {
		if !slices.Contains(names, want) {
			return fmt.Errorf("there is no namespace %s among %s", want, strings.Join(names, ", "))
		}
	}
	return nil
}

func (a *attempt) createNamespace(ctx context.Context) error {
	err := a.cluster.CreateNamespace(ctx, a.plan.namespace)
	if apierrors.IsAlreadyExists(err) {
		return final{fmt.Errorf("%w; choose another with --namespace", err)}
	}
	a.made = a.made || err == nil
	return err
}

func (a *attempt) registerNode(ctx context.Context) error {
	nodes, err := a.cluster.Nodes(ctx)
	if err == nil && len(nodes) == 0 {
		err = errors.New("the cluster has no node")
	}
	return err
}

func (a *attempt) readyNode(ctx context.Context) error {
	nodes, err := a.cluster.Nodes(ctx)
	if err != nil {
		return err
	}
	for _, n := range nodes {
		if !n.Ready {
			return fmt.Errorf("node %s is not Ready: %s", n.Name, n.Why)
		}
	}
	if len(nodes) == 0 {
		return errors.New("the cluster has no node")
	}
	return nil
}

func (a *attempt) installChart(ctx context.Context) (err error) {
	if a.helm, err = a.cluster.Helm(a.plan.namespace, a.cache); err != nil {
		return final{err}
	}
	values := map[string]any{"image": a.plan.image}
	if err := a.helm.Install(ctx, release, a.plan.chart, values); err != nil {
		return final{err}
	}
	return nil
}

// chartPods waits until the chart's pods are there and, with a node, have one.
func (a *attempt) chartPods(ctx context.Context) error {
	pods, err := a.cluster.Pods(ctx, a.plan.namespace, "")
	if err != nil {
		return err
	}
	if len(pods) == 0 {
		return errors.New("the chart has no pods yet")
	}
	for _, pod := range pods {
		if a.plan.agent && pod.Node == "" {
			return fmt.Errorf("pod %s is not scheduled: %s", pod.Name, pod.Why)
		}
	}
	return nil
}

func (a *attempt) uninstallChart(context.Context) error {
	if err := a.helm.Uninstall(release); err != nil {
		return final{err}
	}
	return nil
}

// schedulePod creates the pod. Until the namespace has its service account the
// API server refuses.
func (a *attempt) schedulePod(ctx context.Context) error {
	pod, err := a.cluster.Pod(ctx, a.plan.namespace, podName)
	if apierrors.IsNotFound(err) {
		if err := a.cluster.RunPod(ctx, a.plan.namespace, podName, a.plan.image, script); err != nil {
			return err
		}
		pod, err = a.cluster.Pod(ctx, a.plan.namespace, podName)
	}
	if err != nil {
		return err
	}
	if a.node = pod.Node; a.node == "" {
		return fmt.Errorf("the pod is not scheduled: %s", pod.Why)
	}
	return nil
}

func (a *attempt) runPod(ctx context.Context) error {
	pod, err := a.cluster.Pod(ctx, a.plan.namespace, podName)
	if err == nil && pod.Phase != "Running" {
		err = fmt.Errorf("the pod is %s: %s", pod.Phase, pod.Why)
	}
	return err
}

func (a *attempt) readLogs(ctx context.Context) error {
	text, err := a.cluster.Logs(ctx, a.plan.namespace, podName)
	if err != nil {
		return err
	}
	for _, want := range []string{"said on stdout\n", "said on stderr\n"} {
		if !strings.Contains(text, want) {
			return fmt.Errorf("the logs have no %q: %q", want, text)
		}
	}
	return nil
}

func (a *attempt) exec(ctx context.Context) error {
	out, errOut, status, err := a.cluster.Exec(ctx, a.plan.namespace, podName, "typed\n", "sh", "-c", "cat; echo complained >&2; exit 5")
	if err != nil {
		return err
	}
	if out != "typed\n" || errOut != "complained\n" || status != 5 {
		return fmt.Errorf("a command that was to write %q and %q and to end with 5 wrote %q and %q and ended with %d", "typed\n", "complained\n", out, errOut, status)
	}
	return nil
}

func (a *attempt) readSummary(ctx context.Context) error {
	return a.cluster.CheckSummary(ctx, a.node, a.plan.namespace, podName)
}

func (a *attempt) deletePod(ctx context.Context) error {
	gone, err := a.cluster.DeletePod(ctx, a.plan.namespace, podName)
	if err == nil && !gone {
		err = errors.New("the pod is still there")
	}
	return err
}

func (a *attempt) deleteNamespace(ctx context.Context) error {
	if err := a.cluster.DeleteNamespace(ctx, a.plan.namespace); err != nil {
		return err
	}
	there, err := a.cluster.HasNamespace(ctx, a.plan.namespace)
	if err == nil && there {
		err = errors.New("the namespace is still there")
	}
	return err
}
