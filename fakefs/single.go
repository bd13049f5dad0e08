package fakefs

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
)

// singleLies makes a profile of what was asked for by flags.
func singleLies(opt LoadOptions) (*Profile, error) {
	p := newProfile()
	for _, group := range []struct {
		flag  string
		words []string
		add   func(p *Profile, at Place, name, value string) *ProfileError
	}{
		{"--set", opt.Set, addSet},
		{"--file", opt.Files, opt.addFile},
		{"--fs", opt.Filesystems, addFilesystem},
	} {
		for _, word := range group.words {
			at := Place{Profile: "command line", File: group.flag + " " + word}
			name, value, found := strings.Cut(word, "=")
			if !found {
				return nil, &ProfileError{At: at, Cause: "no = in it", Allowed: group.flag + " NAME=VALUE"}
			}
			if err := group.add(p, at, name, value); err != nil {
				err.At = at
				return nil, err
			}
		}
	}
	if opt.Cgroups != "" {
		at := Place{Profile: "command line", File: "--cgroups " + opt.Cgroups}
		if !slices.Contains(cgroupVersions, opt.Cgroups) {
			return nil, &ProfileError{At: at, Cause: fmt.Sprintf("%q is unknown", opt.Cgroups), Allowed: list(cgroupVersions)}
		}
		p.Cgroups.Version, p.at["cgroups version"] = opt.Cgroups, at
	}
	return p, nil
}

// once keeps a flag's place; a second flag about the same thing must say the same.
func once(p *Profile, at Place, key string) *ProfileError {
	if before, twice := p.at[key]; twice {
		return &ProfileError{Cause: "contradicts " + before.File, Allowed: "one value"}
	}
	p.at[key] = at
	return nil
}

func addSet(p *Profile, at Place, name, value string) *ProfileError {
	path := sysctlPath(name)
	if !validSysctl(path) || path == "*" || strings.HasPrefix(path, "/") {
		return &ProfileError{Cause: fmt.Sprintf("%q is no sysctl", name), Allowed: "/proc/sys/… or a name such as vm.swappiness; --file serves other files"}
	}
	lie := SysctlLie{Value: &value, When: Always}
	if _, ok := known(path); !ok {
		lie.Type = "string"
		if _, err := strconv.ParseInt(value, 0, 32); err == nil {
			lie.Type = "integer"
		}
	}
	if err := checkSysctl(path, &lie); err != nil {
		return err
	}
	p.Sysctls[path] = lie
	return once(p, at, "sysctls "+path)
}

func (opt *LoadOptions) addFile(p *Profile, at Place, name, value string) *ProfileError {
	if err := checkFileName(name); err != nil {
		return &ProfileError{Cause: err.Error(), Allowed: "an absolute, clean path; --set for what stands below /proc/sys"}
	}
	if source, ok := strings.CutPrefix(value, "@"); ok {
		data, err := opt.read(source, contentLimit)
		if err != nil {
			var pathErr *os.PathError
			if errors.As(err, &pathErr) {
				err = pathErr.Err
			}
			return &ProfileError{Cause: fmt.Sprintf("cannot read %s: %v", source, err), Allowed: "a readable file"}
		}
		value = string(data)
	}
	p.Files[name] = FileLie{Content: &value, When: Always}
	return once(p, at, "files "+name)
}

func addFilesystem(p *Profile, at Place, name, value string) *ProfileError {
	lie := FilesystemLie{Type: name, Report: FilesystemReport{Type: value, Source: "/dev/shim"}}
	if err := lie.complete(); err != nil {
		return err
	}
	p.Filesystems[name] = lie
	return once(p, at, "filesystems "+name)
}
