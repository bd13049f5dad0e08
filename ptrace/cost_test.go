package ptrace

import (
	"fmt"
	"strconv"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/shimrun/shimrun/shim"
)

// rounds are enough for the start-up of three processes not to count.
const rounds = 5000

// measured makes a victim print what one open and close of name cost it, in ns.
func measured(name string) func() {
	return func() {
		start := time.Now()
		for range rounds {
			if fd, err := unix.Openat(unix.AT_FDCWD, name, unix.O_RDONLY, 0); err == nil {
				unix.Close(fd)
			}
		}
		fmt.Println(time.Since(start).Nanoseconds() / rounds)
	}
}

func init() {
	installs := serving(shim.Answer{Flags: unix.O_RDONLY | unix.O_CLOEXEC})
	opens := []int{unix.SYS_OPENAT}
	scenarios["cost of nothing"] = scenario{victim: measured("/dev/null")}
	scenarios["cost of pass"] = scenario{traps: opens, policy: installs, victim: measured("/dev/null")}
	scenarios["cost of fail"] = scenario{traps: opens, victim: measured("/fails"),
		policy: served("/fails", func(*shim.Call) shim.Answer {
			return shim.Answer{Kind: shim.Fail, Errno: unix.ENOENT}
		})}
	scenarios["cost of install"] = scenario{traps: opens, policy: installs, victim: measured("/served")}
	scenarios["cost of install by socket"] = scenario{traps: opens, policy: installs, victim: func() {
		check(unix.Setgroups(nil))
		check(unix.Setresuid(65534, 65534, 65534))
		measured("/served")()
	}}
}

// BenchmarkCall tells what one call costs the program that makes it, with the
// path read and compared. On one CPU (taskset 1) waking the other side is left out.
func BenchmarkCall(b *testing.B) {
	for _, what := range []string{"nothing", "pass", "fail", "install", "install by socket"} {
		b.Run(what, func(b *testing.B) {
			total := 0
			for range b.N {
				s := begin(b, "cost of "+what)
				out := s.line()
				s.end()
				ns, err := strconv.Atoi(out)
				if err != nil {
					b.Fatal(out)
				}
				total += ns
			}
			b.ReportMetric(float64(total)/float64(b.N), "ns/call")
			b.ReportMetric(0, "ns/op")
		})
	}
}
