package fakefs

import (
	"fmt"
	"math"
	"strings"

	"go.yaml.in/yaml/v3"
)

// validSysctl tells whether a path below /proc/sys can be a sysctl.
func validSysctl(path string) bool {
	if path == "*" {
		return true
	}
	if strings.ContainsAny(path, "*?[ \t\n\v\f\r") {
		return false
	}
	for part := range strings.SplitSeq(path, "/") {
		if part == "" || part == "." || part == ".." {
			return false
		}
	}
	return true
}

func (d *decoder) decodeSysctls(n *yaml.Node) {
	d.each(n, func(key, value *yaml.Node) {
		name := sysctlPath(key.Value)
		if !validSysctl(name) {
			d.fail(key, "sysctls", fmt.Sprintf("%q is no sysctl", key.Value), `a name such as kernel.panic, or "*"`)
			return
		}
		if !d.claim(key, "sysctls", name) {
			return
		}
		if value.Kind == yaml.MappingNode {
			d.decodeSysctl(key, value, name)
			return
		}
		if text, ok := d.sysctlValue(value); ok {
			d.setSysctl(value, name, SysctlLie{Value: &text, When: Always})
		}
	})
}

func (d *decoder) decodeSysctl(key, n *yaml.Node, name string) {
	lie := SysctlLie{When: Always}
	at := key
	number := func(target **int64) func(*yaml.Node) {
		return func(n *yaml.Node) {
			if value, ok := d.integer(n); ok {
				*target = &value
			}
		}
	}
	before := len(d.errs)
	d.mapping(n, fields{
		"value": func(n *yaml.Node) {
			if text, ok := d.sysctlValue(n); ok {
				lie.Value, at = &text, n
			}
		},
		"type": d.oneOf(&lie.Type, sysctlTypes...),
		"min":  number(&lie.Min),
		"max":  number(&lie.Max),
		"mode": d.mode(&lie.Mode),
		"when": d.when(&lie.When, "always", "missing"),
	})
	if len(d.errs) == before {
		d.setSysctl(at, name, lie)
	}
}

// sysctlValue reads a value: a scalar, or a list of numbers.
func (d *decoder) sysctlValue(n *yaml.Node) (string, bool) {
	if n.Kind != yaml.SequenceNode {
		return d.text(n)
	}
	var numbers []string
	before := len(d.errs)
	for _, item := range n.Content {
		if _, ok := d.integer(item); ok {
			numbers = append(numbers, item.Value)
		}
	}
	return strings.Join(numbers, "\t"), len(d.errs) == before
}

// setSysctl checks a lie against its type, and keeps it.
func (d *decoder) setSysctl(n *yaml.Node, name string, lie SysctlLie) {
	if err := checkSysctl(name, &lie); err != nil {
		err.At, err.Subject = d.place(n), "sysctls "+sysctlName(name)
		d.errs = append(d.errs, err)
		return
	}
	d.profile.Sysctls[name] = lie
}

// checkSysctl finds what is wrong with a lie, and makes its value normal.
func checkSysctl(name string, lie *SysctlLie) *ProfileError {
	if name == "*" {
		if lie.Value != nil || lie.Type != "" || lie.Min != nil || lie.Max != nil || lie.Mode != 0 || lie.When != Missing {
			return &ProfileError{Cause: "all sysctls can only be filled in", Allowed: "{when: missing}"}
		}
		return nil
	}
	typ, err := lie.sysctl(name)
	if err != nil {
		return err
	}
	if lie.Value == nil {
		return nil
	}
	value, bad := typ.normal(*lie.Value)
	if bad != nil {
		return &ProfileError{Cause: "value " + bad.Error(), Allowed: typ.allowed()}
	}
	lie.Value = &value
	return nil
}

// sysctlTypes are the types that a profile can give a sysctl of its own.
var sysctlTypes = []string{"integer", "unsigned", "long", "vector", "string", "host"}

// sysctl is the type that a lie has: its own, or the kernel's.
func (lie *SysctlLie) sysctl(name string) (sysctl, *ProfileError) {
	var typ sysctl
	switch lie.Type {
	case "":
		var ok bool
		if typ, ok = known(name); !ok {
			return typ, &ProfileError{
				Cause:   "shimrun knows no sysctl of this name" + nearHint(name),
				Allowed: "{type: " + strings.Join(sysctlTypes, "|") + ", value: …} for one of your own",
			}
		}
		if lie.Min != nil || lie.Max != nil {
			return typ, &ProfileError{Cause: "the kernel's range stands", Allowed: "min and max only with a type"}
		}
	case "integer":
		typ = integer(0)
	case "unsigned":
		typ = unsigned(0)
	case "long":
		typ = long(0)
	case "vector":
		typ = integer(0)
		if lie.Value != nil {
			typ.count = len(strings.Fields(*lie.Value))
		}
	case "string":
		typ = text("", 4096)
	case "host":
		if lie.Value != nil {
			return typ, &ProfileError{Cause: "type host has no value: it is the real kernel's", Allowed: "another type"}
		}
		typ = text("", 4096)
		if k, ok := known(name); ok {
			typ = k
		}
	}
	if lie.Type != "" && lie.Type != "host" && lie.Value == nil {
		return typ, &ProfileError{Cause: "a type needs a value", Allowed: "value: …"}
	}
	if typ.form == formText && (lie.Min != nil || lie.Max != nil) {
		return typ, &ProfileError{Cause: "min and max are for numbers", Allowed: "no min and max"}
	}
	if lie.Min != nil {
		typ.min = *lie.Min
	}
	if lie.Max != nil {
		typ.max = uint64(max(*lie.Max, 0))
		if *lie.Max < 0 {
			return typ, &ProfileError{Cause: "max is negative", Allowed: "0 or more"}
		}
	}
	if typ.min > 0 && uint64(typ.min) > typ.max || lie.Max != nil && lie.Type == "integer" && *lie.Max > math.MaxInt32 {
		return typ, &ProfileError{Cause: "no number lies from min to max", Allowed: "min below max, within the type's range"}
	}
	if lie.Mode != 0 {
		typ.mode = lie.Mode
	}
	return typ, nil
}
