package counts

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/shimrun/shimrun/bench"
)

// What a call costs does not depend on how many others there are, nor on how
// much is served or mounted.
func TestCallsDoNotGrow(t *testing.T) {
	p := newPlace(t)
	p.native(t)
	big := p.bigProfile(t, 3000)
	for _, r := range table(t) {
		if r.ground != "native" || r.operation != "open" && r.operation != "open-served" {
			continue
		}
		for _, many := range []struct {
			what            string
			outside, inside []string
			profile         string
		}{
			{"processes", nil, []string{p.crowd, "processes", "100"}, ""},
			{"threads", nil, []string{p.crowd, "threads", "100"}, ""},
			{"nodes", nil, nil, big},
			{"mounts", []string{p.crowd, "mounts", "500"}, nil, ""},
		} {
			t.Run(r.backend+"/"+r.operation+"/"+many.what, func(t *testing.T) {
				if many.outside != nil && os.Geteuid() != 0 {
					t.Skip("needs root, to mount")
				}
				place := *p
				place.outside, place.inside, place.profile = many.outside, many.inside, many.profile
				r.check(t, perOperation(place.traced(t, r, few), place.traced(t, r, 4200), 4200-few))
			})
		}
	}
}

func (p *place) bigProfile(t *testing.T, n int) string {
	t.Helper()
	name := filepath.Join(p.dir, fmt.Sprintf("nodes-%d.yaml", n))
	if err := os.WriteFile(name, bench.BigProfile(n), 0o644); err != nil {
		t.Fatal(err)
	}
	return name
}

// A start makes a number of calls for each file that is served, and for each
// mount, that does not grow.
func TestStartGrowsLinearly(t *testing.T) {
	p := newPlace(t)
	calls := func(outside []string, flags ...string) (total int) {
		log := filepath.Join(t.TempDir(), "log")
		args := append(outside, append(append([]string{"strace", "-f", "-o", log, p.shimrun, "--backend", "seccomp"}, flags...), "--", "/bin/true")...)
		if out, err := exec.Command(args[0], args[1:]...).CombinedOutput(); err != nil {
			t.Fatalf("%v: %v\n%s", args, err, out)
		}
		for call, n := range straced(t, log) {
			if !own[call] {
				total += n
			}
		}
		return total
	}
	check := func(what string, measure func(n int) int) {
		small, middle, large := measure(200), measure(400), measure(800)
		t.Logf("%s: %d, %d, %d calls", what, small, middle, large)
		if float64(large-middle) > 2.4*float64(middle-small)+50 {
			t.Errorf("%s: 200 more cost %d calls, 400 more %d", what, middle-small, large-middle)
		}
	}
	check("nodes", func(n int) int { return calls(nil, "--profile", p.bigProfile(t, n)) })
	if os.Geteuid() == 0 {
		check("mounts", func(n int) int {
			return calls([]string{p.crowd, "mounts", fmt.Sprint(n)}, "--profile", "kubernetes", "--fs", "tmpfs=ext4")
		})
	}
}
