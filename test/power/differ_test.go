package power

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/shimrun/shimrun/test/gvisor"
	"github.com/shimrun/shimrun/test/power/acts"
)

// a result is what an act came to.
type result struct {
	outcome string
	changes []string
}

func (r result) String() string {
	if len(r.changes) == 0 {
		return r.outcome
	}
	return r.outcome + ", and then " + strings.Join(r.changes, ", ")
}

// changed tells whether this changed the same thing as a change does. What a text
// then is depends on whether writes replace all of it, as those to procfs do.
func (r result) changed(change string) bool {
	what := func(change string) string { what, _, _ := strings.Cut(change, ` says "`); return what }
	return slices.ContainsFunc(r.changes, func(c string) bool { return what(c) == what(change) })
}

// TestActs tries every act on every ground as every caller, with and without the
// shim.
func TestActs(t *testing.T) {
	if os.Getuid() != 0 {
		lack(t, "takes root")
	}
	for _, g := range nativeGrounds() {
		for _, caller := range acts.Callers {
			t.Run(g.name+"/"+caller, func(t *testing.T) {
				t.Parallel()
				g.differ(t, caller)
			})
		}
	}
	for _, caller := range acts.Callers {
		t.Run("container/"+caller, func(t *testing.T) {
			t.Parallel()
			containerGround(t).differ(t, caller)
		})
	}
	for _, runsc := range gvisor.Names {
		for _, caps := range []string{"all", "docker"} {
			t.Run(nameOf(runsc, caps), func(t *testing.T) {
				box := newBox(t, runsc, caps)
				for _, caller := range acts.Callers {
					t.Run(caller, func(t *testing.T) { box.ground(caller).differ(t, caller) })
				}
			})
		}
	}
}

// differ holds the ways of a ground against a run without a shim.
func (g *ground) differ(t *testing.T, caller string) {
	var names []string
	for _, act := range acts.All() {
		if act.For(caller) && (g.sysctls || !strings.HasPrefix(act.Name, "sysctl/")) && strings.HasPrefix(act.Name, os.Getenv("ACTS")) {
			names = append(names, act.Name)
		}
	}
	names = g.spare(t, caller, names)
	without := g.try(t, "", caller, names)
	if t.Failed() {
		return
	}
	for _, way := range g.ways {
		t.Run(way, func(t *testing.T) {
			under := g.try(t, way, caller, names)
			if len(under) == 0 {
				return // what there is to say is said
			}
			for _, name := range append(names, "afterwards") {
				compare(t, name, caller, g.name+"/"+way, without[name], under[name])
			}
		})
	}
}

// spare leaves out an act behind which nothing is where it was: Debian 13's gVisor has
// the root of any user namespace change the root of all processes of the sandbox.
func (g *ground) spare(t *testing.T, caller string, names []string) []string {
	const act = "mount/pivot-root"
	at := slices.Index(names, act)
	if g.renew == nil || at < 0 || acts.Refused(g.try(t, "", caller, []string{act})[act].outcome) {
		return names
	}
	t.Logf("the kernel does %s, with or without a shim", act)
	g.renew(t)
	return slices.Delete(names, at, at+1)
}

// compare fails for power that is added, and for what is achieved no more.
func compare(t *testing.T, name, caller, ground string, without, under result) {
	t.Helper()
	if under.outcome == "" {
		return // not got so far, which is an error already
	}
	verdict, reasons := "", less
	switch {
	case without.outcome == under.outcome:
	case acts.Refused(without.outcome) && acts.Refused(under.outcome):
		if act, err := acts.Find(name); err == nil && act.Exact || under.outcome == "hangs" || under.outcome == "died" {
			verdict, reasons = "tells more", more
		}
	case acts.Refused(under.outcome), !acts.Refused(without.outcome) && under.outcome == `read ""`:
		verdict = "achieves less"
	default:
		verdict, reasons = "achieves more", more
	}
	for _, change := range without.changes {
		if verdict == "" && !under.changed(change) {
			verdict = "changes less"
		}
	}
	for _, change := range under.changes {
		if !without.changed(change) {
			verdict, reasons = "changes more", more
		}
	}
	if verdict != "" && explained(reasons, name, caller, ground) == "" {
		t.Errorf("%s %s: %s, and without the shim %s", name, verdict, under, without)
	}
}

// try has acts tried. A run that ends in the middle, or gets no further, costs
// the act that it was at, and is begun again behind it.
func (g *ground) try(t *testing.T, way, caller string, names []string) map[string]result {
	t.Helper()
	results := map[string]result{}
	began := time.Now()
	for broken := 0; ; broken++ {
		at, trouble := g.run(t, way, caller, names, results)
		if trouble == "" {
			break
		}
		// Old gVisor has faults that end it; the same act is no fault of it twice.
		if g.revive != nil && g.revive(t) && broken == 0 {
			t.Logf("%s: at %q the sandbox ended: %s", way, at, trouble)
			continue
		}
		t.Errorf("%s: at %q the run ended: %s", way, at, trouble)
		next := slices.Index(names, at) + 1
		if broken == 3 || next == 0 {
			break
		}
		results[at] = result{outcome: "died"}
		names = names[next:]
	}
	t.Logf("%s%.1f s", map[bool]string{true: "without a shim "}[way == ""], time.Since(began).Seconds())
	return results
}

// run tries acts in one run of the victim.
func (g *ground) run(t *testing.T, way, caller string, names []string, results map[string]result) (at, trouble string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), g.all)
	defer cancel()
	stage := []string{g.victim, "stage", "-dir", g.dir, "-host", g.host(), "-caller", caller, "-patience", g.patience.String()}
	if way != "" {
		stage = append(stage, "-shim")
	}
	if g.sysctls {
		stage = append(stage, "-sysctls")
	}
	cmd := g.command(t, ctx, way, append(stage, names...))
	var stderr strings.Builder
	cmd.Stderr = &stderr
	stdout, err := cmd.StdoutPipe()
	must(t, err)
	must(t, cmd.Start())
	done := false
	for lines := bufio.NewScanner(stdout); lines.Scan(); {
		var line struct {
			Start, Act, Outcome string
			Changes, Faults     []string
			Done                bool
		}
		if err := json.Unmarshal(lines.Bytes(), &line); err != nil {
			trouble += fmt.Sprintf("it printed %q; ", lines.Text())
			continue
		}
		switch {
		case line.Start != "":
			at = line.Start
		case line.Act != "":
			results[line.Act] = result{line.Outcome, line.Changes}
		case line.Done:
			done = true
		case len(line.Faults) > 0:
			t.Errorf("%s: %s", way, strings.Join(line.Faults, ", "))
		}
	}
	err = cmd.Wait()
	if !done {
		trouble += fmt.Sprintf("%v %v %s", err, ctx.Err(), stderr.String())
	}
	return at, trouble
}
