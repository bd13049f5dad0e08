package conformance

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// binaries is the directory with everything that runs on a ground: shimrun,
// the victims, the profile, the names. The same in every sandbox.
var binaries string

// build makes the directory. SHIMRUN names a shimrun that is built already.
func build() error {
	dir, err := os.MkdirTemp("/tmp", "shimrun-conformance-")
	if err != nil {
		return err
	}
	binaries = dir
	if err := os.Chmod(dir, 0o755); err != nil {
		return err
	}
	if err := run("CGO_ENABLED=0", "go", "build", "-o", filepath.Join(dir, "victim"), "./victim"); err != nil {
		return err
	}
	sources, err := filepath.Glob("c/*.c")
	if err != nil {
		return err
	}
	for _, source := range sources {
		name := strings.TrimSuffix(filepath.Base(source), ".c")
		if err := run("", "gcc", "-static", "-O1", "-pthread", "-Wall", "-Wno-unused-result", "-o", filepath.Join(dir, name), source); err != nil {
			return err
		}
	}
	if built := os.Getenv("SHIMRUN"); built != "" {
		return run("", "cp", built, filepath.Join(dir, "shimrun"))
	}
	return run("CGO_ENABLED=1", "go", "build", "-tags", "netgo,osusergo",
		"-ldflags", "-linkmode external -extldflags -static", "-o", filepath.Join(dir, "shimrun"), "../../cmd/shimrun")
}

func run(env string, args ...string) error {
	cmd := exec.Command(args[0], args[1:]...)
	if env != "" {
		cmd.Env = append(os.Environ(), env)
	}
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w\n%s", strings.Join(args, " "), err, out)
	}
	return nil
}
