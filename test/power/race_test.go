package power

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/shimrun/shimrun/test/power/acts"
)

// races are the kinds of calls that race with a name that changes. TRIES in the
// environment makes so many tries of each, however long that takes.
var races = []string{"look", "link", "write", "sysctl", "threads", "writers", "again", "as-root"}

// TestRace changes a name while calls are made with it: each answer is that of one
// of the two names, nothing real is changed that the profile serves, and no value
// is taken that is none.
func TestRace(t *testing.T) {
	if os.Getuid() != 0 {
		lack(t, "takes root")
	}
	for _, backend := range []string{"seccomp", "ptrace"} {
		for _, kind := range races {
			t.Run(backend+"/"+kind, func(t *testing.T) {
				t.Parallel()
				tries, patience := cmp.Or(os.Getenv("TRIES"), "0"), time.Minute
				if tries != "0" {
					patience = 24 * time.Hour
				}
				runRace(t, backend, kind, tries, patience)
			})
		}
	}
}

func runRace(t *testing.T, backend, kind, tries string, patience time.Duration) {
	dir := filepath.Join(binaries, "race-"+backend+"-"+kind)
	profile := dir + ".yaml"
	must(t, os.WriteFile(profile, []byte(acts.RaceProfile(dir)), 0o644))
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	args := append(clone(alone), victim(), "guard", "-dir", dir, "-tmpfs", "-race", "--",
		shim(), "--backend", backend, "--profile", profile, "--", victim(), "race", kind, dir, "2", tries)
	cmd := grouped(exec.CommandContext(ctx, args[0], args[1:]...))
	var stderr strings.Builder
	cmd.Stderr = &stderr
	stdout, err := cmd.StdoutPipe()
	must(t, err)
	must(t, cmd.Start())
	made := ""
	for lines := bufio.NewScanner(stdout); lines.Scan(); {
		var line struct {
			Act, Outcome string
			Faults       []string
		}
		if err := json.Unmarshal(lines.Bytes(), &line); err != nil {
			t.Errorf("it printed %q", lines.Text())
		}
		for _, fault := range line.Faults {
			t.Error(fault)
		}
		made = cmp.Or(line.Outcome, made)
	}
	if err := cmd.Wait(); err != nil || made == "" || made == "0" {
		t.Fatal(fmt.Sprintf("%s tries, %v, %v", made, err, ctx.Err()), stderr.String())
	}
	t.Logf("%s tries", made)
}
