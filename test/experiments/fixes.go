package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

// rung is one fix more than the rung before it has.
type rung struct {
	fix    string
	hand   string // a line for a shell in the sandbox
	under  string // a command that the server runs under
	quirk  string // lies of shimrun
	file   string
	fs     string
	says   string // what ends the server then; "" when the node is Ready
	ground ground
}

const fakeProcSys = `mkdir -p /tmp/fake-procsys/vm /tmp/fake-procsys/kernel/keys; cd /tmp/fake-procsys; cp -a /proc/sys/. . 2>/dev/null; ` +
	`echo 1 >vm/overcommit_memory; echo 0 >vm/panic_on_oom; echo 10 >kernel/panic; echo 1 >kernel/panic_on_oops; ` +
	`echo 1000000 >kernel/keys/root_maxkeys; echo 25000000 >kernel/keys/root_maxbytes`

var rungs = []rung{
	{fix: "nothing", says: "mountpoint for cpu not found", ground: groundBare},
	{fix: "cgroup mounts, by hand", says: "open /dev/kmsg: no such file or directory"},
	{fix: "`/dev/null` over `/dev/kmsg`, by hand", hand: "touch /dev/kmsg; mount --bind /dev/null /dev/kmsg", says: "rshared: invalid argument"},
	{fix: "a mount namespace with unchanged propagation, by hand", under: "unshare --mount --propagation unchanged", says: "rshared: invalid argument"},
	{fix: "quirk `mount-propagation`, by shimrun", quirk: "mount-propagation", says: "could not find device in cached partitions map"},
	{fix: "9p as ext4, by shimrun", fs: "9p", says: "unable to find data in memory cache"},
	{fix: "quirk `statfs-enosys`, by shimrun", quirk: "statfs-enosys", says: "unable to find data in memory cache"},
	{fix: "`cpuacct.usage_percpu`, by shimrun", file: "/sys/fs/cgroup/cpuacct/**/cpuacct.usage_percpu: {generate: usage_percpu, when: missing}",
		says: "open /proc/sys/kernel/panic: no such file or directory"},
	{fix: "a folder over `/proc/sys`, by hand", hand: fakeProcSys + "; mount --bind /tmp/fake-procsys /proc/sys"},
}

func fixes(r *run) {
	ladder(r)
	byHand(r)
	whole(r)
	imageCollection(r)
	plugins(r)
}

// ladder tries a server with one fix more each time.
func ladder(r *run) {
	r.head("ladder", "", "and this fix", "exit status", "the next error", "what cAdvisor's log says of it")
	var hand, under, quirks, files, kinds []string
	for i, step := range rungs {
		if step.hand != "" {
			hand = append(hand, step.hand)
		}
		if step.under != "" {
			under = []string{step.under}
		}
		if step.quirk != "" {
			quirks = append(quirks, step.quirk)
		}
		if step.file != "" {
			files = append(files, step.file)
		}
		if step.fs != "" {
			kinds = append(kinds, step.fs)
		}
		g := step.ground
		if g.name == "" {
			g = groundAll
		}
		s := r.sandbox(g)
		for _, line := range hand {
			x := s.sh(line)
			r.expect(x.code == 0, line+" works with all capabilities", x.both())
		}
		command := strings.Join(under, " ")
		if yaml := profile(quirks, files, kinds); yaml != "" {
			name := fmt.Sprintf("rung-%d.yaml", i)
			r.file(name, yaml)
			r.values["profile"] = "```yaml\n" + yaml + "```"
			command += " shimrun --profile " + inside + "/" + name + " --"
		}
		v := s.serve(strings.TrimSpace(command))
		ready, fatal := v.node(patience)
		log := v.log.String()
		status := "runs"
		if v.ended() {
			status = fmt.Sprint(v.end())
		}
		next := code(fatal)
		if ready {
			next = "none: the node is Ready"
		}
		r.row("ladder", fmt.Sprint(i), step.fix, status, next, code(because(log)))
		if step.says == "" {
			r.expect(ready, "the node is Ready with all fixes", fatal)
		} else {
			r.expect(!ready, "no node without all fixes", "a node that is Ready")
			r.expectSays(fmt.Sprintf("the server with fixes 0 to %d", i), fatal, step.says)
		}
		v.end()
		s.stop()
	}
}

