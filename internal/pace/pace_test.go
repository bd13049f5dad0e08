package pace

import (
	"testing"
	"time"
)

// Loops of all speeds yield before the runtime's 10 ms are over, and rarely; one
// that hardly does anything does not.
func TestPace(t *testing.T) {
	for _, c := range []struct {
		turn   time.Duration
		yields bool
	}{
		{time.Microsecond, true}, {10 * time.Microsecond, true}, {100 * time.Microsecond, true},
		{400 * time.Microsecond, true}, {time.Millisecond, true}, {2 * time.Millisecond, true},
		{8 * time.Millisecond, false}, {time.Second, false},
	} {
		var p Pace
		now := time.Unix(1, 0)
		last, yields, looks := now, 0, 0
		turns := int(min(time.Second/c.turn+100, 2_000_000))
		for i := range turns {
			now = now.Add(c.turn)
			p.turns++
			if p.left--; p.left > 0 {
				continue
			}
			looks++
			if !p.look(now) {
				continue
			}
			if gap := now.Sub(last); yields > 1 && (gap > 9*time.Millisecond || gap < 2*time.Millisecond) {
				t.Errorf("turns of %v: yielded after %v, at turn %d", c.turn, gap, i)
			}
			last, yields = now, yields+1
			p.yielded, p.turns = now, 0
		}
		if c.yields != (yields > 50) {
			t.Errorf("turns of %v: yielded %d times in %d", c.turn, yields, turns)
		}
		if c.turn < 50*time.Microsecond && looks > turns/20 {
			t.Errorf("turns of %v: looked at the clock %d times in %d", c.turn, looks, turns)
		}
	}
}

func TestTurnAllocatesNothing(t *testing.T) {
	var p Pace
	if n := testing.AllocsPerRun(10000, p.Turn); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkTurn(b *testing.B) {
	var p Pace
	for b.Loop() {
		p.Turn()
	}
}
