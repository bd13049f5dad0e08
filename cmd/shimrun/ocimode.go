package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/opencontainers/runtime-spec/specs-go"
	"github.com/urfave/cli/v2"

	"github.com/shimrun/shimrun/runtime/bundle"
	"github.com/shimrun/shimrun/runtime/delegate"
)

// chooseRuntime decides between the modes: the runtime to delegate to, or
// nothing for mode builtin.
func chooseRuntime(c *cli.Context) (path string, err error) {
	switch c.String("mode") {
	case "builtin":
		return "", nil
	case delegate.Mode:
		return delegate.Find(c.String("runtime"))
	}
	if path, err = delegate.Find(c.String("runtime")); err != nil {
		return "", nil
	}
	works, err := delegationWorks(c.String("root"), path)
	if err != nil || !works {
		return "", err
	}
	return path, nil
}

// delegationWorks tells whether a runtime can run a container here, and the
// shim serve it: by running one, once per start of the machine.
func delegationWorks(root, path string) (bool, error) {
	boot, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		boot = []byte("unknown") // as in old gVisor
	}
	question := strings.TrimSpace(string(boot)) + " " + path
	// No container can have this name.
	cache := filepath.Join(root, "delegation~")
	if text, err := os.ReadFile(cache); err == nil {
		if answer, found := strings.CutPrefix(string(text), question+" "); found {
			return answer == "works\n", nil
		}
	}
	answer := "works"
	if err := tryDelegation(path); err != nil {
		answer = "fails: " + oneLine(err)
	}
	if err := os.MkdirAll(root, 0o711); err != nil {
		return false, err
	}
	err = os.WriteFile(cache, []byte(question+" "+answer+"\n"), 0o600)
	return answer == "works", err
}

// tryDelegation runs this program in a container of the runtime's, served.
func tryDelegation(path string) error {
	dir, err := os.MkdirTemp("", "shimrun-probe")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	self, err := os.Executable()
	if err != nil {
		return err
	}
	spec := bundle.Example()
	spec.Process.Terminal = false
	spec.Process.Args = []string{"/shimrun", "profile", "check", "/proc/shimrun-probe.yaml"}
	spec.Root.Readonly = false
	spec.Mounts = append(spec.Mounts, specs.Mount{Destination: "/shimrun", Source: self, Options: []string{"bind", "ro"}})
	profile := filepath.Join(dir, "probe.yaml")
	text := "files: {/proc/shimrun-probe.yaml: {content: \"name: served\\n\"}}\n"
	if err := os.WriteFile(profile, []byte(text), 0o600); err != nil {
		return err
	}
	if err := os.Mkdir(filepath.Join(dir, "rootfs"), 0o755); err != nil {
		return err
	}
	if err := writeSpecTo(dir, spec); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, "/proc/self/exe", "--root", filepath.Join(dir, "state"), "--mode", delegate.Mode, "--runtime", path,
		"--profile", profile, "run", "--bundle", dir, fmt.Sprintf("shimrun-probe-%d", os.Getpid()))
	cmd.WaitDelay = time.Second
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%w: %s", err, out)
	}
	return nil
}