var statsError = regexp.MustCompile(`(?:Failed to update stats for container "/": |Unable to get stats for container "/": |err=.*failed to get container stats.*)([^\n]*)`)

// because finds what cAdvisor's log says of missing statistics.
func because(log string) string {
	if m := statsError.FindStringSubmatch(log); m != nil {
		return m[1]
	}
	return ""
}

// profile writes one with these lies; "" for none.
func profile(quirks, files, kinds []string) string {
	var b strings.Builder
	if len(quirks) > 0 {
		fmt.Fprintf(&b, "quirks: [%s]\n", strings.Join(quirks, ", "))
	}
	if len(files) > 0 {
		fmt.Fprintf(&b, "files:\n  %s\n", strings.Join(files, "\n  "))
	}
	if len(kinds) > 0 {
		b.WriteString("filesystems:\n")
	}
	for _, kind := range kinds {
		fmt.Fprintf(&b, "  - match: {type: %s}\n    report: {type: ext4, source: /dev/shim}\n", kind)
	}
	return b.String()
}

var traced = regexp.MustCompile(`(?m)^(?:\[pid +\d+\] )?(?:mount|unshare)\(.*\) += (\S+(?: E\w+)?)`)

// byHand asks which of the fixes a sandbox lets one make.
func byHand(r *run) {
	r.head("hand", "fix", "with all capabilities", "with Docker's default ones")
	type answer map[string]string
	answers := map[string]answer{}
	commands := []string{
		"mount -t cgroup -o cpu cgroup /mnt",
		"mount --bind /dev/null /dev/kmsg",
		"mount --bind /tmp/fake-procsys /proc/sys",
		"mount -t tmpfs tmpfs /mnt",
		"mount -t overlay overlay -o lowerdir=/usr,upperdir=/tmp/upper,workdir=/tmp/work /mnt",
		"mount --make-rshared /",
		"unshare --mount true",
		"unshare --mount --propagation unchanged true",
	}
	for _, g := range []ground{groundBare, groundDocker} {
		s := r.sandbox(g)
		s.sh("touch /dev/kmsg; mkdir -p /tmp/upper /tmp/work; " + fakeProcSys)
		answers[g.name] = answer{}
		for _, command := range commands {
			x := s.sh("strace -qq -e trace=mount,unshare " + command)
			m := traced.FindAllStringSubmatch(x.err, -1)
			if m == nil {
				r.fatal("%s: no call in %q", command, x.err)
			}
			last := m[len(m)-1][1]
			if last == "0" {
				last = "works"
			}
			answers[g.name][command] = strings.TrimPrefix(last, "-1 ")
		}
		s.stop()
	}
	all, docker := answers[groundBare.name], answers[groundDocker.name]
	for _, command := range commands {
		r.row("hand", code(command), all[command], docker[command])
	}
	for _, command := range commands[:5] {
		r.expect(all[command] == "works", command+" works with all capabilities", all[command])
		r.expect(docker[command] == "EPERM", command+" is EPERM with Docker's", docker[command])
	}
	r.expect(all[commands[5]] == "EINVAL" && all[commands[6]] == "EINVAL", "propagation cannot be changed", all)
	r.expect(all[commands[7]] == "works", "a mount namespace with unchanged propagation works", all)
}

// whole tries the built-in profile.
func whole(r *run) {
	r.head("whole", "sandbox", "under", "node", "pod")
	for _, g := range grounds {
		s := r.sandbox(g)
		v := s.serve("shimrun --profile kubernetes --")
		ready, fatal := v.node(patience)
		node, life := "Ready", ""
		if ready {
			life = v.runsPod()
		} else {
			node = code(fatal)
		}
		r.row("whole", g.name, code("shimrun --profile kubernetes"), node, life)
		r.expect(ready && life == "Running, logs, exec", "the profile kubernetes is enough in "+g.name, node+" "+life)
		v.end()
		s.stop()
	}
}

