package server

import (
	"context"
	"crypto/tls"
	"io"
	"net/http"
	"strings"
	"time"

	"k8s.io/klog/v2"
	"k8s.io/kubernetes/cmd/kube-controller-manager/names"
)

// controllersHealth lists the controllers that have started, to anybody.
const controllersHealth = "https://127.0.0.1:10257/healthz?verbose"

// awaitControllers returns when all controllers have been made.
//
// The CSI volume plugin keeps the name of the node in a global variable, which
// the controller that attaches volumes sets to "" when it is made. Kubelet sets
// it too, and dies later on when it was not the last: "Failed to initialize
// CSINode after retrying". So kubelet comes afterwards.
//
// Where nobody answers, because the user moved the port, there is nothing to do
// but to wait for a while.
func awaitControllers(ctx context.Context, ended <-chan error) error {
	client := &http.Client{
		Timeout: time.Second,
		// Its certificate is of its own making; what it says is no secret.
		Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}},
	}
	defer client.CloseIdleConnections()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	timeout := time.NewTimer(30 * time.Second)
	defer timeout.Stop()
	for {
		if attachDetachStarted(ctx, client) {
			return nil
		}
		select {
		case err := <-ended:
			return err
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-timeout.C:
			klog.InfoS("The controllers do not say that they have started; starting kubelet nevertheless")
			return nil
		case <-tick.C:
		}
	}
}

func attachDetachStarted(ctx context.Context, client *http.Client) bool {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, controllersHealth, nil)
	if err != nil {
		return false
	}
	resp, err := client.Do(req)
	if err != nil {
		return false
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return err == nil && strings.Contains(string(body), names.PersistentVolumeAttachDetachController)
}
