package report

import "math"

// An Axis says what its numbers are.
type Axis struct {
	Label string
	Unit  Unit
	Log   bool // values must be positive
	Zero  bool // starts at 0, unless it is logarithmic
}

// A scale puts values of an axis on pixels.
type scale struct {
	axis     Axis
	from, to float64 // values
	a, b     float64 // pixels
}

// newScale covers the values with round ends, from pixel a to pixel b.
func newScale(axis Axis, a, b float64, values ...float64) scale {
	s := scale{axis: axis, from: math.Inf(1), to: math.Inf(-1), a: a, b: b}
	for _, v := range values {
		if math.IsNaN(v) || math.IsInf(v, 0) || axis.Log && v <= 0 {
			continue
		}
		s.from, s.to = min(s.from, v), max(s.to, v)
	}
	if s.from > s.to {
		s.from, s.to = 1, 1 // nothing to show
	}
	if axis.Log {
		// Ends on 1, 2 or 5 times a power of ten.
		s.from, s.to = roundLog(s.from, false), roundLog(s.to, true)
		if s.from == s.to {
			s.from, s.to = s.from/2, s.to*2
		}
		return s
	}
	if axis.Zero {
		s.from, s.to = min(s.from, 0), max(s.to, 0)
	}
	if s.from == s.to {
		margin := max(math.Abs(s.from)*0.1, 0.5)
		s.to += margin
		if !axis.Zero {
			s.from -= margin
		}
	}
	step := s.step()
	s.from, s.to = math.Floor(s.from/step+1e-9)*step, math.Ceil(s.to/step-1e-9)*step
	return s
}

// at is a value's pixel; what cannot be shown is put at the lower end.
func (s scale) at(v float64) float64 {
	from, to := s.from, s.to
	if s.axis.Log {
		v, from, to = math.Log(max(v, from)), math.Log(from), math.Log(to)
	}
	return s.a + (v-from)/(to-from)*(s.b-s.a)
}

func roundLog(v float64, up bool) float64 {
	power := math.Pow(10, math.Floor(math.Log10(v)+1e-9))
	best := power
	for _, m := range []float64{1, 2, 5, 10} {
		switch {
		case up && m*power >= v*(1-1e-9):
			return m * power
		case !up && m*power <= v*(1+1e-9):
			best = m * power
		}
	}
	return best
}

// step is the distance of ticks, at most eight of them, round in the unit in
// which the greatest is written.
func (s scale) step() float64 {
	size, _ := s.axis.Unit.step(max(math.Abs(s.from), math.Abs(s.to)))
	return size * roundStep((s.to-s.from)/size/6)
}

func roundStep(rough float64) float64 {
	power := math.Pow(10, math.Floor(math.Log10(rough)))
	for _, m := range []float64{1, 2, 5} {
		if m*power >= rough {
			return m * power
		}
	}
	return 10 * power
}

func (s scale) ticks() (ticks []float64) {
	if !s.axis.Log {
		step := s.step()
		for i := math.Ceil(s.from/step - 1e-9); i*step <= s.to+step*1e-9; i++ {
			ticks = append(ticks, i*step)
		}
		return ticks
	}
	multiples := []float64{1, 2, 5}
	if math.Log10(s.to/s.from) > 3.5 {
		multiples = []float64{1}
	}
	for power := math.Pow(10, math.Floor(math.Log10(s.from))); power <= s.to*(1+1e-9); power *= 10 {
		for _, m := range multiples {
			if v := m * power; v >= s.from*(1-1e-9) && v <= s.to*(1+1e-9) {
				ticks = append(ticks, v)
			}
		}
	}
	return ticks
}
