package fakefs

import (
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"
	"sync"

	"go.yaml.in/yaml/v3"
	"golang.org/x/sys/unix"

	"github.com/shimrun/shimrun/internal/spelling"
)

// Parse decodes one profile, strictly: an unknown or repeated key, a wrong
// type, a value out of range or a contradiction is an error of one
// [ProfileError] for each mistake, joined. What the profile extends is left to [Load].
func Parse(filename string, data []byte) (*Profile, error) {
	p, errs := parse(filename, data)
	if err := joinErrors(errs); err != nil {
		return nil, err
	}
	return p, nil
}

// parse gives what could be decoded, beside the mistakes in it.
func parse(filename string, data []byte) (*Profile, []error) {
	d := &decoder{profile: newProfile(), file: filename}
	d.profile.Name = strings.TrimSuffix(path.Base(filename), path.Ext(filename))
	root, err := decodeDocument(filename, data)
	if err != nil {
		return d.profile, []error{err}
	}
	d.decodeProfile(root)
	return d.profile, d.errs
}

func newProfile() *Profile {
	return &Profile{
		Sysctls:     map[string]SysctlLie{},
		Files:       map[string]FileLie{},
		Filesystems: map[string]FilesystemLie{},
		Quirks:      map[string]bool{},
		Calls:       map[string]unix.Errno{},
		Programs:    map[string]Program{},
		Arguments:   map[string][]Argument{},
		Cgroups:     Cgroups{Controllers: map[string]bool{}},
		at:          map[string]Place{},
	}
}

func (d *decoder) decodeProfile(root *yaml.Node) {
	p := d.profile
	// The name first: every place bears it.
	if root.Kind == yaml.MappingNode {
		for i := 0; i+1 < len(root.Content); i += 2 {
			if root.Content[i].Value == "name" && root.Content[i+1].Kind == yaml.ScalarNode {
				p.Name = root.Content[i+1].Value
			}
		}
	}
	d.mapping(root, fields{
		"name":        d.into(&p.Name),
		"description": d.into(&p.Description),
		"extends":     d.decodeExtends,
		"match":       d.decodeMatch,
		"sysctls":     d.decodeSysctls,
		"files":       d.decodeFiles,
		"passthrough": d.decodePassthrough,
		"filesystems": d.decodeFilesystems,
		"uname":       d.decodeUname,
		"memory":      d.decodeMemory,
		"cgroups":     d.decodeCgroups,
		"quirks":      d.decodeQuirks,
		"calls":       d.decodeCalls,
		"links":       d.decodeLinks,
		"mounts":      d.decodeMounts,
		"programs":    d.decodePrograms,
		"arguments":   d.decodeArguments,
	})
	d.checkFiles()
}

// claim records where a setting is made, and refuses the second one in a profile.
func (d *decoder) claim(n *yaml.Node, section, name string) bool {
	key := section + " " + name
	if before, twice := d.profile.at[key]; twice {
		d.fail(n, section+" "+displayName(section, name), "contradicts "+before.String(), "one declaration")
		return false
	}
	d.profile.at[key] = d.place(n)
	return true
}

// displayName is a setting's name as people write it.
func displayName(section, name string) string {
	if section == "sysctls" {
		return sysctlName(name)
	}
	return name
}

func (d *decoder) decodeExtends(n *yaml.Node) {
	d.texts(n, func(n *yaml.Node, value string) {
		if d.claim(n, "extends", value) {
			d.profile.Extends = append(d.profile.Extends, value)
		}
	})
}

func (d *decoder) decodeMatch(n *yaml.Node) {
	d.mapping(n, fields{
		"commands": d.appendTo(&d.profile.Match.Commands),
		"lacks": func(n *yaml.Node) {
			d.items(n, "a list of probes", func(n *yaml.Node) {
				d.profile.Match.Lacks = append(d.profile.Match.Lacks, d.lack(n, "match"))
			})
		},
	})
}

func (d *decoder) decodePassthrough(n *yaml.Node) {
	d.texts(n, func(n *yaml.Node, value string) {
		name := sysctlPath(value)
		if !validSysctl(name) || name == "*" {
			d.fail(n, "passthrough", fmt.Sprintf("%q is no sysctl", value), "a name such as vm.swappiness")
		} else if d.claim(n, "sysctls", name) {
			d.profile.Sysctls[name] = SysctlLie{Passthrough: true, When: Always}
		}
	})
}

func (d *decoder) decodeUname(n *yaml.Node) {
	known := fields{}
	for field, name := range unameSysctls {
		known[field] = func(n *yaml.Node) {
			value, ok := d.text(n)
			if ok && d.claim(n, "sysctls", name) {
				d.setSysctl(n, name, SysctlLie{Value: &value, When: Always})
			}
		}
	}
	d.mapping(n, known)
}

func (d *decoder) decodeMemory(n *yaml.Node) {
	size := func(name string, target *uint64) func(*yaml.Node) {
		return func(n *yaml.Node) {
			value, ok := d.text(n)
			if !ok || !d.claim(n, "memory", name) {
				return
			}
			bytes, err := parseSize(value)
			if err != nil {
				d.fail(n, "memory "+name, err.Error(), "bytes, or a number with Ki, Mi, Gi or Ti")
				return
			}
			*target = bytes
		}
	}
	d.mapping(n, fields{
		"total": size("total", &d.profile.Memory.Total),
		"swap":  size("swap", &d.profile.Memory.Swap),
	})
}

