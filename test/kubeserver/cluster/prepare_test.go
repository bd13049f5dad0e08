package cluster

import (
	"os"
	"path/filepath"
	"testing"
)

// prepared tells whether what shimrun's profile does not do by itself is done by
// hand: a network configuration and its plugin, and shimrun in runc's place. Pods
// have the node's network then.
func prepared() bool { return os.Getenv("CLUSTER_PREPARED") != "" }

// prepare does it, in a sandbox that runs.
func (s *server) prepare(t *testing.T) {
	t.Helper()
	// Unpacked outside, so that runc can be replaced before the server starts.
	output(t, filepath.Join(s.bin, "k3s"), "--data-dir="+s.data, "kubectl", "version", "--client")
	runc := filepath.Join(s.data, "data/current/bin/runc")
	must(t, os.Remove(runc))
	must(t, os.Symlink(filepath.Join(s.bin, "shimrun"), runc))
	network, err := os.ReadFile("../../../deploy/10-shimrun.conflist")
	must(t, err)
	must(t, os.WriteFile(filepath.Join(s.bin, "10-shimrun.conflist"), network, 0o644))
	script := `mkdir -p /etc/cni/net.d /opt/cni/bin && cp $1/10-shimrun.conflist /etc/cni/net.d/ && cp $1/shimrun /opt/cni/bin/shimrun`
	if out, err := s.inside("sh", "-c", script, "sh", s.bin).CombinedOutput(); err != nil {
		t.Fatalf("network by hand: %v\n%s", err, out)
	}
}
