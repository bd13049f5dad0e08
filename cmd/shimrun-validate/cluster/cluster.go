// Package cluster does to a Kubernetes cluster what its users do with kubectl
// and helm, once each: nothing here waits or tries again but where it says so.
//
// It is made of client-go and Helm as libraries, so that what is measured is
// the cluster and not the start of a client for each step.
package cluster

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
)

// Cluster is the client of one.
type Cluster struct {
	kubeconfig string
	config     *rest.Config
	client     *kubernetes.Clientset
}

// Open reads a kubeconfig. It does not connect.
func Open(kubeconfig string) (*Cluster, error) {
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		return nil, err
	}
	config.QPS = -1 // whoever measures must not be slowed down
	config.WarningHandler = rest.NoWarnings{}
	config.UserAgent = "shimrun-validate"
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", kubeconfig, err)
	}
	return &Cluster{kubeconfig, config, client}, nil
}

// Ready tells whether the API server says so.
func (c *Cluster) Ready(ctx context.Context) error {
	return c.client.RESTClient().Get().AbsPath("/readyz").Do(ctx).Error()
}

// Version is the API server's.
func (c *Cluster) Version() (string, error) {
	v, err := c.client.Discovery().ServerVersion()
	if err != nil {
		return "", err
	}
	return v.GitVersion, nil
}

// Namespaces lists them.
func (c *Cluster) Namespaces(ctx context.Context) (names []string, err error) {
	list, err := c.client.CoreV1().Namespaces().List(ctx, metav1.ListOptions{})
	if err != nil {
		return nil, err
	}
	for _, n := range list.Items {
		names = append(names, n.Name)
	}
	return names, nil
}

// CreateNamespace makes one that is not there yet.
func (c *Cluster) CreateNamespace(ctx context.Context, name string) error {
	_, err := c.client.CoreV1().Namespaces().Create(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}}, metav1.CreateOptions{})
	return err
}

// DeleteNamespace deletes one, which takes its time; see [Cluster.HasNamespace].
func (c *Cluster) DeleteNamespace(ctx context.Context, name string) error {
	err := c.client.CoreV1().Namespaces().Delete(ctx, name, metav1.DeleteOptions{})
	if apierrors.IsNotFound(err) {
		return nil
	}
	return err
}

// HasNamespace tells whether there is one, be it on its way out.
func (c *Cluster) HasNamespace(ctx context.Context, name string) (bool, error) {
	_, err := c.client.CoreV1().Namespaces().Get(ctx, name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return false, nil
	}
	return err == nil, err
}

// A Node is a machine of the cluster.
type Node struct {
	Name  string
	Ready bool
	// Why is what the node says about it.
	Why string
}

// Nodes lists them.
func (c *Cluster) Nodes(ctx context.Context) (nodes []Node, err error) {
	list, err := c.client.CoreV1().Nodes().List(ctx, metav1.ListOptions{})
	if err != nil {
		return nil, err
	}
	for _, n := range list.Items {
		node := Node{Name: n.Name, Why: "its kubelet has not reported yet"}
		for _, condition := range n.Status.Conditions {
			if condition.Type == corev1.NodeReady {
				node.Ready = condition.Status == corev1.ConditionTrue
				node.Why = condition.Reason + ": " + condition.Message
			}
		}
		nodes = append(nodes, node)
	}
	return nodes, nil
}
