// Package thread runs functions that change their own thread for good, such as
// by giving it a mount namespace.
//
// Not for: threads that are kept.
package thread

import (
	"runtime"

	"golang.org/x/sys/unix"
)

// Run runs f on a thread that ends afterwards, and with it whatever f did to
// the thread alone.
func Run(f func() error) error {
	result := make(chan error)
	go func() {
		runtime.LockOSThread()
		if unix.Gettid() == unix.Getpid() {
			// The first thread cannot end. While this goroutine holds it, the
			// next one gets another.
			err := Run(f)
			runtime.UnlockOSThread()
			result <- err
			return
		}
		// Never unlocked: that is what ends the thread.
		result <- f()
	}()
	return <-result
}
