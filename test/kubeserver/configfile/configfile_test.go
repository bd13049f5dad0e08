package configfile

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestExpand(t *testing.T) {
	file := filepath.Join(t.TempDir(), "config.yaml")
	text := "write-kubeconfig-mode: \"0644\"\ndisable-agent: true\nkubelet-arg:\n- v=2\n- a=b\nhttps-listen-port: 7443\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	const flags = "--disable-agent=true --https-listen-port=7443 --kubelet-arg=v=2 --kubelet-arg=a=b --write-kubeconfig-mode=0644 "
	for args, want := range map[string]string{
		"--config " + file + " --node-name n": flags + "--node-name n",
		"--v 2 -c=" + file:                    flags + "--v 2",
	} {
		got, err := Expand(strings.Fields(args))
		if err != nil || !slices.Equal(got, strings.Fields(want)) {
			t.Errorf("%s: %q, %v, want %q", args, got, err, want)
		}
	}
	if _, err := Expand([]string{"--config", file + ".not"}); err == nil {
		t.Error("no error for a file that is named and not there")
	}
}
