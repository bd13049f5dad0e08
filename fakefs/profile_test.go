package fakefs

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// badProfiles are documents with one mistake, and what is said about it.
// structural ones are refused by the schema too.
var badProfiles = []struct {
	doc        string
	want       string
	structural bool
}{
	{"nam: x", `p.yaml:1:1: unknown key "nam"; did you mean name? (allowed: arguments, calls, cgroups, description,`, true},
	{"name: a\nname: b", `p.yaml:2:1: key "name" stands in line 1 already`, false},
	{"name: [a]", `p.yaml:1:7: found a list (allowed: a text)`, true},
	{"- a", `p.yaml:1:1: found a list (allowed: a mapping)`, true},
	{"a: &x 1\nb: *x\nname: *x", `p.yaml:1:1: unknown key "a"`, false},
	{"name: &x y\ndescription: *x", `p.yaml:2:14: found an alias (allowed: a text)`, false},
	{"name: 'a", "p.yaml:1:1: not YAML: ", false},
	{"name: x\nfiles: {/a: {content: b}\nsysctls: {}\n", "p.yaml:2:8: not YAML: did not find expected ',' or '}'", false},
	{"name: x\nextends: [a, 'b]'\n", "p.yaml:2:10: not YAML: ", false},
	{"extends: [b}", "p.yaml:1:10: not YAML: ", false},
	{"name: x\n  bad: y\n", "p.yaml:2:3: not YAML: mapping values are not allowed", false},
	{"name: x\n\nfiles:\n\t/a: b\n", "p.yaml:4:2: not YAML: found character that cannot start any token", false},
	{"name: x\n- y\n", "p.yaml:2:", false},
	{"name: x\ndescription: *y\n", "p.yaml:2:14: not YAML: unknown anchor 'y'", false},
	{"name: x\nfiles: {/a: {content: \x01}}\n", "p.yaml:2:23: not YAML: control characters", false},
	{"name: x\nfiles: \xff\n", "p.yaml:2:8: not YAML: ", false},
	{"name: \"a\nlinks: exact\n", "p.yaml:1:1: not YAML: found unexpected end of stream", false},
	{"name: a\n---\nname: b", "a second document", false},
	{"sysctls: {kernel.panic: }", `p.yaml:1:25: found nothing (allowed: a text)`, true},
	{"sysctls: {kernel.panik: 1}", `p.yaml:1:25: sysctls kernel.panik: shimrun knows no sysctl of this name; did you mean kernel.panic? (allowed: {type: integer|`, false},
	{"sysctls:\n  vm.overcommit_memory: 3", `p.yaml:2:25: sysctls vm.overcommit_memory: value "3" is no number in range (allowed: a number from 0 to 2)`, false},
	{"sysctls: {vm.swappiness: ten}", `value "ten" is no number in range`, false},
	{"sysctls: {vm.swappiness: 1 2}", `value "1 2" has 2 numbers, not 1`, false},
	{"sysctls: {net.ipv4.ip_local_port_range: [2000, 1000]}", `is no number in range`, false},
	{"sysctls: {kernel.panic: 1, kernel/panic: 2}", `p.yaml:1:28: sysctls kernel.panic: contradicts p.yaml:1:11`, false},
	{"sysctls: {kernel.panic: 1}\npassthrough: [kernel.panic]", `p.yaml:2:15: sysctls kernel.panic: contradicts p.yaml:1:11`, false},
	{"sysctls: {kernel.osrelease: '5'}\nuname: {release: '6'}", `contradicts p.yaml:1:11`, false},
	{"sysctls: {'*': {when: always}}", `all sysctls can only be filled in (allowed: {when: missing})`, false},
	{"sysctls: {kernel.panic: {min: 1}}", `the kernel's range stands`, false},
	{"sysctls: {a.b: {type: integer}}", `a type needs a value`, false},
	{"sysctls: {a.b: {type: integer, value: 5, max: 4}}", `value "5" is no number in range (allowed: a number from -2147483648 to 4)`, false},
	{"sysctls: {a.b: {type: integr, value: 5}}", `"integr" is unknown; did you mean integer? (allowed: integer, unsigned, long, vector, string, host)`, true},
	{"sysctls: {a.b: {type: string, value: x, max: 4}}", `min and max are for numbers`, false},
	{"sysctls: {a.b: {type: integer, value: 1, mode: '0999'}}", `mode "0999" (allowed: octal permissions such as "0644")`, true},
	{"sysctls: {a.b: {type: integer, value: 1, when: present}}", `"present" is unknown (allowed: always, missing)`, true},
	{"sysctls: {../b: 1}", `"../b" is no sysctl`, false},
	{"files: {a: {content: x}}", `"a" is no absolute, clean path`, true},
	{"files: {/a/../b: {content: x}}", `no absolute, clean path`, false},
	{"files: {/proc/sys/vm/x: {content: x}}", `is a sysctl`, false},
	{"files: {/proc/self/x: {content: x}}", `say /proc/*/…`, false},
	{"files: {/*/x: {content: x}}", `matches in every folder`, false},
	{"files: {/a/**: {content: x}}", `the last component cannot be **`, false},
	{"files: {'/a/[': {content: x}}", `is no pattern`, false},
	{"files: {/a: {}}", `0 kinds of file at once (allowed: one of content,`, true},
	{"files: {/a: {content: x, link: y}}", `2 kinds of file at once`, true},
	{"files: {/a: {content: x, device: '1:1'}}", `a device number without a device`, false},
	{"files: {/a: {content: x, owner: root}}", `owner "root" (allowed: two numbers, such as "1:11")`, true},
	{"files: {/a: {generate: nothing}}", `"nothing" is unknown (allowed: cgroups, `, true},
	{"files: {/a: {content: x}, /a/b: {content: y}}", `files /a/b: contradicts p.yaml:1:9: /a is no directory`, false},
	{"filesystems: {9p: ext4}", `found a mapping (allowed: a list of {match: …, report: …})`, true},
	{"filesystems: [{match: {type: 9p}, report: {type: ext5}}]", `unknown type "ext5" (allowed: 9p, `, true},
	{"filesystems: [{match: {type: 9p}, report: {type: 9p}}]", `match and report are the same`, false},
	{"filesystems: [{match: {type: 9p}, report: {type: ext4, source: /dev/x1}}]", `source "/dev/x1"`, true},
	{"filesystems: [{match: {type: 9p}, report: {type: ext4}}, {match: {type: 9p}, report: {type: xfs}}]", `filesystems 9p: contradicts p.yaml:1:15`, false},
	{"memory: {total: 8Gb}", `memory total: "8Gb" is no size (allowed: bytes, or a number with Ki, Mi, Gi or Ti)`, true},
	{"memory: {total: 99999999Ti}", `is no size`, false},
	{"quirks: [statfs]", `"statfs" is unknown (allowed: child-subreaper, fchown-pipe, mount-bind-link, mount-bind-recursive, mount-propagation, mount-remount, network-namespace, statfs-enosys, statx-no-automount, uts-namespace)`, true},
	{"calls: {io_uring_setup: ENOSUS}", `"ENOSUS" is no error; did you mean ENOSYS? (allowed: 0, or a name of errno(3) such as ENOSYS)`, false},
	{"calls: {IO: ENOSYS}", `p.yaml:1:9: calls IO: cannot be refused (allowed: add_key, `, true},
	{"calls:\n  opne: ENOSYS", `p.yaml:2:3: calls opne: cannot be refused (allowed: `, false},
	{"calls: {opentree: ENOSYS}", `p.yaml:1:9: calls opentree: cannot be refused; did you mean open_tree? (allowed: `, false},
	{"sysctls: {kernel.panic: 1, kernel.panic.x: {type: integer, value: 1}}", `p.yaml:1:28: sysctls kernel.panic.x: contradicts p.yaml:1:11: /proc/sys/kernel/panic is no directory`, false},
	{"mounts: some", `"some" is unknown (allowed: kernel, virtual)`, true},
	{"links: some", `"some" is unknown (allowed: exact, kernel)`, true},
	{"match: {lacks: [rain]}", `"rain" is no probe (allowed: kmsg, `, true},
	{"arguments: {k3s: x}", `found "x" (allowed: a list of arguments)`, true},
	{"extends: gvisor", `found "gvisor" (allowed: a list of texts)`, true},
}

