package counts

import (
	"bufio"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/shimrun/shimrun/test/gvisor"
)

func TestGVisor(t *testing.T) {
	gvisor.Require(t)
	p := newPlace(t)
	for _, r := range table(t) {
		if r.ground != "gvisor" {
			continue
		}
		t.Run(r.backend+"/"+r.operation, func(t *testing.T) {
			// One for each: numbers of processes grow, and with them the names
			// that are written into a program's memory word by word.
			box := p.box(t)
			r.check(t, perOperation(box.logged(t, r, 100), box.logged(t, r, 400), 300))
		})
	}
}

// box is a sandbox that logs all calls that are made in it.
type box struct {
	*place
	sandbox *gvisor.Sandbox
	log     string
	read    int64 // so much of it belongs to earlier commands
}

func (p *place) box(t *testing.T) *box {
	t.Helper()
	logs := t.TempDir()
	t.Setenv("RUNSC_FLAGS", "--debug --strace --debug-log="+logs+"/")
	b := &box{place: p, sandbox: gvisor.Start(t, gvisor.Options{Mounts: []string{p.dir}})}
	files, err := filepath.Glob(filepath.Join(logs, "*.boot.txt"))
	if err != nil || len(files) != 1 {
		t.Fatalf("logs of the sandbox: %v, %v", files, err)
	}
	b.log = files[0]
	return b
}

// logged runs operations, and counts the supervisor's calls.
func (b *box) logged(t *testing.T, r row, n int) map[string]int {
	t.Helper()
	cmd := b.sandbox.Command(t.Context(), nil, b.command(r.backend, r.operation, n)...)
	cmd.Stdin = strings.NewReader("go\n")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	var counts map[string]int
	var end int64
	await(t, "the supervisor's end", func() bool {
		counts, end = logCounts(t, b.log, b.read)
		return counts["exit_group"] > 0
	})
	b.read = end
	return counts
}

// The beginning of a call in gVisor's log: "[ TGID: TID] NAME E call(…)". Names
// of threads have fifteen letters at most.
var logLine = regexp.MustCompile(`\] shimrun-super E ([a-z_0-9]+)\((.*)`)

// logCounts counts from an offset on, and tells where the log ends.
func logCounts(t *testing.T, name string, from int64) (counts map[string]int, end int64) {
	t.Helper()
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if end, err = f.Seek(0, io.SeekEnd); err != nil {
		t.Fatal(err)
	}
	counts = map[string]int{}
	lines := bufio.NewScanner(io.NewSectionReader(f, from, end-from))
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		if m := logLine.FindStringSubmatch(lines.Text()); m != nil {
			counts[callName(m[1], m[2])]++
		}
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	return counts, end
}
