package mounts

import (
	"bytes"
	"fmt"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/shimrun/shimrun/internal/growth"
)

func TestGrowth(t *testing.T) {
	table := func(n int) ([]byte, *Table) {
		var text bytes.Buffer
		text.WriteString("1 1 8:1 / / rw - ext4 /dev/sda1 rw\n")
		for i := range n {
			fmt.Fprintf(&text, "%d 1 0:%d / /mnt/%d rw - tmpfs none rw\n", i+10, i+20, i)
		}
		return text.Bytes(), New(text.Bytes())
	}
	growth.Check(t, "a table", 300, func(n int) func() {
		return func() { table(n) }
	})
	growth.Check(t, "mountinfo", 300, func(n int) func() {
		info, mounts := table(n)
		if err := mounts.Propagate("/", unix.MS_PRIVATE|unix.MS_REC); err != nil {
			t.Fatal(err)
		}
		return func() { mounts.AppendMountinfo(nil, info, "/") }
	})
	growth.Check(t, "refresh", 300, func(n int) func() {
		info, mounts := table(n)
		return func() { mounts.Refresh(info) }
	})
}
