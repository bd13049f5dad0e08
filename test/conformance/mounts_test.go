package conformance

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

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
		{name: "gvisor12-docker/ptrace", backend: "ptrace", caps: "docker", runsc: "debian12", lied: [2]string{"/", "/var/lib/lied"}, liedType: "9p"},
		{name: "gvisor13-docker/ptrace", backend: "ptrace", caps: "docker", runsc: "debian13", lied: [2]string{"/", "/var/lib/lied"}, liedType: "9p"},
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
			t.Run("end", func(t *testing.T) { endOfMounts(t, g) })
		})
	}
}

// endOfMounts: with the last process what a tmpfs held is gone, and what lay
// below it is there again, whatever became of the command; nothing else is touched.
func endOfMounts(t *testing.T, g *ground) {
	dir := "/tmp/conformance-end-" + g.tag()
	script := `mkdir -p $0/empty $0/full $0/src; echo kept >$0/src/file; echo old >$0/full/old; chmod 711 $0/empty
		mount -t tmpfs x $0/empty && mount -t tmpfs x $0/full
		echo secret >$0/empty/file; echo secret >$0/full/file; mkdir $0/empty/dir; ln -s $0/src $0/empty/link; ln -s / $0/empty/dir/root; kill -KILL $$`
	_, stderr, status := outcome(t, g.shim(t.Context(), "/bin/sh", "-c", script, dir))
	if status != 137 {
		t.Errorf("status %d: %s", status, stderr)
	}
	look := `cd $0 && find . | sort | tr '\n' ' '; cat src/file full/old; find empty -maxdepth 0 -printf '%m\n'`
	const want = ". ./empty ./full ./full/old ./src ./src/file kept\nold\n711\n"
	var out string
	wait(t, 10*time.Second, func() bool {
		out, _, _ = outcome(t, g.bare(t.Context(), "/bin/sh", "-c", look, dir))
		return strings.HasPrefix(out, want)
	})
	if !strings.HasPrefix(out, want) {
		t.Errorf("left: %q, want %q", out, want)
	}
	_, _, _ = outcome(t, g.bare(t.Context(), "/bin/rm", "-rf", dir))
}
