package fakefs

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/shimrun/shimrun/internal/spelling"
	"github.com/shimrun/shimrun/internal/textfile"
)

// LoadOptions name what a run is to be told. All of it may be empty.
type LoadOptions struct {
	// Profiles are names of built-in profiles, or paths (they contain a slash
	// or end in .yaml).
	Profiles []string
	// Set is PATH=VALUE for sysctls: dotted, slashed or below /proc/sys. One
	// that shimrun does not know becomes an integer or a string, by its value.
	Set []string
	// Files is PATH=CONTENT, or PATH=@FILE for the content of a file read now.
	Files []string
	// Filesystems is TYPE=REPORTED, such as 9p=ext4.
	Filesystems []string
	// Cgroups is the version of cgroups that is served, if not empty.
	Cgroups string
	// Texts, where not nil, gets the text of each file that is read, by its
	// name, and one that is there already is not read: with it the same can be
	// loaded again, elsewhere and after the files have changed.
	Texts map[string][]byte
}

// The most that is read of a profile, and of a file that --file serves, in bytes.
const (
	ProfileLimit = 4 << 20
	contentLimit = 64 << 20
)

// read reads a file once.
func (opt *LoadOptions) read(name string, limit int64) ([]byte, error) {
	if text, ok := opt.Texts[name]; ok {
		return text, nil
	}
	text, err := textfile.Read(name, limit)
	if err == nil && opt.Texts != nil {
		opt.Texts[name] = text
	}
	return text, err
}

// Load merges profiles and single lies into one profile. Every mistake in every
// profile is one [ProfileError], joined. A profile overrules
// what it extends, and the single lies overrule all profiles; two profiles of
// which neither extends the other may not disagree, and an extends may not lead
// back to itself: the error names both places.
func Load(opt LoadOptions) (*Profile, error) {
	top, err := singleLies(opt)
	if err != nil {
		return nil, err
	}
	l := loader{opt: &opt, merged: map[string]*Profile{}, above: map[string][]string{}}
	for i, name := range opt.Profiles {
		if !slices.Contains(opt.Profiles[:i], name) {
			top.Extends = append(top.Extends, name)
		}
	}
	names := append([]string(nil), top.Extends...)
	p, err := l.merge(top, ".", "", nil)
	if err != nil {
		return nil, err
	}
	p.Name = strings.Join(names, "+")
	if len(names) == 1 {
		base, _, err := l.load(names[0], ".", nil) // merged already
		if err != nil {
			return nil, err
		}
		p.Name, p.Description, p.Match = base.Name, base.Description, base.Match
	}
	return p, nil
}

// loader follows extends.
type loader struct {
	opt    *LoadOptions
	merged map[string]*Profile // by file, as places name it
	above  map[string][]string // a profile's file → all that it extends
}

// isFile tells a path from the name of a built-in profile.
func isFile(name string) bool {
	return strings.ContainsRune(name, '/') || strings.HasSuffix(name, ".yaml") || strings.HasSuffix(name, ".yml")
}

// load reads and merges one profile, and tells its file. dir is where relative
// paths start, chain the files that led here.
func (l *loader) load(name, dir string, chain []string) (p *Profile, file string, err error) {
	file = builtinFile(name)
	if isFile(name) {
		file = name
		if !filepath.IsAbs(name) {
			file = filepath.Join(dir, name)
		}
	}
	if i := slices.Index(chain, file); i >= 0 {
		return nil, file, fmt.Errorf("extends in a circle: %s", strings.Join(append(slices.Clone(chain[i:]), file), " → "))
	}
	if p, ok := l.merged[file]; ok {
		return p, file, nil
	}
	var mistakes []error
	switch {
	case isFile(name):
		data, err := l.opt.read(file, ProfileLimit)
		if err != nil {
			return nil, file, err
		}
		p, mistakes = parse(file, data)
	case compiled[name] != nil:
		p = mustBuiltin(name)
	default:
		return nil, file, fmt.Errorf("profile %s: no such built-in profile%s (built in: %s; a file needs a slash or .yaml in its name)",
			quote(name), spelling.Hint(name, Builtins()), list(Builtins()))
	}
	// What it extends may have mistakes as well.
	if p, err = l.merge(p, filepath.Dir(file), file, chain); err != nil || len(mistakes) > 0 {
		return nil, file, joinErrors(append(mistakes, err))
	}
	l.merged[file] = p
	return p, file, nil
}

// merge lays a profile's own settings over what it extends.
func (l *loader) merge(own *Profile, dir, file string, chain []string) (*Profile, error) {
	if file != "" {
		chain = append(slices.Clone(chain), file)
	}
	m := newMerger(l.extends)
	var mistakes []error
	for _, parent := range own.Extends {
		p, parentFile, err := l.load(parent, dir, chain)
		if err != nil {
			if at := own.place("extends", parent); at.Line > 0 && !errors.As(err, new(*ProfileError)) {
				err = &ProfileError{At: at, Subject: "extends " + parent, Cause: err.Error()}
			}
			mistakes = append(mistakes, err)
			continue
		}
		l.above[file] = append(append(l.above[file], parentFile), l.above[parentFile]...)
		m.add(p, false)
	}
	m.add(own, true)
	if err := joinErrors(append(mistakes, m.conflicts()...)); err != nil {
		return nil, err
	}
	out := m.into
	out.Name, out.Description, out.Match = own.Name, own.Description, own.Match
	return out, nil
}

// extends tells whether the profile of one file builds on that of another.
func (l *loader) extends(file, other string) bool {
	return slices.Contains(l.above[file], other)
}
