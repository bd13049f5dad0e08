// Package growth checks in tests that what is made of n things costs no more for
// each of them as n grows. It counts allocations and their bytes, not time, so
// that it says the same on any machine, however busy; a loop that allocates
// nothing it cannot see.
package growth

import (
	"runtime"
	"testing"
)

// factor is by how much things are made more, slack how much dearer each may be
// then: maps and slices grow in steps.
const factor, slack = 8, 1.5

// Check makes n things and many times as many. prepare gives the function that
// is measured.
func Check(t *testing.T, what string, n int, prepare func(n int) func()) {
	t.Helper()
	fewCount, fewBytes := allocated(prepare(n))
	manyCount, manyBytes := allocated(prepare(factor * n))
	t.Logf("%s: %.0f allocations of %.0f bytes for %d, %.0f of %.0f for %d", what, fewCount, fewBytes, n, manyCount, manyBytes, factor*n)
	if manyCount > factor*slack*fewCount {
		t.Errorf("%s: %d times as many need %.1f times the allocations", what, factor, manyCount/fewCount)
	}
	if manyBytes > factor*slack*fewBytes {
		t.Errorf("%s: %d times as many need %.1f times the memory", what, factor, manyBytes/fewBytes)
	}
}

// allocated counts what a function allocates, once it has run before.
func allocated(f func()) (count, bytes float64) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	f()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return float64(after.Mallocs - before.Mallocs), float64(after.TotalAlloc - before.TotalAlloc)
}
