package fakefs

import (
	"bytes"
	"fmt"
	"runtime"
	"strconv"
	"strings"
)

// cpuCount is the number of processors that the reader's /proc/stat lists.
func cpuCount(v View) int {
	stat, err := v.ReadFile("/proc/stat")
	count := 0
	if err == nil {
		eachLine(stat, func(line []byte, _ bool) {
			if len(line) > 3 && bytes.HasPrefix(line, []byte("cpu")) && isDigit(line[3]) {
				count++
			}
		})
	}
	if count == 0 {
		count = runtime.NumCPU()
	}
	return count
}

// cpuOnline is a list of processors as in /sys/devices/system/cpu/online.
func cpuOnline(_ *generated, v View) ([]byte, error) {
	if count := cpuCount(v); count > 1 {
		return fmt.Appendf(nil, "0-%d\n", count-1), nil
	}
	return []byte("0\n"), nil
}

// cpuNumber is N of the component cpuN in the file's name.
func (g *generated) cpuNumber() int {
	for part := range strings.SplitSeq(g.name, "/") {
		if digits, ok := strings.CutPrefix(part, "cpu"); ok {
			if n, err := strconv.Atoi(digits); err == nil {
				return n
			}
		}
	}
	return 0
}

func cpuCoreID(g *generated, _ View) ([]byte, error) {
	return fmt.Appendf(nil, "%d\n", g.cpuNumber()), nil
}

// cpuSiblings is topology/thread_siblings_list: a processor has none but itself.
func cpuSiblings(g *generated, _ View) ([]byte, error) {
	return fmt.Appendf(nil, "%d\n", g.cpuNumber()), nil
}

// cpuFrequency is cpufreq/cpuinfo_max_freq in kHz, from "cpu MHz" of /proc/cpuinfo.
func cpuFrequency(_ *generated, v View) ([]byte, error) {
	cpuinfo, err := v.ReadFile("/proc/cpuinfo")
	if err != nil {
		return nil, err
	}
	kilohertz := uint64(2_000_000)
	eachLine(cpuinfo, func(line []byte, _ bool) {
		name, value, _ := strings.Cut(string(line), ":")
		if strings.TrimSpace(name) == "cpu MHz" {
			if mhz, err := strconv.ParseFloat(strings.TrimSpace(value), 64); err == nil && mhz > 0 && mhz < 1e6 {
				kilohertz = uint64(mhz * 1000)
			}
		}
	})
	return append(strconv.AppendUint(nil, kilohertz, 10), '\n'), nil
}
