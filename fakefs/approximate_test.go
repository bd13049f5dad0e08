package fakefs

import (
	"strings"
	"testing"
)

// What keeps traps, and what does not, on a machine that has the names in there.
func TestApproximations(t *testing.T) {
	there := map[string]bool{
		"/proc/sys/kernel/panic": true, "/proc/sys/kernel/hostname": true, "/proc/filesystems": true,
		"/proc/partitions": true, "/proc/diskstats": true, "/proc/version": true,
	}
	const named = "approximate: [/proc/sys]\n"
	for _, test := range []struct {
		name, profile string
		files         string // what mounts tell
		why           string
	}{
		{"a sysctl", named + "sysctls: {kernel.panic: 1}", "/proc/sys/kernel/panic=1", ""},
		{"one that is missing", named + "sysctls: {vm.overcommit_memory: {when: missing}}", "/proc/sys/vm/overcommit_memory=0", ""},
		{"one that the kernel has", named + "sysctls: {kernel.panic: {when: missing}}", "", "nothing is served in it here"},
		{"the kernel's value", named + "sysctls: {kernel.panic: {type: host}}", "", "no mount can tell /proc/sys/kernel/panic: its text depends on the moment"},
		{"uname", named + "uname: {nodename: a}", "", "no mount can tell /proc/sys/kernel/hostname: uname(2)"},
		{"uname that cannot be written", named + "uname: {release: a}", "/proc/sys/kernel/osrelease=a", ""},
		{"a folder within another", "approximate: [/proc/sys, /proc/sys/kernel]\nsysctls: {kernel.panic: 1}", "/proc/sys/kernel/panic=1", ""},
		{"a stream", "approximate: [/dev]\nfiles: {/dev/kmsg: {stream: kmsg}}", "", "no mount can tell /dev/kmsg: it is a stream"},
		{"a link", "approximate: [/etc]\nfiles: {/etc/l: {link: a}}", "", "no mount can tell /etc/l: it is a link"},
		{"a pattern", "approximate: [/opt]\nfiles: {/opt/*/x: {content: a}}", "", "no mount can tell /opt/*/x: it is a pattern"},
		{"a file elsewhere", named + "sysctls: {kernel.panic: 1}\nfiles: {/etc/motd: {content: a}}", "", "it would gain nothing: /etc/motd keeps"},
		{"a file elsewhere that is opened", named + "sysctls: {kernel.panic: 1}\nfiles: {/proc/version: {generate: version}}", "/proc/sys/kernel/panic=1", ""},
		{"one that is missing there", named + "sysctls: {kernel.panic: 1}\nfiles: {/proc/swaps: {generate: swaps}}", "", "it would gain nothing: /proc/swaps keeps"},
		{"a filesystem on a device of its own", named + "sysctls: {kernel.panic: 1}\nfilesystems: [{match: {type: xfs}, report: {type: ext4}}]", "/proc/sys/kernel/panic=1", ""},
		{"a filesystem that gets a device", named + "sysctls: {kernel.panic: 1}\nfilesystems: [{match: {type: 9p}, report: {type: ext4}}]", "", "it would gain nothing: /dev/shim12 keeps"},
		{"none named", "sysctls: {kernel.panic: 1}", "", ""},
	} {
		p, err := Parse("test.yaml", []byte(test.profile))
		if err != nil {
			t.Fatal(err)
		}
		tree, err := p.Tree(fakeMachine(gvisorMounts))
		if err != nil {
			t.Fatal(err)
		}
		exists := func(name string) bool { return there[name] }
		var files, folders []string
		why := ""
		for _, a := range tree.Approximations(exists) {
			for _, f := range a.Files {
				files = append(files, f.Name+"="+strings.TrimSpace(string(f.Text)))
			}
			folders, why = append(folders, a.Folder), a.Why
		}
		if got := strings.Join(files, " "); got != test.files || !strings.HasPrefix(why, test.why) || (why == "") != (test.why == "") {
			t.Errorf("%s: mounts tell %q, why %q; want %q, %q", test.name, got, why, test.files, test.why)
		}
		if test.files == "" {
			continue
		}
		tree.Leave(folders, exists)
		for _, node := range tree.Nodes() {
			if isWithin(node.Name, "/proc/sys") || !node.WhenPresent {
				t.Errorf("%s: %s is still served", test.name, node.Name)
			}
		}
	}
}
