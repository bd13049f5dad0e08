package fakefs

import (
	"bytes"
	"fmt"
	"path"
	"strings"
)

// pattern is a name in which "*" stands for any text within a component and
// "**" for any number of components, none included.
type pattern struct {
	text  string
	parts []string
	// make builds the node for a name that matched.
	make func(name string) *Node
}

// isPattern tells a pattern from a plain name.
func isPattern(name string) bool { return strings.ContainsAny(name, "*?[\\") }

// checkPattern refuses what would match too much or nothing.
func checkPattern(name string) error {
	parts := strings.Split(strings.TrimPrefix(name, "/"), "/")
	if isPattern(parts[0]) {
		return fmt.Errorf("%q matches in every folder: the first component must be plain", name)
	}
	for _, part := range parts {
		if part != "**" && strings.Contains(part, "**") {
			return fmt.Errorf("%q: ** stands alone between slashes", name)
		}
		if _, err := path.Match(part, ""); err != nil {
			return fmt.Errorf("%q is no pattern: %v", name, err)
		}
	}
	if parts[len(parts)-1] == "**" {
		return fmt.Errorf("%q: the last component cannot be **", name)
	}
	return nil
}

func newPattern(text string, make func(name string) *Node) *pattern {
	return &pattern{text: text, parts: strings.Split(text[1:], "/"), make: make}
}

// matches tells whether an absolute, clean name fits. It does not allocate.
func (p *pattern) matches(name string) bool { return matchParts(p.parts, name[1:]) }

// matchParts matches components against a name without its first slash.
func matchParts(parts []string, name string) bool {
	for i, part := range parts {
		if part == "**" {
			if i == len(parts)-1 {
				return true // of a pattern's directory: see below
			}
			for rest := name; rest != ""; {
				if matchParts(parts[i+1:], rest) {
					return true
				}
				_, rest, _ = strings.Cut(rest, "/")
			}
			return false
		}
		if name == "" {
			return false
		}
		var component string
		component, name, _ = strings.Cut(name, "/")
		if component == part {
			continue
		}
		if ok, _ := path.Match(part, component); !ok {
			return false
		}
	}
	return name == ""
}

// below gives the name that the pattern serves directly in dir, where its last
// component is plain.
func (p *pattern) below(dir string) (string, bool) {
	last := p.parts[len(p.parts)-1]
	if isPattern(last) || dir == "/" {
		return "", false
	}
	return last, matchParts(p.parts[:len(p.parts)-1], dir[1:])
}

// patterns finds the pattern for a name by its last component, so that the
// cost does not grow with their number.
type patterns struct {
	// plain has those whose last component is plain, by that component.
	plain map[string][]*pattern
	// loose has the others, by the plain components that they start with.
	loose map[string][]*pattern
	// fixed has, by their plain beginning, all of them: for Children.
	byRoot map[string][]*pattern
}

func newPatterns() patterns {
	return patterns{plain: map[string][]*pattern{}, loose: map[string][]*pattern{}, byRoot: map[string][]*pattern{}}
}

func (ps *patterns) add(p *pattern) {
	last := p.parts[len(p.parts)-1]
	root := patternRoot(p.text)
	if isPattern(last) {
		ps.loose[root] = append(ps.loose[root], p)
	} else {
		ps.plain[last] = append(ps.plain[last], p)
	}
	ps.byRoot[root] = append(ps.byRoot[root], p)
}

// patternRoot is the plain beginning of a pattern.
func patternRoot(text string) string {
	root := ""
	for part := range strings.SplitSeq(text[1:], "/") {
		if isPattern(part) {
			break
		}
		root += "/" + part
	}
	return root
}

// find is the first pattern that fits, nil for none. It does not allocate.
func (ps *patterns) find(name string) *pattern {
	for _, p := range ps.plain[name[strings.LastIndexByte(name, '/')+1:]] {
		if p.matches(name) {
			return p
		}
	}
	if len(ps.loose) == 0 {
		return nil
	}
	for dir := name; len(dir) > 1; dir = parentOf(dir) {
		for _, p := range ps.loose[dir] {
			if p.matches(name) {
				return p
			}
		}
	}
	return nil
}

// may tells whether a pattern may fit a name, by its last component or by those that
// it starts with; if one fits, the answer is true. It does not allocate.
func (ps *patterns) may(name []byte) bool {
	if len(ps.plain[string(name[bytes.LastIndexByte(name, '/')+1:])]) > 0 {
		return true
	}
	if len(ps.loose) == 0 {
		return false
	}
	for dir := name; len(dir) > 1; dir = dir[:bytes.LastIndexByte(dir, '/')] {
		if len(ps.loose[string(dir)]) > 0 {
			return true
		}
	}
	return false
}

// in calls visit for every pattern that has a plain name directly in dir.
func (ps *patterns) in(dir string, visit func(last string, p *pattern)) {
	for above := dir; len(above) > 1; above = parentOf(above) {
		for _, p := range ps.byRoot[above] {
			if last, ok := p.below(dir); ok {
				visit(last, p)
			}
		}
	}
}

// parentOf is path.Dir of an absolute, clean name, without its care.
func parentOf(name string) string {
	if i := strings.LastIndexByte(name, '/'); i > 0 {
		return name[:i]
	}
	return "/"
}
