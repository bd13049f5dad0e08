package main

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"
)

// blocker is a kind of error that a server meets, and why.
type blocker struct {
	match    string // a part of the error
	category string
	cause    string
}

// blockers is in the order in which lines are matched.
var blockers = []blocker{
	{"mountpoint for cpu not found", "cgroup", "no cgroup in mountinfo"},
	{"/dev/kmsg", "device", "gVisor's /dev has no kernel log"},
	{"diskstats", "filesystem", "no /proc/diskstats: there is no block device"},
	{"/sys/class/net", "device", "sysfs knows no network devices"},
	{"physical_package_id", "device", "sysfs has no cpu topology"},
	{"physical package id", "device", "sysfs has no cpu topology"},
	{"core_id", "device", "sysfs has no cpu topology"},
	{"/etc/machine-id", "filesystem", "the image has no machine-id"},
	{"boot_id", "sysctl", "no /proc/sys/kernel/random"},
	{"/proc/swaps", "filesystem", "no such file in gVisor's procfs"},
	{"hugepages", "device", "sysfs has no huge pages"},
	{"hpage_pmd_size", "device", "sysfs has no huge pages"},
	{"/sys/kernel/mm/transparent_hugepage", "device", "sysfs has no huge pages"},
	{"threads-max", "sysctl", "gVisor has few sysctls"},
	{"pid_max", "sysctl", "gVisor has few sysctls"},
	{"/proc/sys/", "sysctl", "gVisor has few sysctls"},
	{"device-tree", "device", "only some machines have one, with Linux too"},
	{"edac", "device", "only some machines have it, with Linux too"},
	{"dmi", "device", "sysfs has no firmware tables"},
	{"selinux", "filesystem", "only some machines have it, with Linux too"},
	{"/sys/fs/cgroup", "cgroup", "gVisor has cgroup v1 only, and few files of it"},
	{"/sys/devices/system/node", "device", "sysfs has no NUMA nodes"},
	{"/sys/block", "device", "there is no block device"},
	{"/sys/devices/system/cpu", "device", "sysfs has no cpu topology"},
}

func classify(text string) *blocker {
	for i, b := range blockers {
		if strings.Contains(text, b.match) {
			return &blockers[i]
		}
	}
	return nil
}

var (
	complaint = regexp.MustCompile(`(?m)^[EW]\d{4} \S+ +\d+ (\S+)\] (.*(?:/proc|/sys|/dev|/etc)/.*)$`)
	ofCPU     = regexp.MustCompile(`\bcpu[0-9]+\b|\bCPU [0-9]+`)
	failed    = regexp.MustCompile(`(\w+\([^\n]*?"((?:/proc|/sys|/dev|/etc)/[^"]*)"[^\n]*\)) += -1 (\w+)`)
)

func baseline(r *run) {
	r.head("fatal", "sandbox", "exit status", "what ended it", "category", "cause")
	expected := map[string]string{
		groundDocker.name: "mountpoint for cpu not found",
		groundBare.name:   "mountpoint for cpu not found",
		groundAll.name:    "open /dev/kmsg: no such file or directory",
	}
	warnings := map[string]int{}
	for _, g := range []ground{groundDocker, groundBare, groundAll} {
		v := r.sandbox(g).serve("")
		ready, fatal := v.node(patience)
		r.expect(!ready && v.ended(), "a server in "+g.name+" ends by itself", v.log)
		status := v.end()
		v.stop()
		r.expect(status == 1, "a server in "+g.name+" ends with 1", status)
		r.expectSays("the server in "+g.name, fatal, expected[g.name])
		b := classify(fatal)
		if b == nil {
			r.fatal("no category for %q", fatal)
		}
		r.row("fatal", g.name, fmt.Sprint(status), code(fatal), b.category, b.cause)
		for _, m := range complaint.FindAllStringSubmatch(v.log.String(), -1) {
			if !strings.Contains(m[2], dataDir) && !strings.Contains(m[2], "etcd") {
				warnings[m[1]+"] "+ofCPU.ReplaceAllString(m[2], "cpuN")]++
			}
		}
	}

	r.head("warnings", "category", "warning", "cause")
	for _, text := range sorted(warnings) {
		b := classify(text)
		r.expect(b != nil, "every warning has a category", text)
		if b != nil {
			_, text, _ = strings.Cut(text, "] ")
			r.row("warnings", b.category, code(text), b.cause)
		}
	}

	r.head("calls", "category", "failed system call", "error", "times")
	s := r.sandbox(groundAll)
	v := s.serve("strace -f -qq --seccomp-bpf -Z -e trace=openat,statfs,fstatfs,mount,newfstatat,readlinkat -o /tmp/calls")
	v.node(5 * time.Minute)
	v.end()
	calls := map[string]int{}
	for _, m := range failed.FindAllStringSubmatch(s.quietly(time.Minute, "", "cat", "/tmp/calls").out, -1) {
		name, _, _ := strings.Cut(m[1], "(")
		if path := ofCPU.ReplaceAllString(m[2], "cpuN"); classify(path) != nil {
			calls[classify(path).category+"|"+name+" "+path+"|"+m[3]]++
		}
	}
	s.stop()
	r.expect(len(calls) >= 10, "strace shows what was looked for in vain", len(calls))
	for _, call := range sorted(calls) {
		cells := strings.Split(call, "|")
		r.row("calls", cells[0], code(cells[1]), cells[2], fmt.Sprint(calls[call]))
	}
}

func sorted(m map[string]int) []string {
	var keys []string
	for key := range m {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}
