package fakefs

import (
	"fmt"
	"io/fs"
	"maps"
	"math"
	"strconv"
	"strings"
	"sync"
)

// form is the kernel handler that a sysctl goes through: how it is parsed,
// checked and printed (kernel/sysctl.c).
type form uint8

const (
	// formInt is proc_dointvec and proc_dointvec_minmax: int, one or more.
	formInt form = iota
	// formUint is proc_douintvec_minmax and proc_dou8vec_minmax: one unsigned int.
	formUint
	// formLong is proc_doulongvec_minmax: unsigned long, one or more.
	formLong
	// formText is proc_dostring.
	formText
)

// sysctl is the type of one sysctl: form, range, permissions and default. It
// is a plain value, so that the tables read as declarations.
type sysctl struct {
	form form
	// count is how many numbers there are.
	count int
	// min and max bound each number; max is unsigned for formLong's sake.
	min int64
	max uint64
	// size is the kernel's buffer for a text, its NUL included.
	size int
	// ordered means that the first number may not exceed the second, and that
	// a write changes both or none, as the handlers of port and group ranges do.
	ordered bool
	mode    fs.FileMode
	// value is the default, as a read prints it, without the newline.
	value string
	// derive makes the value at each read where the kernel has none; value is
	// unused then, until somebody writes.
	derive func(t *Tree, v View) (string, error)
	// fresh sysctls are derived anew at each read even where the kernel has them.
	fresh bool
}

// sysctls is a table by slashed name below /proc/sys.
type sysctls map[string]sysctl

// integer is an int without a range (proc_dointvec).
func integer(value int) sysctl {
	return sysctl{form: formInt, count: 1, min: math.MinInt32, max: math.MaxInt32, mode: 0o644, value: strconv.Itoa(value)}
}

// boolean is an int of 0 or 1.
func boolean(value int) sysctl { return integer(value).between(0, 1) }

// bit is an unsigned char of 0 or 1.
func bit(value int) sysctl { return octet(value).between(0, 1) }

// octet is an unsigned char (proc_dou8vec_minmax).
func octet(value int) sysctl { return unsigned(uint64(value)).between(0, math.MaxUint8) }

// unsigned is an unsigned int (proc_douintvec).
func unsigned(value uint64) sysctl {
	return sysctl{form: formUint, count: 1, max: math.MaxUint32, mode: 0o644, value: strconv.FormatUint(value, 10)}
}

// long is an unsigned long (proc_doulongvec_minmax).
func long(value uint64) sysctl {
	return sysctl{form: formLong, count: 1, max: math.MaxUint64, mode: 0o644, value: strconv.FormatUint(value, 10)}
}

// seconds is an int kept as jiffies (proc_dointvec_jiffies), with the range of
// a kernel of 250 Hz.
func seconds(value int) sysctl {
	const most = math.MaxInt32 / 250
	return integer(value).between(-most, most)
}

// vector is several ints in a line, separated by tabs.
func vector(values ...int) sysctl {
	s := integer(0)
	s.count, s.value = len(values), joinNumbers(values)
	return s
}

// longs is several unsigned longs in a line.
func longs(values ...int) sysctl {
	s := long(0)
	s.count, s.value = len(values), joinNumbers(values)
	return s
}

// text is a string in a buffer of size bytes, the last one for a NUL.
func text(value string, size int) sysctl {
	return sysctl{form: formText, size: size, mode: 0o644, value: value}
}

// derived is a text made by derive where the kernel has none; it cannot be written.
func derived(derive func(*Tree, View) (string, error)) sysctl {
	return sysctl{form: formText, size: 4096, mode: 0o444, derive: derive}
}

func (s sysctl) between(min int64, max uint64) sysctl { s.min, s.max = min, max; return s }
func (s sysctl) atLeast(min int64) sysctl             { s.min = min; return s }
func (s sysctl) readOnly() sysctl                     { s.mode = 0o444; return s }
func (s sysctl) permit(mode fs.FileMode) sysctl       { s.mode = mode; return s }
func (s sysctl) always() sysctl                       { s.fresh = true; return s }
func (s sysctl) writable(size int) sysctl             { s.mode, s.size = 0o644, size; return s }
func (s sysctl) inOrder() sysctl                      { s.ordered = true; return s }

func joinNumbers(values []int) string {
	var b strings.Builder
	for i, v := range values {
		if i > 0 {
			b.WriteByte('\t')
		}
		b.WriteString(strconv.Itoa(v))
	}
	return b.String()
}

// allowed says in words what may be written.
func (s sysctl) allowed() string {
	if s.form == formText {
		return fmt.Sprintf("a text of at most %d bytes", s.size-1)
	}
	numbers := "a number"
	if s.count > 1 {
		numbers = fmt.Sprintf("%d numbers", s.count)
	}
	return fmt.Sprintf("%s from %d to %d", numbers, s.min, s.max)
}

// normal is the value that a profile gives, as a read will print it; the kernel's
// rules for writing decide what is accepted, but nothing may be left over.
func (s sysctl) normal(value string) (string, error) {
	if s.form == formText {
		if strings.ContainsAny(value, "\n\x00") || len(value) >= s.size {
			return "", fmt.Errorf("%q does not fit", value)
		}
		return value, nil
	}
	if fields := len(strings.Fields(value)); fields != s.count {
		return "", fmt.Errorf("%q has %d numbers, not %d", value, fields, s.count)
	}
	out, _, err := s.store("", []byte(value), 0)
	if err != nil {
		return "", fmt.Errorf("%q is no number in range", value)
	}
	return out, nil
}

// areas are the tables, each with the beginning of all its names, the longer
// beginnings first. Each is made when first asked for: a start with a profile
// that names some sysctls must not pay for all.
var areas = []struct {
	prefix string
	table  func() sysctls
}{
	{"net/ipv4/", sync.OnceValue(ipv4Sysctls)},
	{"net/ipv6/", sync.OnceValue(ipv6Sysctls)},
	{"net/", sync.OnceValue(netSysctls)},
	{"vm/", sync.OnceValue(vmSysctls)},
	{"user/", sync.OnceValue(userSysctls)},
	{"fs/", sync.OnceValue(fsSysctls)},
	{"", sync.OnceValue(kernelSysctls)},
}

// known finds the type of a sysctl that shimrun knows.
func known(path string) (sysctl, bool) {
	if s, ok := interfaceSysctl(path); ok {
		return s, true
	}
	for _, area := range areas {
		if strings.HasPrefix(path, area.prefix) {
			s, ok := area.table()[path]
			return s, ok
		}
	}
	return sysctl{}, false
}

// allSysctls are all that shimrun knows.
var allSysctls = sync.OnceValue(func() sysctls {
	all := interfaceSysctls()
	for _, area := range areas {
		maps.Copy(all, area.table())
	}
	return all
})
