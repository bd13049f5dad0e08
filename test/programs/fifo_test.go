package programs

import (
	"encoding/json"
	"testing"

	"github.com/shimrun/shimrun/test/gvisor"
)

// An open of a FIFO waits for the other end undisturbed: it is made once, however
// long it takes. Old gVisor, whose threads have to be interrupted for the sake of
// their signals, would take it back and make it again, and who opens the other end
// in between finds nobody there.
func TestOpenOfAFIFOIsMadeOnce(t *testing.T) {
	gvisor.Require(t)
	box := gvisor.Start(t, gvisor.Options{Caps: "all", Mounts: []string{binaries}})
	opens := func(wait string) int {
		t.Helper()
		const script = `rm -f /tmp/fifo /tmp/stats; mkfifo /tmp/fifo
"$0" --profile kubernetes --stats-file /tmp/stats -- sh -c '(sleep $0; echo text >/tmp/fifo) & exec cat /tmp/fifo' $1
for i in $(seq 100); do test -s /tmp/stats && break; sleep 0.1; done
cat /tmp/stats`
		out, errOut, code := box.Run(t, "/bin/bash", "-c", script, binaries+"/shimrun", wait)
		var stats struct {
			Calls []struct {
				Call string
				Seen int
			}
		}
		const text = "text\n"
		if code != 0 || len(out) < len(text) || out[:len(text)] != text {
			t.Fatalf("status %d: %s%s", code, out, errOut)
		}
		if err := json.Unmarshal([]byte(out[len(text):]), &stats); err != nil {
			t.Fatalf("%v in %s", err, out)
		}
		for _, c := range stats.Calls {
			if c.Call == "openat" {
				return c.Seen
			}
		}
		t.Fatalf("no openat in %s", out)
		return 0
	}
	// One that was interrupted on its way to the open makes it twice, before it
	// sleeps there. Sleeping, it would be interrupted ten times a second.
	const few = 3
	if short, long := opens("0.01"), opens("1"); long > short+few {
		t.Errorf("%d opens where the FIFO's other end comes at once, %d where it comes a second later", short, long)
	}
}
