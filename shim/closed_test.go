package shim

import (
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// What somebody has open is remembered however much is opened besides, and what nobody
// has open any more is not for long.
func TestOnlyClosedIsForgotten(t *testing.T) {
	h := &handedOuts{devs: &devices{}}
	memfd := func() (fd int, id identity) {
		t.Helper()
		fd, err := unix.MemfdCreate("closed", unix.MFD_CLOEXEC)
		if err != nil {
			t.Fatal(err)
		}
		var st unix.Stat_t
		if e := fstat(fd, &st); e != 0 {
			t.Fatal(e)
		}
		return fd, identityOf(&st)
	}
	held, kept := memfd()
	defer unix.Close(held)
	h.put(kept, &handedOut{})
	let, leaked := memfd()
	unix.Close(let)
	h.put(leaked, &handedOut{})
	shared := identity{kept.dev, 1 << 40}
	h.put(shared, &handedOut{shared: true})
	for n := range uint64(5 * manyPrivate) {
		h.put(identity{kept.dev, 1<<41 + n}, &handedOut{})
		for h.looks() {
			time.Sleep(time.Millisecond)
		}
	}
	for id, want := range map[identity]bool{kept: true, shared: true, leaked: false} {
		if _, ok := h.get(id); ok != want {
			t.Errorf("%v is remembered: %v", id, ok)
		}
	}
	if n := len(h.objects); n > 2*manyPrivate+3 || h.private != n-1 {
		t.Errorf("%d are remembered, %d of them private", n, h.private)
	}
}

func (h *handedOuts) looks() bool {
	h.mu.RLock()
	defer h.mu.RUnlock()
	return h.looking
}
