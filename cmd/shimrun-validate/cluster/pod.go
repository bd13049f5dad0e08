package cluster

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/httpstream"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/tools/remotecommand"
	utilexec "k8s.io/client-go/util/exec"
)

// A Pod is what is to know about one.
type Pod struct {
	Name     string
	Node     string // empty while it is not scheduled
	Phase    string
	Why      string // it is not Running, as its conditions and containers say
	Restarts int
}

// RunPod creates a pod of one container that runs a shell script.
func (c *Cluster) RunPod(ctx context.Context, namespace, name, image, script string) error {
	grace, no := int64(2), false
	_, err := c.client.CoreV1().Pods(namespace).Create(ctx, &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec: corev1.PodSpec{
			TerminationGracePeriodSeconds: &grace,
			EnableServiceLinks:            &no,
			Containers:                    []corev1.Container{{Name: "main", Image: image, Command: []string{"sh", "-c", script}}},
		},
	}, metav1.CreateOptions{})
	return err
}

// Pods lists those with all of the labels ("a=b,c=d"; all pods if empty).
func (c *Cluster) Pods(ctx context.Context, namespace, labels string) (pods []Pod, err error) {
	list, err := c.client.CoreV1().Pods(namespace).List(ctx, metav1.ListOptions{LabelSelector: labels})
	if err != nil {
		return nil, err
	}
	for i := range list.Items {
		pods = append(pods, describe(&list.Items[i]))
	}
	return pods, nil
}

// Pod gets one.
func (c *Cluster) Pod(ctx context.Context, namespace, name string) (Pod, error) {
	pod, err := c.client.CoreV1().Pods(namespace).Get(ctx, name, metav1.GetOptions{})
	if err != nil {
		return Pod{}, err
	}
	return describe(pod), nil
}

func describe(pod *corev1.Pod) Pod {
	out := Pod{Name: pod.Name, Node: pod.Spec.NodeName, Phase: string(pod.Status.Phase)}
	var why []string
	for _, condition := range pod.Status.Conditions {
		if condition.Status != corev1.ConditionTrue && condition.Message != "" {
			why = append(why, condition.Message)
		}
	}
	for _, container := range pod.Status.ContainerStatuses {
		out.Restarts += int(container.RestartCount)
		if waiting := container.State.Waiting; waiting != nil {
			why = append(why, strings.TrimSuffix(waiting.Reason+": "+waiting.Message, ": "))
		}
		if ended := container.State.Terminated; ended != nil {
			why = append(why, fmt.Sprintf("%s, exit status %d %s", ended.Reason, ended.ExitCode, ended.Message))
		}
	}
	out.Why = strings.Join(why, "; ")
	return out
}

// DeletePod deletes one and tells whether it is gone already.
func (c *Cluster) DeletePod(ctx context.Context, namespace, name string) (gone bool, err error) {
	err = c.client.CoreV1().Pods(namespace).Delete(ctx, name, metav1.DeleteOptions{})
	if apierrors.IsNotFound(err) {
		return true, nil
	}
	return false, err
}

// Logs reads back what a pod has written.
func (c *Cluster) Logs(ctx context.Context, namespace, name string) (string, error) {
	text, err := c.client.CoreV1().Pods(namespace).GetLogs(name, &corev1.PodLogOptions{}).DoRaw(ctx)
	return string(text), err
}

// Exec runs a command in a pod, and returns what it wrote and its exit status.
func (c *Cluster) Exec(ctx context.Context, namespace, name, stdin string, command ...string) (stdout, stderr string, status int, err error) {
	request := c.client.CoreV1().RESTClient().Post().Resource("pods").Namespace(namespace).Name(name).SubResource("exec").
		VersionedParams(&corev1.PodExecOptions{Command: command, Stdin: true, Stdout: true, Stderr: true}, scheme.ParameterCodec)
	// As kubectl: WebSockets, and SPDY for servers that do not know them.
	socket, err := remotecommand.NewWebSocketExecutor(c.config, "GET", request.URL().String())
	if err != nil {
		return "", "", 0, err
	}
	spdy, err := remotecommand.NewSPDYExecutor(c.config, "POST", request.URL())
	if err != nil {
		return "", "", 0, err
	}
	executor, err := remotecommand.NewFallbackExecutor(socket, spdy, func(err error) bool {
		return httpstream.IsUpgradeFailure(err) || httpstream.IsHTTPSProxyError(err)
	})
	if err != nil {
		return "", "", 0, err
	}
	var out, errOut bytes.Buffer
	err = executor.StreamWithContext(ctx, remotecommand.StreamOptions{Stdin: strings.NewReader(stdin), Stdout: &out, Stderr: &errOut})
	var exit utilexec.CodeExitError
	if errors.As(err, &exit) {
		return out.String(), errOut.String(), exit.Code, nil
	}
	return out.String(), errOut.String(), 0, err
}
