package power

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestStories runs the scripts of testdata: what takes several programs, or time.
// Each has a folder and namespaces of its own, and prints what is wrong. A status
// of 2 says that something is missing here.
func TestStories(t *testing.T) {
	if os.Getuid() != 0 {
		lack(t, "takes root")
	}
	scripts, err := filepath.Glob("testdata/*.sh")
	must(t, err)
	for _, script := range scripts {
		name := strings.TrimSuffix(filepath.Base(script), ".sh")
		for _, backend := range []string{"seccomp", "ptrace"} {
			t.Run(name+"/"+backend, func(t *testing.T) {
				t.Parallel()
				tell(t, script, backend)
			})
		}
	}
}

func tell(t *testing.T, script, backend string) {
	text, err := os.ReadFile(script)
	must(t, err)
	dir, err := os.MkdirTemp(binaries, "story-")
	must(t, err)
	must(t, os.Chmod(dir, 0o755))
	ctx, cancel := context.WithTimeout(t.Context(), 40*time.Second)
	defer cancel()
	args := append(clone(alone), "bash", "-c", string(text))
	cmd := grouped(exec.CommandContext(ctx, args[0], args[1:]...))
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "shim="+shim()+" --backend "+backend, "victim="+victim(),
		"nobody=setpriv --reuid 65534 --regid 65534 --clear-groups")
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	switch {
	case errors.As(err, &exit) && exit.ExitCode() == 2 && !strings.HasPrefix(string(out), "victim:"):
		lack(t, "%s", out)
	case err != nil:
		t.Errorf("%v %v: %s", err, ctx.Err(), out)
	}
}
