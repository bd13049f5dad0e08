package fakefs

import (
	"bytes"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strconv"

	"go.yaml.in/yaml/v3"
	"golang.org/x/sys/unix"
)

// section is a mapping to be written; the encoder sorts its keys.
type section map[string]any

// set keeps what differs from nothing.
func (s section) set(key string, value any, has bool) {
	if has {
		s[key] = value
	}
}

// Marshal writes the profile as YAML that [Parse] reads back to the same
// profile; a merged one needs no other files.
func (p *Profile) Marshal() ([]byte, error) {
	out := section{"name": p.Name}
	out.set("description", p.Description, p.Description != "")
	out.set("extends", p.Extends, len(p.Extends) > 0)
	match := section{}
	match.set("commands", p.Match.Commands, len(p.Match.Commands) > 0)
	match.set("lacks", p.Match.Lacks, len(p.Match.Lacks) > 0)
	out.set("match", match, len(match) > 0)

	sysctls, passthrough := section{}, []string{}
	for _, path := range slices.Sorted(maps.Keys(p.Sysctls)) {
		if lie := p.Sysctls[path]; lie.Passthrough {
			passthrough = append(passthrough, sysctlName(path))
		} else {
			sysctls[sysctlName(path)] = lie.marshal()
		}
	}
	out.set("sysctls", sysctls, len(sysctls) > 0)
	out.set("passthrough", passthrough, len(passthrough) > 0)

	files := section{}
	for name, lie := range p.Files {
		files[name] = lie.marshal()
	}
	out.set("files", files, len(files) > 0)

	var filesystems []section
	for _, typ := range slices.Sorted(maps.Keys(p.Filesystems)) {
		report := p.Filesystems[typ].Report
		filesystems = append(filesystems, section{
			"match":  section{"type": typ},
			"report": section{"type": report.Type, "source": report.Source},
		})
	}
	out.set("filesystems", filesystems, len(filesystems) > 0)

	memory := section{}
	memory.set("total", p.Memory.Total, p.Memory.Total > 0)
	memory.set("swap", p.Memory.Swap, p.Memory.Swap > 0)
	out.set("memory", memory, len(memory) > 0)

	groups := section{}
	groups.set("controllers", slices.Sorted(maps.Keys(p.Cgroups.Controllers)), len(p.Cgroups.Controllers) > 0)
	groups.set("version", p.Cgroups.Version, p.Cgroups.Version != "")
	groups.set("root", p.Cgroups.Root, p.Cgroups.Root != "")
	groups.set("when", string(p.Cgroups.When), p.Cgroups.When != "")
	out.set("cgroups", groups, len(groups) > 0)

	out.set("quirks", slices.Sorted(maps.Keys(p.Quirks)), len(p.Quirks) > 0)
	calls := section{}
	for name, errno := range p.Calls {
		calls[name] = unix.ErrnoName(errno)
		if errno == 0 {
			calls[name] = 0
		}
	}
	out.set("calls", calls, len(calls) > 0)
	out.set("links", p.Links, p.Links != "")
	out.set("mounts", p.Mounts, p.Mounts != "")
	programs := section{}
	for name, program := range p.Programs {
		programs[name] = program.marshal()
	}
	out.set("programs", programs, len(programs) > 0)
	arguments := section{}
	for start, list := range p.Arguments {
		texts := make([]any, len(list))
		for i, a := range list {
			texts[i] = a.marshal()
		}
		arguments[start] = texts
	}
	out.set("arguments", arguments, len(arguments) > 0)

	var buf bytes.Buffer
	enc := yaml.NewEncoder(&buf)
	enc.SetIndent(2)
	if err := enc.Encode(out); err != nil {
		return nil, fmt.Errorf("profile %s: %w", p.Name, err)
	}
	return buf.Bytes(), nil
}

func (a Argument) marshal() any {
	switch {
	case a.Config != "":
		out := section{"config": a.Config}
		out.set("flags", a.Flags, len(a.Flags) > 0)
		out.set("environment", a.Environment, a.Environment != "")
		return out
	case a.Lacks == "":
		return a.Text
	}
	return section{"add": a.Text, "lacks": a.Lacks}
}

func (lie SysctlLie) marshal() any {
	if lie.Value != nil && lie.Type == "" && lie.Mode == 0 && lie.When == Always {
		return *lie.Value
	}
	out := section{"when": string(lie.When)}
	out.set("type", lie.Type, lie.Type != "")
	if lie.Value != nil {
		out["value"] = *lie.Value
	}
	if lie.Min != nil {
		out["min"] = *lie.Min
	}
	if lie.Max != nil {
		out["max"] = *lie.Max
	}
	out.set("mode", octal(lie.Mode), lie.Mode != 0)
	return out
}

func (lie FileLie) marshal() any {
	out := section{"when": string(lie.When)}
	if lie.Content != nil {
		out["content"] = *lie.Content
	}
	out.set("generate", lie.Generate, lie.Generate != "")
	out.set("stream", lie.Stream, lie.Stream != "")
	out.set("link", lie.Link, lie.Link != "")
	out.set("directory", true, lie.Directory)
	out.set("mode", octal(lie.Mode), lie.Mode != 0)
	out.set("owner", fmt.Sprintf("%d:%d", lie.UID, lie.GID), lie.UID != 0 || lie.GID != 0)
	out.set("device", fmt.Sprintf("%d:%d", unix.Major(lie.Device), unix.Minor(lie.Device)), lie.Device != 0)
	return out
}

func octal(mode fs.FileMode) string { return "0" + strconv.FormatUint(uint64(mode), 8) }
