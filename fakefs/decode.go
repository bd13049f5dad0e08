package fakefs

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"

	"go.yaml.in/yaml/v3"

	"github.com/shimrun/shimrun/internal/spelling"
)

// decoder reads YAML strictly: it knows the place of everything, and collects
// every mistake instead of stopping at the first.
type decoder struct {
	profile *Profile
	file    string
	errs    []error
}

// fields are the keys that a mapping may have, with what reads each value.
type fields map[string]func(*yaml.Node)

// decodeDocument parses one YAML document, and no more than one.
func decodeDocument(file string, data []byte) (*yaml.Node, error) {
	dec := yaml.NewDecoder(bytes.NewReader(data))
	var doc, next yaml.Node
	if err := dec.Decode(&doc); err != nil {
		if errors.Is(err, io.EOF) {
			return &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map", Line: 1, Column: 1}, nil
		}
		return nil, syntaxError(file, data, err)
	}
	switch err := dec.Decode(&next); {
	case err == nil:
		return nil, &ProfileError{At: Place{File: file, Line: next.Line, Column: next.Column}, Cause: "a second document: a profile is one"}
	case !errors.Is(err, io.EOF):
		return nil, syntaxError(file, data, err)
	}
	return doc.Content[0], nil
}

// shape is a regular expression that is compiled when it is first asked: most
// starts ask none.
func shape(expression string) func() *regexp.Regexp {
	return sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(expression) })
}

func (d *decoder) place(n *yaml.Node) Place {
	return Place{Profile: d.profile.Name, File: d.file, Line: n.Line, Column: n.Column}
}

func (d *decoder) fail(n *yaml.Node, subject, cause, allowed string) {
	d.errs = append(d.errs, &ProfileError{At: d.place(n), Subject: subject, Cause: cause, Allowed: allowed})
}

// each calls visit for every entry of a mapping, once per key.
func (d *decoder) each(n *yaml.Node, visit func(key, value *yaml.Node)) {
	if n.Kind != yaml.MappingNode {
		d.fail(n, "", "found "+describe(n), "a mapping")
		return
	}
	seen := map[string]int{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		if key.Kind != yaml.ScalarNode {
			d.fail(key, "", "found "+describe(key), "a key")
			continue
		}
		if line, twice := seen[key.Value]; twice {
			d.fail(key, "", fmt.Sprintf("key %q stands in line %d already", key.Value, line), "")
			continue
		}
		seen[key.Value] = key.Line
		visit(key, value)
	}
}

// mapping decodes a mapping with known keys.
func (d *decoder) mapping(n *yaml.Node, known fields) {
	d.each(n, func(key, value *yaml.Node) {
		read, ok := known[key.Value]
		if !ok {
			keys := slices.Sorted(maps.Keys(known))
			d.fail(key, "", fmt.Sprintf("unknown key %q", key.Value)+spelling.Hint(key.Value, keys), list(keys))
			return
		}
		read(value)
	})
}

// text decodes a scalar that is meant as text; numbers and booleans are texts too.
func (d *decoder) text(n *yaml.Node) (string, bool) {
	if n.Kind != yaml.ScalarNode || n.ShortTag() == "!!null" {
		d.fail(n, "", "found "+describe(n), "a text")
		return "", false
	}
	return n.Value, true
}

func (d *decoder) texts(n *yaml.Node, visit func(n *yaml.Node, value string)) {
	d.items(n, "a list of texts", func(item *yaml.Node) {
		if value, ok := d.text(item); ok {
			visit(item, value)
		}
	})
}

// items visits a list.
func (d *decoder) items(n *yaml.Node, want string, visit func(item *yaml.Node)) {
	if n.Kind != yaml.SequenceNode {
		d.fail(n, "", "found "+describe(n), want)
		return
	}
	for _, item := range n.Content {
		visit(item)
	}
}

// choice decodes one of a few words.
func (d *decoder) choice(n *yaml.Node, allowed ...string) (string, bool) {
	value, ok := d.text(n)
	if ok && !slices.Contains(allowed, value) {
		d.fail(n, "", fmt.Sprintf("%q is unknown", value)+spelling.Hint(value, allowed), list(allowed))
		return "", false
	}
	return value, ok
}

func (d *decoder) integer(n *yaml.Node) (int64, bool) {
	if n.Kind == yaml.ScalarNode && n.ShortTag() == "!!int" {
		if value, err := strconv.ParseInt(n.Value, 0, 64); err == nil {
			return value, true
		}
	}
	d.fail(n, "", "found "+describe(n), "a whole number")
	return 0, false
}

func (d *decoder) boolean(n *yaml.Node) bool {
	var value bool
	if n.Kind != yaml.ScalarNode || n.ShortTag() != "!!bool" || n.Decode(&value) != nil {
		d.fail(n, "", "found "+describe(n), "true or false")
	}
	return value
}

// into gives a field reader that stores a text.
func (d *decoder) into(target *string) func(*yaml.Node) {
	return func(n *yaml.Node) {
		if value, ok := d.text(n); ok {
			*target = value
		}
	}
}

// appendTo gives a field reader that stores a list of texts.
func (d *decoder) appendTo(target *[]string) func(*yaml.Node) {
	return func(n *yaml.Node) {
		d.texts(n, func(_ *yaml.Node, value string) { *target = append(*target, value) })
	}
}

// oneOf gives a field reader that stores one of a few words.
func (d *decoder) oneOf(target *string, allowed ...string) func(*yaml.Node) {
	return func(n *yaml.Node) {
		if value, ok := d.choice(n, allowed...); ok {
			*target = value
		}
	}
}

// describe names what stands at a node.
func describe(n *yaml.Node) string {
	switch n.Kind {
	case yaml.MappingNode:
		return "a mapping"
	case yaml.SequenceNode:
		return "a list"
	case yaml.AliasNode:
		return "an alias"
	}
	if n.ShortTag() == "!!null" {
		return "nothing"
	}
	return strconv.Quote(n.Value)
}

func list(words []string) string { return strings.Join(words, ", ") }