// parseSize reads a number of bytes, with a binary suffix or none.
func parseSize(s string) (uint64, error) {
	digits := strings.TrimRight(s, "KMGTi")
	shift, ok := map[string]uint{"": 0, "Ki": 10, "Mi": 20, "Gi": 30, "Ti": 40}[s[len(digits):]]
	n, err := strconv.ParseUint(digits, 10, 64)
	if !ok || err != nil || n == 0 || n > 1<<62>>shift {
		return 0, fmt.Errorf("%q is no size", s)
	}
	return n << shift, nil
}

func (d *decoder) decodeQuirks(n *yaml.Node) {
	d.texts(n, func(n *yaml.Node, value string) {
		if _, ok := Quirks[value]; !ok {
			d.fail(n, "quirks", fmt.Sprintf("%q is unknown", value)+spelling.Hint(value, slices.Collect(maps.Keys(Quirks))), list(slices.Sorted(maps.Keys(Quirks))))
		} else if d.claim(n, "quirks", value) {
			d.profile.Quirks[value] = true
		}
	})
}

func (d *decoder) decodeCalls(n *yaml.Node) {
	d.each(n, func(key, value *yaml.Node) {
		subject := "calls " + key.Value
		_, refusable := CallNumber(key.Value)
		if !refusable {
			d.fail(key, subject, "cannot be refused"+spelling.Hint(key.Value, Refusable()), list(Refusable()))
		}
		word, ok := d.text(value)
		if !ok || !d.claim(key, "calls", key.Value) {
			return
		}
		errno, ok := errnos()[word]
		if !ok {
			d.fail(value, subject, fmt.Sprintf("%q is no error", word)+spelling.Hint(word, slices.Collect(maps.Keys(errnos()))), "0, or a name of errno(3) such as ENOSYS")
			return
		}
		d.profile.Calls[key.Value] = errno
	})
}

// errnos are the names of errno(3), and "0" for success.
var errnos = sync.OnceValue(func() map[string]unix.Errno {
	names := map[string]unix.Errno{"0": 0}
	for e := unix.Errno(1); e < 134; e++ {
		if name := unix.ErrnoName(e); name != "" {
			names[name] = e
		}
	}
	return names
})

func (d *decoder) decodeLinks(n *yaml.Node) {
	if value, ok := d.choice(n, "exact", "kernel"); ok && d.claim(n, "links", "") {
		d.profile.Links = value
	}
}

func (d *decoder) decodeMounts(n *yaml.Node) {
	if value, ok := d.choice(n, "kernel", "virtual"); ok && d.claim(n, "mounts", "") {
		d.profile.Mounts = value
	}
}

func (d *decoder) decodeArguments(n *yaml.Node) {
	d.each(n, func(key, value *yaml.Node) {
		if !d.claim(key, "arguments", key.Value) {
			return
		}
		args := []Argument{}
		d.items(value, "a list of arguments", func(item *yaml.Node) { args = append(args, d.argument(item)) })
		d.profile.Arguments[key.Value] = args
	})
}

// argument decodes one: its text, or that and the lack that calls for it.
func (d *decoder) argument(n *yaml.Node) (a Argument) {
	if n.Kind != yaml.MappingNode {
		a.Text, _ = d.text(n)
		return a
	}
	d.mapping(n, fields{
		"add":         d.into(&a.Text),
		"lacks":       func(n *yaml.Node) { a.Lacks = d.lack(n, "arguments") },
		"config":      d.into(&a.Config),
		"flags":       d.appendTo(&a.Flags),
		"environment": d.into(&a.Environment),
	})
	adds, reads := a.Text != "" && a.Lacks != "", a.Config != ""
	if adds == reads || adds && (len(a.Flags) > 0 || a.Environment != "") || reads && (a.Text != "" || a.Lacks != "") {
		d.fail(n, "arguments", "half an argument", "{add: ARGUMENT, lacks: PROBE}, the argument alone, or {config: FILE, flags: [FLAG], environment: VARIABLE}")
	}
	return a
}

// lack decodes the name of a probe.
func (d *decoder) lack(n *yaml.Node, subject string) string {
	value, ok := d.text(n)
	if ok && !validLack(value) {
		d.fail(n, subject, fmt.Sprintf("%q is no probe", value), lackWords)
	}
	return value
}

// mode reads permission bits, octal.
func (d *decoder) mode(target *fs.FileMode) func(*yaml.Node) {
	return func(n *yaml.Node) {
		value, ok := d.text(n)
		if !ok {
			return
		}
		bits, err := strconv.ParseUint(strings.TrimPrefix(value, "0o"), 8, 32)
		if err != nil || bits > 0o777 || bits == 0 {
			d.fail(n, "", fmt.Sprintf("mode %q", value), `octal permissions such as "0644"`)
			return
		}
		*target = fs.FileMode(bits)
	}
}

func (d *decoder) when(target *When, allowed ...string) func(*yaml.Node) {
	return func(n *yaml.Node) {
		if value, ok := d.choice(n, allowed...); ok {
			*target = When(value)
		}
	}
}
