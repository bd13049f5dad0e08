package cgroup

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// io is what a group of that controller is set to, by device ("8:0").
type io struct {
	limits  map[string]map[string]uint64
	weight  uint64
	weights map[string]uint64
}

func freshIO(*Group) any {
	return &io{limits: map[string]map[string]uint64{}, weight: 100, weights: map[string]uint64{}}
}

func (g *Group) io() *io { return g.state["io"].(*io) }

// ioFiles are blkcg_files in block/blk-cgroup.c, io.max of blk-throttle.c and
// io.weight of blk-iocost.c. What goes to which disk is not known.
var ioFiles = []spec{
	{name: "io.stat", mode: 0o444, read: func(*Group, Caller) (string, error) { return "", nil }},
	{name: "io.max", mode: 0o644, where: belowRoot, read: readIOMax, write: writeIOMax},
	{name: "io.weight", mode: 0o644, where: belowRoot, read: readIOWeight, write: writeIOWeight},
}

// ioLimits are the keys of io.max.
var ioLimits = []string{"rbps", "wbps", "riops", "wiops"}

func readIOMax(g *Group, _ Caller) (string, error) {
	var b strings.Builder
	for _, device := range slices.Sorted(maps.Keys(g.io().limits)) {
		b.WriteString(device)
		for _, key := range ioLimits {
			if n, ok := g.io().limits[device][key]; ok {
				fmt.Fprintf(&b, " %s=%d", key, n)
			} else {
				fmt.Fprintf(&b, " %s=max", key)
			}
		}
		b.WriteByte('\n')
	}
	return b.String(), nil
}

// writeIOMax is tg_set_limit: "MAJ:MIN KEY=VALUE …". Whether there is such a
// device is not asked.
func writeIOMax(g *Group, _ Caller, text string) error {
	device, words, err := deviceOf(text)
	if err != nil {
		return err
	}
	limits := maps.Clone(g.io().limits[device])
	if limits == nil {
		limits = map[string]uint64{}
	}
	for _, word := range words {
		key, value, ok := strings.Cut(word, "=")
		if !ok || !slices.Contains(ioLimits, key) {
			return unix.EINVAL
		}
		if value == "max" {
			delete(limits, key)
			continue
		}
		n, err := leading(value)
		switch {
		case err != nil:
			return unix.EINVAL
		case n == 0:
			return unix.ERANGE
		}
		limits[key] = n
	}
	if len(limits) == 0 {
		delete(g.io().limits, device)
	} else {
		g.io().limits[device] = limits
	}
	return nil
}

func readIOWeight(g *Group, _ Caller) (string, error) {
	var b strings.Builder
	fmt.Fprintf(&b, "default %d\n", g.io().weight)
	for _, device := range slices.Sorted(maps.Keys(g.io().weights)) {
		fmt.Fprintf(&b, "%s %d\n", device, g.io().weights[device])
	}
	return b.String(), nil
}

// writeIOWeight is ioc_weight_write: "WEIGHT", "default WEIGHT", or for a device a
// weight or "default".
func writeIOWeight(g *Group, _ Caller, text string) error {
	weight := func(word string) (uint64, error) {
		n, err := strconv.ParseUint(word, 10, 32)
		if err != nil {
			return 0, unix.EINVAL
		}
		if n < 1 || n > 10000 {
			return 0, unix.EINVAL
		}
		return n, nil
	}
	if !strings.Contains(text, ":") {
		n, err := weight(cmp.Or(strings.TrimPrefix(strip(text), "default "), ""))
		if err == nil {
			g.io().weight = n
		}
		return err
	}
	device, words, err := deviceOf(text)
	switch {
	case err != nil:
		return err
	case len(words) != 1:
		return unix.EINVAL
	case words[0] == "default":
		delete(g.io().weights, device)
		return nil
	}
	n, err := weight(words[0])
	if err == nil {
		g.io().weights[device] = n
	}
	return err
}

// deviceOf reads the device that a line is about (blkg_conf_open_bdev).
func deviceOf(text string) (device string, words []string, err error) {
	words = strings.Fields(text)
	if len(words) == 0 {
		return "", nil, unix.EINVAL
	}
	major, minor, _ := strings.Cut(words[0], ":")
	a, e1 := strconv.ParseUint(major, 10, 12)
	b, e2 := strconv.ParseUint(minor, 10, 20)
	if e1 != nil || e2 != nil {
		return "", nil, unix.EINVAL
	}
	return fmt.Sprintf("%d:%d", a, b), words[1:], nil
}
