package fakefs

import (
	"bytes"
	"fmt"
	"strconv"
)

// Free is how much of the told memory is told to be free: what is really in
// use stays in use. All in bytes.
func (m Memory) Free(realTotal, realFree uint64) uint64 {
	if m.Total == 0 {
		return realFree
	}
	return left(m.Total, realTotal, realFree)
}

// FreeSwap is the same for swap.
func (m Memory) FreeSwap(realTotal, realFree uint64) uint64 {
	if m.Swap == 0 {
		return realFree
	}
	return left(m.Swap, realTotal, realFree)
}

// left is total less what is in use, and never less than a hundredth of it, so
// that nobody divides by nothing.
func left(total, realTotal, realFree uint64) uint64 {
	used := realTotal - min(realFree, realTotal)
	return max(total-min(used, total), total/100)
}

// meminfoFile is /proc/meminfo (proc_meminfo(5)) with the declared sizes.
func meminfoFile(g *generated, v View) ([]byte, error) {
	real, err := v.Real()
	if err != nil {
		return nil, err
	}
	return g.tree.profile.Memory.appendMeminfo(make([]byte, 0, len(real)+spare), real), nil
}

func (m Memory) appendMeminfo(dst, meminfo []byte) []byte {
	values := map[string]uint64{} // bytes
	eachLine(meminfo, func(line []byte, _ bool) {
		if name, kib, ok := meminfoLine(line); ok {
			values[name] = kib * 1024
		}
	})
	memory, swap := values["MemTotal"], values["SwapTotal"]
	told := map[string]uint64{}
	if m.Total != 0 {
		told["MemTotal"] = m.Total
		told["MemFree"] = m.Free(memory, values["MemFree"])
		told["MemAvailable"] = m.Free(memory, values["MemAvailable"])
	}
	if m.Swap != 0 {
		told["SwapTotal"] = m.Swap
		told["SwapFree"] = m.FreeSwap(swap, values["SwapFree"])
	}
	eachLine(meminfo, func(line []byte, ended bool) {
		name, _, ok := meminfoLine(line)
		if bytes, lied := told[name]; ok && lied {
			dst = fmt.Appendf(dst, "%-16s%8d kB", name+":", bytes/1024)
		} else {
			dst = append(dst, line...)
		}
		if ended {
			dst = append(dst, '\n')
		}
	})
	return dst
}

// meminfoLine splits "MemTotal:  8000 kB".
func meminfoLine(line []byte) (name string, kib uint64, ok bool) {
	field, rest, ok := bytes.Cut(line, []byte(":"))
	if !ok {
		return "", 0, false
	}
	digits, ok := bytes.CutSuffix(bytes.TrimSpace(rest), []byte(" kB"))
	if !ok {
		return "", 0, false
	}
	kib, err := strconv.ParseUint(string(digits), 10, 54)
	return string(field), kib, err == nil
}

// vmstatKeys are the counters of /proc/vmstat that vmstat(8), sar and
// node exporters look for; nothing is known about them here.
var vmstatKeys = []string{
	"nr_dirty", "nr_writeback", "pgpgin", "pgpgout", "pswpin", "pswpout",
	"pgfault", "pgmajfault", "oom_kill",
}

// vmstatFile is /proc/vmstat: the free pages of meminfo, and counters at 0.
func vmstatFile(_ *generated, v View) ([]byte, error) {
	meminfo, err := v.ReadFile("/proc/meminfo")
	if err != nil {
		return nil, err
	}
	var out []byte
	eachLine(meminfo, func(line []byte, _ bool) {
		if name, kib, ok := meminfoLine(line); ok && name == "MemFree" {
			out = fmt.Appendf(out, "nr_free_pages %d\n", kib/4)
		}
	})
	for _, key := range vmstatKeys {
		out = append(append(out, key...), " 0\n"...)
	}
	return out, nil
}
