package fakefs

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/shimrun/shimrun/internal/growth"
)

// Nothing that is made of a profile, or of mounts, costs more for each as there
// are more of them.
func TestGrowth(t *testing.T) {
	growth.Check(t, "load and tree of a profile", 500, func(n int) func() {
		var text bytes.Buffer
		text.WriteString("name: big\nfiles:\n")
		for i := range n {
			fmt.Fprintf(&text, "  /proc/big/%d/%d: {content: x}\n", i/100, i%100)
		}
		return func() {
			p, err := Parse("big", text.Bytes())
			if err != nil {
				t.Fatal(err)
			}
			if _, err := p.Tree(fakeMachine(gvisorMounts)); err != nil {
				t.Fatal(err)
			}
		}
	})
	mountinfo, mounts := func(n int) []byte { return manyMounts(n, "%d 1 0:%d / /mnt/%d rw - 9p none rw\n") }, func(n int) []byte {
		return manyMounts(n, "none /mnt/%[3]d 9p rw 0 0\n")
	}
	l := newLies(map[string]FilesystemLie{"9p": {Report: FilesystemReport{Type: "ext4", Source: "/dev/shim"}}})
	growth.Check(t, "mountinfo", 500, func(n int) func() {
		info := mountinfo(n)
		return func() { l.appendMountinfo(nil, info) }
	})
	growth.Check(t, "mounts", 500, func(n int) func() {
		info, table := mountinfo(n), mounts(n)
		return func() { l.appendMounts(nil, table, info) }
	})
	growth.Check(t, "devices", 200, func(n int) func() {
		info := mountinfo(n)
		return func() { newBlockDevices(l, fakeMachine(info)).now() }
	})
}

func manyMounts(n int, line string) []byte {
	var text bytes.Buffer
	for i := range n {
		fmt.Fprintf(&text, line, i+10, i+20, i)
	}
	return text.Bytes()
}
