package counts

import (
	"bufio"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
)

// Operations of the two runs whose counts are compared.
const few, many = 200, 1200

func TestNative(t *testing.T) {
	p := newPlace(t)
	p.native(t)
	for _, r := range table(t) {
		if r.ground != "native" {
			continue
		}
		t.Run(r.backend+"/"+r.operation, func(t *testing.T) {
			r.check(t, perOperation(p.traced(t, r, few), p.traced(t, r, many), many-few))
		})
	}
}

// native finds a filesystem to lie about: that of the folder.
func (p *place) native(t *testing.T) {
	t.Helper()
	out, err := exec.Command("stat", "-f", "-c", "%T", p.dir).Output()
	if err != nil {
		t.Fatal(err)
	}
	switch strings.TrimSpace(string(out)) {
	case "ext2/ext3":
		p.lie, p.magic = "ext4=xfs", "58465342"
	case "overlayfs":
		p.lie = "overlay=ext4"
	case "xfs", "btrfs", "tmpfs":
		p.lie = strings.TrimSpace(string(out)) + "=ext4"
	default:
		lack(t, "no lie is known for the filesystem "+string(out))
	}
}

// traced runs operations natively, and counts what the supervisor calls.
func (p *place) traced(t *testing.T, r row, n int) map[string]int {
	t.Helper()
	args := p.command(r.backend, r.operation, n)
	cmd := exec.CommandContext(t.Context(), args[0], args[1:]...)
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	log := filepath.Join(t.TempDir(), "log")
	strace := exec.CommandContext(t.Context(), "strace", "-f", "-o", log, "-p", strconv.Itoa(p.supervisor(t)))
	if err := strace.Start(); err != nil {
		t.Fatal(err)
	}
	await(t, "strace to attach", func() bool { return allTraced(strace.Args[len(strace.Args)-1]) })
	if _, err := stdin.Write([]byte("go\n")); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Fatalf("%v\n%s", err, &out)
	}
	_ = strace.Wait() // it ends as the supervisor does
	return straced(t, log)
}

// supervisor waits for the process of this shimrun that has threads: the
// guardian has one.
func (p *place) supervisor(t *testing.T) (pid int) {
	t.Helper()
	await(t, "a supervisor", func() bool {
		links, _ := filepath.Glob("/proc/[0-9]*/exe")
		for _, link := range links {
			dir := filepath.Dir(link)
			if exe, _ := os.Readlink(link); exe != p.shimrun {
				continue
			}
			name, _ := os.ReadFile(dir + "/cmdline")
			threads, _ := os.ReadDir(dir + "/task")
			if strings.HasPrefix(string(name), "shimrun-supervisor") && len(threads) > 1 {
				pid, _ = strconv.Atoi(filepath.Base(dir))
				// It serves once the command has been executed.
				return p.launchersGone()
			}
		}
		return false
	})
	return pid
}

// launchersGone tells that shimrun has become the command.
func (p *place) launchersGone() bool {
	links, _ := filepath.Glob("/proc/[0-9]*/exe")
	for _, link := range links {
		if exe, _ := os.Readlink(link); exe == p.shimrun {
			if name, _ := os.ReadFile(filepath.Dir(link) + "/cmdline"); !strings.HasPrefix(string(name), "shimrun-") {
				return false
			}
		}
	}
	return true
}

// allTraced tells whether all threads of a process have a tracer.
func allTraced(pid string) bool {
	tasks, _ := filepath.Glob("/proc/" + pid + "/task/*/status")
	for _, task := range tasks {
		status, _ := os.ReadFile(task)
		if !strings.Contains(string(status), "\nTracerPid:\t") || strings.Contains(string(status), "\nTracerPid:\t0\n") {
			return false
		}
	}
	return len(tasks) > 0
}

func await(t *testing.T, what string, there func() bool) {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); !there(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("waited in vain for %s", what)
		}
	}
}

// A call begins on a line of its own; its end may be on another ("resumed").
var straceLine = regexp.MustCompile(`^\d+ +([a-z_0-9]+)\((.*)`)

// The requests that tell one ioctl and one ptrace from another.
var request = regexp.MustCompile(`SECCOMP_IOCTL_(NOTIF_[A-Z_]+)|\b(PTRACE_[A-Z_]+)`)

func straced(t *testing.T, name string) map[string]int {
	t.Helper()
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	counts := map[string]int{}
	for lines := bufio.NewScanner(f); lines.Scan(); {
		m := straceLine.FindStringSubmatch(lines.Text())
		if m == nil {
			continue
		}
		counts[callName(m[1], m[2])]++
	}
	return counts
}

// callName tells the requests of ioctl and ptrace apart.
func callName(call, args string) string {
	if call != "ioctl" && call != "ptrace" {
		return call
	}
	if m := request.FindStringSubmatch(args); m != nil {
		return call + " " + strings.TrimPrefix(m[1]+m[2], "PTRACE_")
	}
	return call
}