// imageCollection raises the threshold of image collection, and looks at the
// disk that it would go by.
func imageCollection(r *run) {
	r.head("images", "argument", "node", "disk used, seen in the sandbox", "disk used, seen by the host")
	s := r.sandbox(groundAll)
	const flag = "--kubelet-arg=image-gc-high-threshold=100"
	v := s.serve("shimrun --profile kubernetes --", flag)
	ready, fatal := v.node(patience)
	node := "Ready"
	if !ready {
		node = code(fatal)
	}
	seen := used(s.sh("df --output=pcent " + dataDir).out)
	out, err := execCommand([]string{"df", "--output=pcent", s.data}).Output()
	if err != nil {
		r.fatal("%w", err)
	}
	host := used(string(out))
	r.row("images", code(flag), node, seen, host)
	r.expect(ready, "the threshold decides nothing about the start", fatal)
	r.expect(seen == host && seen != "", "kubelet's disk is the host's", seen+" "+host)
	v.end()
	s.stop()
}

// used finds the percentage that df prints.
func used(df string) string { return strings.TrimSpace(lastLine(df)) }

func yes(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}

// plugins starts programs as network plugins are started: copied, and through
// links.
func plugins(r *run) {
	if err := r.unpack("containernetworking-plugins"); err != nil {
		r.fatal("%w", err)
	}
	r.head("plugins", "sandbox", "under", "started through", "a program that goes by its name", "a plugin of Debian's")
	for _, g := range grounds {
		s := r.sandbox(g)
		// Made outside, as an image or a host's folder brings them.
		bin := filepath.Join(s.data, "bin")
		for _, c := range [][]string{
			{"mkdir", bin, filepath.Join(s.data, "kept")},
			{"cp", filepath.Join(r.parts.dir, "nested/usr/lib/cni/host-local"), filepath.Join(bin, "copy-host-local")},
		} {
			if err := output(execCommand(c)); err != nil {
				r.fatal("%w", err)
			}
		}
		s.sh("cd " + dataDir + "; cp /usr/bin/busybox kept/multi; cp kept/multi bin/copy-echo")
		real := inside + "/nested/usr/lib/cni/host-local"
		links := map[string]string{
			"kept/echo": "multi", "bin/near-echo": "../kept/echo", "bin/far-echo": dataDir + "/kept/echo",
			"bin/near-host-local": "copy-host-local", "bin/far-host-local": real, "current": "bin",
			"bin/outside-echo": filepath.Join(s.data, "kept/multi"), "bin/outside-host-local": filepath.Join(r.parts.dir, "nested/usr/lib/cni/host-local"),
		}
		for name, target := range links {
			if err := os.Symlink(target, filepath.Join(s.data, name)); err != nil {
				r.fatal("%w", err)
			}
		}
		for _, under := range []string{"", "shimrun --profile k3s -- "} {
			for _, way := range []struct{ title, prefix string }{
				{"a copy", "bin/copy-"},
				{"a relative link", "bin/near-"},
				{"an absolute link", "bin/far-"},
				{"a link in a linked folder", "current/near-"},
				{"a link to a place of the host's", "bin/outside-"},
			} {
				path := dataDir + "/" + way.prefix
				multi := s.sh(fmt.Sprintf("%sbash -c 'exec -a echo %secho started'", under, path))
				plugin := s.sh(fmt.Sprintf("CNI_COMMAND=VERSION %s%shost-local </dev/null", under, path))
				works := [2]string{"works", "works"}
				if multi.out != "started\n" {
					works[0] = lastLine(multi.both())
				}
				if !strings.Contains(plugin.out, "supportedVersions") {
					works[1] = lastLine(plugin.both())
				}
				dangling := way.prefix == "bin/outside-"
				for _, w := range works {
					if dangling {
						r.expectSays(way.title, strings.ToLower(w), "no such file or directory")
					} else {
						r.expect(w == "works", way.title+" works in "+g.name+" "+under, w)
					}
				}
				r.row("plugins", g.name, code(strings.TrimSuffix(under, " -- ")), way.title, brief(works[0]), brief(works[1]))
			}
		}
		s.stop()
	}
}

func lastLine(text string) string {
	text = strings.TrimSpace(text)
	return text[strings.LastIndex(text, "\n")+1:]
}

// brief keeps "works", and sets anything else in type.
func brief(text string) string {
	if text == "works" {
		return text
	}
	return code(text)
}
