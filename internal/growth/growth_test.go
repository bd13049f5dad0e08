package growth

import "testing"

func TestAllocated(t *testing.T) {
	var keep [][]byte
	square := func(n int) func() {
		return func() {
			keep = nil
			for range n * n {
				keep = append(keep, make([]byte, 64))
			}
		}
	}
	few, _ := allocated(square(10))
	many, bytes := allocated(square(80))
	if many < 40*few || bytes < 64*6400 {
		t.Errorf("n² is taken for %v and %v allocations, %v bytes", few, many, bytes)
	}
}
