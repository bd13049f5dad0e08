// Package programs runs real programs in real gVisor, without and with shimrun.
// That they fail without, in the same test, is how we know that it was shimrun
// that made the difference.
package programs

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/shimrun/shimrun/test/gvisor"
)

// A program is a script for bash, and what is expected of it.
type program struct {
	name    string
	script  string
	without expectation
	with    expectation
	// caps and flags, where not empty, say with which capabilities it is for,
	// and what shimrun gets besides.
	caps  string
	flags []string
}

// binaries is the folder with shimrun and our own programs, the same in every sandbox.
var binaries string

func TestMain(m *testing.M) {
	if err := build(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	code := m.Run()
	_ = os.RemoveAll(binaries)
	os.Exit(code)
}

// build makes the folder. SHIMRUN names a shimrun that is built already.
func build() error {
	dir, err := os.MkdirTemp("/tmp", "shimrun-programs-")
	if err != nil {
		return err
	}
	binaries = dir
	if err := os.Chmod(dir, 0o755); err != nil {
		return err
	}
	commands := [][]string{{"env", "CGO_ENABLED=0", "go", "build", "-o", filepath.Join(dir, "storm"), "./storm"}}
	if built := os.Getenv("SHIMRUN"); built != "" {
		commands = append(commands, []string{"cp", built, filepath.Join(dir, "shimrun")})
	} else {
		commands = append(commands, []string{"env", "CGO_ENABLED=1", "go", "build", "-tags", "netgo,osusergo",
			"-ldflags", "-linkmode external -extldflags -static", "-o", filepath.Join(dir, "shimrun"), "../../cmd/shimrun"})
	}
	for _, args := range commands {
		if out, err := exec.Command(args[0], args[1:]...).CombinedOutput(); err != nil {
			return fmt.Errorf("%s: %w\n%s", strings.Join(args, " "), err, out)
		}
	}
	return nil
}

func TestPrograms(t *testing.T) {
	gvisor.Require(t)
	for _, caps := range []string{"all", "docker"} {
		t.Run(caps, func(t *testing.T) {
			box := gvisor.Start(t, gvisor.Options{Caps: caps, Mounts: []string{binaries, t.TempDir() + ":/var/lib/second"}})
			for _, p := range programs {
				if p.caps != "" && p.caps != caps {
					continue
				}
				t.Run(p.name, func(t *testing.T) {
					if out, status := p.run(t, box); p.without(out, status) != "" {
						t.Errorf("without shimrun: %s\nstatus %d\n%s", p.without(out, status), status, brief(out))
					}
					if out, status := p.run(t, box, append(append([]string{"shimrun", "--log-level", "error"}, p.flags...), "--")...); p.with(out, status) != "" {
						t.Errorf("with shimrun: %s\nstatus %d\n%s", p.with(out, status), status, brief(out))
					}
				})
			}
		})
	}
}

// run runs the script after the words of before, and returns both its streams
// and its status.
func (p *program) run(t *testing.T, box *gvisor.Sandbox, before ...string) (string, int) {
	t.Helper()
	args := append([]string{"/usr/bin/env", "PATH=" + binaries + ":/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "TERM=dumb"}, before...)
	stdout, stderr, status := box.Run(t, append(args, "/bin/bash", "-c", p.script)...)
	return stdout + stderr, status
}

// brief is as much of an output as a report can bear.
func brief(text string) string {
	const limit = 3000
	if len(text) > limit {
		return text[:limit] + "\n... [output truncated]"
	}
	return text
}
