package cgroup

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// devices are the rules of a group: what is said of all devices, and those of
// which the other is said (security/device_cgroup.c).
type devices struct {
	deny       bool
	exceptions []device
}

// A device is one exception: a kind, numbers (anyNumber for "*"), and what may be done.
type device struct {
	kind         byte // 'b' or 'c'
	major, minor uint32
	access       access
}

const anyNumber = 1<<32 - 1

// access is what may be done with a device, as bits.
type access uint8

const (
	mayMknod access = 1 << iota
	mayRead
	mayWrite
)

func (a access) String() string {
	s := ""
	for _, bit := range []struct {
		access
		name string
	}{{mayRead, "r"}, {mayWrite, "w"}, {mayMknod, "m"}} {
		if a&bit.access != 0 {
			s += bit.name
		}
	}
	return s
}

func freshDevices(g *Group) any {
	if g.parent == nil {
		return &devices{}
	}
	above := g.parent.devices()
	return &devices{deny: above.deny, exceptions: slices.Clone(above.exceptions)}
}

func (g *Group) devices() *devices { return g.state["devices"].(*devices) }

var devicesFiles = []spec{
	{name: "devices.allow", mode: 0o200, write: func(g *Group, who Caller, text string) error { return g.rule(who, text, true) }},
	{name: "devices.deny", mode: 0o200, write: func(g *Group, who Caller, text string) error { return g.rule(who, text, false) }},
	{name: "devices.list", mode: 0o444, read: func(g *Group, _ Caller) (string, error) {
		d := g.devices()
		if !d.deny {
			// "Preserve the compatibility: Only show the "all devices" when the
			// default policy is to allow".
			return "a *:* rwm\n", nil
		}
		var b strings.Builder
		for _, e := range d.exceptions {
			fmt.Fprintf(&b, "%c %s:%s %s\n", e.kind, starred(e.major), starred(e.minor), e.access)
		}
		return b.String(), nil
	}},
}

func starred(n uint32) string {
	if n == anyNumber {
		return "*"
	}
	return strconv.FormatUint(uint64(n), 10)
}

// parseDevice reads "c 1:3 rwm"; all is for one that begins with "a", of which
// nothing more is read (devcgroup_update_access).
func parseDevice(text string) (d device, all bool, err error) {
	if text == "" {
		return d, false, unix.EINVAL
	}
	switch text[0] {
	case 'a':
		return d, true, nil
	case 'b', 'c':
		d.kind = text[0]
	default:
		return d, false, unix.EINVAL
	}
	rest := text[1:]
	if rest == "" || !isSpace(rest[0]) {
		return d, false, unix.EINVAL
	}
	if d.major, rest, err = deviceNumber(rest[1:]); err != nil {
		return d, false, err
	}
	if rest == "" || rest[0] != ':' {
		return d, false, unix.EINVAL
	}
	if d.minor, rest, err = deviceNumber(rest[1:]); err != nil {
		return d, false, err
	}
	if rest == "" || !isSpace(rest[0]) {
		return d, false, unix.EINVAL
	}
	rest = rest[1:]
	for i := 0; i < 3 && i < len(rest); i++ {
		switch rest[i] {
		case 'r':
			d.access |= mayRead
		case 'w':
			d.access |= mayWrite
		case 'm':
			d.access |= mayMknod
		case '\n':
			return d, false, nil
		default:
			return d, false, unix.EINVAL
		}
	}
	return d, false, nil
}

// isSpace is the kernel's isspace; a no-break space is one to it.
func isSpace(c byte) bool { return c == ' ' || '\t' <= c && c <= '\r' || c == 0xa0 }

func deviceNumber(s string) (uint32, string, error) {
	if rest, ok := strings.CutPrefix(s, "*"); ok {
		return anyNumber, rest, nil
	}
	// At most eleven digits are looked at, as many as the kernel's buffer takes.
	i := 0
	for i < len(s) && i < 11 && isDigit(s[i], 10) {
		i++
	}
	if i == 0 {
		return 0, "", unix.EINVAL
	}
	n, err := strconv.ParseUint(s[:i], 10, 32)
	if err != nil {
		return 0, "", unix.EINVAL
	}
	return uint32(n), s[i:], nil
}

