package fakefs

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
	"golang.org/x/sys/unix"
)

func (d *decoder) decodeFiles(n *yaml.Node) {
	d.each(n, func(key, value *yaml.Node) {
		if err := checkFileName(key.Value); err != nil {
			d.fail(key, "files "+key.Value, err.Error(), "an absolute, clean path, or a pattern with * and **; sysctls stand under sysctls")
			return
		}
		if d.claim(key, "files", key.Value) {
			d.decodeFile(key, value)
		}
	})
}

// checkFileName refuses what cannot be served, or is served by another section.
func checkFileName(name string) error {
	switch {
	case !path.IsAbs(name) || path.Clean(name) != name || name == "/" || strings.ContainsRune(name, 0):
		return fmt.Errorf("%q is no absolute, clean path", name)
	case strings.HasPrefix(name, "/proc/sys/"):
		return fmt.Errorf("%q is a sysctl", name)
	case strings.HasPrefix(name, "/proc/self/") || strings.HasPrefix(name, "/proc/thread-self/"):
		return fmt.Errorf("%q is a link: say /proc/*/…", name)
	}
	return checkPattern(name)
}

func (d *decoder) decodeFile(key, n *yaml.Node) {
	lie := FileLie{When: Always}
	before := len(d.errs)
	d.mapping(n, fields{
		"content": func(n *yaml.Node) {
			if value, ok := d.text(n); ok {
				lie.Content = &value
			}
		},
		"generate":  d.oneOf(&lie.Generate, slices.Sorted(maps.Keys(generators))...),
		"stream":    d.oneOf(&lie.Stream, "kmsg"),
		"link":      d.into(&lie.Link),
		"directory": func(n *yaml.Node) { lie.Directory = d.boolean(n) },
		"mode":      d.mode(&lie.Mode),
		"owner":     d.owner(&lie),
		"device":    d.device(&lie),
		"when":      d.when(&lie.When, "always", "missing", "present"),
	})
	if len(d.errs) > before {
		return
	}
	kinds := 0
	for _, has := range []bool{lie.Content != nil, lie.Generate != "", lie.Stream != "", lie.Link != "", lie.Directory} {
		if has {
			kinds++
		}
	}
	switch {
	case kinds != 1:
		d.fail(key, "files "+key.Value, fmt.Sprintf("%d kinds of file at once", kinds), "one of content, generate, stream, link, directory")
	case lie.Device != 0 && lie.Stream == "":
		d.fail(key, "files "+key.Value, "a device number without a device", "device only with stream")
	default:
		d.profile.Files[key.Value] = lie
	}
}

var pairShape = shape(`^(\d+):(\d+)$`)

// pair reads "number:number".
func (d *decoder) pair(n *yaml.Node, what string) (first, second uint32, ok bool) {
	value, ok := d.text(n)
	if !ok {
		return 0, 0, false
	}
	if m := pairShape().FindStringSubmatch(value); m != nil {
		a, errA := strconv.ParseUint(m[1], 10, 32)
		b, errB := strconv.ParseUint(m[2], 10, 32)
		if errA == nil && errB == nil {
			return uint32(a), uint32(b), true
		}
	}
	d.fail(n, "", fmt.Sprintf("%s %q", what, value), `two numbers, such as "1:11"`)
	return 0, 0, false
}

func (d *decoder) owner(lie *FileLie) func(*yaml.Node) {
	return func(n *yaml.Node) {
		if uid, gid, ok := d.pair(n, "owner"); ok {
			lie.UID, lie.GID = uid, gid
		}
	}
}

func (d *decoder) device(lie *FileLie) func(*yaml.Node) {
	return func(n *yaml.Node) {
		if major, minor, ok := d.pair(n, "device"); ok {
			lie.Device = unix.Mkdev(major, minor)
		}
	}
}

// subjectOf is what messages call the setting of a served name.
func subjectOf(name string) string {
	if path, ok := strings.CutPrefix(name, sysctlRoot+"/"); ok {
		return "sysctls " + sysctlName(path)
	}
	return "files " + name
}

// checkFiles finds files and sysctls that stand below what is no directory.
func (d *decoder) checkFiles() {
	p := d.profile
	folder := map[string]bool{} // by name: whether it is one
	for name, lie := range p.Files {
		folder[name] = lie.Directory
	}
	for path, lie := range p.Sysctls {
		if path != "*" && !lie.Passthrough {
			folder[sysctlRoot+"/"+path] = false
		}
	}
	for _, name := range slices.Sorted(maps.Keys(folder)) {
		for dir := path.Dir(name); dir != "/"; dir = path.Dir(dir) {
			if is, named := folder[dir]; named && !is {
				d.errs = append(d.errs, &ProfileError{
					At: p.placeOf(name), Subject: subjectOf(name),
					Cause:   fmt.Sprintf("contradicts %s: %s is no directory", p.placeOf(dir), dir),
					Allowed: "files below directories only",
				})
			}
		}
	}
}

var sourceShape = shape(`^/dev/[a-zA-Z][a-zA-Z_-]*$`)

func (d *decoder) decodeFilesystems(n *yaml.Node) {
	if n.Kind != yaml.SequenceNode {
		d.fail(n, "filesystems", "found "+describe(n), "a list of {match: …, report: …}")
		return
	}
	for _, item := range n.Content {
		lie := FilesystemLie{Report: FilesystemReport{Source: "/dev/shim"}}
		before := len(d.errs)
		d.mapping(item, fields{
			"match": func(n *yaml.Node) { d.mapping(n, fields{"type": d.into(&lie.Type)}) },
			"report": func(n *yaml.Node) {
				d.mapping(n, fields{"type": d.into(&lie.Report.Type), "source": d.into(&lie.Report.Source)})
			},
		})
		if len(d.errs) > before {
			continue
		}
		if err := lie.complete(); err != nil {
			err.At, err.Subject = d.place(item), "filesystems "+lie.Type
			d.errs = append(d.errs, err)
			continue
		}
		if d.claim(item, "filesystems", lie.Type) {
			d.profile.Filesystems[lie.Type] = lie
		}
	}
}

// complete fills in the numbers of a lie's types, and finds what is wrong.
func (lie *FilesystemLie) complete() *ProfileError {
	for _, side := range []struct {
		typ   string
		magic *int64
	}{{lie.Type, &lie.Magic}, {lie.Report.Type, &lie.Report.Magic}} {
		magic, ok := magics[side.typ]
		if !ok {
			return &ProfileError{Cause: fmt.Sprintf("unknown type %q", side.typ), Allowed: list(slices.Sorted(maps.Keys(magics)))}
		}
		*side.magic = magic
	}
	if lie.Type == lie.Report.Type {
		return &ProfileError{Cause: "match and report are the same", Allowed: "two types"}
	}
	if !sourceShape().MatchString(lie.Report.Source) {
		return &ProfileError{Cause: fmt.Sprintf("source %q", lie.Report.Source), Allowed: "a name such as /dev/shim, without a number at its end"}
	}
	return nil
}
