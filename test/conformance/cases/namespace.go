package cases

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"

	"golang.org/x/sys/unix"
)

// Namespaces that a kernel may not make, and programs that shimrun stands for. Natively
// the kernel makes the namespaces, so that these rows look the same there.

var namespaceCases = []Case{
	{
		Name: "namespace/network", Calls: "unshare setns", Like: Stated, Needs: Root | Own, Has: "native",
		Not:  map[string]string{"gvisor13-all": "its kernel makes networks"},
		Want: []string{"unshare: ok", "entered: ok"},
		Run: func(r *Record) {
			runtime.LockOSThread()
			_, err := call(unix.SYS_UNSHARE, unix.CLONE_NEWNET)
			r.Say("unshare: %s", Errno(err))
			fd := r.Hold(ownNetwork())
			_, err = call(unix.SYS_SETNS, uintptr(fd), unix.CLONE_NEWNET)
			r.Say("entered: %s", Errno(err))
		},
	},
	{
		Name: "namespace/names", Calls: "unshare sethostname setdomainname uname", Like: Stated, Needs: Root | Own, Has: "native",
		Not: map[string]string{"gvisor13-all": "its kernel makes such namespaces, and cannot set the domain's name"},
		Want: []string{
			"unshare: ok", "set: ok", "set: ok", "too long: EINVAL", "from nowhere: EFAULT",
			"uname: pod domain", "/proc/sys/kernel/hostname: pod", "/proc/sys/kernel/domainname: domain",
			"a child: pod", "an orphan: pod",
		},
		Run: func(r *Record) {
			runtime.LockOSThread()
			_, err := call(unix.SYS_UNSHARE, unix.CLONE_NEWUTS)
			r.Say("unshare: %s", Errno(err))
			if err != nil {
				return // and no name is changed that is the machine's
			}
			host, domain := []byte("pod"), []byte("domain")
			_, err = call(unix.SYS_SETHOSTNAME, pointer(&host[0]), uintptr(len(host)))
			r.Say("set: %s", Errno(err))
			_, err = call(unix.SYS_SETDOMAINNAME, pointer(&domain[0]), uintptr(len(domain)))
			r.Say("set: %s", Errno(err))
			_, err = call(unix.SYS_SETHOSTNAME, pointer(&host[0]), 65)
			r.Say("too long: %s", Errno(err))
			_, err = call(unix.SYS_SETHOSTNAME, 8, 3)
			r.Say("from nowhere: %s", Errno(err))
			var u unix.Utsname
			_, err = call(unix.SYS_UNAME, pointer(&u))
			must("uname", err)
			r.Say("uname: %s %s", text(u.Nodename[:]), text(u.Domainname[:]))
			for _, name := range []string{"hostname", "domainname"} {
				b, _ := os.ReadFile("/proc/sys/kernel/" + name)
				r.Say("/proc/sys/kernel/%s: %s", name, strings.TrimSpace(string(b)))
			}
			out, _ := exec.Command("/bin/uname", "-n").Output()
			r.Say("a child: %s", strings.TrimSpace(string(out)))
			out, _ = exec.Command("/bin/sh", "-c", "(sleep 0.3; uname -n) &").Output()
			r.Say("an orphan: %s", strings.TrimSpace(string(out)))
		},
	},
	{
		Name: "program/in-its-place", Calls: "execve execveat", Like: Stated,
		Want: []string{
			"by name: shimrun version", "by the way of a folder: shimrun version", "under another name: the machine's",
			"one that cannot be executed: EACCES", "one that is not there: ENOENT", "served: shimrun version",
		},
		Run: func(r *Record) {
			dir := r.Tmp()
			script := func(name string, mode os.FileMode) string {
				file := filepath.Join(dir, name)
				must("write", os.WriteFile(file, []byte("#!/bin/sh\necho \"the machine's\"\n"), mode))
				return file
			}
			say := func(what, file string) {
				out, err := exec.Command(file, "--version").Output()
				if err != nil {
					r.Say("%s: %s", what, Errno(err))
					return
				}
				words := strings.Fields(string(out))
				r.Say("%s: %s", what, strings.Join(words[:min(2, len(words))], " "))
			}
			runc := script("shimtest-runc", 0o755)
			say("by name", runc)
			say("by the way of a folder", dir+"/./../"+filepath.Base(dir)+"/shimtest-runc")
			must("rename", os.Rename(runc, filepath.Join(dir, "other")))
			say("under another name", filepath.Join(dir, "other"))
			say("one that cannot be executed", script("shimtest-runc", 0o644))
			must("remove", os.Remove(filepath.Join(dir, "shimtest-runc")))
			say("one that is not there", filepath.Join(dir, "shimtest-runc"))
			say("served", "/opt/shimtest/bin/plugin")
		},
	},
}

func ownNetwork() int {
	fd, err := unix.Open("/proc/self/ns/net", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	must("open", err)
	return fd
}
