package seccomp

import (
	"fmt"
	"runtime"
	"strconv"
	"sync"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// The figures are those of the tracee, from its own clock, for one open and,
// where it succeeds, one close.
func BenchmarkOpen(b *testing.B) {
	for _, path := range []string{"/proc/self/nothing", "/t/fail", "/t/file"} {
		for _, threads := range []int{1, 4} {
			b.Run(fmt.Sprintf("%s/threads=%d", path[1:], threads), func(b *testing.B) {
				out := serve(b, answerAll, "bench", path, strconv.Itoa(threads), strconv.Itoa(b.N))
				ns, err := strconv.ParseFloat(out, 64)
				if err != nil {
					b.Fatal(err)
				}
				b.ReportMetric(ns, "ns/open")
				b.ReportMetric(0, "ns/op")
			})
		}
	}
}

func victimBench(args []string) error {
	path := append([]byte(args[0]), 0)
	threads, err := strconv.Atoi(args[1])
	if err != nil {
		return err
	}
	n, err := strconv.Atoi(args[2])
	if err != nil {
		return err
	}
	var group sync.WaitGroup
	start := time.Now()
	for range threads {
		group.Go(func() {
			runtime.LockOSThread()
			for range (n + threads - 1) / threads {
				fd, _, errno := unix.RawSyscall6(unix.SYS_OPENAT, ^uintptr(99), uintptr(unsafe.Pointer(&path[0])), 0, 0, 0, 0)
				if errno == 0 {
					_, _, _ = unix.RawSyscall(unix.SYS_CLOSE, fd, 0, 0)
				}
			}
		})
	}
	group.Wait()
	fmt.Print(float64(time.Since(start).Nanoseconds()) / float64(n))
	return nil
}