// rule takes what was written to devices.allow or devices.deny.
func (g *Group) rule(who Caller, text string, allow bool) error {
	if !who.Admin {
		return unix.EPERM
	}
	ex, all, err := parseDevice(strip(text))
	if err != nil {
		return err
	}
	d := g.devices()
	if all {
		if len(g.children) > 0 {
			return unix.EINVAL
		}
		if allow && g.parent != nil {
			above := g.parent.devices()
			if above.deny {
				return unix.EPERM
			}
			g.state["devices"] = &devices{exceptions: slices.Clone(above.exceptions)}
			return nil
		}
		g.state["devices"] = &devices{deny: !allow}
		return nil
	}
	if allow {
		if !d.deny {
			// "If the default policy is to allow by default, try to remove an
			// matching exception instead. And be silent about it."
			if g.parent != nil && !g.parent.devices().allowsRemoval(ex) {
				return unix.EPERM
			}
			d.remove(ex)
			return nil
		}
		if g.parent != nil && !g.parent.devices().permits(ex) {
			return unix.EPERM
		}
		d.add(ex)
		return nil
	}
	if d.deny {
		d.remove(ex)
	} else {
		d.add(ex)
	}
	g.propagate(ex)
	return nil
}

func (d *devices) add(ex device) {
	for i := range d.exceptions {
		if e := &d.exceptions[i]; e.kind == ex.kind && e.major == ex.major && e.minor == ex.minor {
			e.access |= ex.access
			return
		}
	}
	d.exceptions = append(d.exceptions, ex)
}

func (d *devices) remove(ex device) {
	for i := range d.exceptions {
		if e := &d.exceptions[i]; e.kind == ex.kind && e.major == ex.major && e.minor == ex.minor {
			e.access &^= ex.access
		}
	}
	d.exceptions = slices.DeleteFunc(d.exceptions, func(e device) bool { return e.access == 0 })
}

// covers tells whether an exception speaks of all that another does (match_exception).
func (e *device) covers(ex device) bool {
	return e.kind == ex.kind && (e.major == anyNumber || e.major == ex.major) &&
		(e.minor == anyNumber || e.minor == ex.minor) && ex.access&^e.access == 0
}

// meets tells whether two speak of the same device at all (match_exception_partial).
func (e *device) meets(ex device) bool {
	return e.kind == ex.kind &&
		(e.major == anyNumber || ex.major == anyNumber || e.major == ex.major) &&
		(e.minor == anyNumber || ex.minor == anyNumber || e.minor == ex.minor) && ex.access&e.access != 0
}

// permits tells whether a group's rules let a group below allow a device
// (verify_new_ex where that one denies by default).
func (d *devices) permits(ex device) bool {
	if !d.deny {
		return !slices.ContainsFunc(d.exceptions, func(e device) bool { return e.meets(ex) })
	}
	return slices.ContainsFunc(d.exceptions, func(e device) bool { return e.covers(ex) })
}

// allowsRemoval tells whether a group below may take back that a device is
// denied: not where this one denies it too (parent_allows_removal).
func (d *devices) allowsRemoval(ex device) bool {
	return d.deny || !slices.ContainsFunc(d.exceptions, func(e device) bool { return e.meets(ex) })
}

// propagate takes from the groups below what was taken from this one
// (propagate_exception, revalidate_active_exceptions).
func (g *Group) propagate(ex device) {
	above := g.devices()
	for _, child := range g.children {
		d := child.devices()
		if !above.deny && !d.deny {
			d.add(ex)
		} else {
			d.remove(ex)
			d.exceptions = slices.DeleteFunc(d.exceptions, func(e device) bool { return d.deny && !above.permits(e) })
		}
		child.propagate(ex)
	}
}
