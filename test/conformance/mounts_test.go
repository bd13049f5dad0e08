package conformance

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/shimrun/shimrun/test/conformance/cases"
)

// TestRefusedMounts runs the rows about mounts where the native kernel refuses
// to mount, under both backends, and where a gVisor with Docker's capabilities does.
func TestRefusedMounts(t *testing.T) {
	lied := [2]string{filepath.Join(liedDir, "a"), filepath.Join(liedDir, "b")}
	oracle := map[string][]string{}
	for _, g := range []*ground{
		{name: "native-refused/seccomp", backend: "seccomp", lied: lied, liedType: "ramfs", refused: true},
		{name: "native-refused/ptrace", backend: "ptrace", lied: lied, liedType: "ramfs", refused: true},
		{name: "gvisor-docker/ptrace", backend: "ptrace", caps: "docker", lied: [2]string{"/", "/var/lib/lied"}, liedType: "9p"},
	} {
		t.Run(g.name, func(t *testing.T) {
			g.enter(t)
			if len(oracle) == 0 {
				oracle = consult(t, 0)
			}
			var rows []string
			for _, c := range cases.All() {
				if strings.HasPrefix(c.Name, "mounts/") && g.lacks(&c) == "" && c.Like != cases.Bare {
					rows = append(rows, c.Name)
				}
			}
			without := batch(t, victims{g, g.bare, "real"}, rows)
			served := batch(t, victims{g, g.shim, "real"}, rows)
			for _, name := range rows {
				t.Run(name, func(t *testing.T) {
					c, _ := cases.Find(name)
					want := oracle[name]
					if c.Like == cases.Stated {
						want = c.Want
					}
					if slices.Equal(without[name], want) {
						t.Error("the same without the shim: this row shows nothing")
					}
					compare(t, "under the shim", want, served[name])
				})
			}
		})
	}
}
