package smoke

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"k8s.io/mount-utils"
)

// TestMain lets the test's own binary be the program that uses kubelet's
// library for mounts, inside a sandbox.
func TestMain(m *testing.M) {
	if dir := os.Getenv("SMOKE_MOUNT_UTILS"); dir != "" {
		useMountUtils(mount.New(""), dir)
		return
	}
	os.Exit(m.Run())
}

// useMountUtils says what kubelet's library makes of mounts.
func useMountUtils(m mount.Interface, dir string) {
	at := func(name string) string { return filepath.Join(dir, name) }
	for _, name := range []string{"tmpfs", "src", "dst"} {
		fmt.Println("mkdir", os.MkdirAll(at(name), 0o755))
	}
	fmt.Println("write", os.WriteFile(at("src/file"), []byte("text"), 0o644))
	look := func(name string) {
		unlikely, err := m.IsLikelyNotMountPoint(at(name))
		is, err2 := m.IsMountPoint(at(name))
		fmt.Println(name, "likely:", !unlikely, err, "is:", is, err2)
	}
	look("tmpfs")
	fmt.Println("mount", m.Mount("tmpfs", at("tmpfs"), "tmpfs", []string{"size=65536"}))
	look("tmpfs")
	fmt.Println("bind", m.Mount(at("src"), at("dst"), "", []string{"bind", "ro"}))
	is, err := m.IsMountPoint(at("dst"))
	fmt.Println("dst is:", is, err)
	text, err := os.ReadFile(at("dst/file"))
	fmt.Printf("%s %v\n", text, err)
	err = os.WriteFile(at("dst/file"), nil, 0o644)
	fmt.Println("read-only:", err != nil && strings.HasSuffix(err.Error(), "read-only file system"))
	refs, err := m.GetMountRefs(at("dst"))
	fmt.Println("refs of dst:", len(refs), err)
	all, err := m.List()
	for _, p := range all {
		if strings.HasPrefix(p.Path, dir) && p.Type == "tmpfs" {
			fmt.Println("listed:", strings.TrimPrefix(p.Path, dir), p.Device, p.Opts[0], err)
		}
	}
	for _, name := range []string{"dst", "tmpfs"} {
		fmt.Println("clean up", name, mount.CleanupMountPoint(at(name), m, true))
		_, err := os.Lstat(at(name))
		fmt.Println("gone:", os.IsNotExist(err))
	}
	fmt.Println("removed", os.RemoveAll(dir))
}

const mountUtilsSays = `mkdir <nil>
mkdir <nil>
mkdir <nil>
write <nil>
tmpfs likely: false <nil> is: false <nil>
mount <nil>
tmpfs likely: true <nil> is: true <nil>
bind <nil>
dst is: true <nil>
text <nil>
read-only: true
refs of dst: 0 <nil>
listed: /tmpfs tmpfs rw <nil>
clean up dst <nil>
gone: true
clean up tmpfs <nil>
gone: true
removed <nil>
`

// TestMountUtils runs it natively, where the kernel mounts, and in a sandbox in
// which it does not, without and with a shim.
func TestMountUtils(t *testing.T) {
	shimrun := program(t, "SHIMRUN", "shimrun", "build")
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	box := newSandbox(t, "--caps", "docker", "--mount", filepath.Dir(shimrun), "--mount", filepath.Dir(self))
	program := func(dir string) []string { return []string{"env", "SMOKE_MOUNT_UTILS=" + dir, self} }
	for _, c := range []struct {
		name string
		g    ground
		args []string
		like bool
	}{
		{"native", newNative(t), program(filepath.Join(t.TempDir(), "m")), true},
		{"without", box, program("/var/lib/without"), false},
		{"with", box, append([]string{shimrun, "--profile", "kubernetes", "--"}, program("/var/lib/with")...), true},
	} {
		t.Run(c.name, func(t *testing.T) {
			cmd := c.g.command(c.args...)
			var errors strings.Builder
			cmd.Stderr = &errors
			out, err := cmd.Output()
			if err != nil || (string(out) == mountUtilsSays) != c.like {
				t.Errorf("%v\n%s\n%s", err, out, &errors)
			}
		})
	}
}
