package ground

import (
	"runtime"

	"golang.org/x/sys/unix"
)

// onThread runs f on a thread that ends afterwards, and with it whatever f did
// to the thread alone, such as giving it a mount namespace.
func onThread(f func() error) error {
	result := make(chan error)
	go func() {
		runtime.LockOSThread()
		if unix.Gettid() == unix.Getpid() {
			// The first thread cannot end. While this goroutine holds it, the
			// next one gets another.
			err := onThread(f)
			runtime.UnlockOSThread()
			result <- err
			return
		}
		// Never unlocked: that is what ends the thread.
		result <- f()
	}()
	return <-result
}
