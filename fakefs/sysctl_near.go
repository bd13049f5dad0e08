package fakefs

import (
	"maps"
	"slices"
	"strings"

	"github.com/shimrun/shimrun/internal/spelling"
)

// NearSysctl is the sysctl that may have been meant by the name of one that shimrun
// does not know, as sysctl(8) writes it; "" where none is near. A name has the forms
// that --set takes.
func NearSysctl(name string) string {
	path := sysctlPath(name)
	if _, ok := known(path); ok {
		return ""
	}
	if near := nearPath(path); near != "" {
		return sysctlName(near)
	}
	return ""
}

func nearPath(path string) string {
	for _, c := range conf {
		rest, ok := strings.CutPrefix(path, c.prefix)
		if !ok {
			continue
		}
		// Of an interface anything can be the name, but for a slash in it: a dot that
		// was meant as a part of it (eth0.100) became one.
		parts := strings.Split(rest, "/")
		last := len(parts) - 1
		folder, key := c.prefix+strings.Join(parts[:last], ".")+"/", parts[last]
		switch _, is := c.table()[key]; {
		case last == 0, is && last == 1:
			return ""
		case is:
			return folder + key
		}
		if near := spelling.Nearest(key, slices.Sorted(maps.Keys(c.table()))); near != "" {
			return folder + near
		}
		return ""
	}
	return spelling.Nearest(path, slices.Sorted(maps.Keys(allSysctls())))
}

// nearHint asks whether a known sysctl was meant by an unknown one.
func nearHint(path string) string {
	if near := nearPath(path); near != "" {
		return "; did you mean " + sysctlName(near) + "?"
	}
	return ""
}
