package server

import (
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

// What was mounted outlives the folder that it was mounted in.
func TestRemoveFolder(t *testing.T) {
	outside, dir := t.TempDir(), filepath.Join(t.TempDir(), "data")
	precious := filepath.Join(outside, "precious")
	for _, d := range []string{dir + "/kubelet/volume", outside} {
		if err := os.MkdirAll(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(precious, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	mount := func(from, to string) {
		if err := unix.Mount(from, to, "", unix.MS_BIND, ""); err != nil {
			if os.Getenv("CI") == "true" {
				t.Fatalf("mount: %v", err)
			}
			t.Skipf("mount: %v", err)
		}
		t.Cleanup(func() { _ = unix.Unmount(to, unix.MNT_DETACH) })
	}
	mount(dir+"/kubelet", dir+"/kubelet")
	mount(outside, dir+"/kubelet/volume")
	if err := RemoveFolder(dir); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(precious); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(dir); !os.IsNotExist(err) {
		t.Errorf("the folder is still there: %v", err)
	}
}
