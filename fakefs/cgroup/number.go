package cgroup

import (
	"math"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// strip takes the white space off both ends (strstrip in lib/string_helpers.c).
func strip(s string) string {
	for s != "" && isSpace(s[0]) {
		s = s[1:]
	}
	for s != "" && isSpace(s[len(s)-1]) {
		s = s[:len(s)-1]
	}
	return s
}

// digits splits what a number in the kernel's base 0 begins with: 0x for
// sixteen, 0 for eight, else ten (_parse_integer_fixup_radix in lib/kstrtox.c).
func digits(s string) (number, rest string, base int) {
	base = 10
	if strings.HasPrefix(s, "0") {
		base = 8
		if len(s) > 2 && (s[1] == 'x' || s[1] == 'X') && isDigit(s[2], 16) {
			base, s = 16, s[2:]
		}
	}
	n := 0
	for n < len(s) && isDigit(s[n], base) {
		n++
	}
	return s[:n], s[n:], base
}

func isDigit(c byte, base int) bool {
	switch {
	case '0' <= c && c <= '9':
		return int(c-'0') < base
	case 'a' <= c|0x20 && c|0x20 <= 'f':
		return base == 16
	}
	return false
}

// parseUnsigned is kstrtoull with base 0: one newline may follow, nothing else.
func parseUnsigned(s string) (uint64, error) {
	number, rest, base := digits(strings.TrimPrefix(s, "+"))
	if number == "" {
		return 0, unix.EINVAL
	}
	n, err := strconv.ParseUint(number, base, 64)
	if err != nil {
		return 0, unix.ERANGE
	}
	if rest != "" && rest != "\n" {
		return 0, unix.EINVAL
	}
	return n, nil
}

// parseSigned is kstrtoll with base 0.
func parseSigned(s string) (int64, error) {
	if positive, negative := strings.CutPrefix(s, "-"); negative {
		if strings.HasPrefix(positive, "+") {
			return 0, unix.EINVAL
		}
		n, err := parseUnsigned(positive)
		if err == nil && n > 1<<63 {
			err = unix.ERANGE
		}
		return int64(-n), err
	}
	n, err := parseUnsigned(s)
	if err == nil && n > math.MaxInt64 {
		err = unix.ERANGE
	}
	return int64(n), err
}

// parseBytes reads an amount of memory as page_counter_memparse does
// (mm/page_counter.c, memparse in lib/cmdline.c): whole pages; none is the word
// for no limit, "-1" or "max".
func parseBytes(s, none string) (pages uint64, err error) {
	s = strip(s)
	if s == none {
		return unlimited, nil
	}
	number, rest, base := digits(s)
	n := wrapping(number, base)
	if rest != "" {
		if i := strings.IndexByte("KMGTPE", rest[0]&^0x20); i >= 0 {
			n <<= 10 * (i + 1)
			rest = rest[1:]
		}
	}
	if rest != "" {
		return 0, unix.EINVAL
	}
	return min(n/pageSize, unlimited), nil
}

// wrapping is simple_strtoull, which does not look whether a number is too large.
func wrapping(number string, base int) (n uint64) {
	for _, c := range []byte(number) {
		if c > '9' {
			c = c | 0x20 - 'a' + '0' + 10
		}
		n = n*uint64(base) + uint64(c-'0')
	}
	return n
}

const (
	pageSize = 4096
	// unlimited is PAGE_COUNTER_MAX, in pages.
	unlimited = math.MaxInt64 / pageSize
)

// line is a number as files have it.
func line[T int | int64 | uint64](n T) string { return strconv.FormatInt(int64(n), 10) + "\n" }

// flag reads a switch that takes any number, 0 or not, as kernel files do that
// test a bit with "if (val)".
func flag(set func(g *Group, on bool) error) func(*Group, Caller, string) error {
	return func(g *Group, _ Caller, text string) error {
		n, err := parseUnsigned(text)
		if err != nil {
			return err
		}
		return set(g, n != 0)
	}
}

func bit(on bool) string {
	if on {
		return "1\n"
	}
	return "0\n"
}