func TestParseSaysWhereAndWhat(t *testing.T) {
	schema := compileSchema(t)
	for _, c := range badProfiles {
		_, err := Parse("p.yaml", []byte(c.doc))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s:\n got %v\nwant %s", c.doc, err, c.want)
		}
		if c.structural && validate(schema, c.doc) == nil {
			t.Errorf("%s: the schema accepts it", c.doc)
		}
	}
}

func TestParseFindsEveryMistake(t *testing.T) {
	_, err := Parse("p.yaml", []byte("links: some\nquirks: [x]\nmemory: {total: y}\ncalls:\n  opne: ENOSYS\n  close: ENOWAY\n"))
	for _, place := range []string{"p.yaml:1:8: ", "p.yaml:2:10: ", "p.yaml:3:17: ", "p.yaml:5:3: ", "p.yaml:6:3: ", "p.yaml:6:10: "} {
		if err == nil || !strings.Contains(err.Error(), place) {
			t.Errorf("%s is not in: %v", place, err)
		}
	}
}

const fullProfile = `name: full
description: all that there is
match: {commands: [kubelet], lacks: [kmsg, "sysctl:kernel.panic", "file:/dev/kmsg"]}
sysctls:
  kernel.panic: 0x10
  vm.overcommit_memory: {value: 1, when: missing, mode: "0600"}
  shim.example: {type: integer, min: 0, max: 10, value: 3, mode: "0644"}
  shim/text: {type: string, value: "a b"}
  shim.vector: {type: vector, value: [1, 2, 3]}
  kernel.tainted: {type: host}
  net.ipv4.ip_local_port_range: [1024, 65000]
  "*": {when: missing}
passthrough: [vm.swappiness]
files:
  /dev/kmsg: {stream: kmsg, mode: "0644", device: "1:11"}
  /etc/motd: {content: "hello\n", mode: "0644", owner: "1:2"}
  /etc/link: {link: target}
  /opt/dir: {directory: true}
  /proc/*/x: {generate: mounts, when: present}
filesystems:
  - match: {type: 9p}
    report: {type: ext4, source: /dev/disk}
uname: {release: 6.1.0, machine: x86_64}
memory: {total: 8Gi, swap: 1024}
quirks: [statfs-enosys]
calls: {io_uring_setup: ENOSYS, keyctl: 0}
links: exact
mounts: virtual
arguments: {k3s server: ["--a=b"]}
`

