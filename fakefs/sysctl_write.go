package fakefs

import (
	"math"
	"strconv"

	"golang.org/x/sys/unix"
)

// store gives the value after a write of data at offset to a sysctl whose
// value is old. It follows kernel/sysctl.c with sysctl_writes_strict=1:
// writes of numbers elsewhere than at the start are ignored with success, and
// so are numbers beyond the last one.
//
// On EINVAL the kernel may have stored the numbers before the bad one; the
// value is returned with the error then. n is how many bytes count as written:
// what stands behind the last number does not.
func (s sysctl) store(old string, data []byte, offset int64) (value string, n int, err error) {
	if len(data) == 0 {
		return old, 0, nil
	}
	switch s.form {
	case formText:
		return s.storeText(old, data, offset), len(data), nil
	case formUint:
		if offset != 0 {
			return old, len(data), nil
		}
		value, err = s.storeUnsigned(old, data)
		return value, len(data), err
	default:
		if offset != 0 {
			return old, len(data), nil
		}
		value, left, err := s.storeNumbers(old, data)
		return value, len(data) - left, err
	}
}

// storeText is proc_dostring: up to a newline or NUL, cut at the buffer's end;
// a write behind the present text is ignored.
func (s sysctl) storeText(old string, data []byte, offset int64) string {
	end := int64(min(len(old), s.size-1))
	if offset > end {
		return old
	}
	out := append(make([]byte, 0, s.size), old[:offset]...)
	for _, c := range data {
		if c == 0 || c == '\n' || len(out) >= s.size-1 {
			break
		}
		out = append(out, c)
	}
	return string(out)
}

// storeUnsigned is do_proc_douintvec_w: one number, what follows it is ignored.
func (s sysctl) storeUnsigned(old string, data []byte) (string, error) {
	number, _, err := scanNumber(skipSpaces(limitWrite(data)))
	if err != nil || number.negative || number.magnitude > math.MaxUint32 || !s.fits(number) {
		return old, unix.EINVAL
	}
	return strconv.FormatUint(number.magnitude, 10), nil
}

// storeNumbers is __do_proc_dointvec and __do_proc_doulongvec_minmax: fewer
// numbers than there are change the first ones only. left is how much of data
// stands behind the last number.
func (s sysctl) storeNumbers(old string, data []byte) (value string, left int, err error) {
	data = limitWrite(data)
	var values []string
	var failure error
	for len(values) < s.count {
		if data = skipSpaces(data); len(data) == 0 {
			break
		}
		number, rest, err := scanNumber(data)
		if err != nil || !s.fits(number) {
			failure = unix.EINVAL
			break
		}
		values = append(values, number.String())
		data = rest
	}
	if len(values) == 0 {
		return old, 0, unix.EINVAL
	}
	merged := overlayNumbers(old, values)
	if s.ordered && (failure != nil || !ordered(merged)) {
		return old, 0, unix.EINVAL
	}
	return merged, len(skipSpaces(data)), failure
}

// overlayNumbers replaces the first numbers of a tab-separated line.
func overlayNumbers(old string, values []string) string {
	var out []byte
	for i, value := range values {
		if i > 0 {
			out = append(out, '\t')
		}
		out = append(out, value...)
		_, old, _ = cutTab(old)
	}
	if old != "" {
		out = append(append(out, '\t'), old...)
	}
	return string(out)
}

func cutTab(s string) (field, rest string, found bool) {
	for i := range len(s) {
		if s[i] == '\t' {
			return s[:i], s[i+1:], true
		}
	}
	return s, "", false
}

func ordered(value string) bool {
	first, rest, found := cutTab(value)
	second, _, _ := cutTab(rest)
	a, errA := strconv.ParseInt(first, 10, 64)
	b, errB := strconv.ParseInt(second, 10, 64)
	return !found || errA != nil || errB != nil || a <= b
}

// number is what proc_get_long finds.
type number struct {
	negative  bool
	magnitude uint64
}

func (n number) String() string {
	s := strconv.FormatUint(n.magnitude, 10)
	if n.negative && n.magnitude != 0 {
		return "-" + s
	}
	return s
}

// fits tells whether a number is in the sysctl's range, by its form's own reckoning.
func (s sysctl) fits(n number) bool {
	if s.form != formInt {
		return !n.negative && n.magnitude <= s.max && (s.min <= 0 || n.magnitude >= uint64(s.min))
	}
	value := int64(n.magnitude)
	if n.negative {
		value = -value
	}
	if n.magnitude > math.MaxInt32+1 || value > math.MaxInt32 {
		return false
	}
	return value >= s.min && (value < 0 || uint64(value) <= s.max)
}

// numberBuffer is TMPBUFLEN: proc_get_long looks at one character less.
const numberBuffer = 22

// scanNumber is proc_get_long with strtoul_lenient: an optional minus, then
// 0x…, 0… (octal) or decimal digits, then the end, a blank or a newline.
func scanNumber(data []byte) (number, []byte, error) {
	size := len(data)
	if size == 0 {
		return number{}, nil, unix.EINVAL
	}
	window := data[:min(size, numberBuffer-1)]
	at := 0
	var n number
	if window[0] == '-' && size > 1 {
		n.negative = true
		at++
	}
	if at >= len(window) || !isDigit(window[at]) {
		return number{}, nil, unix.EINVAL
	}
	base := uint64(10)
	if window[at] == '0' {
		base = 8
		if at+2 < len(window) && window[at+1]|0x20 == 'x' && digitValue(window[at+2]) < 16 {
			base = 16
			at += 2
		}
	}
	for ; at < len(window); at++ {
		digit := digitValue(window[at])
		if digit >= base {
			break
		}
		if n.magnitude > (math.MaxUint64-digit)/base {
			return number{}, nil, unix.EINVAL
		}
		n.magnitude = n.magnitude*base + digit
	}
	// A number that fills the window may go on behind it.
	if at == numberBuffer-1 {
		return number{}, nil, unix.EINVAL
	}
	if at < size && data[at] != ' ' && data[at] != '\t' && data[at] != '\n' {
		return number{}, nil, unix.EINVAL
	}
	return n, data[at:], nil
}

// limitWrite is how much of a write the number handlers look at: a page less one.
func limitWrite(data []byte) []byte { return data[:min(len(data), 4095)] }

// skipSpaces is the kernel's skip_spaces: isspace of Latin-1, NBSP included
// (lib/ctype.c).
func skipSpaces(data []byte) []byte {
	for len(data) > 0 && isSpace(data[0]) {
		data = data[1:]
	}
	return data
}

func isSpace(c byte) bool { return c == ' ' || c >= '\t' && c <= '\r' || c == 0xa0 }
func isDigit(c byte) bool { return c >= '0' && c <= '9' }

// digitValue is the value of a hexadecimal digit, or a number above all bases.
func digitValue(c byte) uint64 {
	switch {
	case isDigit(c):
		return uint64(c - '0')
	case c|0x20 >= 'a' && c|0x20 <= 'f':
		return uint64(c|0x20-'a') + 10
	}
	return math.MaxUint8
}
