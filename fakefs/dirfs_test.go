package fakefs

import (
	"testing"
	"testing/fstest"
)

func TestTreeIsAFileSystem(t *testing.T) {
	tree := mustTree(t, LoadOptions{Profiles: []string{"9p"}, Set: []string{"vm.swappiness=10"}, Files: []string{"/etc/motd=hello\n"}})
	view := fakeView{files: map[string]string{"/proc/self/mountinfo": gvisorMounts}}
	if err := fstest.TestFS(tree.FS(view), "proc/sys/vm/swappiness", "etc/motd", "dev/shim8", "sys/block/shim12"); err != nil {
		t.Fatal(err)
	}
}