func TestMarshalReadsBack(t *testing.T) {
	schema := compileSchema(t)
	if err := validate(schema, fullProfile); err != nil {
		t.Error(err)
	}
	p, err := Parse("full.yaml", []byte(fullProfile))
	if err != nil {
		t.Fatal(err)
	}
	if got := *p.Sysctls["kernel/panic"].Value; got != "16" {
		t.Errorf("kernel.panic is %q", got)
	}
	out, err := p.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	again, err := Parse("full.yaml", out)
	if err != nil {
		t.Fatalf("%v in\n%s", err, out)
	}
	if diff := cmp.Diff(p, again, cmpopts.IgnoreUnexported(Profile{})); diff != "" {
		t.Errorf("(-first +again):\n%s", diff)
	}
	if u := again.Uname(); u.Release != "6.1.0" || u.Machine != "x86_64" || u.Nodename != "" {
		t.Errorf("uname: %+v", u)
	}
	if _, err := p.Tree(fakeMachine("")); err != nil {
		t.Error(err)
	}
}

// write makes profile files in a folder.
func writeProfiles(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, doc := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(doc), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestExtends(t *testing.T) {
	base := "name: base\nsysctls: {vm.swappiness: 1, kernel.panic: 1}\n"
	for _, c := range []struct {
		name  string
		files map[string]string
		want  string // the value of vm.swappiness
		err   []string
	}{
		{"own word is final", map[string]string{"base.yaml": base,
			"top.yaml": "extends: [base.yaml]\nsysctls: {vm.swappiness: 2}"}, "2", nil},
		{"child of a child", map[string]string{"base.yaml": base, "mid.yaml": "extends: [./base.yaml]\nsysctls: {vm.swappiness: 3}",
			"top.yaml": "extends: [mid.yaml, base.yaml]"}, "3", nil},
		{"the same, the other way round", map[string]string{"base.yaml": base, "mid.yaml": "extends: [base.yaml]\nsysctls: {vm.swappiness: 3}",
			"top.yaml": "extends: [base.yaml, mid.yaml]"}, "3", nil},
		{"a diamond", map[string]string{"base.yaml": base, "a.yaml": "extends: [base.yaml]", "b.yaml": "extends: [base.yaml]",
			"top.yaml": "extends: [a.yaml, b.yaml]"}, "1", nil},
		{"agreement", map[string]string{"base.yaml": base, "a.yaml": "sysctls: {vm.swappiness: 1}",
			"top.yaml": "extends: [base.yaml, a.yaml]"}, "1", nil},
		{"disagreement", map[string]string{"base.yaml": base, "a.yaml": "sysctls: {vm.swappiness: 7}",
			"top.yaml": "extends: [base.yaml, a.yaml]"}, "", []string{"a.yaml:1:11: sysctls vm.swappiness: profile a contradicts profile base at ", "base.yaml:2:11"}},
		{"disagreement decided", map[string]string{"base.yaml": base, "a.yaml": "sysctls: {vm.swappiness: 7}",
			"top.yaml": "extends: [base.yaml, a.yaml]\nsysctls: {vm.swappiness: 9}"}, "9", nil},
		{"a circle", map[string]string{"a.yaml": "extends: [top.yaml]",
			"top.yaml": "extends: [a.yaml]"}, "", []string{"extends in a circle: ", "a.yaml → ", "top.yaml"}},
		{"itself", map[string]string{"top.yaml": "extends: [top.yaml]"}, "", []string{"extends in a circle: "}},
		{"unknown", map[string]string{"top.yaml": "extends: [kubernets]"}, "", []string{"top.yaml:1:11: extends kubernets: ", `"kubernets"`, "built in: 9p, containerd, gvisor"}},
		{"missing file", map[string]string{"top.yaml": "extends: [x.yaml]"}, "", []string{"x.yaml", "no such file"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := writeProfiles(t, c.files)
			p, err := Load(LoadOptions{Profiles: []string{filepath.Join(dir, "top.yaml")}})
			for _, want := range c.err {
				if err == nil || !strings.Contains(err.Error(), want) {
					t.Fatalf("got %v, want %s in it", err, want)
				}
			}
			if len(c.err) > 0 {
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if got := *p.Sysctls["vm/swappiness"].Value; got != c.want {
				t.Errorf("vm.swappiness is %s, want %s", got, c.want)
			}
		})
	}
}

func TestSingleLies(t *testing.T) {
	dir := writeProfiles(t, map[string]string{"motd": "from a file\n"})
	tree := mustTree(t, LoadOptions{
		Profiles:    []string{"kubernetes"},
		Set:         []string{"/proc/sys/vm/max_map_count=262144", "kernel.panic=7", "shim.word=some text"},
		Files:       []string{"/etc/motd=@" + filepath.Join(dir, "motd"), "/etc/other=a=b"},
		Filesystems: []string{"9p=xfs"},
	})
	for name, want := range map[string]string{
		"/proc/sys/vm/max_map_count": "262144\n",
		"/proc/sys/kernel/panic":     "7\n",
		"/proc/sys/shim/word":        "some text\n",
		"/etc/motd":                  "from a file\n",
		"/etc/other":                 "a=b",
	} {
		if got := read(t, tree, name, nil); got != want {
			t.Errorf("%s: got %q, want %q", name, got, want)
		}
	}
	if lie := tree.Filesystem(0x01021997); lie == nil || lie.Report.Type != "xfs" {
		t.Errorf("9p: %+v", lie)
	}
	for _, c := range []struct {
		opt  LoadOptions
		want string
	}{
		{LoadOptions{Set: []string{"kernel.panic"}}, "--set kernel.panic: no = in it (allowed: --set NAME=VALUE)"},
		{LoadOptions{Set: []string{"vm.overcommit_memory=5"}}, `--set vm.overcommit_memory=5: value "5" is no number in range (allowed: a number from 0 to 2)`},
		{LoadOptions{Set: []string{"/etc/motd=5"}}, "--file serves other files"},
		{LoadOptions{Set: []string{"kernel.panic=5", "/proc/sys/kernel/panic=6"}}, "contradicts --set kernel.panic=5"},
		{LoadOptions{Files: []string{"motd=x"}}, "no absolute, clean path"},
		{LoadOptions{Files: []string{"/etc/motd=@/nonexistent"}}, "cannot read /nonexistent: no such file"},
		{LoadOptions{Filesystems: []string{"9p=ext5"}}, `unknown type "ext5"`},
		{LoadOptions{Profiles: []string{"nothing"}}, "built in: 9p, containerd, gvisor, k3s, kubernetes"},
	} {
		if _, err := Load(c.opt); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: got %v, want %s in it", c.opt, err, c.want)
		}
	}
}

func TestPick(t *testing.T) {
	gvisor := Facts{"rootfs-9p": true, "kmsg": true, "sysctl:kernel.panic": true, "statfs-enosys": true}
	for _, c := range []struct {
		facts   Facts
		command string
		want    []string
	}{
		{nil, "k3s", nil},
		{Facts{}, "sh", nil},
		{gvisor, "sh", []string{"9p", "gvisor"}},
		{gvisor, "/usr/local/bin/k3s", []string{"k3s"}},
		{gvisor, "kubelet", []string{"kubernetes"}},
		{Facts{"rootfs-9p": true}, "df", []string{"9p"}},
	} {
		if diff := cmp.Diff(c.want, Pick(c.facts, c.command), cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("%v %s (-want +got):\n%s", c.facts, c.command, diff)
		}
	}
	for _, lack := range Lacks() {
		if !validLack(lack) {
			t.Errorf("%s is no probe", lack)
		}
	}
}

func TestEmptyAndLies(t *testing.T) {
	p, err := Load(LoadOptions{})
	if err != nil || !p.Empty() || len(p.Lies()) != 0 {
		t.Errorf("%v %+v", err, p)
	}
	p, err = Load(LoadOptions{Profiles: []string{"k3s"}})
	if err != nil || p.Empty() || p.Name != "k3s" {
		t.Fatal(err)
	}
	for _, lie := range p.Lies() {
		if lie.Name == "" || lie.Kind == "" || lie.Real == "" || lie.Told == "" || !strings.Contains(lie.From, ".yaml:") {
			t.Errorf("%+v", lie)
		}
	}
	if !errors.As(func() error { _, err := Parse("x", []byte("a: 1")); return err }(), new(*ProfileError)) {
		t.Error("no ProfileError")
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(fullProfile))
	for _, c := range badProfiles {
		f.Add([]byte(c.doc))
	}
	f.Fuzz(func(t *testing.T, doc []byte) {
		p, err := Parse("p.yaml", doc)
		if err != nil {
			return
		}
		out, err := p.Marshal()
		if err != nil {
			t.Fatal(err)
		}
		again, err := Parse("p.yaml", out)
		if err != nil {
			t.Fatalf("%v in\n%s", err, out)
		}
		if diff := cmp.Diff(p, again, cmpopts.IgnoreUnexported(Profile{}), cmpopts.EquateEmpty()); diff != "" {
			t.Fatal(diff)
		}
	})
}
