package report

import (
	"math"
	"strconv"
	"strings"
)

// A Unit says what numbers are, and so how they are written: with three
// significant digits, for people.
type Unit int

// The units that reports need.
const (
	Number  Unit = iota // with thousands' marks
	Seconds             // as ns, µs, ms, s, min or h
	Bytes               // as B, KiB, MiB or GiB
	Percent             // of a share of 1
	Times               // of a ratio
)

// Format writes a number.
func (u Unit) Format(v float64) string {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return "–"
	}
	size, name := u.step(math.Abs(v))
	return number(v/size) + name
}

// step is the size and the name of what a number of this magnitude is counted in.
func (u Unit) step(magnitude float64) (size float64, name string) {
	switch u {
	case Seconds:
		switch {
		case magnitude == 0:
			return 1, " s"
		case magnitude < 1e-6:
			return 1e-9, " ns"
		case magnitude < 1e-3:
			return 1e-6, " µs"
		case magnitude < 1:
			return 1e-3, " ms"
		case magnitude < 120:
			return 1, " s"
		case magnitude < 7200:
			return 60, " min"
		}
		return 3600, " h"
	case Bytes:
		switch {
		case magnitude < 1<<10:
			return 1, " B"
		case magnitude < 1<<20:
			return 1 << 10, " KiB"
		case magnitude < 1<<30:
			return 1 << 20, " MiB"
		}
		return 1 << 30, " GiB"
	case Percent:
		return 0.01, " %"
	case Times:
		return 1, " ×"
	}
	return 1, ""
}

func number(v float64) string {
	digits := 0
	if a := math.Abs(v); a != 0 && a < 100 {
		digits = max(0, 2-int(math.Floor(math.Log10(a))))
	}
	s := strconv.FormatFloat(v, 'f', min(digits, 6), 64)
	whole, fraction, found := strings.Cut(s, ".")
	fraction = strings.TrimRight(fraction, "0")
	if whole == "-0" && fraction == "" {
		return "0"
	}
	for i := len(whole) - 3; i > 0 && whole[i-1] != '-'; i -= 3 {
		whole = whole[:i] + "\u202f" + whole[i:]
	}
	if !found || fraction == "" {
		return whole
	}
	return whole + "." + fraction
}
