package fakefs

import (
	"fmt"
	"os"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Program is one that shimrun takes the place of: who executes a file of that
// name executes shimrun, under the name and with the arguments that he gave.
type Program struct {
	// Lacks is the probe that has to say no for it; empty means always.
	Lacks string
}

// itself is the one program that can take another's place, and the generator of
// a file that is that program.
const itself = "shimrun"

// decodePrograms reads "NAME: shimrun" and "NAME: {run: shimrun, lacks: PROBE}".
func (d *decoder) decodePrograms(n *yaml.Node) {
	d.each(n, func(key, value *yaml.Node) {
		subject := "programs " + key.Value
		if key.Value == "" || key.Value == "." || key.Value == ".." || strings.ContainsAny(key.Value, "/\x00") {
			d.fail(key, subject, fmt.Sprintf("%q is no file's name", key.Value), "the last component of a name, such as runc")
			return
		}
		run, program := "", Program{}
		if value.Kind == yaml.MappingNode {
			d.mapping(value, fields{
				"run":   d.into(&run),
				"lacks": func(n *yaml.Node) { program.Lacks = d.lack(n, subject) },
			})
		} else {
			run, _ = d.text(value)
		}
		if run != itself {
			d.fail(value, subject, fmt.Sprintf("%q cannot be run in its place", run), itself)
		} else if d.claim(key, "programs", key.Value) {
			d.profile.Programs[key.Value] = program
		}
	})
}

func (p Program) marshal() any {
	if p.Lacks == "" {
		return itself
	}
	return section{"run": itself, "lacks": p.Lacks}
}

// itselfFile is the program that serves, to be executed.
func itselfFile(*generated, View) ([]byte, error) { return os.ReadFile("/proc/self/exe") }
