package runtime

import (
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// waitsForAll counts the children that a program did not make and can wait for.
const waitsForAll = `
import os
own = 0
for i in range(2):
    if os.fork() == 0: os._exit(0)
while True:
    try: os.wait()
    except ChildProcessError: break
    own += 1
print("ended", own)`

// A program that waits for all its children sees none but its own, also where
// orphans become its children: as the first process of a pid namespace.
func TestFirstProcess(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("needs root, for a pid namespace")
	}
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Skip(err)
	}
	for _, backend := range append(backends(t), BackendNone) {
		plan := Plan{Path: python, Args: []string{"python3", "-c", waitsForAll}, Backend: backend, Profile: []byte(testProfile)}
		if backend == BackendNone {
			plan.Backend, plan.Profile = BackendAuto, nil
		}
		run := launchCommand(t, plan)
		run.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWPID | syscall.CLONE_NEWNS, Pdeathsig: unix.SIGKILL}
		words := make([]string, len(run.Args))
		for i, word := range run.Args {
			words[i] = "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
		}
		// A procfs of the namespace's own, as a container has.
		run.Path, run.Args = "/bin/sh", []string{"sh", "-c", "mount --make-rprivate / && mount -t proc proc /proc && exec " + strings.Join(words, " ")}
		if status, out := wait(t, run); status != 0 || out != "ended 2\n" {
			t.Errorf("%s: wait status %#x, %q", backend, status, out)
		}
	}
}
