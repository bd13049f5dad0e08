package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/opencontainers/runtime-spec/specs-go"
	"github.com/urfave/cli/v2"

	"github.com/shimrun/shimrun/runtime/builtin"
	"github.com/shimrun/shimrun/runtime/bundle"
	"github.com/shimrun/shimrun/runtime/delegate"
	"github.com/shimrun/shimrun/seccomp"
)

// delegation is how a container is delegated.
type delegation struct {
	// runtime is the runtime's path; empty for mode builtin.
	runtime string
	// within tells that the shim has to enter the container, because calls
	// cannot be handed to a supervisor outside of it.
	within bool
}

// chooseRuntime decides between the modes.
func chooseRuntime(c *cli.Context) (delegation, error) {
	if delegate.IsRuntime(c.String("root")) {
		return delegation{}, errors.New("the runtime that a container was delegated to is shimrun itself; give the path of runc, crun or runsc with --runtime, or take --mode builtin")
	}
	if err := delegate.EnterTrial(); err != nil {
		return delegation{}, err
	}
	mode := c.String("mode")
	// A process that is traced already can be given no listener that its tracer's
	// kernel has not, and no other tracer: no other runtime's container could be served.
	if mode == "builtin" || mode == "auto" && builtin.ServedAround() {
		return delegation{}, nil
	}
	path, err := delegate.Find(c.String("runtime"))
	if err != nil {
		if mode == delegate.Mode {
			return delegation{}, err
		}
		return delegation{}, nil
	}
	backend := c.String("backend")
	outside, within := delegation{path, false}, delegation{path, true}
	switch {
	case mode == delegate.Mode && (backend == "ptrace" || backend == "auto" && lacksNotification(path)):
		return within, nil
	case mode == delegate.Mode:
		return outside, nil
	}
	ways := []delegation{outside, within}
	switch {
	case backend == "seccomp":
		ways = ways[:1]
	case backend == "ptrace" || lacksNotification(path):
		ways = ways[1:]
	}
	return tryOnce(c.String("root"), backend, path, ways)
}

// lacksNotification tells whether a runtime certainly has no user notification:
// gVisor's kernel does not know it. Other runtimes have what the machine's has.
func lacksNotification(path string) bool {
	return filepath.Base(path) == "runsc" || seccomp.Probe() != nil
}

// versionLimit is for what a runtime says of itself at once, on a loaded machine too.
const versionLimit = 10 * time.Second

// isOurs tells whether a runtime leads to this program in a way that no file
// shows, as a script does: it says so itself. Older versions do as well.
func isOurs(path string) bool {
	out, _ := delegate.Try(versionLimit, path, "--version")
	return strings.HasPrefix(string(out), versionPrefix)
}

// tryOnce finds the first way in which a runtime can run a container here, and
// the shim serve it: by running one, once per start of the machine.
func tryOnce(root, backend, path string, ways []delegation) (delegation, error) {
	boot, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		boot = []byte("unknown") // as in old gVisor
	}
	question := strings.TrimSpace(string(boot)) + " " + backend + " " + path + " "
	// No container can have this name.
	cache := filepath.Join(root, "delegation~")
	if text, err := os.ReadFile(cache); err == nil {
		if answer, found := strings.CutPrefix(string(text), question); found {
			for _, way := range ways {
				if answer == way.words() {
					return way, nil
				}
			}
			return delegation{}, nil
		}
	}
	var chosen delegation
	answer := ""
	if isOurs(path) {
		ways, answer = nil, "is shimrun\n"
	}
	for _, way := range ways {
		if err := tryDelegation(way); err != nil {
			answer += "fails: " + oneLine(err) + "\n"
			continue
		}
		chosen, answer = way, way.words()
		break
	}
	if err := os.MkdirAll(root, 0o711); err != nil {
		return delegation{}, err
	}
	return chosen, os.WriteFile(cache, []byte(question+answer), 0o600)
}

// words are the answer that is kept where a way works.
func (d delegation) words() string {
	if d.within {
		return "works with the shim in the container\n"
	}
	return "works\n"
}

// tryDelegation runs this program in a container of the runtime's, served.
func tryDelegation(way delegation) error {
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
	backend := "seccomp"
	if way.within {
		backend = "ptrace"
	}
	root, id := filepath.Join(dir, "state"), fmt.Sprintf("shimrun-probe-%d", os.Getpid())
	out, err := delegate.Try(20*time.Second, "/proc/self/exe", "--root", root, "--mode", delegate.Mode, "--runtime", way.runtime,
		"--backend", backend, "--profile", profile, "run", "--bundle", dir, id)
	if err == nil {
		return nil
	}
	if _, left := os.Stat(filepath.Join(root, id)); left == nil {
		// Its processes have ended; this is about its control groups.
		_, _ = delegate.Try(5*time.Second, "/proc/self/exe", "--root", root, "delete", "--force", id)
	}
	return fmt.Errorf("%w: %s", err, out)
}
