package programs

import (
	"strings"
	"testing"

	"github.com/shimrun/shimrun/test/gvisor"
)

// Old gVisor keeps no mounts to some processes, whatever unshare(2) says there:
// traps tell what a profile would leave to mounts, and both doctor and a run
// say why.
func TestNoMountsInPlaceOfTraps(t *testing.T) {
	gvisor.Require(t)
	const script = `
cd /
cat /proc/self/mountinfo >/tmp/before
printf 'sysctls: {kernel.panic: 77}\napproximate: [/proc/sys]\n' >/tmp/mine.yaml
shimrun doctor | grep '^accelerate'
shimrun --profile /tmp/mine.yaml --dry-run true | grep '^accelerate'
shimrun --profile /tmp/mine.yaml --log-level info sh -c 'cat /proc/sys/kernel/panic; echo abc >/proc/sys/kernel/panic || echo refused'
cat /proc/self/mountinfo | cmp - /tmp/before && echo unchanged`
	for caps, why := range map[string]string{
		"all":    "mounts cannot be kept to the command: unshare(CLONE_NEWNS) succeeds, but mounts are seen by all",
		"docker": "there is no CAP_SYS_ADMIN to mount with",
	} {
		box := gvisor.Start(t, gvisor.Options{Caps: caps, Mounts: []string{binaries}})
		stdout, stderr, _ := box.Run(t, "/usr/bin/env", "PATH="+binaries+":/usr/bin:/bin", "/bin/bash", "-c", script)
		want := "accelerate\tno\t" + why + "\naccelerate\t/proc/sys\ttold by traps: " + why + "\n77\nrefused\nunchanged\n"
		if stdout != want || !strings.Contains(stderr, `"why":"`+why) {
			t.Errorf("%s: got\n%swant\n%s%s", caps, stdout, want, stderr)
		}
	}
}
