package main

import (
	"fmt"
	"os"
	"os/exec"
)

// busybox is the machine's, which is static.
type busybox struct{ program []byte }

func findBusybox() (*busybox, error) {
	path, err := exec.LookPath("busybox")
	if err != nil {
		return nil, fmt.Errorf("%w; install busybox-static", err)
	}
	program, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	return &busybox{program}, nil
}

// add adds a small root with a link for each name.
func (b *busybox) add(l *files, names []string) {
	for _, dir := range []string{"bin", "etc", "home", "root", "usr", "var", "var/run", "dev", "proc", "sys", "run"} {
		l.dir(dir, 0o755)
	}
	l.dir("tmp", 0o1777)
	l.file("bin/busybox", 0o755, b.program)
	l.file("etc/passwd", 0o644, []byte("root:x:0:0:root:/root:/bin/sh\nuser:x:1000:1000::/home:/bin/sh\n"))
	l.file("etc/group", 0o644, []byte("root:x:0:\nuser:x:1000:\n"))
	for _, name := range names {
		if name != "busybox" {
			l.link("bin/"+name, "busybox")
		}
	}
}
