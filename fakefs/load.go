package fakefs

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
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
}

// Load merges profiles and single lies into one profile. A profile overrules
// what it extends, and the single lies overrule all profiles; two profiles of
// which neither extends the other may not disagree, and an extends may not lead
// back to itself: the error names both places.
func Load(opt LoadOptions) (*Profile, error) {
	top, err := singleLies(opt)
	if err != nil {
		return nil, err
	}
	l := loader{merged: map[string]*Profile{}, above: map[string][]string{}}
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
		base := l.merged[names[0]]
		p.Name, p.Description, p.Match = base.Name, base.Description, base.Match
	}
	return p, nil
}

// loader follows extends.
type loader struct {
	merged map[string]*Profile // by file or built-in name
	above  map[string][]string // a profile's name → all that it extends
}

// isFile tells a path from the name of a built-in profile.
func isFile(name string) bool {
	return strings.ContainsRune(name, '/') || strings.HasSuffix(name, ".yaml") || strings.HasSuffix(name, ".yml")
}

// load reads and merges one profile. dir is where relative paths start, chain
// the profiles that led here.
func (l *loader) load(name, dir string, chain []string) (*Profile, string, error) {
	key, file := name, name+".yaml"
	if isFile(name) {
		if !filepath.IsAbs(name) {
			name = filepath.Join(dir, name)
		}
		key, file = name, name
	}
	if i := slices.Index(chain, key); i >= 0 {
		return nil, key, fmt.Errorf("extends in a circle: %s", strings.Join(append(chain[i:], key), " → "))
	}
	if p, ok := l.merged[key]; ok {
		return p, key, nil
	}
	var data []byte
	var err error
	if isFile(name) {
		data, err = os.ReadFile(file)
	} else if data, err = Builtin(name); errors.Is(err, fs.ErrNotExist) {
		err = fmt.Errorf("profile %q: no such built-in profile (built in: %s; a file needs a slash or .yaml in its name)", name, list(Builtins()))
	}
	if err != nil {
		return nil, key, err
	}
	p, err := Parse(file, data)
	if err != nil {
		return nil, key, err
	}
	p, err = l.merge(p, filepath.Dir(file), key, chain)
	if err != nil {
		return nil, key, err
	}
	l.merged[key] = p
	return p, key, nil
}

// merge lays a profile's own settings over what it extends.
func (l *loader) merge(own *Profile, dir, key string, chain []string) (*Profile, error) {
	if key != "" {
		chain = append(slices.Clone(chain), key)
	}
	m := newMerger(l.extends)
	for _, parent := range own.Extends {
		p, parentKey, err := l.load(parent, dir, chain)
		if err != nil {
			if len(chain) > 0 && !errors.As(err, new(*ProfileError)) {
				return nil, fmt.Errorf("%s: extends %s: %w", own.at["extends "].orFile(chain), parent, err)
			}
			return nil, err
		}
		l.above[own.Name] = append(append(l.above[own.Name], p.Name), l.above[p.Name]...)
		l.merged[parent] = l.merged[parentKey]
		m.add(p, false)
	}
	m.add(own, true)
	if err := m.conflict(); err != nil {
		return nil, err
	}
	out := m.into
	out.Name, out.Description, out.Match = own.Name, own.Description, own.Match
	return out, nil
}

// orFile is a place, or the file that led here.
func (p Place) orFile(chain []string) Place {
	if p.File == "" {
		p.File = chain[len(chain)-1]
	}
	return p
}

// extends tells whether one profile builds on another.
func (l *loader) extends(name, other string) bool {
	return slices.Contains(l.above[name], other)
}
